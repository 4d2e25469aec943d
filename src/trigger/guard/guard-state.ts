import { Causes } from '../../cause/causes.ts';
import { alertNames, fewerCauses } from '../../cause/stored-causes.ts';
import { requestKey, type Request } from '../../reconcile/ports.ts';
import type { GuardedObject } from '../ports.ts';
import type { Trigger } from '../trigger.ts';
import { RunTimes } from './run-times.ts';

/** The most alerts that are kept for a parked run; the others are counted. */
export const maxParkedAlerts = 20;

/** The most pairs of trigger and object whose runs are remembered. One takes about 300 bytes. */
export const maxGuardedPairs = 100_000;

/** Runs are remembered for at least this long, milliseconds, so that a budget that is changed is not a new one. */
const leastHorizonMs = 3_600_000;
/** At least so many runs of a pair are remembered, for the same reason. */
const leastTimes = 100;

/** A parked run whose release came to nothing is released again after this time, milliseconds. */
export const releaseAgainMs = 300_000;

export type Limits = Pick<Trigger, 'minIntervalMs' | 'budget'>;

export interface PairName {
  readonly trigger: string;
  readonly request: Request;
}

/**
 * One trigger and the objects of one name, of which only one exists at a time, and what the one did to the others. Times are those of
 * the guard: they never run backwards.
 */
export interface Pair extends PairName {
  /** When something was done to the objects, milliseconds. */
  readonly runs: RunTimes;
  /** How long these are remembered. */
  horizonMs: number;
  /** A write may have been made: a run for no newer cause is its retry. */
  uncertain?: UncertainWrite | undefined;
  parked?: ParkedRun | undefined;
}

/** A write that nobody answered. */
export interface UncertainWrite {
  /** The time of its newest cause by the clock, milliseconds. */
  readonly since: number;
  /** How far the clock was ahead of the guard's time then, milliseconds. */
  readonly clockOffset: number;
}

export interface ParkedRun {
  readonly causes: Causes;
  /** Of the object, if it was known. */
  readonly uid?: string | undefined;
  /** Since when it waits. */
  readonly since: number;
  /** When it was given to the queue, or a run took it along; undefined while it waits. */
  readonly releasedAt?: number | undefined;
  /** True if the queue has its causes, so that the next run has them, too. */
  readonly isQueued?: boolean;
}

/** What parking a run has done. */
export interface Parking {
  /** True if nothing was parked for the pair before. */
  readonly isNew: boolean;
  /** The names of alerts for which there was no more room. */
  readonly lostNames: readonly string[];
}

/** What triggers did to objects, and the runs that wait. Pure: the time is passed in. */
export class GuardState {
  /** The pair to which something was done last is the last one. */
  readonly #pairs = new Map<string, Pair>();
  readonly #parked = new Set<Pair>();
  readonly #maxPairs: number;
  #sweepAt = 1024;

  constructor(maxPairs: number = maxGuardedPairs) {
    this.#maxPairs = maxPairs;
  }

  get size(): number {
    return this.#pairs.size;
  }

  get pairs(): Iterable<Pair> {
    return this.#pairs.values();
  }

  /** The pairs for which a run waits, the one that has waited longest first. */
  get parked(): ReadonlySet<Pair> {
    return this.#parked;
  }

  clear(): void {
    this.#pairs.clear();
    this.#parked.clear();
  }

  /** When the parked runs of a trigger may be made. */
  parkedSlotsOf(trigger: Trigger): readonly number[] {
    const own = [...this.parked].filter((pair) => pair.trigger === trigger.key);
    return own.map((pair) => parkedSlot(pair, trigger));
  }

  /** As {@link slotOf}, of a pair that need not be there. */
  slotOf(trigger: Limits & Pick<Trigger, 'key'>, { request, uid }: GuardedObject): number {
    const pair = this.find({ trigger: trigger.key, request });
    return pair === undefined ? Number.NEGATIVE_INFINITY : slotOf(pair, trigger, uid);
  }

  find(name: PairName): Pair | undefined {
    return this.#pairs.get(pairKey(name));
  }

  /** The same; it is made if there is none. */
  named({ trigger, request }: PairName): Pair {
    const known = this.find({ trigger, request });
    if (known !== undefined) return known;
    const pair = { trigger, request, runs: new RunTimes(), horizonMs: 0 };
    this.#pairs.set(pairKey(pair), pair);
    return pair;
  }

  /**
   * Counts what is done to the object now; a retry counts together with the try before it.
   * @returns the number of pairs that were forgotten before their time, to make room
   */
  spend(pair: Pair, uid: string | undefined, limits: Limits, now: number, isRetry: boolean): number {
    if (isRetry) pair.runs.takeBack();
    pair.runs.add(now, uid);
    pair.horizonMs = horizonOf(pair, limits);
    pair.runs.forget(now - pair.horizonMs, Math.max(limits.budget?.runs ?? 1, leastTimes));
    const key = pairKey(pair);
    this.#pairs.delete(key);
    this.#pairs.set(key, pair);
    return this.#makeRoom(now);
  }

