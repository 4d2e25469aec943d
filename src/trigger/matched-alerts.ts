import type { Cause } from '../cause/cause.ts';
import { Causes } from '../cause/causes.ts';
import type { LogFields } from '../runtime/logger.ts';
import type { Trigger } from './trigger.ts';

/** The most events that one event, or one request, is told to consist of: a request that fails for hours is part of thousands. */
export const maxEventIds = 100;

/** Alerts of one event, and its id in the log. */
export interface ChosenEvent {
  readonly id: string;
  /** The ids of the events that became one with it, the newest last. Default: none. */
  readonly joined?: readonly string[];
  readonly causes: Causes;
}

/** The ids of all events that this one consists of, its own first; at most {@link maxEventIds}. */
export function eventIdsOf({ id, joined = [] }: Pick<ChosenEvent, 'id' | 'joined'>): readonly string[] {
  return [...new Set([id, ...joined.slice(1 - maxEventIds)])];
}

/** The earlier event, of which the later one is a part from now on: each of the ids leads to what comes of it. */
export function joinedEvent(earlier: Pick<ChosenEvent, 'id' | 'joined'>, later: ChosenEvent): ChosenEvent {
  const joined = eventIdsOf({ id: earlier.id, joined: [...(earlier.joined ?? []), ...eventIdsOf(later)] }).slice(1);
  return { id: earlier.id, ...(joined.length > 0 && { joined }), causes: later.causes };
}

/** {@link joinedEvent} that remembers the last one: thousands of alerts, or runs, wait for the same two events one after the other. */
export function createJoin(): typeof joinedEvent {
  let last: { readonly earlier: object; readonly later: object; readonly event: ChosenEvent } | undefined;
  return (earlier, later) => {
    if (last?.earlier !== earlier || last.later !== later)
      last = { earlier, later, event: joinedEvent(earlier, later) };
    return last.event;
  };
}

/** How a line of the log names an event. */
export function eventFields(event: Pick<ChosenEvent, 'id' | 'joined'>): LogFields {
  const ids = eventIdsOf(event);
  return { event_id: event.id, ...(ids.length > 1 && { event_ids: ids }) };
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
