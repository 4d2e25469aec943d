import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Registry } from 'prom-client';
import { eventually } from '../../runtime/eventually.fixture.ts';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { RecordingLogger } from '../../runtime/logger.fixture.ts';
import { MountedVolume } from '../../runtime/mounted-volume.fixture.ts';
import { temporaryFolder } from '../../runtime/temporary-folder.fixture.ts';
import { webConfigCheckMs, webConfigRetryMs, LiveWebConfig } from './live-web-config.ts';
import { loadWebConfig } from './load-web-config.ts';
import { digestOf } from './web-settings.ts';
import { createWebMetrics } from './gate-report.ts';

const good = 'tocsin_web_config_last_reload_successful';

/** A configuration in a watched folder of its own. */
async function start(test: TestContext, files: Readonly<Record<string, string>>) {
  const folder = await temporaryFolder(test, 'live-web-config');
  const write = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text);
  for (const [name, text] of Object.entries(files)) await write(name, text);
  return { folder, write, ...watch(test, folder) };
}

function watch(test: TestContext, folder: string) {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const registry = new Registry();
  const file = join(folder, 'web.yml');
  let fails = false;
  let refusal: string | undefined;
  const readFile = (path: string): string => {
    if (fails) throw Object.assign(new Error('failed'), { code: 'EIO' });
    return readFileSync(path, 'utf8');
  };
  const loaded = loadWebConfig(file, readFile);
  assert.ok('settings' in loaded);
  const config = new LiveWebConfig({
    clock,
    logger,
    metrics: createWebMetrics(registry),
    source: { file, ...loaded, readFile, load: loadWebConfig },
    prepare: () => {
      if (refusal !== undefined) throw new Error(refusal);
      return () => undefined;
    },
  });
  config.watch();
  test.after(() => config.close());
  /** Advances by a second and waits for what happens in it. */
  const look = async (times = 1): Promise<void> => {
    for (; times > 0; times--) {
      assert.equal(clock.pending(), 1);
      clock.advance(webConfigCheckMs);
      await eventually(
        () => clock.pending(),
        (pending) => pending === 1,
      );
    }
  };
  return {
    config,
    clock,
    look,
    failing: (next: boolean) => void (fails = next),
    refusing: (next: string | undefined) => void (refusal = next),
    told: (): readonly string[] => logger.lines.map(({ event }) => event),
    problems: () => logger.valuesOf('web_config.reload_failed', 'problems').flat(2),
    isGood: async (): Promise<unknown> => (await registry.getSingleMetric(good)?.get())?.values[0]?.value,
    hasToken: (token: string): boolean => config.current.tokenDigests.some((digest) => digest.equals(digestOf(token))),
  };
}

const oneToken = { 'web.yml': 'authorization: {credentials_files: [token]}', token: 'old' };

