import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { answers } from '../explain/schema-requests.ts';
import type { Run } from '../explain/schema.ts';
import { backend, changedRun, FakeApi, throttling } from './fake-api.fixture.ts';
import { took } from './why.ts';

const pipelines = {
  items: [
    {
      ...backend,
      condition: {
        status: 'False',
        reason: 'GatewayThrottling',
        message: 'Too much.',
        since: '2026-01-01T00:00:00.000Z',
      },
      firing: [throttling],
      paused_by: ['silence-1'],
      next_look: { at: '2026-01-01T00:05:00.000Z', why: 'requeue' },
    },
  ],
};

const runs = 'GET /pipelines/tracepipeline/backend';

describe('tocsin why', () => {
  it('tells who woke a run, how long it took, what Prometheus said and what was written', async (t) => {
    const api = await FakeApi.start(t);
    api.give('GET /pipelines', 'Pipelines', pipelines);
    api.give(runs, 'Runs', { items: [changedRun] });
    const { code, stdout } = await api.run('why', 'tracepipeline/backend');
    assert.equal(code, 0);
    for (const told of [
      /^TracePipeline\/backend {2}False GatewayThrottling since 2026-01-01 00:00:00 UTC/m,
      /^ {2}paused by {4}silence silence-1$/m,
      /^2026-01-01 00:00:00 UTC \(.*\) {2}changed {2}TracePipeline\/backend {2}run 636bcf51$/m,
      /^ {2}woken by {5}TraceGatewayThrottling firing ×2 \{severity="warning"\}, received 1500 ms after it\n {15}began$/m,
      /^ {2}requests {5}my-test$/m,
      /^ {2}took {9}21 ms from received: event \+9, queued \+10, started \+19, asked \+19, answered \+20,\n {15}written \+21, finished \+21$/m,
      /^ {2}prometheus {3}success, 3 alerts fire$/m,
      /^ {2}condition {4}True FlowHealthy → False GatewayThrottling$/m,
    ])
      assert.match(stdout, told);
    assert.deepEqual(
      stdout.split('\n').filter((line) => line.length > 100),
      [],
    );
    assert.equal(api.asked[0]?.query.get('limit'), '5');
  });

  const unchanged: Run = { ...changedRun, outcome: 'unchanged', because: 'not_in_prometheus' };

  it('tells why no condition changed', async (t) => {
    const api = await FakeApi.start(t);
    api.give('GET /pipelines', 'Pipelines', pipelines);
    const { transition: _, ...run } = unchanged;
    const prometheus = { status: 'success', firing: 0, not_in_prometheus: ['TraceGatewayThrottling'] };
    api.give(runs, 'Runs', { items: [{ ...run, prometheus }] });
    const { stdout } = await api.run('why', 'tracepipeline/backend');
    assert.match(stdout, /no change {4}Prometheus does not report the alert as firing \(not_in_prometheus\)/);
    assert.match(stdout, /pushed, but not reported as firing: TraceGatewayThrottling/);
  });

  for (const [status, changedAt, told] of [
    ['resolved', '2025-12-31T23:59:00.000Z', 'resolved, received 60s after it ended'],
    ['firing', '2026-01-01T00:00:00.000Z', 'firing'],
    ['firing', '2026-01-01T00:00:09.000Z', 'firing'],
    ['expired', '2025-12-31T23:59:00.000Z', 'expired'],
    ['silence expired', '2025-12-31T23:59:00.000Z', 'silence expired'],
  ] as const)
    it(`tells of an alert that is ${status} since ${changedAt}: ${told}`, async (t) => {
      const api = await FakeApi.start(t);
      api.give('GET /pipelines', 'Pipelines', pipelines);
      const cause = { ...changedRun.causes[0], alertname: 'A', labels: {}, status, changed_at: changedAt, count: 1 };
      api.give(runs, 'Runs', { items: [{ ...changedRun, causes: [cause] }] });
      const { stdout } = await api.run('why', 'tracepipeline/backend');
      assert.equal(/woken by +A (.*)/.exec(stdout)?.[1], told);
    });

  for (const [moreCauses, told] of [
    [1, 'an alert that the history does not name'],
    [3, '3 alerts that the history does not name'],
  ] as const)
    it(`tells of ${moreCauses} that the history does not name`, async (t) => {
      const api = await FakeApi.start(t);
      api.give('GET /pipelines', 'Pipelines', pipelines);
      api.give(runs, 'Runs', { items: [{ ...changedRun, causes: [], more_causes: moreCauses }] });
      const { stdout } = await api.run('why', 'tracepipeline/backend');
      assert.equal(/woken by +(.*)/.exec(stdout)?.[1], told);
    });

  it('prints the objects of the API as JSON and YAML', async (t) => {
    const api = await FakeApi.start(t);
    api.give(runs, 'Runs', { items: [changedRun] });
    const { stdout } = await api.run('why', 'tracepipeline/backend', '-o', 'json');
    assert.deepEqual(answers.Runs.parse(JSON.parse(stdout)), { items: [changedRun] });
    const yaml = await api.run('why', 'tracepipeline/backend', '--output=yaml');
    assert.match(yaml.stdout, /^items:\n {2}- id: 636bcf51\n/);
  });

  it('finds the run of --run on a later page, and asks no further', async (t) => {
    const api = await FakeApi.start(t);
    api.give('GET /pipelines', 'Pipelines', pipelines);
    api.reply('GET /api/tocsin/v1/pipelines/tracepipeline/backend', ({ query }) =>
      query.get('cursor') === null
        ? { items: [unchanged], next: '17' }
        : { items: [{ ...changedRun, id: 'other' }], next: '16' },
    );
    const { code, stdout } = await api.run('why', 'tracepipeline/backend', '--run=other');
    assert.equal(code, 0);
    assert.match(stdout, /run other$/m);
    assert.doesNotMatch(stdout, /run 636bcf51$/m);
    assert.equal(api.asked.filter(({ path }) => path.endsWith('/backend')).length, 2);
  });

  it('lists the pipelines if none is named', async (t) => {
    const api = await FakeApi.start(t);
    const other = { kind: 'LogPipeline', name: 'otlp', firing: [], paused_by: [] };
    api.give('GET /pipelines', 'Pipelines', { items: [...pipelines.items, other] });
    const { code, stdout } = await api.run('why');
    assert.equal(code, 0);
    assert.deepEqual(
      stdout.split('\n').map((line) => line.split(/ {2,}/)),
      [
        ['TracePipeline/backend', 'False GatewayThrottling', stdout.match(/\w+ ago/)?.[0], 'TraceGatewayThrottling'],
        ['LogPipeline/otlp', 'no condition yet'],
        [''],
      ],
    );
    api.give('GET /pipelines', 'Pipelines', { items: [] });
    const none = await api.run('why');
    assert.deepEqual([none.code, /has no pipelines/.test(none.stderr)], [1, true]);
  });

  it('fails for a pipeline that there is not, and names some that there are', async (t) => {
    const api = await FakeApi.start(t);
    api.give('GET /pipelines', 'Pipelines', pipelines);
    api.give('GET /pipelines/tracepipeline/ns/x', 'Runs', { items: [] });
    const { code, stderr } = await api.run('why', 'tracepipeline/ns/x');
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^tocsin: tracepipeline\/ns\/x: no such pipeline or object at .*; some that it has: TracePipeline\/backend\n$/,
    );
  });

  for (const [word, hint] of [
    ['tracepipelin/backend', 'did you mean TracePipeline/backend?'],
    [
      'trace/backend',
      'some that it has: TracePipeline/backend, LogPipeline/a0, LogPipeline/a1, LogPipeline/a2, LogPipeline/a3',
    ],
  ] as const)
    it(`names the pipelines first that ${word} may mean`, async (t) => {
      const api = await FakeApi.start(t);
      const others = Array.from({ length: 9 }, (_, index) => ({
        ...pipelines.items[0]!,
        kind: 'LogPipeline',
        name: `a${index}`,
      }));
      api.give('GET /pipelines', 'Pipelines', { items: [...others, ...pipelines.items] });
      api.give(`GET /pipelines/${word}`, 'Runs', { items: [] });
      const { code, stderr } = await api.run('why', word);
      assert.deepEqual([code, stderr], [1, `tocsin: ${word}: no such pipeline or object at ${api.url}; ${hint}\n`]);
    });

  it('shows the condition of a pipeline of a group that is not named', async (t) => {
    const api = await FakeApi.start(t);
    const widget = { ...pipelines.items[0]!, kind: 'Widget', group: 'example.com' };
    api.give('GET /pipelines', 'Pipelines', { items: [widget] });
    api.give('GET /pipelines/widgets/backend', 'Runs', { items: [] });
    const { stdout } = await api.run('why', 'widgets/backend');
    assert.match(stdout, /^Widget\.example\.com\/backend {2}False GatewayThrottling/);
  });

  it('shows nothing of an answer that steers a terminal', async (t) => {
    const api = await FakeApi.start(t);
    api.give('GET /pipelines', 'Pipelines', pipelines);
    api.give(runs, 'Runs', { items: [{ ...changedRun, error: 'x\u001b[2J\nforged' }] });
    const { stdout } = await api.run('why', 'tracepipeline/backend');
    assert.match(stdout, /error {8}x\\u001b\[2J\\u000aforged/);
  });

  for (const [args, problem] of [
    [['--since=1h'], /why: no pipeline, allowed: tocsin why \[KIND/],
    [['backend'], /"backend": no name of a pipeline/],
    [['a/b', 'c/d'], /more than one pipeline/],
    [['a/b', '--sinc=1h'], /--sinc: unknown flag, did you mean "--since"\?/],
    [['a/b', '-o', 'jsn'], /--output: found "jsn", did you mean "json"\?/],
    [['a/b', '--since=yesterday'], /--since: found "yesterday", allowed: so long ago/],
  ] as const)
    it(`refuses ${JSON.stringify(args)} with 2`, async (t) => {
      const { code, stderr } = await (await FakeApi.start(t)).run('why', ...args);
      assert.equal(code, 2);
      assert.match(stderr, problem);
      assert.match(stderr, /^tocsin: try: tocsin why --help$/m);
    });
});

describe('took', () => {
  it('tells nothing of a run of which one moment is known', () => {
    assert.equal(took({ finished: '2026-01-01T00:00:00.000Z' }), undefined);
  });
});
