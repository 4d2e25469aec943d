import { Causes } from '../../cause/causes.ts';
import { alertNames, fewerCauses } from '../../cause/stored-causes.ts';
import { requestKey, type Request } from '../../reconcile/ports.ts';
import type { GuardedObject } from '../ports.ts';
import type { Trigger } from '../trigger.ts';

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
  /** The uid of the object, else its request's key. */
  readonly object: string;
}

/** One trigger and one object, and what the one did to the other. Times are those of the guard: they never run backwards. */
export interface Pair extends PairName {
  /** Where the object was found last. */
  request: Request;
  /** When something was done to it, ascending, milliseconds. */
  times: number[];
  /** How long these are remembered. */
  horizonMs: number;
  /** The newest cause of a write that may have been made: a run for no newer cause is its retry. */
  uncertainSince?: number | undefined;
  parked?: ParkedRun | undefined;
}

export interface ParkedRun {
  readonly causes: Causes;
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

  /** As {@link slotOf}, of a pair that need not be there. */
  slotOf(trigger: Limits & Pick<Trigger, 'key'>, object: GuardedObject): number {
    const pair = this.find(trigger.key, object);
    return pair === undefined ? Number.NEGATIVE_INFINITY : slotOf(pair, trigger);
  }

  find(trigger: string, { request, uid }: GuardedObject): Pair | undefined {
    return this.lookUp({ trigger, object: uid ?? requestKey(request) });
  }

  /** The same; it is made if there is none. */
  pairOf(trigger: string, { request, uid }: GuardedObject): Pair {
    return this.named({ trigger, object: uid ?? requestKey(request), request });
  }

  lookUp(name: PairName): Pair | undefined {
    return this.#pairs.get(pairKey(name));
  }

  named(name: PairName & Pick<Pair, 'request'>): Pair {
    const { trigger, object, request } = name;
    const known = this.lookUp(name);
    const pair = known ?? { trigger, object, request, times: [], horizonMs: 0 };
    pair.request = request;
    if (known === undefined) this.#pairs.set(pairKey(name), pair);
    return pair;
  }

  /** What was known before a restart. @param again true if the first time takes the place of the last one known */
  restoreTimes(
    name: PairName & Pick<Pair, 'request'>,
    times: readonly number[],
    horizonMs: number,
    again: boolean,
  ): void {
    const pair = this.named(name);
    if (again) pair.times.pop();
    // A clock that was set may have given times in another order.
    pair.times = [...pair.times, ...times].toSorted((a, b) => a - b);
    pair.horizonMs = Math.max(pair.horizonMs, horizonMs);
  }

  /**
   * Counts what is done to the object now; a retry counts together with the try before it.
   * @returns the number of pairs that were forgotten before their time, to make room
   */
  spend(pair: Pair, limits: Limits, now: number, isRetry: boolean): number {
    if (isRetry) pair.times.pop();
    pair.times.push(now);
    pair.horizonMs = horizonOf(pair, limits);
    prune(pair, limits, now);
    const key = pairKey(pair);
    this.#pairs.delete(key);
    this.#pairs.set(key, pair);
    return this.#makeRoom(now);
  }

  /** Keeps a run, merged with the one that waits already. */
  park(pair: Pair, causes: Causes, now: number): Parking {
    const { parked } = pair;
    const merged = withParked(pair, causes);
    const kept = fewerCauses(merged, maxParkedAlerts);
    pair.parked = { causes: kept, since: parked?.since ?? now };
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

/** The time from which a run may be made; in the past if it may be made now. */
export function slotOf({ times }: Pair, { minIntervalMs, budget }: Limits): number {
  const last = times.at(-1);
  if (last === undefined) return Number.NEGATIVE_INFINITY;
  const afterLast = last + minIntervalMs;
  const first = budget === undefined ? undefined : times.at(-budget.runs);
  return budget === undefined || first === undefined ? afterLast : Math.max(afterLast, first + budget.perMs);
}

/** The parked run of a trigger that is gone is due at once, so that it is told. */
function dueAt(pair: Pair, limits: Limits | undefined): number {
  const { releasedAt } = pair.parked!;
  if (releasedAt !== undefined) return releasedAt + releaseAgainMs;
  return limits === undefined ? Number.NEGATIVE_INFINITY : slotOf(pair, limits);
}

function horizonOf(pair: Pair, { minIntervalMs, budget }: Limits): number {
  const horizon = budget === undefined ? minIntervalMs : Math.max(minIntervalMs, budget.perMs, leastHorizonMs);
  // A budget that was taken out comes back as it was.
  return Math.max(horizon, pair.horizonMs);
}

function prune(pair: Pair, { budget }: Limits, now: number): void {
  const oldest = now - pair.horizonMs;
  const first = pair.times.findIndex((time) => time > oldest);
  const most = Math.max(budget?.runs ?? 1, leastTimes);
  pair.times.splice(0, Math.max(first, pair.times.length - most));
}

/** True if nothing depends on the pair any more. */
function isOver({ times, horizonMs, parked }: Pair, now: number): boolean {
  return parked === undefined && (times.at(-1) ?? Number.NEGATIVE_INFINITY) + horizonMs <= now;
}

/** No key of a trigger contains a line end. */
function pairKey({ trigger, object }: PairName): string {
  return `${trigger}\n${object}`;
}