describe('LiveWebConfig', () => {
  it('applies a change that has been stable for a second, and not before', async (test) => {
    const { write, look, hasToken, told, isGood } = await start(test, oneToken);
    await look(3);
    assert.deepEqual(told(), []);
    await write('token', 'new');
    await look();
    await write('token', 'newer');
    await look();
    assert.ok(hasToken('old'));
    await look();
    assert.ok(hasToken('newer') && !hasToken('old'));
    await look(3);
    assert.deepEqual([told(), await isGood()], [['web_config.reloaded'], 1]);
  });

  it('applies a change between the start and the first look', async (test) => {
    const { write, look, hasToken } = await start(test, oneToken);
    await write('token', 'new');
    await look(2);
    assert.ok(hasToken('new'));
  });

  it('refuses a file that names a missing one, and applies it once that is written', async (test) => {
    const { write, look, hasToken, told, isGood, problems } = await start(test, oneToken);
    await write('web.yml', 'authorization: {credentials_files: [token.next]}');
    await look(2);
    assert.deepEqual([hasToken('old'), await isGood(), told()], [true, 0, ['web_config.reload_failed']]);
    assert.match(String(problems()[0]), /web\.yml:1:37: authorization\.credentials_files\.0: no such file/);
    await look(3);
    await write('token.next', 'new');
    await look(2);
    assert.deepEqual([hasToken('old'), hasToken('new'), await isGood()], [false, true, 1]);
    assert.deepEqual(told(), ['web_config.reload_failed', 'web_config.reloaded']);
  });

  it('follows each file that appears, one after the other, and logs each time what is still wrong', async (test) => {
    const { write, look, hasToken, problems, told } = await start(test, oneToken);
    await write('web.yml', 'authorization: {credentials_files: [one, two, three]}');
    await look(2);
    for (const name of ['three', 'one', 'two']) {
      await write(name, name);
      await look(2);
    }
    assert.ok(['one', 'two', 'three'].every(hasToken));
    assert.equal(problems().length, 3 + 2 + 1);
    assert.equal(told().at(-1), 'web_config.reloaded');
  });

  it('follows a file that was refused and is the old one again', async (test) => {
    const { write, look, isGood, told } = await start(test, oneToken);
    await write('web.yml', 'nonsense');
    await look(2);
    assert.equal(await isGood(), 0);
    await write('web.yml', oneToken['web.yml']);
    await look(2);
    assert.deepEqual([await isGood(), told()], [1, ['web_config.reload_failed', 'web_config.reloaded']]);
  });

  it('applies the swap of one link for all files, as the kubelet does it, at once and as a whole', async (test) => {
    const volume = await MountedVolume.create(oneToken, await temporaryFolder(test, 'volume'));
    const { look, hasToken, told } = watch(test, volume.folder);
    await look(2);
    await volume.write({ 'web.yml': 'authorization: {credentials_files: [token, more]}', token: 'new', more: 'more' });
    await look(2);
    assert.deepEqual([hasToken('old'), hasToken('new'), hasToken('more')], [false, true, true]);
    await volume.write({ 'web.yml': 'authorization: {credentials_files: [token]}', token: 'NEW' });
    await look(2);
    assert.deepEqual([hasToken('new'), hasToken('NEW'), hasToken('more')], [false, true, false]);
    assert.deepEqual(told(), ['web_config.reloaded', 'web_config.reloaded']);
  });

  it('tries again what was refused for a reason that no file shows, and does not log it each time', async (test) => {
    const { write, look, failing, hasToken, told, isGood } = await start(test, oneToken);
    await write('token', 'new');
    failing(true);
    await look(2 + (3 * webConfigRetryMs) / webConfigCheckMs);
    assert.deepEqual([hasToken('old'), await isGood(), told()], [true, 0, ['web_config.reload_failed']]);
    failing(false);
    await look(webConfigRetryMs / webConfigCheckMs);
    assert.deepEqual([hasToken('new'), await isGood()], [true, 1]);
  });

  it('changes nothing if its user cannot apply the change', async (test) => {
    const { write, look, refusing, hasToken, isGood, problems } = await start(test, oneToken);
    await write('token', 'new');
    refusing('this machine has no TLS');
    await look(2);
    assert.deepEqual([hasToken('old'), await isGood()], [true, 0]);
    assert.match(String(problems()[0]), /web\.yml: this machine has no TLS$/);
  });

  it('does not open the door for a file that has just been emptied, however long that takes', async (test) => {
    const { config, write, look, isGood } = await start(test, oneToken);
    await write('web.yml', '');
    await look(30);
    assert.deepEqual([config.current.tokenDigests.length, await isGood()], [1, 0]);
    assert.match(config.reload().join(), /says nothing/);
    await write('web.yml', '{}');
    await look(2);
    assert.deepEqual([config.current.tokenDigests.length, await isGood()], [0, 1]);
  });

  it('follows the files again if a requested configuration was good but was not applied', async (test) => {
    const { config, write, look, hasToken } = await start(test, oneToken);
    await write('token', 'new');
    assert.ok('apply' in config.prepare());
    assert.ok(hasToken('old'));
    await look(2);
    assert.ok(hasToken('new'));
  });
});
