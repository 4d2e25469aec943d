import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { eventually } from '../runtime/eventually.fixture.ts';
import { isInVolume, noting, type FileStates } from '../runtime/file-watch.ts';
import { MountedVolume } from '../runtime/mounted-volume.fixture.ts';
import { configCheckMs, configRetryMs, ConfigWatch } from './config-watch.ts';
import { temporaryFolder } from '../runtime/temporary-folder.fixture.ts';

/** Follows a file whose text is refused if it is `bad`. */
function follow(test: TestContext, file: string) {
  const clock = new FakeClock();
  const texts: string[] = [];
  let read: FileStates = new Map();
  const load = (): string => {
    const states = new Map<string, string>();
    const text = noting((path) => readFileSync(path, 'utf8'), states)(file);
    read = states;
    return text;
  };
  load();
  const reload = (): Promise<{ needRestart: string[] } | { problems: string[] }> => {
    const text = load();
    texts.push(text);
    return Promise.resolve(text === 'bad' ? { problems: ['bad'] } : { needRestart: [] });
  };
  const watch = new ConfigWatch({ clock, configRead: () => read, reload });
  watch.start();
  test.after(() => watch.close());
  /** Advances by the time between two looks, and waits for what happens then. */
  const look = async (times = 1): Promise<void> => {
    for (; times > 0; times--) {
      clock.advance(configCheckMs);
      await eventually(
        () => clock.pending(),
        (pending) => pending === 1,
      );
    }
  };
  return { clock, watch, look, load, texts };
}

async function volumeOf(test: TestContext, text: string): Promise<MountedVolume> {
  const volume = await MountedVolume.create({ 'tocsin.yml': text });
  test.after(() => volume.remove());
  return volume;
}

describe('ConfigWatch', () => {
  it('reloads the file once when the kubelet has swapped it, within three seconds', async (test) => {
    const volume = await volumeOf(test, 'first');
    const { look, texts } = follow(test, volume.path('tocsin.yml'));
    await look(3);
    assert.deepEqual(texts, []);
    await volume.write({ 'tocsin.yml': 'second' });
    await look(3);
    assert.deepEqual(texts, ['second']);
    await look(3);
    assert.deepEqual(texts, ['second']);
  });

  it('reloads it although its text has the same length', async (test) => {
    const volume = await volumeOf(test, 'one');
    const { look, texts } = follow(test, volume.path('tocsin.yml'));
    for (const text of ['two', 'six', 'two']) {
      await volume.write({ 'tocsin.yml': text });
      await look(2);
    }
    assert.deepEqual(texts, ['two', 'six', 'two']);
  });

  it('does not reload again what a signal has read', async (test) => {
    const volume = await volumeOf(test, 'first');
    const { look, load, texts } = follow(test, volume.path('tocsin.yml'));
    await volume.write({ 'tocsin.yml': 'second' });
    load();
    await look(3);
    assert.deepEqual(texts, []);
  });

  it('waits for the end of a file that somebody is writing', async (test) => {
    const folder = await temporaryFolder(test, 'config-watch');
    const file = join(folder, 'tocsin.yml');
    await writeFile(file, 'first');
    const { look, texts } = follow(test, file);
    for (const text of ['s', 'seco', 'second']) {
      await writeFile(file, text);
      await look();
    }
    assert.deepEqual(texts, []);
    await look();
    assert.deepEqual(texts, ['second']);
  });

  it('tries a refused file again after a while, and at once when it changes', async (test) => {
    const volume = await volumeOf(test, 'good');
    const { look, texts } = follow(test, volume.path('tocsin.yml'));
    await volume.write({ 'tocsin.yml': 'bad' });
    await look(2);
    assert.deepEqual(texts, ['bad']);
    await look(configRetryMs / configCheckMs + 1);
    assert.deepEqual(texts, ['bad', 'bad']);
    await volume.write({ 'tocsin.yml': 'good' });
    await look(2);
    assert.deepEqual(texts, ['bad', 'bad', 'good']);
    await look(2 * (configRetryMs / configCheckMs));
    assert.deepEqual(texts, ['bad', 'bad', 'good']);
  });

  it('leaves no timer behind', async (test) => {
    const volume = await volumeOf(test, 'first');
    const { clock, watch } = follow(test, volume.path('tocsin.yml'));
    watch.close();
    assert.equal(clock.pending(), 0);
  });

  it('follows nothing if there is no file to follow', () => {
    const clock = new FakeClock();
    new ConfigWatch({ clock, reload: () => Promise.reject(new Error('not asked')) }).start();
    assert.equal(clock.pending(), 0);
  });
});

describe('isInVolume', () => {
  it('knows a file in a folder of a mounted ConfigMap, and a link to one', async (test) => {
    const volume = await volumeOf(test, 'text');
    await mkdir(volume.path('..data/sub'));
    await writeFile(volume.path('..data/sub/tocsin.yml'), 'text');
    await symlink('..data/sub', volume.path('sub'));
    const folder = await temporaryFolder(test, 'config-watch');
    await symlink(volume.path('tocsin.yml'), join(folder, 'link.yml'));
    assert.deepEqual([volume.path('sub/tocsin.yml'), join(folder, 'link.yml')].map(isInVolume), [true, true]);
  });

  it('knows a mounted ConfigMap, and no plain file and no link of a person', async (test) => {
    const volume = await volumeOf(test, 'text');
    const folder = await temporaryFolder(test, 'config-watch');
    await writeFile(join(folder, 'tocsin.yml'), 'text');
    await symlink('tocsin.yml', join(folder, 'link.yml'));
    const files = [
      volume.path('tocsin.yml'),
      join(folder, 'tocsin.yml'),
      join(folder, 'link.yml'),
      join(folder, 'none'),
    ];
    assert.deepEqual(files.map(isInVolume), [true, false, false, false]);
  });
});
