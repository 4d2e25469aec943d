import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { eventually } from '../runtime/eventually.fixture.ts';
import type { Fact, Run } from '../explain/schema.ts';
import { startFakePrometheus, type FakePrometheus } from '../prometheus/fake-prometheus.fixture.ts';
import { withDebugFields, type LogFields } from '../runtime/logger.ts';
import type { RecordedLine } from '../runtime/logger.fixture.ts';
import { explainBench, json, type ExplainBench } from './explain.fixture.ts';

const names = ['TraceGatewayThrottling', 'MetricGatewayThrottling', 'InstanceDown', 'Other'];

/** One step; it may wake runs, hold them back, merge them or make them fail. */
type Step =
  | { readonly kind: 'post'; readonly alerts: readonly string[]; readonly resolved: boolean; readonly waits: boolean }
  | { readonly kind: 'silence'; readonly alert: string }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'prometheus'; readonly state: 'fires' | 'is quiet' | 'fails' }
  | { readonly kind: 'reconcile' | 'restart' | 'break statuses' | 'mend statuses' };

const steps: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('post' as const),
      alerts: fc.subarray(names, { minLength: 1 }),
      resolved: fc.boolean(),
      waits: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('silence' as const), alert: fc.constantFrom(...names) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(400, 5000, 301_000) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('prometheus' as const),
      state: fc.constantFrom('fires' as const, 'is quiet' as const, 'fails' as const),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom(...(['reconcile', 'restart', 'break statuses', 'mend statuses'] as const)),
    }),
  },
);

interface Scene {
  readonly bench: ExplainBench;
  readonly prometheus: FakePrometheus;
  readonly storage: string;
}

async function take({ bench, prometheus, storage }: Scene, step: Step, index: number): Promise<void> {
  const { url, clock } = bench;
  switch (step.kind) {
    case 'post': {
      const endsAt = step.resolved ? { endsAt: new Date(clock.now() - 1).toISOString() } : {};
      const startsAt = { startsAt: new Date(clock.now() - 1000).toISOString() };
      const body = step.alerts.map((alertname) => ({ labels: { alertname }, ...startsAt, ...endsAt }));
      const sent = json(body);
      await fetch(`${url}/api/v2/alerts`, { ...sent, headers: { ...sent.headers, 'X-Request-Id': `r${index}` } });
      return step.waits ? bench.settle(2000) : undefined;
    }
    case 'silence': {
      const [startsAt, endsAt] = [clock.now(), clock.now() + 60_000].map((time) => new Date(time).toISOString());
      const matchers = [{ name: 'alertname', value: step.alert, isRegex: false }];
      await fetch(`${url}/api/v2/silences`, json({ matchers, startsAt, endsAt, createdBy: 'me', comment: 'c' }));
      return;
    }
    case 'wait':
      return bench.settle(step.ms);
    case 'prometheus':
      if (step.state === 'fails') return prometheus.fail();
      return prometheus.answer(step.state === 'fires' ? [{ labels: { alertname: names[0]! }, state: 'firing' }] : []);
    case 'reconcile':
      await fetch(`${url}/api/tocsin/v1/reconcile`, json({ all: true }));
      return;
    case 'break statuses':
      return breakStatuses(storage);
    case 'mend statuses':
      return mendStatuses(storage);
    case 'restart':
      await mendStatuses(storage);
      await bench.settle(2000);
      return bench.restart();
  }
}

/** From now on no condition of a TracePipeline can be written. */
async function breakStatuses(storage: string): Promise<void> {
  const path = await withoutStatuses(storage, (each) => writeFile(each, ''));
  assert.ok((await stat(path)).isFile());
}

async function mendStatuses(storage: string): Promise<void> {
  await withoutStatuses(storage, (path) => mkdir(path, { recursive: true }));
}

/** Puts something into the place of the folder. Again if a run makes the folder anew, or a file in it, at this moment. */
async function withoutStatuses(storage: string, put: (path: string) => Promise<unknown>): Promise<string> {
  const path = join(storage, 'status/tracepipeline');
  await eventually(
    () => rm(path, { recursive: true, force: true }).then(() => put(path)),
    () => true,
  );
  return path;
}

/** All items of a list, page by page. */
async function all(bench: ExplainBench, shape: 'Runs' | 'Facts', path: string): Promise<readonly unknown[]> {
  const items: unknown[] = [];
  for (let cursor: string | undefined = ''; cursor !== undefined;) {
    const page: { items: unknown[]; next?: string | undefined } = await bench.ask(shape, `${path}${cursor}`);
    items.push(...page.items);
    cursor = page.next === undefined ? undefined : `&cursor=${page.next}`;
  }
  return items;
}

/** Written when the history is closed, or not open yet. */
const outside = new Set(['app.stopped']);

/** Every line from info up is a fact, every fact is a line, and both have the same words. */
function assertSameWords(
  before: readonly RecordedLine[],
  facts: readonly Fact[],
  after: readonly RecordedLine[],
): void {
  const [told, toldSince] = [byText(before), byText(after)];
  const kept = Map.groupBy(facts, ({ id: _id, time: _time, level, event, msg, ...fields }) =>
    textOf(level, event, msg, fields),
  );
  for (const [text, found] of kept)
    assert.ok((toldSince.get(text)?.length ?? 0) >= found.length, `the history has what the log does not: ${text}`);
  for (const [text, found] of told)
    if (found[0]!.level !== 'debug' && !outside.has(found[0]!.event))
      assert.ok((kept.get(text)?.length ?? 0) >= found.length, `the log has what the history does not: ${text}`);
}

function byText(lines: readonly RecordedLine[]): ReadonlyMap<string, readonly RecordedLine[]> {
  return Map.groupBy(lines, (line) => textOf(line.level, line.event, line.msg, withDebugFields(line.fields)));
}

