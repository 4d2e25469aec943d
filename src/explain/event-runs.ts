import type { Fact } from '../history/fact.ts';
import type { History } from '../history/history.ts';
import { pipelineIn, textOf, textsOf } from './fact-fields.ts';
import type { Effect, PipelineName } from './schema.ts';

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
}

function isRunEnd(line: string): boolean {
  return /"event":"(?:reconcile\.(?:finished|failed)|trigger\.observed)"/.test(line.slice(0, 200));
}

/** The runs that each of these events caused, the oldest first. */
export async function runsOfEvents(
  history: History,
  eventIds: readonly (string | undefined)[],
): Promise<ReadonlyMap<string, readonly EventRun[]>> {
  const runs = new Map<string, EventRun[]>();
  for (const id of eventIds) if (id !== undefined) runs.set(id, []);
  if (runs.size === 0) return runs;
  const observed = new Map<string, string[]>();
  for await (const fact of history.oldestFirst({ accepts: isRunEnd })) {
    const pipeline = pipelineIn(fact);
    const run = String(fact['run']);
    if (fact.event === 'trigger.observed') observed.set(run, [...(observed.get(run) ?? []), String(fact['trigger'])]);
    else if (pipeline !== undefined) {
      const found = { run, pipeline, ...triggerFieldsOf(fact), observed: observed.get(run) ?? [] };
      for (const id of textsOf(fact['event_ids'])) runs.get(id)?.push(found);
      observed.delete(run);
    }
  }
  return runs;
}

function triggerFieldsOf(fact: Fact): Pick<EventRun, 'triggers' | 'throttled' | 'throttledUntil'> {
  return {
    triggers: textsOf(fact['triggers']),
    throttled: textsOf(fact['throttled']),
    throttledUntil: textOf(fact['throttled_until']),
  };
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
  if (isHeld(({ observed }) => observed)) return { verdict: 'observed', because: `${woken.join(', ')} only observes` };
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
