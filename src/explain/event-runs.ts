import type { Fact } from '../history/fact.ts';
import type { History } from '../history/history.ts';
import { objectOf, pipelineIn, textOf, textsOf } from './fact-fields.ts';
import type { Effect, PipelineName, Run } from './schema.ts';
import { showPipeline } from './words.ts';

/** A run of an event, and what triggers had to do with it. */
export interface EventRun {
  readonly run: string;
  readonly pipeline: PipelineName;
  /** The triggers that chose the object, besides the default one. */
  readonly triggers: readonly string[];
  readonly throttled: readonly string[];
  readonly throttledUntil: string | undefined;
  /** The triggers that only observed. */
  readonly observed: readonly string[];
  /** Those of the throttled triggers whose slot has come since: a later run was made for them. */
  readonly released: Set<string>;
}

function isRunEnd(line: string): boolean {
  return /"event":"(?:reconcile\.(?:finished|failed)|trigger\.observed)"/.test(line.slice(0, 200));
}

/**
 * The runs that each of these events caused, the oldest first. A run that a trigger had to put off is made later, with those of other
 * events in one: that is the next run of the object which this trigger chose.
 */
export async function runsOfEvents(
  history: History,
  eventIds: readonly (string | undefined)[],
): Promise<ReadonlyMap<string, readonly EventRun[]>> {
  const runs = new Map<string, EventRun[]>();
  for (const id of eventIds) if (id !== undefined) runs.set(id, []);
  if (runs.size === 0) return runs;
  const observed = new Map<string, string[]>();
  const waiting = new Map<string, Waiting[]>();
  for await (const fact of history.oldestFirst({ accepts: isRunEnd })) {
    const pipeline = pipelineIn(fact);
    const run = String(fact['run']);
    if (fact.event === 'trigger.observed') observed.set(run, [...(observed.get(run) ?? []), String(fact['trigger'])]);
    else if (pipeline !== undefined) {
      const found = {
        run,
        pipeline,
        ...triggerFieldsOf(fact),
        observed: observed.get(run) ?? [],
        released: new Set<string>(),
      };
      const events = textsOf(fact['event_ids'])
        .map((id) => runs.get(id))
        .filter((known) => known !== undefined);
      for (const event of events) event.push(found);
      release(waiting, found);
      wait(waiting, found, events);
      observed.delete(run);
    }
  }
  return runs;
}

/** A run that waits for its slot, and the runs of the events of its alerts. */
interface Waiting {
  readonly run: EventRun;
  readonly events: readonly EventRun[][];
}

function wait(waiting: Map<string, Waiting[]>, run: EventRun, events: readonly EventRun[][]): void {
  if (events.length === 0) return;
  for (const trigger of run.throttled) {
    const key = slotOf(run, trigger);
    waiting.set(key, [...(waiting.get(key) ?? []), { run, events }]);
  }
}

function release(waiting: Map<string, Waiting[]>, run: EventRun): void {
  for (const trigger of run.triggers) {
    const key = slotOf(run, trigger);
    const ended = run.throttled.includes(trigger) ? [] : (waiting.get(key) ?? []);
    for (const { run: first, events } of ended) {
      first.released.add(trigger);
      for (const event of events) if (!event.includes(run)) event.push(run);
    }
    if (ended.length > 0) waiting.delete(key);
  }
}

function slotOf({ pipeline }: EventRun, trigger: string): string {
  return `${trigger} ${showPipeline(pipeline)}`;
}

function triggerFieldsOf(fact: Fact): Pick<EventRun, 'triggers' | 'throttled' | 'throttledUntil'> {
  return {
    triggers: textsOf(fact['triggers']),
    throttled: textsOf(fact['throttled']),
    throttledUntil: textOf(fact['throttled_until']),
  };
}

/** What the triggers that an alert woke did not do, in sentences. */
export function heldNotes(runs: readonly EventRun[], woken: readonly string[]): readonly string[] {
  const observing = woken.filter((key) => runs.some(({ observed }) => observed.includes(key)));
  const waits = runs.flatMap(({ pipeline, throttled, throttledUntil, released }) => {
    const own = throttled.filter((key) => woken.includes(key));
    if (own.length === 0) return [];
    const until = throttledUntil === undefined ? '' : ` until ${throttledUntil}`;
    const verb = own.every((key) => released.has(key)) ? 'waited' : 'waits';
    return [`${own.join(', ')} had done enough to ${showPipeline(pipeline)}; the run ${verb}${until}`];
  });
  const left = waits.length - maxWaits;
  return [
    ...(observing.length > 0 ? [onlyObserves(observing)] : []),
    ...waits.slice(0, maxWaits),
    ...(left > 0 ? [`${left} more runs wait`] : []),
  ];
}

/** The most runs that wait of which a sentence tells. */
const maxWaits = 3;

function onlyObserves(keys: readonly string[]): string {
  return `${keys.join(', ')} only ${keys.length === 1 ? 'observes' : 'observe'}`;
}

/** The verdict if none of the triggers that the alert woke did anything. */
export function heldRuns(
  runs: readonly EventRun[],
  woken: readonly string[],
): Pick<Effect, 'verdict' | 'because'> | undefined {
  const isHeld = (held: (run: EventRun) => readonly string[]): boolean =>
    runs.every((run) => {
      const own = run.triggers.filter((key) => woken.includes(key));
      return own.length > 0 && own.every((key) => held(run).includes(key));
    });
  if (isHeld(({ observed }) => observed)) return { verdict: 'observed', because: onlyObserves(woken) };
  if (!isHeld(({ throttled }) => throttled)) return undefined;
  const until = runs
    .map(({ throttledUntil }) => throttledUntil ?? '')
    .toSorted()
    .at(-1);
  return {
    verdict: 'throttled',
    because: `${woken.join(', ')} had done enough to the object; the run waits until ${until}`,
  };
}

/** The events of facts that say what a trigger did to an object, or would have done. */
export const actionEvents = ['object.annotated', 'condition.removed', 'trigger.fired', 'trigger.observed'] as const;

/** What triggers did to the object, in the order of the facts. */
export function actionsOf(facts: readonly Fact[]): NonNullable<Run['actions']> {
  return facts.flatMap((fact): NonNullable<Run['actions']> => {
    const action = actionOf(fact);
    if (action === undefined) return [];
    const trigger = textOf(fact['trigger']) ?? 'default';
    return [{ trigger, action, ...(fact.event === 'trigger.observed' && { observed: true }) }];
  });
}

function actionOf(fact: Fact): string | undefined {
  switch (fact.event) {
    case 'object.annotated': {
      const annotations = Object.entries(objectOf(fact['annotations']) ?? {});
      return `set the annotation ${annotations.map(([key, value]) => `${key}: ${String(value)}`).join(', ')}`;
    }
    case 'condition.removed':
      return `removed the condition ${String(fact['type'])}`;
    case 'trigger.fired':
      return 'wrote a line into the log';
    case 'trigger.observed':
      return textOf(fact['action']);
    default:
      return undefined;
  }
}
