import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { Verdict, type Effect } from '../explain/schema.ts';
import { compare, type Known, type WakeRules } from './explain-history.ts';
import { backend, fact, FakeApi, throttling } from './fake-api.fixture.ts';
import { temporaryFolder } from '../runtime/temporary-folder.fixture.ts';

const at = '2026-01-01T00:00:00.000Z';
const other = { kind: 'LogPipeline', name: 'x' };
const known: Known = {
  pipelines: [backend, other],
  runs: new Map([
    ['r1', 'TracePipeline/backend'],
    ['r2', 'LogPipeline/x'],
  ]),
  news: new Set(['dfe38cd28764db7f first']),
};

function told(request: string, verdict: Effect['verdict'], runs: string[] = []): Effect {
  return { request_id: request, at, verdict, runs };
}

async function configFile(t: TestContext, text: string): Promise<string> {
  const folder = await temporaryFolder(t, 'tocsin-explain');
  await writeFile(join(folder, 'new.yml'), text);
  return join(folder, 'new.yml');
}

describe('compare', () => {
  const twice = [told('again', 'woke', ['r1', 'r2']), told('first', 'woke', ['r1', 'r2'])];

  it('chooses by the labels, as an event would', () => {
    const { did, would } = compare(throttling, twice, { select: 'labels', repeats: 'trigger' }, known);
    assert.deepEqual(did, { told: 2, woke: 2, pipelines: ['LogPipeline/x', 'TracePipeline/backend'] });
    assert.deepEqual(would, { told: 2, woke: 2, pipelines: ['TracePipeline/backend'] });
  });

  it('leaves out what was told again', () => {
    assert.equal(compare(throttling, twice, { select: 'all', repeats: 'ignore' }, known).would.woke, 1);
  });

  it('wakes by what was ignored as told again', () => {
    const ignored = [told('again', 'repeat_ignored'), told('first', 'woke', ['r1'])];
    const { did, would } = compare(throttling, ignored, { select: 'all', repeats: 'trigger' }, known);
    assert.deepEqual([did.woke, would.woke], [1, 2]);
  });

  const rules: fc.Arbitrary<WakeRules> = fc.record({
    select: fc.constantFrom('all', 'labels'),
    repeats: fc.constantFrom('trigger', 'ignore'),
  });
  const effects = fc.array(
    fc
      .tuple(fc.constantFrom('first', 'again'), fc.constantFrom(...Verdict.options))
      .map(([request, verdict]) => told(request, verdict)),
  );

  it('never wakes by what is silenced, invalid or sent by a Tocsin, and never more by stricter rules', () => {
    fc.assert(
      fc.property(effects, rules, (given, rule) => {
        const { would } = compare(throttling, given, rule, known);
        const all = compare(throttling, given, { select: 'all', repeats: 'trigger' }, known).would;
        const able = given.filter(
          ({ verdict }) => !['silenced', 'own_notification', 'invalid', 'not_received'].includes(verdict),
        );
        assert.equal(all.woke, able.length);
        assert.ok(would.woke <= all.woke);
        assert.ok(would.pipelines.every((pipeline) => all.pipelines.includes(pipeline)));
      }),
    );
  });
});

describe('tocsin explain --since --config.file', () => {
  async function apiOf(t: TestContext): Promise<FakeApi> {
    const api = await FakeApi.start(t);
    api.give('GET /alerts', 'Alerts', { items: [throttling] });
    api.give('GET /alerts/dfe38cd28764db7f', 'ExplainedAlert', {
      alert: throttling,
      effects: [told('first', 'woke', ['r1', 'r2'])],
    });
    const items = [backend, other].map((name) => ({ ...name, firing: [], paused_by: [] }));
    api.give('GET /pipelines', 'Pipelines', { items });
    api.reply('GET /api/tocsin/v1/history', ({ query }) => ({
      items:
        {
          'reconcile.finished': [
            fact('reconcile.finished', { run: 'r1', ...backend }),
            fact('reconcile.finished', { run: 'r2', ...other }),
          ],
          'alert.new': [fact('alert.new', { fingerprint: throttling.fingerprint, request_id: 'first' })],
        }[query.get('event')!] ?? [],
    }));
    return api;
  }

  it('tells what alerts would have done beside what they did', async (t) => {
    const api = await apiOf(t);
    const file = await configFile(t, 'source: {select: labels}');
    const { code, stdout } = await api.run('explain', '--since=24h', '--config.file', file);
    assert.equal(code, 0);
    assert.match(stdout, /^ {2}did {10}LogPipeline\/x, TracePipeline\/backend: woken by 1 of the 1 requests/m);
    assert.match(stdout, /^ {2}would have {3}TracePipeline\/backend: woken by 1 of the 1 requests/m);
    assert.match(stdout, /^1 alert, 0 of them without a difference\.$/m);
    const same = await api.run('explain', '--since=24h', '--config.file', await configFile(t, ''));
    assert.match(same.stdout, /^1 alert, 1 of them without a difference\.$/m);
  });

  it('tells every problem of the other configuration', async (t) => {
    const file = await configFile(t, 'source: {selct: labels}');
    const { code, stderr } = await (await apiOf(t)).run('explain', '--since=24h', '--config.file', file);
    assert.equal(code, 1);
    assert.match(stderr, /source\.selct: unknown key, did you mean "select"\?/);
  });

  for (const args of [['--since=1h'], ['--config.file=x'], ['--since=1h', '--config.file=x', 'A']])
    it(`refuses ${JSON.stringify(args)} with 2`, async (t) => {
      assert.equal((await (await FakeApi.start(t)).run('explain', ...args)).code, 2);
    });
});
