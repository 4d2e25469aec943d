import type { Clock } from '../runtime/clock.ts';
import type { Fact } from '../history/fact.ts';
import type { History } from '../history/history.ts';
import { pipelineIn, textOf, textsOf } from './fact-fields.ts';
import { runStory, type RunContext } from './run-story.ts';
import type { PipelineName, Run } from './schema.ts';
import { isSamePipeline } from './words.ts';

/** The requested part of a list; times in milliseconds. */
export interface Page {
  readonly limit: number;
  /** Only facts with a lower id. */
  readonly before?: number | undefined;
  /** In a list of all replicas: the time of the last item that was shown, and how many of that time were. */
  readonly after?: { readonly at: number; readonly skip: number } | undefined;
  readonly since?: number | undefined;
  readonly until?: number | undefined;
}

export interface RunPage {
  readonly items: Run[];
  /** The start of the next page; undefined if this is the last. */
  readonly next: number | undefined;
}

export interface RunReaderOptions {
  readonly clock: Clock;
  readonly history: History;
}

/** Finds runs in the history, and everything that belongs to them. */
export class RunReader {
  readonly #options: RunReaderOptions;

  constructor(options: RunReaderOptions) {
    this.#options = options;
  }

  /** The runs of a pipeline, the newest first. A pipeline never runs twice at once, so its runs do not overlap. */
  async runsOf(pipeline: PipelineName, { limit, before, since, until }: Page): Promise<RunPage> {
    const needles = ['"run":"', `"name":${JSON.stringify(pipeline.name)}`];
    const runs: Fact[][] = [];
    let more = false;
    for await (const fact of this.#options.history.newestFirst({ needles, before })) {
      if (!isAbout(fact, pipeline) || isLater(fact, until)) continue;
      if (since !== undefined && Date.parse(fact.time) < since) break;
      const last = runs.at(-1);
      if (last?.[0]?.['run'] === fact['run']) last!.unshift(fact);
      else if (runs.length < limit) runs.push([fact]);
      else {
        more = true;
        break;
      }
    }
    const context = await this.contextOf(runs.flat());
    const now = this.#options.clock.now();
    return {
      items: runs.map((facts) => runStory(facts, context, now)),
      next: more ? runs.at(-1)?.[0]?.id : undefined,
    };
  }

  /** The last run of each of these pipelines, by the key from `keyOf`. */
  async lastRuns(pipelines: readonly PipelineName[], keyOf: (name: PipelineName) => string): Promise<Map<string, Run>> {
    const wanted = new Set(pipelines.map(keyOf));
    const found = new Map<string, Fact[]>();
    let complete = 0;
    for await (const fact of this.#options.history.newestFirst({ needles: ['"run":"'] })) {
      const pipeline = pipelineIn(fact);
      const key = pipeline && keyOf(pipeline);
      if (key === undefined || !wanted.has(key)) continue;
      const facts = found.get(key);
      if (facts === undefined) found.set(key, [fact]);
      else if (facts[0]!['run'] === fact['run'] && facts[0]!.event !== 'reconcile.started') facts.unshift(fact);
      if (fact.event === 'reconcile.started' && found.get(key)![0] === fact) complete++;
      if (complete === wanted.size) break;
    }
    const context = await this.contextOf([...found.values()].flat());
    const now = this.#options.clock.now();
    return new Map([...found].map(([key, facts]) => [key, runStory(facts, context, now)]));
  }

  /** The other facts in the history about the runs of these facts. */
  async contextOf(facts: readonly Fact[]): Promise<RunContext> {
    const wanted = new Set(
      facts.flatMap((fact) => [...textsOf(fact['event_ids']), textOf(fact['causes_id']), textOf(fact['query_id'])]),
    );
    wanted.delete(undefined);
    const context = { emitted: new Map(), enqueued: new Map(), causes: new Map(), queries: new Map() };
    if (wanted.size === 0) return context;
    const open = new Set(facts.flatMap(namesIn));
    const last = Math.max(...facts.map(({ id }) => id)) + 1;
    const accepts = (line: string): boolean => isShared(line) && wanted.has(idIn(line));
    for await (const fact of this.#options.history.newestFirst({ before: last, accepts })) {
      const [map, id] = placeOf(fact, context);
      if (id === undefined || map === undefined) continue;
      map.set(id, fact);
      open.delete(`${fact.event} ${id}`);
      if (open.size === 0) break;
    }
    return context;
  }
}

const shared = ['event.emitted', 'requests.enqueued', 'causes.named', 'prometheus.queried'] as const;
const sharedEvent = new RegExp(`"event":"(?:${shared.map((event) => event.replace('.', String.raw`\.`)).join('|')})"`);

/** The event is near the beginning of a line. */
function isShared(line: string): boolean {
  return sharedEvent.test(line.slice(0, 200));
}

/** Each of those lines begins with the id by which others refer to it. */
function idIn(line: string): string | undefined {
  return /"(?:event_id|causes_id|query_id)":"([^"]+)"/.exec(line.slice(0, 600))?.[1];
}

function namesIn(fact: Fact): readonly string[] {
  const [causes, query] = [textOf(fact['causes_id']), textOf(fact['query_id'])];
  return [
    ...textsOf(fact['event_ids']).map((id) => `requests.enqueued ${id}`),
    ...(causes === undefined ? [] : [`causes.named ${causes}`, `event.emitted ${causes}`]),
    ...(query === undefined ? [] : [`prometheus.queried ${query}`]),
  ];
}

type Place = readonly [map: Map<string, Fact> | undefined, id: string | undefined];

function placeOf(fact: Fact, context: { [name in keyof RunContext]: Map<string, Fact> }): Place {
  switch (fact.event) {
    case 'event.emitted':
      return [context.emitted, textOf(fact['event_id'])];
    case 'requests.enqueued':
      return [context.enqueued, textOf(fact['event_id'])];
    case 'causes.named':
      return [context.causes, textOf(fact['causes_id'])];
    default:
      return [context.queries, textOf(fact['query_id'])];
  }
}

export function isAbout(fact: Fact, wanted: PipelineName): boolean {
  const pipeline = pipelineIn(fact);
  return pipeline !== undefined && isSamePipeline(pipeline, wanted);
}

function isLater(fact: Fact, until: number | undefined): boolean {
  return until !== undefined && Date.parse(fact.time) >= until;
}
