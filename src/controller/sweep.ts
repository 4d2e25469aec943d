import { describeCauses, Causes } from '../cause/causes.ts';
import { chosenByNobody, type ChosenBy } from '../reconcile/ports.ts';
import { eventFields, maxEventIds, type ChosenEvent } from '../trigger/matched-alerts.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** `merged`: the request waits for so long that its run was left to later events. */
export type SweepOutcome = 'changed' | 'unchanged' | 'failed' | 'merged';

/**
 * The most events that wait for one request. A request behind hanging objects may wait for hours, and each second may bring an
 * event.
 */
export const maxSweepsOfRequest = 32;

interface SweepOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly event: ChosenEvent;
  /** The number of requests to settle; 1 or more. */
  readonly requests: number;
}

/**
 * All requests of one event. It counts how they end, and logs that when the last one has ended. A later retry is no part of it.
 */
export class Sweep {
  readonly #options: SweepOptions;
  readonly #startedAt: number;
  readonly #settled: Record<SweepOutcome, number> = { changed: 0, unchanged: 0, failed: 0, merged: 0 };
  #open: number;
  #firstError: unknown;

  constructor(options: SweepOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
    this.#open = options.requests;
  }

  get eventId(): string {
    return this.#options.event.id;
  }

  get causes(): Causes {
    return this.#options.event.causes;
  }

  /** The time at which the first alert of the event was received, milliseconds; Infinity if it has none. */
  get firstAlertAt(): number {
    return this.#options.event.causes.firstSeen;
  }

  /** One request has ended. @param error the reason if it failed; only the first one is logged */
  settle(outcome: SweepOutcome, error?: unknown): void {
    this.#settled[outcome]++;
    if (outcome === 'failed') this.#firstError ??= error;
    if (--this.#open > 0) return;
    const { event, requests, clock, logger } = this.#options;
    const { merged, ...settled } = this.#settled;
    logger.info('sweep.finished', 'all requests of an event are done', {
      ...eventFields(event),
      requests,
      ...settled,
      ...(merged > 0 && { merged }),
      ...(this.#firstError !== undefined && { error: this.#firstError }),
      duration_ms: Math.max(0, clock.now() - this.#startedAt),
      ...describeCauses(event.causes),
    });
  }
}

/** The payload of a request in the queue. */
export interface QueuedWork {
  readonly causes: Causes;
  /** It is kept over retries and postponements. */
  readonly chosenBy: ChosenBy;
  /** The sweeps that wait for the end of the request. */
  readonly sweeps: readonly Sweep[];
  /** The events that requested it, including those whose sweeps are over; the newest last, at most {@link maxEventIds}. */
  readonly eventIds: readonly string[];
}

/**
 * Combines the payloads of two adds of one key: both causes, and both sweeps, which end with the one run. A sweep adds the same
 * causes to many keys in sequence, so the last union is remembered: a thousand keys share one union. Work without a cause, which is
 * a look before its time, leaves the other's causes as they are.
 */
export function createMergeWork(): (earlier: QueuedWork, later: QueuedWork) => QueuedWork {
  const unionOf = remembered((earlier: Causes, later: Causes): Causes => {
    if (earlier.triggers.size === 0) return later;
    return later.triggers.size === 0 ? earlier : Causes.union(earlier, later);
  });
  const bothChosenBy = remembered((earlier: ChosenBy, later: ChosenBy): ChosenBy => {
    if (earlier.size === 0) return later;
    if (later.size === 0 || earlier === later) return earlier;
    const both = new Map(earlier);
    for (const [key, causes] of later) both.set(key, unionOf(earlier.get(key) ?? causes, causes));
    return both;
  });
  return (earlier, later) => ({
    causes: unionOf(earlier.causes, later.causes),
    chosenBy: bothChosenBy(earlier.chosenBy, later.chosenBy),
    sweeps: bounded([...earlier.sweeps, ...later.sweeps]),
    eventIds: bothEventIds(earlier.eventIds, later.eventIds),
  });
}

/** Keeps the last result. */
function remembered<Value>(combine: (earlier: Value, later: Value) => Value): (earlier: Value, later: Value) => Value {
  let last: { readonly earlier: Value; readonly later: Value; readonly both: Value } | undefined;
  return (earlier, later) => {
    if (last?.earlier !== earlier || last.later !== later) last = { earlier, later, both: combine(earlier, later) };
    return last.both;
  };
}

/** Ends the second oldest sweep of this request until the bound is kept: the oldest one knows since when an alert waits. */
function bounded(sweeps: readonly Sweep[]): readonly Sweep[] {
  const excess = Math.max(0, sweeps.length - maxSweepsOfRequest);
  for (const sweep of sweeps.slice(1, 1 + excess)) sweep.settle('merged');
  return sweeps.toSpliced(1, excess);
}

function bothEventIds(earlier: readonly string[], later: readonly string[]): readonly string[] {
  if (earlier.length === 0) return later;
  return later.length === 0 ? earlier : [...earlier, ...later].slice(-maxEventIds);
}

/** The same work for a retry: its sweeps are over, its causes still apply. */
export function retriedWork({ causes, chosenBy, eventIds }: QueuedWork): QueuedWork {
  return { causes, chosenBy, sweeps: [], eventIds };
}

/**
 * Makes the work for a later look at an unhealthy pipeline. Its time is cut to the second, so that one query serves all pipelines
 * that are due in the same second. These share their causes too, so that their unions with those of an event are one.
 */
export function createRequeuedWork(): (now: number, isDue: boolean) => QueuedWork {
  let last: Causes | undefined;
  /** @param isDue false if something else replaces the request before its time: then the look is not a cause of it */
  return (now, isDue) => {
    const second = Math.floor(now / 1000) * 1000;
    if (isDue && last?.lastSeen !== second) last = Causes.of('requeue', second);
    const causes = isDue && last !== undefined ? last : new Causes();
    return { causes, chosenBy: chosenByNobody, sweeps: [], eventIds: [] };
  };
}
