import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { MountedVolume } from '../../src/runtime/mounted-volume.fixture.ts';
import type { LogLine } from '../support/log-lines.ts';
import { startTocsin, type TocsinProcess } from '../support/tocsin-process.ts';

interface Problems {
  readonly items: readonly { readonly name: string; readonly message: string; readonly advice: string }[];
}

describe('a configuration in a mounted ConfigMap', () => {
  let volume: MountedVolume;
  let tocsin: TocsinProcess;

  before(async () => {
    volume = await MountedVolume.create({ 'tocsin.yml': 'receiver: { max_alerts: 10 }\n' });
    tocsin = await startTocsin({ args: [`--config.file=${volume.path('tocsin.yml')}`] });
  });

  after(async () => {
    await Promise.allSettled([tocsin?.stop(), volume?.remove()]);
  });

  const value = async (name: string): Promise<number> => {
    const page = await (await fetch(`${tocsin.url}/metrics`)).text();
    return Number(new RegExp(`^${name} (.*)$`, 'm').exec(page)?.[1]);
  };
  const problems = async (): Promise<Problems['items']> =>
    ((await (await fetch(`${tocsin.url}/api/tocsin/v1/problems`)).json()) as Problems).items;
  const names = async (): Promise<readonly string[]> => (await problems()).map(({ name }) => name);
  /** Swaps the file, and waits for the line that the reload writes. */
  const swap = async (text: string, event: string): Promise<LogLine> => {
    const seen = tocsin.log.all.length;
    await volume.write({ 'tocsin.yml': text });
    return tocsin.log.waitForLine((line) => line.event === event, 30_000, seen);
  };

  it('takes effect by itself when the kubelet swaps the link', async () => {
    const { triggers, changed } = await swap('receiver: { max_alerts: 1, idle_timeout: 3m }\n', 'config.reloaded');
    assert.deepEqual(triggers, ['file']);
    assert.deepEqual(changed, ['receiver.max_alerts', 'receiver.idle_timeout']);
    assert.equal((await fetch(`${tocsin.url}/-/healthy`)).headers.get('keep-alive'), 'timeout=180');
    assert.equal(await value('tocsin_config_last_reload_successful'), 1);
    assert.deepEqual(await problems(), []);
  });

  it('changes nothing if it is wrong, and says so in the log, as a gauge and as a problem until it is corrected', async () => {
    const failed = await swap('receiver: { max_alert: 5 }\n', 'config.reload_failed');
    assert.match(
      String(failed['problems']),
      /tocsin\.yml:1:13: receiver\.max_alert: unknown key, did you mean "max_alerts"/,
    );
    assert.equal((await fetch(`${tocsin.url}/-/healthy`)).headers.get('keep-alive'), 'timeout=180');
    assert.equal(await value('tocsin_config_last_reload_successful'), 0);
    assert.equal(await value('tocsin_problems\\{problem="config_refused"\\}'), 1);
    const [problem] = await problems();
    assert.equal(problem?.name, 'config_refused');
    assert.match(
      problem.message,
      /^the configuration file is not good, and the one read before still runs: .*max_alert/,
    );
    await swap('receiver: { max_alerts: 1 }\n', 'config.reloaded');
    assert.equal(await value('tocsin_config_last_reload_successful'), 1);
    await eventually(names, ({ length }) => length === 0);
  });

  it('says which keys need a restart, for as long as the file has other values than those that run', async () => {
    const { keys } = await swap('receiver: { max_headers: 50, max_alerts: 2 }\n', 'config.restart_needed');
    assert.deepEqual(keys, ['receiver.max_headers']);
    const [problem] = await problems();
    assert.equal(problem?.name, 'config_needs_restart');
    assert.match(problem.message, /: receiver\.max_headers$/);
    await swap('receiver: { max_alerts: 2 }\n', 'config.reloaded');
    await eventually(names, ({ length }) => length === 0);
  });
});

describe('--config.watch=on', () => {
  it('reloads a plain file when it changes', async (test) => {
    const tocsin = await startTocsin({ config: 'receiver: { max_alerts: 10 }\n', args: ['--config.watch=on'] });
    test.after(() => tocsin.stop());
    await writeFile(join(tocsin.folder, 'tocsin.yml'), 'receiver: { max_alerts: 11 }\n');
    const { changed } = await tocsin.log.waitForLine(({ event }) => event === 'config.reloaded');
    assert.deepEqual(changed, ['receiver.max_alerts']);
  });
});
