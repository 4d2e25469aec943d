import type { CancelTimer, Clock } from '../runtime/clock.ts';

interface DebouncerOptions<Event> {
  /** Called each time, because a reload may change the waits. */
  readonly waits: () => DebounceOptions;
  readonly clock: Clock;
  /** Combines two events; may write into the earlier one. */
  readonly merge: (earlier: Event, later: Event) => Event;
  readonly emit: (emission: Emission<Event>) => void;
}

/**
 * The debounce state machine on a clock, with one timer at most. Under load every event delays the flush. The timer is not moved
 * each time but set again when it fires, because cancelling and setting a timer costs more than putting an event.
 */
export class Debouncer<Event> {
  readonly #options: DebouncerOptions<Event>;
  #state: DebounceState<Event> = quiet;
  #cancelTimer: CancelTimer | undefined;
  /** The time for which the timer is set. */
  #timerAt = Number.POSITIVE_INFINITY;

  constructor(options: DebouncerOptions<Event>) {
    this.#options = options;
  }

  /** Accepts an event; if it comes after quiet, it is emitted before this call returns. */
  put(event: Event): void {
    const { clock, merge, waits } = this.#options;
    this.#enter(debouncePut(this.#state, event, clock.now(), waits(), merge));
  }

  /** Call it when the configuration has changed: the new waits are for what waits already, too. */
  reconfigure(): void {
    this.#enter({ state: this.#state });
  }

  /** Emits at once what waits, as at shutdown. Leaves no timer behind. */
  flush(): void {
    this.#flushAt(this.#options.clock.now());
  }

  #flushAt(now: number): void {
    this.#enter(debounceFlush(this.#state, now, this.#options.waits()));
  }

  #enter({ state, emission }: DebounceStep<Event>): void {
    this.#state = state;
    const dueAt = debounceDueAt(state, this.#options.waits());
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
    // By the wall clock, Node's timers fire up to a millisecond early, or hours early after it was set back.
    const now = Math.max(this.#options.clock.now(), this.#timerAt);
    const dueAt = debounceDueAt(this.#state, this.#options.waits());
    if (dueAt !== undefined && dueAt > now) return this.#setTimer(dueAt, now);
    this.#flushAt(now);
  }

  #cancel(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#timerAt = Number.POSITIVE_INFINITY;
  }
}

/** Why an event was emitted: the first after quiet; quiet again; or merging has gone on for long enough. */
export type Edge = 'leading' | 'trailing' | 'max_wait';

export interface DebounceOptions {
  /** The required time of quiet, milliseconds. */
  readonly waitMs: number;
  /** The longest time of merging, counted from the first merged event, milliseconds. */
  readonly maxWaitMs: number;
}

/**
 * A debouncer between two calls. Without `pending`, it is quiet, or within `waitMs` of the last event, which has been emitted
 * already. With `pending`, events are being merged. Times are milliseconds.
 */
export interface DebounceState<Event> {
  readonly lastPutAt: number;
  readonly pending?: { readonly event: Event; readonly firstAt: number };
}

export interface Emission<Event> {
  readonly event: Event;
  readonly edge: Edge;
  /** How long the first of the merged events has waited. */
  readonly waitedMs: number;
}

interface DebounceStep<Event> {
  readonly state: DebounceState<Event>;
  readonly emission?: Emission<Event>;
}

/** Nothing has happened yet. */
export const quiet: DebounceState<never> = { lastPutAt: Number.NEGATIVE_INFINITY };

/** An event arrives: after quiet it is emitted at once, else it is merged into what waits. */
export function debouncePut<Event>(
  state: DebounceState<Event>,
  event: Event,
  now: number,
  { waitMs }: DebounceOptions,
  merge: (earlier: Event, later: Event) => Event,
): DebounceStep<Event> {
  const { pending } = state;
  if (pending === undefined && now - state.lastPutAt >= waitMs) {
    return { state: { lastPutAt: now }, emission: { event, edge: 'leading', waitedMs: 0 } };
  }
  if (pending === undefined) return { state: { lastPutAt: now, pending: { event, firstAt: now } } };
  // A clock that was set back must not extend the longest wait.
  const firstAt = Math.min(pending.firstAt, now);
  return { state: { lastPutAt: now, pending: { event: merge(pending.event, event), firstAt } } };
}

/** The time at which {@link debounceFlush} is due; undefined while nothing waits. */
export function debounceDueAt(
  state: DebounceState<unknown>,
  { waitMs, maxWaitMs }: DebounceOptions,
): number | undefined {
  if (state.pending === undefined) return undefined;
  return Math.min(state.lastPutAt + waitMs, state.pending.firstAt + maxWaitMs);
}

/** Emits what waits, due or not. */
export function debounceFlush<Event>(
  state: DebounceState<Event>,
  now: number,
  { waitMs, maxWaitMs }: DebounceOptions,
): DebounceStep<Event> {
  const { pending, lastPutAt } = state;
  if (pending === undefined) return { state };
  const waitedMs = Math.max(0, now - pending.firstAt);
  // The wait that was due first counts, however late it is now.
  const cutShort = pending.firstAt + maxWaitMs < lastPutAt + waitMs;
  const edge = cutShort && waitedMs >= maxWaitMs ? 'max_wait' : 'trailing';
  return { state: { lastPutAt }, emission: { event: pending.event, edge, waitedMs } };
}
