import type { Fact, Pipeline } from '../../explain/schema.ts';
import { showPipeline } from '../../explain/words.ts';
import { pipelineKeyOf, textField, type Facts } from './facts.ts';
import { healthOf, type Health } from './pipelines.ts';
import type { Selection } from './selection.ts';
import { once, overlaps, type Bounds, type Lane, type Mark } from './timeline.ts';

interface PipelinesOfTime extends Bounds {
  readonly pipelines: readonly Pipeline[];
  /** Of the runs. */
  readonly facts: Facts;
  readonly changes: Facts;
}

/** One lane for each pipeline that has, or had, a condition. */
export function pipelineLanes(input: PipelinesOfTime): readonly Lane[] {
  const changes = once(() => byPipeline(input.changes));
  const runs = once(() => byPipeline(input.facts.filter(isRunEnd)));
  return input.pipelines
    .filter(({ condition }) => condition !== undefined)
    .map((pipeline): Lane => {
      const key = showPipeline(pipeline);
      const marks = once(() => pipelineMarks(pipeline, changes().get(key) ?? [], runs().get(key) ?? [], input));
      return {
        id: `pipeline:${key}`,
        sort: 'pipeline',
        label: key,
        leadsTo: { selected: { of: 'pipeline', pipeline: key } },
        detail: '',
        marks,
      };
    });
}

function isRunEnd({ event }: Fact): boolean {
  return event === 'reconcile.finished' || event === 'reconcile.failed';
}

function pipelineMarks(
  pipeline: Pipeline,
  changes: readonly Fact[],
  runs: readonly Fact[],
  bounds: Bounds,
): readonly Mark[] {
  const key = showPipeline(pipeline);
  const ticks = runs.map((fact) => runMark(key, fact)).filter((mark) => overlaps(mark, bounds));
  return [...healthMarks(pipeline, changes, bounds), ...ticks, ...flags(key, changes, bounds)];
}

function byPipeline(facts: Facts): ReadonlyMap<string, readonly Fact[]> {
  const found = new Map<string, Fact[]>();
  for (const fact of facts) {
    const key = pipelineKeyOf(fact) ?? '';
    const own = found.get(key);
    if (own === undefined) found.set(key, [fact]);
    else own.push(fact);
  }
  return found;
}

const byStatus: Readonly<Record<string, Health>> = {
  True: 'healthy',
  False: 'unhealthy',
  Unknown: 'unknown',
  '': 'none',
};

/** How the pipeline was over the time: before the first change as that says, after the last one as it is now. */
function healthMarks(pipeline: Pipeline, changes: readonly Fact[], input: Bounds): readonly Mark[] {
  const opens: Selection = { of: 'pipeline', pipeline: showPipeline(pipeline) };
  const mark = (tone: Health, text: string, from: number, to: number | undefined): Mark => ({
    shape: 'health',
    from,
    to,
    tone,
    text: () => text,
    opens,
  });
  const now = healthOf(pipeline);
  const since = Date.parse(pipeline.condition?.since ?? '');
  const [first] = changes;
  if (first === undefined) {
    if (now === 'none') return [];
    const from = Number.isNaN(since) ? input.from : since;
    return [mark(now, pipeline.condition?.reason ?? '', from, undefined)].filter((each) => overlaps(each, input));
  }
  const before = mark(
    byStatus[String(first['from'])] ?? 'none',
    textField(first, 'from_reason') ?? '',
    input.from,
    Date.parse(first.time),
  );
  const after = changes.map((fact, index) => {
    const next = changes[index + 1];
    const tone = byStatus[String(fact['to'])] ?? 'none';
    return mark(
      tone,
      textField(fact, 'reason') ?? '',
      Date.parse(fact.time),
      next === undefined ? undefined : Date.parse(next.time),
    );
  });
  return [before, ...after].filter((each) => each.tone !== 'none' && overlaps(each, input));
}

function runMark(pipeline: string, fact: Fact): Mark {
  const from = Date.parse(fact.time);
  const hasFailed = fact.event === 'reconcile.failed';
  const text = `Run: ${textField(fact, 'result') ?? 'failed'}`;
  return {
    shape: 'tick',
    from,
    to: from,
    tone: hasFailed ? 'failed' : 'run',
    text: () => text,
    opens: runSelection(pipeline, fact),
  };
}

function runSelection(pipeline: string, fact: Fact): Selection {
  const id = textField(fact, 'run');
  return id === undefined ? { of: 'pipeline', pipeline } : { of: 'run', pipeline, id };
}

function flags(pipeline: string, changes: readonly Fact[], input: Bounds): readonly Mark[] {
  return changes
    .map((fact): Mark => {
      const from = Date.parse(fact.time);
      const tone = byStatus[String(fact['to'])] ?? 'none';
      const text = `${String(fact['to'])} ${textField(fact, 'reason') ?? ''}`;
      return { shape: 'flag', from, to: from, tone, text: () => text, opens: runSelection(pipeline, fact) };
    })
    .filter((mark) => overlaps(mark, input));
}
