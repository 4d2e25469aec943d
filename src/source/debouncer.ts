import type { CancelTimer, Clock } from '../runtime/clock.ts';
import {
  debounceDueAt,
  debounceFlush,
  debouncePut,
  quiet,
  type DebounceOptions,
  type DebounceState,
  type DebounceStep,
  type Emission,
} from './debounce.ts';

export interface DebouncerOptions<Event> extends DebounceOptions {
  readonly clock: Clock;
  /** Unites two events; may write into the earlier one. */
  readonly merge: (earlier: Event, later: Event) => Event;
  readonly emit: (emission: Emission<Event>) => void;
}

/**
 * The debounce state machine on a clock, with one timer at most. Under load every event puts the flush off; the timer stays where it
 * is and is set anew when it fires, since to cancel and set one costs more than to put an event.
 */
export class Debouncer<Event> {
  readonly #options: DebouncerOptions<Event>;
  #waits: DebounceOptions;
  #state: DebounceState<Event> = quiet;
  #cancelTimer: CancelTimer | undefined;
  /** For when the timer is set. */
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(options: DebouncerOptions<Event>) {
    this.#options = options;
    this.#waits = options;
  }

  /** Takes an event in; if it comes after quiet, it is emitted before this returns. */
  put(event: Event): void {
    const { clock, merge } = this.#options;
    this.#take(debouncePut(this.#state, event, clock.now(), this.#waits, merge));
  }

  /** Waits for as long as this from now on; what waits already is due by it, too. */
  use(waits: DebounceOptions): void {
    this.#waits = waits;
    this.#take({ state: this.#state });
  }

  /** Emits at once what waits, as at shutdown. Leaves no timer behind. */
  flush(): void {
    this.#flushAt(this.#options.clock.now());
  }

  #flushAt(now: number): void {
    this.#take(debounceFlush(this.#state, now, this.#waits));
  }

  #take({ state, emission }: DebounceStep<Event>): void {
    this.#state = state;
    const dueAt = debounceDueAt(state, this.#waits);
    if (dueAt === undefined) this.#cancel();
    else if (dueAt < this.#timerAt) this.#setTimer(dueAt, this.#options.clock.now());
    if (emission !== undefined) this.#options.emit(emission);
  }

  #setTimer(dueAt: number, now: number): void {
    this.#cancel();
    this.#timerAt = dueAt;
    this.#cancelTimer = this.#options.clock.setTimeout(() => this.#due(), dueAt - now);
  }

  #due(): void {
    // By the wall clock, Node's timers fire up to a millisecond early, or hours early if it was set back.
    const now = Math.max(this.#options.clock.now(), this.#timerAt);
    const dueAt = debounceDueAt(this.#state, this.#waits);
    if (dueAt !== undefined && dueAt > now) return this.#setTimer(dueAt, now);
    this.#flushAt(now);
  }

  #cancel(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
  }
}
