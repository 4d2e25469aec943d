/**
 * A bounded channel from the sources of events to the one that works on them. `put` never blocks and never throws: when the
 * channel is full, it merges the event into the newest one that waits. An event only means "look again", so merging loses
 * nothing.
 */
export class EventChannel<Event> {
  readonly #capacity: () => number;
  readonly #merge: (earlier: Event, later: Event) => Event;
  readonly #waiting: Event[] = [];
  /** The receiver, while it waits for an event. */
  #receiver: ((event: Event | undefined) => void) | undefined;
  #closed = false;

  /** @param capacity called each time, so that a reload may change it */
  constructor(capacity: () => number, merge: (earlier: Event, later: Event) => Event) {
    this.#capacity = capacity;
    this.#merge = merge;
  }

  /** The most events that may wait. If it becomes smaller, the events that wait stay. */
  get capacity(): number {
    return this.#capacity();
  }

  /** The number of waiting events; never more than `capacity`. */
  get depth(): number {
    return this.#waiting.length;
  }

  /** The event into which {@link put} merges when the channel is full. */
  get newest(): Event | undefined {
    return this.#waiting.at(-1);
  }

  /** Returns the result of the put. After {@link close}, nothing is accepted. */
  put(event: Event): 'delivered' | 'waiting' | 'merged' | 'closed' {
    if (this.#closed) return 'closed';
    if (this.#receiver !== undefined) {
      const receiver = this.#receiver;
      this.#receiver = undefined;
      receiver(event);
      return 'delivered';
    }
    if (this.#waiting.length < this.capacity) {
      this.#waiting.push(event);
      return 'waiting';
    }
    this.#waiting.push(this.#merge(this.#waiting.pop()!, event));
    return 'merged';
  }

  /** The next event, in the order of `put`; undefined once the channel is closed and empty. One receiver at a time. */
  take(): Promise<Event | undefined> {
    if (this.#receiver !== undefined) throw new Error('the channel has a receiver that waits already');
    const next = this.#waiting.shift();
    if (next !== undefined || this.#closed) return Promise.resolve(next);
    return new Promise((resolve) => {
      this.#receiver = resolve;
    });
  }

  /** Accepts no more events; the ones that wait can still be taken. */
  close(): void {
    this.#closed = true;
    this.#receiver?.(undefined);
    this.#receiver = undefined;
  }
}
