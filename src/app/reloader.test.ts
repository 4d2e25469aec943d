import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { Registry } from 'prom-client';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { Config } from '../config/config.ts';
import type { LoadedConfig } from '../config/load-config.ts';
import { createReloadMetrics } from './metrics.ts';
import { Reloader, type PreparedConfig } from './reloader.ts';

const good: LoadedConfig = {
  config: Config.parse({}),
  text: 'new',
  pipelinesFolderGiven: false,
  inFile: { folder: false, kubernetes: false },
};

function setUp(options: { readonly load?: () => LoadedConfig; readonly prepare?: () => Promise<PreparedConfig> } = {}) {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const registry = new Registry();
  const applied: number[] = [];
  let loads = 0;
  const prepared = { changed: ['a'], needRestart: [] as string[], apply: () => void applied.push(loads) };
  const reloader = new Reloader({
    clock,
    logger,
    metrics: createReloadMetrics(registry, 'old', clock.now()),
    load: () => {
      loads++;
      return options.load?.() ?? good;
    },
    prepare: options.prepare ?? (() => Promise.resolve(prepared)),
  });
  const value = async (name: string): Promise<number> =>
    Number(new RegExp(`^${name} (.*)$`, 'm').exec(await registry.metrics())![1]);
  return { clock, logger, applied, prepared, reloader, value, loads: () => loads };
}

describe('Reloader', () => {
  it('applies a good configuration, and reports that', async () => {
    const { clock, logger, applied, reloader, value } = setUp();
    const hash = await value('tocsin_config_hash');
    clock.advance(60_000);
    assert.deepEqual(await reloader.reload('http'), { needRestart: [] });
    assert.deepEqual(applied, [1]);
    assert.deepEqual(logger.valuesOf('config.reloaded', 'triggers', 'changed'), [[['http'], ['a']]]);
    assert.equal(await value('tocsin_config_last_reload_successful'), 1);
    assert.equal(await value('tocsin_config_last_reload_success_timestamp_seconds'), clock.now() / 1000);
    assert.notEqual(await value('tocsin_config_hash'), hash);
  });

  it('names the keys that need a restart', async () => {
    const { logger, prepared, reloader } = setUp();
    prepared.needRestart.push('pipelines.folder');
    assert.deepEqual(await reloader.reload('signal'), { needRestart: ['pipelines.folder'] });
    assert.deepEqual(logger.valuesOf('config.restart_needed', 'keys'), [[['pipelines.folder']]]);
  });

  for (const [what, options] of [
    ['has problems', { load: () => ({ problems: ['f:1:1: wrong', 'f:2:1: wrong too'] }) }],
    ['cannot be prepared', { prepare: () => Promise.reject(new Error('f:1:1: wrong')) }],
  ] as const) {
    it(`changes nothing when the configuration ${what}, and reports why`, async () => {
      const { clock, logger, applied, reloader, value } = setUp(options);
      const [startedAt, hash] = [clock.now(), await value('tocsin_config_hash')];
      clock.advance(60_000);
      const outcome = await reloader.reload('http');
      assert.ok('problems' in outcome);
      assert.equal(outcome.problems[0], 'f:1:1: wrong');
      assert.deepEqual(applied, []);
      assert.deepEqual(logger.valuesOf('config.reload_failed', 'problems'), [[outcome.problems]]);
      assert.equal(await value('tocsin_config_last_reload_successful'), 0);
      assert.equal(await value('tocsin_config_last_reload_success_timestamp_seconds'), startedAt / 1000);
      assert.equal(await value('tocsin_config_hash'), hash);
    });
  }

  it('logs once why a followed file is refused, however often it is tried, and again after it was good', async () => {
    const loads: LoadedConfig[] = [
      { problems: ['wrong'] },
      { problems: ['wrong'] },
      { problems: ['other'] },
      good,
      { problems: ['wrong'] },
    ];
    const { clock, logger, reloader } = setUp({ load: () => loads.shift()! });
    while (loads.length > 0) {
      await reloader.reload('file');
      clock.advance(60_000);
    }
    const failed = logger.lines.filter(({ event }) => event === 'config.reload_failed');
    assert.deepEqual(
      failed.map(({ level }) => level),
      ['error', 'debug', 'error', 'error'],
    );
  });

  it('bounds the number of logged problems', async () => {
    const problems = Array.from({ length: 1000 }, (_, n) => `problem ${n}`);
    const { logger, reloader } = setUp({ load: () => ({ problems }) });
    const outcome = await reloader.reload('http');
    assert.ok('problems' in outcome);
    assert.deepEqual([outcome.problems.length, outcome.problems.at(-1)], [101, 'and 900 more']);
    assert.deepEqual(logger.valuesOf('config.reload_failed', 'more_problems'), [[980]]);
  });

  it('combines all reloads that are requested during one, or too soon after it', async () => {
    const gate = Promise.withResolvers<void>();
    const apply = (): void => undefined;
    const prepare = async (): Promise<PreparedConfig> => {
      await gate.promise;
      return { changed: [], needRestart: [], apply };
    };
    const { clock, logger, reloader, loads } = setUp({ prepare });
    const first = reloader.reload('signal');
    await setImmediate();
    assert.equal(loads(), 1);
    const others = Array.from({ length: 100 }, (_, n) => reloader.reload(n % 2 === 0 ? 'http' : 'signal'));
    await setImmediate();
    assert.equal(loads(), 1, 'one at a time');
    gate.resolve();
    await first;
    await setImmediate();
    assert.equal(loads(), 1, 'not before its time');
    clock.advance(200);
    await Promise.all(others);
    assert.equal(loads(), 2);
    assert.deepEqual(logger.valuesOf('config.reloaded', 'triggers'), [[['signal']], [['http', 'signal']]]);
    assert.equal(clock.pending(), 0);
  });

  it('waits for a reload that takes longer than that', async () => {
    const gate = Promise.withResolvers<void>();
    const prepare = async (): Promise<PreparedConfig> => {
      await gate.promise;
      return { changed: [], needRestart: [], apply: () => undefined };
    };
    const { clock, reloader, loads } = setUp({ prepare });
    const both = [reloader.reload('signal')];
    await setImmediate();
    both.push(reloader.reload('signal'));
    clock.advance(10_000);
    await setImmediate();
    assert.equal(loads(), 1);
    gate.resolve();
    await Promise.all(both);
    assert.equal(loads(), 2);
  });

  it('leaves no timer and no waiting caller behind', async () => {
    const { clock, reloader } = setUp();
    await reloader.reload('http');
    const waiting = reloader.reload('http');
    await setImmediate();
    assert.equal(clock.pending(), 1);
    reloader.close();
    assert.deepEqual([clock.pending(), await waiting], [0, { needRestart: [] }]);
  });
});
