/** Releases a slot; the second call does nothing. */
export type ReleaseSlot = () => void;

/** A number of slots, given out in the order of the requests. */
export class Slots {
  #free: number;
  readonly #waiting: ((release: ReleaseSlot) => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** The number of requests that wait for a slot. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Resolves with a slot as soon as one is free. */
  acquire(): Promise<ReleaseSlot> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#give();
    });
  }

  #give(): void {
    if (this.#free === 0) return;
    const next = this.#waiting.shift();
    if (next === undefined) return;
    this.#free--;
    next(this.#releaseOnce());
  }

  #releaseOnce(): ReleaseSlot {
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#free++;
      this.#give();
    };
  }
}
