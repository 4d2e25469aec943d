/**
 * A bounded channel between whoever has events and the one who works on them. `put` never blocks and never throws: when
 * the channel is full, the event is merged into the newest one that waits. An event says no more than "look again", so
 * merging loses nothing.
 */
export class EventChannel<Event> {
  readonly #capacity: () => number;
  readonly #merge: (earlier: Event, later: Event) => Event;
  readonly #waiting: Event[] = [];
  /** The one receiver, while it waits for an event. */
  #receiver: ((event: Event | undefined) => void) | undefined;
  #closed = false;

  /** @param capacity asked each time, so that a reload may change it */
  constructor(capacity: () => number, merge: (earlier: Event, later: Event) => Event) {
    this.#capacity = capacity;
    this.#merge = merge;
  }

  /** Most events that may wait. If it becomes smaller, those that wait stay. */
  get capacity(): number {
    return this.#capacity();
  }

  /** How many events wait; never more than `capacity`. */
  get depth(): number {
    return this.#waiting.length;
  }

  /** The event that {@link put} merges into when the channel is full. */
  get newest(): Event | undefined {
    return this.#waiting.at(-1);
  }

  /** Says what became of the event. Nothing is taken after {@link close}. */
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

  /** Takes no more events; what waits can still be taken. */
  close(): void {
    this.#closed = true;
    this.#receiver?.(undefined);
    this.#receiver = undefined;
  }
}
