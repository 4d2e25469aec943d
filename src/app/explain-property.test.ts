import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { RecordedLine } from '../runtime/logger.fixture.ts';
import fc from 'fast-check';

import type { Run } from '../explain/schema.ts';
import { explainBench, json, type ExplainBench } from './explain.fixture.ts';

const names = ['TraceGatewayThrottling', 'MetricGatewayThrottling', 'InstanceDown', 'Other'];

/** One step; it may wake runs, hold them back, merge them or make them fail. */
type Step =
  | { readonly kind: 'post'; readonly alerts: readonly string[]; readonly resolved: boolean; readonly waits: boolean }
  | { readonly kind: 'silence'; readonly alert: string }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'reconcile' | 'restart' };

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
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('reconcile' as const, 'restart' as const) }) },
);

async function take(bench: ExplainBench, step: Step, index: number): Promise<void> {
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
    case 'reconcile':
      await fetch(`${url}/api/tocsin/v1/reconcile`, json({ all: true }));
      return;
    case 'restart':
      await bench.settle(2000);
      return bench.restart();
  }
}

/** All runs in the history, by name. */
async function runsOf(bench: ExplainBench): Promise<ReadonlyMap<string, Run>> {
  const runs = new Map<string, Run>();
  for (const kind of ['TracePipeline', 'MetricPipeline'])
    for (let cursor: string | undefined = ''; cursor !== undefined;) {
      const page: { items: Run[]; next?: string | undefined } = await bench.ask(
        'Runs',
        `/pipelines/${kind}/backend?limit=7${cursor}`,
      );
      for (const run of page.items) runs.set(run.id, run);
      cursor = page.next === undefined ? undefined : `&cursor=${page.next}`;
    }
  return runs;
}

/** The causes of a run, in the words of the log. */
function causesInWords({ causes, triggers }: Run): readonly string[] {
  const counts = new Map<string, number>();
  for (const { alertname, status } of causes.toReversed())
    counts.set(`${alertname} ${status}`, (counts.get(`${alertname} ${status}`) ?? 0) + 1);
  const alerts = [...counts].map(([text, count]) => (count === 1 ? text : `${text} ×${count}`));
  return [...alerts, ...triggers.filter((trigger) => trigger !== 'alert' && trigger !== 'silence')];
}

function ends(lines: readonly RecordedLine[]): readonly RecordedLine[] {
  return lines.filter(({ event }) => event === 'reconcile.finished' || event === 'reconcile.failed');
}

async function holds(t: TestContext, schedule: readonly Step[], config: object): Promise<void> {
  const bench = await explainBench(t, config);
  for (const [index, each] of schedule.entries()) await take(bench, each, index);
  await bench.settle(2000);
  const runs = await runsOf(bench);
  const lines = ends(bench.logger.lines);
  for (const { level, event, fields } of lines) {
    const run = runs.get(String(fields['run']));
    // A periodic look, or a retry, with nothing new is logged at debug and not kept.
    if (level === 'debug' && run === undefined) continue;
    assert.ok(run !== undefined, `${event} of the run ${String(fields['run'])} is not in the history`);
    assert.deepEqual(causesInWords(run), fields['causes']);
    assert.deepEqual(run.request_ids, fields['request_ids'] ?? []);
    assert.deepEqual(run.event_ids, fields['event_ids'] ?? []);
    assert.equal(run.outcome, event === 'reconcile.finished' ? fields['result'] : 'failed');
  }
  const told = new Set(lines.map(({ fields }) => fields['run']));
  for (const id of runs.keys()) assert.ok(told.has(id), `the log does not know the run ${id}`);
  await bench.stop();
}

describe('history, for every schedule of posts, silences, looks and restarts', () => {
  it('has each run in the log, with the same causes, and no other', async (t) => {
    const schedules = fc.array(steps, { minLength: 1, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(schedules, (given) => holds(t, given, {})),
      { numRuns: 15 },
    );
  });

  it('has them even while Prometheus cannot be asked', async (t) => {
    const schedules = fc.array(steps, { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(schedules, (given) => holds(t, given, { prometheus: { url: 'http://127.0.0.1:1024' } })),
      { numRuns: 8 },
    );
  });
});
