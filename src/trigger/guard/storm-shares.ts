import type { Causes } from '../../cause/causes.ts';
import type { Choice, Request } from '../../reconcile/ports.ts';
import type { AlertOrder } from '../firing-condition.ts';
import { defaultTrigger } from '../trigger.ts';

/** A run that waits, as far as its place among the others goes by it. */
interface PlacedRun {
  readonly request: Request;
  readonly causes: Causes;
}

/** A cluster-scoped object is in the namespace without a name. */
export function namespaceOf({ namespace = '' }: Request): string {
  return namespace;
}

/** True if another trigger than the default one chose. */
export function isGuarded(chosenBy: Choice['chosenBy']): boolean {
  return chosenBy.size > Number(chosenBy.has(defaultTrigger));
}

/** How many objects of each namespace other triggers than the default one chose. */
export function guardedByNamespace(choices: readonly Choice[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { requests, chosenBy } of choices)
    if (isGuarded(chosenBy))
      for (const request of requests) counts.set(namespaceOf(request), (counts.get(namespaceOf(request)) ?? 0) + 1);
  return counts;
}

/**
 * The namespaces whose runs wait, and how many runs: those with the most, until the others together are no storm. So no team waits for
 * the storm of another one.
 * @param free as many runs are no storm
 */
export function heldNamespaces(byNamespace: ReadonlyMap<string, number>, free: number): ReadonlyMap<string, number> {
  const held = new Map<string, number>();
  let rest = [...byNamespace.values()].reduce((sum, count) => sum + count, 0);
  for (const [namespace, count] of [...byNamespace].toSorted(([, a], [, b]) => b - a)) {
    if (rest <= free) break;
    held.set(namespace, count);
    rest -= count;
  }
  return held;
}

/**
 * The keys of the runs, the next one first: the platform's before all; then the namespaces in turn, each with the run of its worst
 * alert, and of equal ones that which has waited longest.
 */
export function releaseOrder(
  waiting: ReadonlyMap<string, PlacedRun>,
  order: Pick<AlertOrder, 'compare'>,
): readonly string[] {
  const ranks = ranksOf(new Set(Array.from(waiting.values(), ({ causes }) => causes)), order);
  const sorted = [...waiting].toSorted(([, a], [, b]) => ranks.get(a.causes)! - ranks.get(b.causes)!);
  const turns = new Map<string, number>();
  const inTurn = sorted.map(([key, { request, causes }]) => {
    const lane = causes.lane === 'platform' ? 0 : 1;
    const queue = `${lane} ${namespaceOf(request)}`;
    const turn = turns.get(queue) ?? 0;
    turns.set(queue, turn + 1);
    return { key, lane, turn };
  });
  return inTurn.toSorted((a, b) => a.lane - b.lane || a.turn - b.turn).map(({ key }) => key);
}

/** The places of causes by lane, then by their worst alert. */
function ranksOf(all: ReadonlySet<Causes>, order: Pick<AlertOrder, 'compare'>): ReadonlyMap<Causes, number> {
  const ranked = Array.from(all, (causes) => ({
    causes,
    laneRank: causes.lane === 'platform' ? 0 : 1,
    worst: [...causes.alerts.values()].map(({ labels }) => labels).toSorted((a, b) => order.compare(a, b))[0],
  })).toSorted((a, b) => {
    if (a.laneRank !== b.laneRank) return a.laneRank - b.laneRank;
    if (a.worst === undefined || b.worst === undefined)
      return Number(a.worst === undefined) - Number(b.worst === undefined);
    return order.compare(a.worst, b.worst);
  });
  return new Map(ranked.map(({ causes }, rank) => [causes, rank]));
}
