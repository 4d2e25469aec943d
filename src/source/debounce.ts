/** Why an event went out: the first after quiet; after quiet again; or because merging has gone on for long enough. */
export type Edge = 'leading' | 'trailing' | 'max_wait';

export interface DebounceOptions {
  /** How long it has to be quiet, milliseconds. */
  readonly waitMs: number;
  /** How long merging may go on, counted from the first event merged, milliseconds. */
  readonly maxWaitMs: number;
}

/**
 * A debouncer between two calls. Without `pending` it is quiet, or within `waitMs` of the last event, which has gone out
 * already; with `pending`, events are being merged. Times are milliseconds.
 */
export interface DebounceState<Event> {
  readonly lastPutAt: number;
  readonly pending?: { readonly event: Event; readonly firstAt: number };
}

export interface Emission<Event> {
  readonly event: Event;
  readonly edge: Edge;
  /** How long the first of what is merged in it has waited. */
  readonly waitedMs: number;
}

export interface DebounceStep<Event> {
  readonly state: DebounceState<Event>;
  readonly emission?: Emission<Event>;
}

/** Nothing has happened yet. */
export const quiet: DebounceState<never> = { lastPutAt: Number.NEGATIVE_INFINITY };

/** An event comes in: it goes out at once after quiet, or is merged into what waits. */
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
  // A clock that was set back must not stretch the longest wait.
  const firstAt = Math.min(pending.firstAt, now);
  return { state: { lastPutAt: now, pending: { event: merge(pending.event, event), firstAt } } };
}

/** When {@link debounceFlush} is due; undefined while nothing waits. */
export function debounceDueAt(
  state: DebounceState<unknown>,
  { waitMs, maxWaitMs }: DebounceOptions,
): number | undefined {
  if (state.pending === undefined) return undefined;
  return Math.min(state.lastPutAt + waitMs, state.pending.firstAt + maxWaitMs);
}

/** Sends out what waits, due or not. */
export function debounceFlush<Event>(
  state: DebounceState<Event>,
  now: number,
  { waitMs, maxWaitMs }: DebounceOptions,
): DebounceStep<Event> {
  const { pending, lastPutAt } = state;
  if (pending === undefined) return { state };
  const waitedMs = Math.max(0, now - pending.firstAt);
  // Whichever was due first counts, however late it is by now.
  const cutShort = pending.firstAt + maxWaitMs < lastPutAt + waitMs;
  const edge = cutShort && waitedMs >= maxWaitMs ? 'max_wait' : 'trailing';
  return { state: { lastPutAt }, emission: { event: pending.event, edge, waitedMs } };
}
