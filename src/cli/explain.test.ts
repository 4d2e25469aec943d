import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { answers, type Prediction } from '../explain/schema-requests.ts';
import { backend, FakeApi, throttling } from './fake-api.fixture.ts';
import { temporaryFolder } from '../runtime/temporary-folder.fixture.ts';

const healthy = { status: 'True' as const, reason: 'FlowHealthy', message: 'Good.' };
const wakes: Prediction = {
  alert: throttling,
  valid: true,
  silenced_by: [],
  wakes: true,
  because: 'it would have 1 pipeline looked at (source.select: all)',
  select: 'all',
  default: true,
  triggers: [],
  more_triggers: 0,
  requests: [backend],
  more_requests: 0,
  more_pipelines: 0,
  pipelines: [
    {
      pipeline: backend,
      condition: healthy,
      if_firing: { status: 'False', reason: 'GatewayThrottling', message: 'Too much.' },
      as_prometheus_is: healthy,
    },
  ],
};

describe('tocsin explain', () => {
  it('says how many pipelines are not shown', async (t) => {
    const api = await FakeApi.start(t);
    api.give('POST /explain', 'Explanation', { items: [{ ...wakes, more_pipelines: 7 }] });
    const { stdout } = await api.run('explain', 'TraceGatewayThrottling');
    assert.match(stdout, /^ {2}and 7 more *$/m);
  });

  it('tells which condition would result, with the alert in Prometheus and as Prometheus is', async (t) => {
    const api = await FakeApi.start(t);
    api.give('POST /explain', 'Explanation', { items: [wakes] });
    const { code, stdout } = await api.run('explain', 'TraceGatewayThrottling', 'severity="warning"');
    assert.equal(code, 0);
    assert.deepEqual(JSON.parse(api.asked[0]!.body), [{ labels: throttling.labels }]);
    assert.match(stdout, /^TraceGatewayThrottling {2}firing {2}would arrive and wake {2}\{severity="warning"\}$/m);
    assert.match(
      stdout,
      /^ {2}TracePipeline\/backend {2}True FlowHealthy → False GatewayThrottling, once Prometheus reports it; /m,
    );
  });

  it('answers 1 where no alert would wake anybody, and names the silence', async (t) => {
    const api = await FakeApi.start(t);
    const silence = { id: 's-1', created_by: 'ann', comment: 'maintenance', ends_at: '2026-01-01T01:00:00.000Z' };
    const because = 'the silence s-1 of ann holds';
    const silenced = { ...wakes, wakes: false, because, silenced_by: [silence], requests: [], pipelines: [] };
    api.give('POST /explain', 'Explanation', { items: [silenced] });
    const { code, stdout } = await api.run('explain', 'X');
    assert.equal(code, 1);
    assert.match(stdout, /would wake nobody {2}\{severity="warning"\}$/m);
    assert.match(stdout, /silenced by {2}silence s-1 of ann: maintenance \(ends 2026-01-01 01:00:00 UTC\)/);
  });

  it('sends a payload from a file as it is, and prints the objects of the API', async (t) => {
    const folder = await temporaryFolder(t, 'tocsin-explain');
    const file = join(folder, 'payload.json');
    const payload = { version: '4', alerts: [{ labels: throttling.labels }] };
    await writeFile(file, JSON.stringify(payload));
    const api = await FakeApi.start(t);
    api.give('POST /explain', 'Explanation', { items: [wakes] });
    const { stdout } = await api.run('explain', '--file', file, '-o', 'json');
    assert.deepEqual(answers.Explanation.parse(JSON.parse(stdout)), { items: [wakes] });
    assert.deepEqual(JSON.parse(api.asked[0]!.body), payload);
    await writeFile(file, '{');
    assert.match((await api.run('explain', '--file', file)).stderr, /--file: .*payload\.json: no JSON: /);
    assert.match((await api.run('explain', '--file', `${file}x`)).stderr, /--file: .*: no such file/);
  });

  for (const args of [[], ['A', '--file=x'], ['a=~b']])
    it(`refuses ${JSON.stringify(args)} with 2`, async (t) => {
      assert.equal((await (await FakeApi.start(t)).run('explain', ...args)).code, 2);
    });
});