  /** Keeps a run, merged with the one that waits already. @param uid of the object, if it is known */
  park(pair: Pair, uid: string | undefined, causes: Causes, now: number): Parking {
    const { parked } = pair;
    const merged = withParked(pair, causes);
    const kept = fewerCauses(merged, maxParkedAlerts);
    pair.parked = { causes: kept, uid: uid ?? parked?.uid, since: parked?.since ?? now };
    this.#parked.add(pair);
    const names = new Set(alertNames(kept));
    const before = new Set([...(parked === undefined ? [] : alertNames(parked.causes)), ...alertNames(causes)]);
    return { isNew: parked === undefined, lostNames: [...before].filter((name) => !names.has(name)) };
  }

  unpark(pair: Pair): void {
    pair.parked = undefined;
    this.#parked.delete(pair);
  }

  /** The parked runs whose slot has come, each once. @param limitsOf undefined if the trigger is gone */
  due(now: number, limitsOf: (trigger: string) => Limits | undefined): readonly Pair[] {
    return [...this.#parked].filter((pair) => dueAt(pair, limitsOf(pair.trigger)) <= now);
  }

  /** When the first parked run is due; Infinity if none waits. */
  nextDueAt(limitsOf: (trigger: string) => Limits | undefined): number {
    let next = Number.POSITIVE_INFINITY;
    for (const pair of this.#parked) next = Math.min(next, dueAt(pair, limitsOf(pair.trigger)));
    return next;
  }

  /** Forgets what no longer matters, and over the bound the pairs whose last run is the longest ago. */
  #makeRoom(now: number): number {
    if (this.#pairs.size < Math.min(this.#sweepAt, this.#maxPairs + 1)) return 0;
    for (const [key, pair] of this.#pairs) if (isOver(pair, now)) this.#pairs.delete(key);
    let forgotten = 0;
    for (const [key, pair] of this.#pairs) {
      if (this.#pairs.size <= this.#maxPairs) break;
      if (pair.parked !== undefined) continue;
      this.#pairs.delete(key);
      forgotten++;
    }
    this.#sweepAt = 2 * this.#pairs.size + 1024;
    return forgotten;
  }
}

/** The causes of a run, with those that wait for it elsewhere. */
export function withParked({ parked }: Pair, causes: Causes): Causes {
  return parked === undefined || parked.isQueued === true ? causes : Causes.union(parked.causes, causes);
}

/** The time from which a run may be made; in the past if it may be made now. @param uid of the object, if it is known */
export function slotOf({ runs }: Pair, { minIntervalMs, budget }: Limits, uid: string | undefined): number {
  const last = runs.newest(1, uid);
  if (last === undefined) return Number.NEGATIVE_INFINITY;
  const afterLast = last + minIntervalMs;
  const first = budget === undefined ? undefined : runs.newest(budget.runs, uid);
  return budget === undefined || first === undefined ? afterLast : Math.max(afterLast, first + budget.perMs);
}

/** As {@link slotOf}, of the run that waits. */
export function parkedSlot(pair: Pair, limits: Limits): number {
  return slotOf(pair, limits, pair.parked?.uid);
}

/** The parked run of a trigger that is gone is due at once, so that it is told. */
function dueAt(pair: Pair, limits: Limits | undefined): number {
  const { releasedAt } = pair.parked!;
  if (releasedAt !== undefined) return releasedAt + releaseAgainMs;
  return limits === undefined ? Number.NEGATIVE_INFINITY : parkedSlot(pair, limits);
}

function horizonOf(pair: Pair, { minIntervalMs, budget }: Limits): number {
  const horizon = budget === undefined ? minIntervalMs : Math.max(minIntervalMs, budget.perMs, leastHorizonMs);
  // A budget that was taken out comes back as it was.
  return Math.max(horizon, pair.horizonMs);
}

/** True if nothing depends on the pair any more. */
function isOver({ runs, horizonMs, parked }: Pair, now: number): boolean {
  return parked === undefined && (runs.last ?? Number.NEGATIVE_INFINITY) + horizonMs <= now;
}

/** No key of a trigger contains a line end. */
function pairKey({ trigger, request }: PairName): string {
  return `${trigger}\n${requestKey(request)}`;
}

/** True if a run for the trigger never has to wait. */
export function isUnlimited({ minIntervalMs, budget }: Trigger): boolean {
  return minIntervalMs <= 0 && budget === undefined;
}

/** True if the causes have an alert that is not known, or not in this state. */
export function adds(known: Causes, causes: Causes): boolean {
  for (const [key, { status }] of causes.alerts) if (known.alerts.get(key)?.status !== status) return true;
  return [...causes.triggers].some((trigger) => !known.triggers.has(trigger));
}
