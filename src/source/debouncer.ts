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

/** The debounce state machine on a clock: at most one timer, set for the moment at which something is due. */
export class Debouncer<Event> {
  readonly #options: DebouncerOptions<Event>;
  #waits: DebounceOptions;
  #state: DebounceState<Event> = quiet;
  #cancelTimer: CancelTimer | undefined;

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
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const dueAt = debounceDueAt(state, this.#waits);
    const { clock, emit } = this.#options;
    if (dueAt !== undefined) {
      // By the wall clock, Node's timers fire up to a millisecond early, or hours early if it was set back.
      const flush = (): void => this.#flushAt(Math.max(clock.now(), dueAt));
      this.#cancelTimer = clock.setTimeout(flush, dueAt - clock.now());
    }
    if (emission !== undefined) emit(emission);
  }
}
