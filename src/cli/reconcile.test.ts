import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Run } from '../explain/schema.ts';
import { backend, changedRun, fact, FakeApi } from './fake-api.fixture.ts';

const runs = 'GET /pipelines/TracePipeline/backend';

async function reconciling(t: Parameters<typeof FakeApi.start>[0], run: Run, looksUntilEnd = 0): Promise<FakeApi> {
  const api = await FakeApi.start(t);
  let looks = 0;
  api.give('POST /reconcile', 'ReconcileAnswer', { event_id: 'fe190949', request_id: 'r', pipelines: [backend] });
  api.reply('GET /api/tocsin/v1/history', ({ query }) => {
    if (query.get('event') === null) return { items: [fact('app.starting', {})] };
    return { items: looks++ < looksUntilEnd ? [] : [fact('sweep.finished', { event_id: 'fe190949' })] };
  });
  api.give(runs, 'Runs', { items: [{ ...changedRun, id: 'later', event_ids: ['other'] }, run] });
  return api;
}

describe('tocsin reconcile', () => {
  it('waits for the result, and tells of the run that it woke', async (t) => {
    const api = await reconciling(t, changedRun, 2);
    const { code, stdout } = await api.run('reconcile', 'tracepipeline/backend');
    assert.equal(code, 0);
    assert.equal(stdout, 'TracePipeline/backend  run 636bcf51  changed: True FlowHealthy → False GatewayThrottling\n');
    assert.deepEqual(JSON.parse(api.asked[0]!.body), { pipelines: [{ kind: 'tracepipeline', name: 'backend' }] });
  });

  it('takes all', async (t) => {
    const api = await reconciling(t, changedRun);
    assert.equal((await api.run('reconcile', '--all')).code, 0);
    assert.deepEqual(JSON.parse(api.asked[0]!.body), { all: true });
  });

  it('fails if a run did', async (t) => {
    const { transition: _, ...run } = changedRun;
    const api = await reconciling(t, { ...run, outcome: 'failed', because: 'prometheus_failed', error: 'refused' });
    const { code, stdout } = await api.run('reconcile', '--all');
    assert.equal(code, 1);
    assert.match(stdout, /failed: refused$/m);
  });

  it('cuts nothing of an error, however long it and the name are', async (t) => {
    const { transition: _, ...run } = changedRun;
    const [error, name] = ['refused '.repeat(30).trim(), 'n'.repeat(253)];
    const api = await reconciling(t, { ...run, outcome: 'failed', because: 'prometheus_failed', error });
    const short = (await api.run('reconcile', '--all')).stdout;
    assert.equal(short.match(/refused/g)?.length, 30);
    assert.ok(short.split('\n').every((line) => line.length <= 100));
    api.give(runs, 'Runs', { items: [{ ...run, outcome: 'failed', pipeline: { ...backend, name }, error }] });
    assert.equal((await api.run('reconcile', '--all')).stdout.match(/refused/g)?.length, 30);
  });

  it('fails if the result takes too long, and says how to ask later', async (t) => {
    const api = await reconciling(t, changedRun, Number.POSITIVE_INFINITY);
    const { code, stderr } = await api.run('reconcile', '--all', '--timeout=1s');
    assert.equal(code, 1);
    assert.match(stderr, /event fe190949 has not ended within 1s; ask later: tocsin why TracePipeline\/backend/);
  });

  for (const args of [[], ['--all', 'a/b'], ['a']])
    it(`refuses ${JSON.stringify(args)} with 2`, async (t) => {
      assert.equal((await (await FakeApi.start(t)).run('reconcile', ...args)).code, 2);
    });
});
