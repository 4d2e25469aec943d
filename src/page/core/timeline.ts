import type { Alert, Fact, Pipeline } from '../../explain/schema.ts';
import { showLabels, showPipeline } from '../../explain/words.ts';
import { alertState } from './alerts.ts';
import { pipelineKeyOf, textField, type Facts } from './facts.ts';
import { counted } from './parts.ts';
import { healthOf, type Health } from './pipelines.ts';
import type { Selection } from './selection.ts';
import type { Silence } from './state.ts';

/** One row of the timeline: a silence, the alerts of one name, or a pipeline. */
export interface Lane {
  readonly id: string;
  readonly sort: 'silence' | 'alert' | 'pipeline';
  readonly label: string;
  /** What the label opens. */
  readonly opens: Selection | undefined;
  readonly detail: string;
  readonly marks: readonly Mark[];
}

/** Times are milliseconds since the epoch; a mark without an end goes on. */
export interface Mark {
  readonly shape: 'bar' | 'tick' | 'flag' | 'shade' | 'health';
  readonly from: number;
  readonly to?: number | undefined;
  readonly tone: MarkTone;
  readonly text: string;
  readonly opens: Selection | undefined;
}

export type MarkTone = Health | 'firing' | 'silenced' | 'resolved' | 'silence' | 'run' | 'failed';

export interface TimelineInput {
  readonly pipelines: readonly Pipeline[];
  readonly alerts: readonly Alert[];
  readonly facts: Facts;
  readonly changes: Facts;
  readonly silences: readonly Silence[];
  readonly from: number;
  readonly to: number;
}

/** The lanes: silences, then alerts, then pipelines, each in the order in which they are given. Lanes without a mark are left out. */
export function timelineOf(input: TimelineInput): readonly Lane[] {
  return [...silenceLanes(input), ...alertLanes(input), ...pipelineLanes(input)];
}

function overlaps({ from, to }: Pick<Mark, 'from' | 'to'>, input: Pick<TimelineInput, 'from' | 'to'>): boolean {
  return from <= input.to && (to === undefined || to >= input.from);
}

/** The end of something that has not ended when the range does is left open, so that it grows with the clock. */
function endOf(text: string | undefined, isOver: boolean): number | undefined {
  return isOver && text !== undefined ? Date.parse(text) : undefined;
}

function silenceLanes(input: TimelineInput): readonly Lane[] {
  const marks = input.silences
    .map(({ id, startsAt, endsAt, createdBy, comment }): Mark => ({
      shape: 'shade',
      from: Date.parse(startsAt),
      to: Date.parse(endsAt),
      tone: 'silence',
      text: `Silence of ${createdBy}: ${comment}`,
      opens: { of: 'silence', id },
    }))
    .filter((mark) => overlaps(mark, input));
  if (marks.length === 0) return [];
  const opens = marks.length === 1 ? marks[0]!.opens : undefined;
  return [{ id: 'silences', sort: 'silence', label: 'Silences', opens, detail: `${marks.length}`, marks }];
}

interface Span {
  from: number;
  to: number | undefined;
}

/** When each alert fired, as the facts tell it, by fingerprint. */
function spansOf(facts: Facts): ReadonlyMap<string, readonly Span[]> {
  const spans = new Map<string, Span[]>();
  for (const fact of facts) {
    if (!fact.event.startsWith('alert.')) continue;
    const fingerprint = textField(fact, 'fingerprint');
    if (fingerprint === undefined) continue;
    const time = Date.parse(fact.time);
    const own = spans.get(fingerprint) ?? [];
    const last = own.at(-1);
    if (fact.event === 'alert.new') {
      if (last === undefined || last.to !== undefined) own.push({ from: time, to: undefined });
    } else if (last !== undefined && last.to === undefined) last.to = time;
    spans.set(fingerprint, own);
  }
  return spans;
}

function alertLanes(input: TimelineInput): readonly Lane[] {
  const told = spansOf(input.facts);
  const lanes = new Map<string, Mark[]>();
  for (const alert of input.alerts) {
    const marks = alertSpans(alert, told.get(alert.fingerprint ?? '') ?? [])
      .map((span) => alertMark(alert, span))
      .filter((mark) => overlaps(mark, input));
    if (marks.length === 0) continue;
    const lane = lanes.get(alert.alertname);
    if (lane === undefined) lanes.set(alert.alertname, marks);
    else for (const mark of marks) lane.push(mark);
  }
  return [...lanes].map(([alertname, marks]) => alertLane(alertname, marks));
}

