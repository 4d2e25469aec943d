import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Effect, Run } from '../explain/schema.ts';
import { backend, changedRun, fact, FakeApi, runAsk, throttling } from './fake-api.fixture.ts';

interface Way {
  readonly effect?: Partial<Effect>;
  readonly run?: Run;
}

/** A Tocsin through which a test alert goes that way. */
async function way(t: Parameters<typeof FakeApi.start>[0], { effect, run = changedRun }: Way): Promise<FakeApi> {
  const api = await FakeApi.start(t);
  let requestId: string | undefined;
  api.reply('POST /api/v2/alerts', ({ headers }, response) => {
    requestId = String(headers['x-request-id']);
    response.end();
  });
  api.give('GET /alerts', 'Alerts', { items: [throttling] });
  api.reply('GET /api/tocsin/v1/alerts/dfe38cd28764db7f', () => ({
    effects:
      effect === undefined ? [] : [{ request_id: requestId, at: '2026-01-01T00:00:00.000Z', runs: [], ...effect }],
  }));
  api.reply('GET /api/tocsin/v1/history', ({ query }) => ({
    items: [fact(query.get('event') ?? 'app.starting', { requests: 1 })],
  }));
  api.give('GET /pipelines', 'Pipelines', { items: [{ ...backend, firing: [], paused_by: [], last_run: run }] });
  return api;
}

const woke = { verdict: 'woke', event_id: 'fe190949' } as const;

describe('tocsin test-alert', () => {
  it('tells each hop with its time', async (t) => {
    const api = await way(t, { effect: woke });
    const { code, stdout } = await api.run('test-alert', 'severity=warning');
    assert.equal(code, 0);
    const hops = stdout.split('\n').flatMap((line) => /^(\w+) +\+\d+ ms {3}\S/.exec(line)?.[1] ?? []);
    assert.deepEqual(hops, ['sent', 'received', 'event', 'queued', 'run', 'done']);
    const [alert] = JSON.parse(api.asked[0]!.body) as [{ labels: Record<string, string>; endsAt: string }];
    assert.match(alert.labels['tocsin_test'] ?? '', /^[0-9a-f]{8}$/);
    assert.deepEqual([alert.labels['alertname'], alert.labels['severity']], ['TocsinTest', 'warning']);
  });

  it('ends the alert with --resolve, and follows that as well', async (t) => {
    const api = await way(t, { effect: woke });
    const { code, stdout } = await api.run('test-alert', '--resolve');
    assert.equal(code, 0);
    assert.equal(stdout.match(/^done /gm)?.length, 2);
    const starts = api.asked.flatMap(({ method, body }) =>
      method === 'POST' ? [(JSON.parse(body) as [{ startsAt: string }])[0].startsAt] : [],
    );
    assert.equal(new Set(starts).size, 1);
    assert.ok(Date.parse(starts[0]!) <= api.clock.now());
    const posts = api.asked.filter(({ method }) => method === 'POST').map(({ body }) => body);
    const ends = posts.map((body) => Date.parse((JSON.parse(body) as [{ endsAt: string }])[0].endsAt));
    assert.ok(ends[1]! < ends[0]!);
  });

  it('does not call an alert lost where nothing is kept', async (t) => {
    const api = await way(t, {});
    api.give('GET /history', 'Facts', { items: [] });
    const { code, stdout } = await api.run('test-alert', '--timeout=1s');
    assert.equal(code, 1);
    assert.match(stdout.replaceAll(/\s+/g, ' '), /FAILED Tocsin keeps no history \(history\.retention\)/);
  });

  const stops: readonly (readonly [Way, RegExp])[] = [
    [
      { effect: { verdict: 'no_pipeline', because: 'none' } },
      /^no pipeline +FAILED {3}none; give the alert the labels/m,
    ],
    [
      { effect: { verdict: 'repeat_ignored', because: 'old' } },
      /^repeat ignored +FAILED {3}old; test with another label/m,
    ],
    [
      { effect: { verdict: 'silenced', silences: ['gone'] } },
      /^silenced +FAILED {3}silence gone, .*; end the silence/m,
    ],
    [{}, /^received +FAILED {3}no trace of it; see the log/m],
    [
      { effect: woke, run: { ...changedRun, outcome: 'failed', because: 'prometheus_failed', error: 'refused' } },
      /^run +FAILED {3}TracePipeline\/backend failed: refused; see prometheus\.url/m,
    ],
  ];
  for (const [each, line] of stops)
    it(`stops at the hop that fails: ${String(line)}`, async (t) => {
      const api = await way(t, each);
      const { code, stdout } = await api.run('test-alert', '--timeout=1s');
      assert.equal(code, 1);
      assert.match(stdout, line);
      assert.doesNotMatch(stdout, /^done /m);
    });

  it('stops at once where nobody listens', async () => {
    const { code, stdout } = await runAsk('test-alert', ['--url=http://127.0.0.1:1'], {});
    assert.equal(code, 1);
    assert.match(stdout, /^sent +FAILED {3}cannot reach Tocsin at/);
  });
});
