import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { fingerprint } from '../../src/alert/labels.ts';
import { explainBench } from '../../src/app/explain.fixture.ts';

const events = [
  'alert.new',
  'alert.expired',
  'alerts.received',
  'alerts.invalid',
  'alerts.suppressed',
  'causes.named',
  'channel.full',
  'condition.changed',
  'condition.observed',
  'event.emitted',
  'object.annotated',
  'prometheus.queried',
  'reconcile.started',
  'reconcile.finished',
  'reconcile.failed',
  'requests.enqueued',
  'sweep.finished',
];

const labels = { alertname: 'A' };
const id = fingerprint(labels);

const seen = '2026-11-21T02:59:59.000Z';
const cause = {
  fingerprint: id,
  alertname: 'A',
  labels,
  status: 'firing',
  first_seen: seen,
  last_seen: seen,
  count: 1,
};

/** The fields as they should be, so that facts find each other. */
const good: Readonly<Record<string, unknown>> = {
  run: 'r1',
  kind: 'TracePipeline',
  name: 'backend',
  priority: 'alert',
  result: 'changed',
  because: 'unchanged',
  event_id: 'e1',
  event_ids: ['e1'],
  merged_into: 'e1',
  causes_id: 'c1',
  query_id: 'q1',
  request_id: 'a',
  request_ids: ['a'],
  causes: ['A firing', 'resync'],
  alerts: [cause],
  invalid_alerts: [{ labels, problem: 'odd' }],
  verdicts: { woke: 'AAAAAA==', silenced: [{ alerts: 'AAAAAA==', silences: ['s1'] }] },
  silences: ['s1'],
  alertnames: ['A'],
  fingerprint: id,
  alertname: 'A',
  labels,
  status: 'success',
  firing: 1,
  firing_alerts: [labels],
  decided_by: { alertname: 'A', labels },
  not_in_prometheus: ['A'],
  duration_ms: 5,
  retry_in_ms: 5,
  requeue_after_ms: 5,
  more_request_ids: 1,
  type: 'T',
  from: 'True',
  to: 'False',
  from_reason: 'X',
  reason: 'Y',
  message: 'Z',
  error: 'failed',
};

const junk = [
  null,
  true,
  5,
  -1.5,
  1e300,
  '',
  'x',
  [],
  [null],
  [5],
  [{}],
  {},
  { labels: 5 },
  [{ labels: { a: 1 } }],
  '\u0000',
  ...[
    { count: 0 },
    { status: 'odd' },
    { first_seen: 'then' },
    { fingerprint: 5 },
    { mood: 'good' },
    { labels: null },
  ].map((odd) => [{ ...cause, ...odd }]),
];

const facts = fc.array(
  fc.record({
    event: fc.constantFrom(...events),
    fields: fc.dictionary(fc.constantFrom(...Object.keys(good)), fc.option(fc.constantFrom(...junk), { freq: 1 })),
  }),
  { minLength: 1, maxLength: 12 },
);

async function answersAreWhole(t: TestContext, given: readonly { event: string; fields: object }[]): Promise<void> {
  const storage = await mkdtemp(join(tmpdir(), 'tocsin-damaged-'));
  await mkdir(join(storage, 'history'));
  const lines = given.map(({ event, fields }, index) => {
    const known = { id: index + 1, time: seen, level: 'info', event, msg: 'm' };
    return JSON.stringify({ ...known, ...good, ...fields });
  });
  await writeFile(join(storage, 'history/0000000000000001.jsonl'), `${lines.join('\n')}\n`);
  const bench = await explainBench(t, {}, storage);
  try {
    await bench.ask('Pipelines', '/pipelines');
    await bench.ask('Runs', '/pipelines/TracePipeline/backend');
    await bench.ask('Alerts', '/alerts');
    await bench.ask('ExplainedAlert', `/alerts/${id}`);
    await bench.ask('Facts', '/history?filter=alertname%3DA');
    await bench.ask('Facts', '/history?request_id=a');
  } finally {
    await bench.stop();
    await rm(storage, { recursive: true });
  }
}

describe('a history that somebody, or another version, has written', () => {
  it('gives answers of the right shape, whatever its fields are', async (t) => {
    await fc.assert(
      fc.asyncProperty(facts, (given) => answersAreWhole(t, given)),
      { numRuns: 60 },
    );
  });
});