function textOf(level: string, event: string, msg: string, fields: LogFields): string {
  // An error is kept as its message.
  const shown = JSON.stringify(fields, (_, value: unknown) => (value instanceof Error ? value.message : value));
  const sorted = Object.entries(JSON.parse(shown) as object).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([level, event, msg, sorted]);
}

/** A run says what the facts about it say. */
function assertTold(run: Run, facts: readonly Fact[]): void {
  const own = facts.filter((fact) => fact['run'] === run.id);
  const end = own.find(({ event }) => event === 'reconcile.finished' || event === 'reconcile.failed');
  assert.ok(end !== undefined, `the log does not know the end of the run ${run.id}`);
  const named = facts.find((fact) => fact.event === 'causes.named' && fact['causes_id'] === end['causes_id']);
  const change = own.find(({ event }) => event === 'condition.changed');
  const query = facts.find((fact) => fact.event === 'prometheus.queried' && fact['query_id'] === end['query_id']);
  const { status, firing } = { firing: undefined, ...query } as { readonly status?: unknown; firing: unknown };
  assert.deepEqual(run.causes, end['causes_id'] === undefined ? [] : named?.['alerts']);
  assert.deepEqual(causesInWords(run), end['causes']);
  assert.deepEqual([run.request_ids, run.event_ids], [end['request_ids'] ?? [], end['event_ids'] ?? []]);
  assert.deepEqual([run.priority, run.because, run.error], [end['priority'], end['because'], end['error']]);
  assert.equal(run.outcome, end.event === 'reconcile.finished' ? end['result'] : 'failed');
  assert.deepEqual([run.hops.finished, run.hops.written], [end.time, change?.time]);
  assert.deepEqual(run.look_again_at, later(end, 'requeue_after_ms'));
  assert.deepEqual(run.retry_at, later(end, 'retry_in_ms'));
  assert.deepEqual([run.prometheus?.status, run.prometheus?.firing], [status, firing]);
  if (run.prometheus !== undefined) assert.deepEqual(run.prometheus.not_in_prometheus, end['not_in_prometheus'] ?? []);
  assertDecision(run, end);
  const transition = run.transition as Readonly<Record<string, unknown>> | undefined;
  for (const name of ['type', 'from', 'to', 'from_reason', 'reason', 'message'])
    assert.equal(transition?.[name], change?.[name]);
}

function assertDecision({ decided_by: alerts, decided_because: because }: Run, end: Fact): void {
  const decided = end['decided_by'] as { readonly labels?: unknown; readonly because?: string } | undefined;
  if (decided === undefined) return;
  assert.deepEqual(
    alerts.map(({ labels }) => labels),
    [decided.labels].filter(Boolean),
  );
  assert.equal(because, decided.because);
}

function later(fact: Fact, name: string): string | undefined {
  const ms = fact[name];
  return ms === undefined ? undefined : new Date(Date.parse(fact.time) + Number(ms)).toISOString();
}

/** The causes of a run, in the words of the log. */
function causesInWords({ causes, triggers }: Run): readonly string[] {
  const counts = new Map<string, number>();
  for (const { alertname, status } of causes.toReversed())
    counts.set(`${alertname} ${status}`, (counts.get(`${alertname} ${status}`) ?? 0) + 1);
  const alerts = [...counts].map(([text, count]) => (count === 1 ? text : `${text} ×${count}`));
  return [...alerts, ...triggers.filter((trigger) => trigger !== 'alert' && trigger !== 'silence')];
}

async function factsOf(bench: ExplainBench): Promise<readonly Fact[]> {
  return (await all(bench, 'Facts', '/history?limit=300')) as readonly Fact[];
}

async function holds(t: TestContext, schedule: readonly Step[], asksPrometheus: boolean): Promise<void> {
  const storage = await mkdtemp(join(tmpdir(), 'tocsin-property-'));
  const prometheus = await startFakePrometheus();
  const lanes = { platform: 'alertname="Other"' };
  const config = asksPrometheus ? { lanes, prometheus: { url: prometheus.url } } : { lanes };
  const bench = await explainBench(t, config, storage);
  try {
    for (const [index, each] of schedule.entries()) await take({ bench, prometheus, storage }, each, index);
    await bench.settle(2000);
    // A broken folder may still wake a run while the questions are answered.
    const before = [...bench.logger.lines];
    const first = await factsOf(bench);
    const runs: Run[] = [];
    for (const kind of ['TracePipeline', 'MetricPipeline'])
      runs.push(...((await all(bench, 'Runs', `/pipelines/${kind}/backend?limit=7`)) as readonly Run[]));
    const facts = await factsOf(bench);
    assertSameWords(before, facts, bench.logger.lines);
    for (const run of runs) if (run.outcome !== 'running') assertTold(run, facts);
    const known = new Set(runs.map(({ id }) => id));
    for (const { event, run } of first as readonly (Fact & { readonly run?: string })[])
      if (event.startsWith('reconcile.')) assert.ok(known.has(run!), `${event} of ${run} has no run in the history`);
  } finally {
    await bench.stop();
    await prometheus.stop();
    await rm(storage, { recursive: true });
  }
}

describe('history, for every schedule of posts, silences, faults and restarts', () => {
  for (const asksPrometheus of [false, true])
    it(`has each line of the log and each run, in the same words, and no other, ${
      asksPrometheus ? 'with a Prometheus that comes and goes' : 'where the pushed alerts decide'
    }`, async (t) => {
      const schedules = fc.array(steps, { minLength: 1, maxLength: 9 });
      await fc.assert(
        fc.asyncProperty(schedules, (given) => holds(t, given, asksPrometheus)),
        { numRuns: 15 },
      );
    });
});
