import type { Cause } from '../cause/cause.ts';
import { Causes } from '../cause/causes.ts';
import type { Trigger } from './trigger.ts';

/** Alerts of one event, and its id in the log. */
export interface ChosenEvent {
  readonly id: string;
  readonly causes: Causes;
}

/** The alerts of one event that a trigger matches. */
export class MatchedAlerts {
  /** As they are told: it names a hundred of them at most, and counts the others. */
  readonly causes: Causes;
  /** All of them, by key: each may lead to an object of its own. */
  readonly all = new Map<string, Cause>();

  /** @param event the causes of the whole event */
  constructor(event: Causes) {
    this.causes = emptyLike(event);
  }

  add(cause: Cause): void {
    if (this.all.has(cause.key)) return;
    this.all.set(cause.key, cause);
    this.causes.addCause(cause);
  }
}

export type Matched = ReadonlyMap<Trigger, MatchedAlerts>;

/** What is known of a trigger; empty at first. */
export function matchedOf(matched: Map<Trigger, MatchedAlerts>, trigger: Trigger, event: Causes): MatchedAlerts {
  const known = matched.get(trigger) ?? new MatchedAlerts(event);
  matched.set(trigger, known);
  return known;
}

/** Without alerts, but with the requests that brought them, so that the log can be followed. */
export function emptyLike({ lane, requestIds }: Causes): Causes {
  const causes = new Causes(lane);
  for (const id of requestIds) causes.addRequestId(id);
  return causes;
}

/** Does a task for every item, a few at a time. Rejects as soon as one task does. */
export async function eachBounded<Item>(
  items: Iterable<Item>,
  limit: number,
  task: (item: Item) => Promise<void>,
): Promise<void> {
  const waiting = items[Symbol.iterator]();
  const work = async (): Promise<void> => {
    for (let next = waiting.next(); next.done !== true; next = waiting.next()) await task(next.value);
  };
  await Promise.all(Array.from({ length: limit }, work));
}