function alertLane(alertname: string, marks: readonly Mark[]): Lane {
  const firing = marks.filter(({ to }) => to === undefined).length;
  return {
    id: `alert:${alertname}`,
    sort: 'alert',
    label: alertname,
    opens: marks[0]!.opens,
    detail: firing > 0 ? `${firing} firing` : `${marks.length} resolved`,
    marks,
  };
}

/** The stored alert knows when it began better than the facts do. */
function alertSpans(alert: Alert, told: readonly Span[]): readonly Span[] {
  const from = Date.parse(alert.starts_at ?? '');
  if (Number.isNaN(from)) return told;
  const isOver = alert.status !== 'firing';
  const own = { from, to: endOf(alert.ends_at, isOver) };
  if (isOver && own.to === undefined) return told;
  return [...told.filter(({ to }) => to !== undefined && to < from), own];
}

function alertMark(alert: Alert, { from, to }: Span): Mark {
  const state = alertState(alert);
  const id = alert.fingerprint;
  return {
    shape: 'bar',
    from,
    to,
    tone: to !== undefined ? 'resolved' : state === 'silenced' ? 'silenced' : 'firing',
    text: `${alert.alertname} ${showLabels(alert.labels)}`.trim(),
    opens: id === undefined ? undefined : { of: 'alert', id },
  };
}

function pipelineLanes(input: TimelineInput): readonly Lane[] {
  const changes = byPipeline(input.changes);
  const runs = byPipeline(
    input.facts.filter(({ event }) => event === 'reconcile.finished' || event === 'reconcile.failed'),
  );
  return input.pipelines.flatMap((pipeline) => {
    const key = showPipeline(pipeline);
    const own = changes.get(key) ?? [];
    const ticks = (runs.get(key) ?? []).map((fact) => runMark(key, fact)).filter((mark) => overlaps(mark, input));
    const marks = [...healthMarks(pipeline, own, input), ...ticks, ...flags(key, own, input)];
    if (marks.length === 0) return [];
    const opens: Selection = { of: 'pipeline', pipeline: key };
    return [{ id: `pipeline:${key}`, sort: 'pipeline', label: key, opens, detail: '', marks }];
  });
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
function healthMarks(pipeline: Pipeline, changes: readonly Fact[], input: TimelineInput): readonly Mark[] {
  const opens: Selection = { of: 'pipeline', pipeline: showPipeline(pipeline) };
  const mark = (tone: Health, text: string, from: number, to: number | undefined): Mark => ({
    shape: 'health',
    from,
    to,
    tone,
    text,
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
    text,
    opens: runSelection(pipeline, fact),
  };
}

function runSelection(pipeline: string, fact: Fact): Selection {
  const id = textField(fact, 'run');
  return id === undefined ? { of: 'pipeline', pipeline } : { of: 'run', pipeline, id };
}

function flags(pipeline: string, changes: readonly Fact[], input: TimelineInput): readonly Mark[] {
  return changes
    .map((fact): Mark => {
      const from = Date.parse(fact.time);
      const tone = byStatus[String(fact['to'])] ?? 'none';
      const text = `${String(fact['to'])} ${textField(fact, 'reason') ?? ''}`;
      return { shape: 'flag', from, to: from, tone, text, opens: runSelection(pipeline, fact) };
    })
    .filter((mark) => overlaps(mark, input));
}

/** The same as a sentence, for whoever does not see the picture. */
export function describeTimeline(lanes: readonly Lane[]): string {
  const count = (shape: Mark['shape']): number =>
    lanes.reduce((sum, { marks }) => sum + marks.filter((mark) => mark.shape === shape).length, 0);
  return [
    counted(count('bar'), 'alert'),
    counted(count('tick'), 'run'),
    counted(count('flag'), 'change of a condition', 'changes of conditions'),
    counted(count('shade'), 'silence'),
  ].join(', ');
}
