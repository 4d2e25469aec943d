import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Verdict } from '../explain/schema.ts';
import type { Status } from '../explain/schema-status.ts';
import { backend, changedRun, fact, FakeApi, throttling } from './fake-api.fixture.ts';
import { matchersOf } from './what.ts';

const at = '2026-01-01T00:00:00.000Z';
const silence = {
  id: 'silence-1',
  createdBy: 'ann',
  comment: 'maintenance',
  endsAt: '2026-01-01T01:00:00.000Z',
  status: { state: 'active' },
};

async function apiWith(t: Parameters<typeof FakeApi.start>[0], ...effects: readonly object[]): Promise<FakeApi> {
  const api = await FakeApi.start(t);
  api.give('GET /alerts', 'Alerts', { items: [throttling] });
  api.give('GET /alerts/dfe38cd28764db7f', 'ExplainedAlert', { alert: throttling, effects });
  api.reply('GET /api/v2/silence/silence-1', () => silence);
  api.reply('GET /api/tocsin/v1/history', ({ query }) => {
    const { id: run, transition } = changedRun;
    const other = { run: 'other', kind: 'LogPipeline', name: 'x', result: 'unchanged', because: 'held' };
    const stranger = { run: 'stranger', kind: 'LogPipeline', name: 'y', result: 'changed' };
    const facts = {
      'condition.changed': [fact('condition.changed', { run, ...backend, ...transition })],
      'reconcile.finished': [{ run, ...backend, result: 'changed' }, other, stranger].map((fields) =>
        fact('reconcile.finished', fields),
      ),
    }[query.get('event')!];
    return { items: facts ?? [] };
  });
  return api;
}

describe('tocsin what', () => {
  it('names every pipeline that an alert woke, and what came of it', async (t) => {
    const woke = { request_id: 'my-test', at, verdict: 'woke', event_id: 'fe190949', runs: ['636bcf51', 'other'] };
    const api = await apiWith(t, woke);
    const { code, stdout } = await api.run('what', 'TraceGatewayThrottling');
    assert.equal(code, 0);
    assert.deepEqual(api.asked[0]?.query.getAll('filter'), ['alertname="TraceGatewayThrottling"']);
    assert.match(stdout, /^TraceGatewayThrottling {2}firing {2}dfe38cd28764db7f {2}\{severity="warning"\}\n/);
    assert.match(stdout, /^ {2}2026-01-01 00:00:00 UTC \(.+\) {2}woke {2}request my-test, event fe190949$/m);
    assert.match(stdout, /^ {6}LogPipeline\/x {10}run other {5}unchanged \(held\)$/m);
    assert.match(
      stdout,
      /^ {6}TracePipeline\/backend {2}run 636bcf51 {2}changed: True FlowHealthy → False GatewayThrottling$/m,
    );
    assert.doesNotMatch(stdout, /stranger/);
  });

  it('names the silence, whose it is, why and until when', async (t) => {
    const because = 'a silence holds: silence-1';
    const api = await apiWith(t, { at, verdict: 'silenced', because, silences: ['silence-1'], runs: [] });
    const { stdout } = await api.run('what', 'severity=warning');
    assert.match(stdout, / {2}silenced$/m);
    assert.match(stdout, /silence silence-1 of ann: maintenance \(active, ends 2026-01-01 01:00:00 UTC\)/);
  });

  for (const verdict of Verdict.options)
    it(`tells ${verdict}, and its reason`, async (t) => {
      const api = await apiWith(t, { at, verdict, because: 'the one reason', runs: [] });
      const { stdout } = await api.run('what', 'X');
      assert.match(stdout, new RegExp(`\\) {2}${verdict.replaceAll('_', ' ')}\\n {6}the one reason$`, 'm'));
    });

  it('shows labels that are too long for its first line below that, whole', async (t) => {
    const api = await FakeApi.start(t);
    const labels = { alertname: 'A', long: 'word '.repeat(30).trim(), pod: 'x'.repeat(40) };
    const alert = { ...throttling, alertname: 'A', labels };
    api.give('GET /alerts', 'Alerts', { items: [alert] });
    api.give('GET /alerts/dfe38cd28764db7f', 'ExplainedAlert', { alert, effects: [] });
    const { stdout } = await api.run('what', 'A');
    const [first, ...below] = stdout.trimEnd().split('\n');
    assert.equal(first, 'A  firing  dfe38cd28764db7f');
    assert.equal(below.map((line) => line.trim()).join(' '), `{long="${labels.long}", pod="${labels.pod}"}`);
    assert.ok(below.every((line) => /^ {6}\S/.test(line) && line.length <= 100));
  });

  it('fails where no alert is known, and says so', async (t) => {
    const api = await FakeApi.start(t);
    api.give('GET /alerts', 'Alerts', { items: [] });
    api.give('GET /status', 'Status', statusWith(86_400));
    const { code, stdout, stderr } = await api.run('what', 'Nothing');
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^tocsin: Nothing: not received: no alert like that is stored at \S+, or in its history; is/);
  });

  it('says so if the history is off', async (t) => {
    const api = await FakeApi.start(t);
    api.give('GET /alerts', 'Alerts', { items: [] });
    api.give('GET /status', 'Status', statusWith(0));
    const { stderr } = await api.run('what', 'Nothing');
    assert.match(stderr, /stored at \S+, nor known from before: history\.retention is 0s, so nothing is kept; is/);
  });

  it('takes what has no operator for the name of an alert', () => {
    assert.deepEqual(matchersOf(['Down', 'pod=~"a.*"', 'x!=y']), ['alertname="Down"', 'pod=~"a.*"', 'x!=y']);
  });
});

function statusWith(retention: number): Status {
  const epoch = new Date(0).toISOString();
  return {
    version: '0.1.0',
    instance: 'one',
    started_at: epoch,
    time: epoch,
    addresses: { port: 9093, route_prefix: '', advertised_urls: [], machine: [] },
    configuration: { sha256: '', loaded_at: epoch, refused: false },
    prometheus: [],
    action: 'condition',
    select: 'all',
    storage: { path: 'data' },
    history: { retention_seconds: retention, lost: 0 },
    received: {},
    queue: { waiting: 0, running: 0 },
    limits: [],
  };
}
