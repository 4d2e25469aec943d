/** A body on its way in. */
export interface HeldBody {
  /** Ends it: there is no room. Called while it is unfinished, at most once. */
  readonly evict: () => void;
}

/**
 * Keeps all bodies together under a bound. A sender on a network is done within milliseconds; whoever keeps many bodies
 * unfinished is stuck or means ill. So when there is no room, the body that has been unfinished for longest has to go, and
 * a good sender never waits for a bad one.
 */
export class BodyMemory {
  readonly #maxBytes: number;
  /** In the order in which they began. */
  readonly #unfinished = new Map<HeldBody, number>();
  readonly #finished = new Map<HeldBody, number>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** More of a body has come in. */
  hold(body: HeldBody, bytes: number): void {
    this.#unfinished.set(body, (this.#unfinished.get(body) ?? 0) + bytes);
    this.#bytes += bytes;
    for (const oldest of this.#unfinished.keys()) {
      if (this.#bytes <= this.#maxBytes) return;
      this.release(oldest);
      oldest.evict();
    }
  }

  /** The body is whole: it is worked on now, and stays until it is released. */
  finish(body: HeldBody): void {
    const bytes = this.#unfinished.get(body);
    if (bytes === undefined) return;
    this.#unfinished.delete(body);
    this.#finished.set(body, bytes);
  }

  /** The body is not needed any more; releasing it twice does nothing. */
  release(body: HeldBody): void {
    this.#bytes -= (this.#unfinished.get(body) ?? 0) + (this.#finished.get(body) ?? 0);
    this.#unfinished.delete(body);
    this.#finished.delete(body);
  }
}
