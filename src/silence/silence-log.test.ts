import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { testSilence } from './silence.fixture.ts';
import type { Silence } from './silence.ts';
import { SilenceLog } from './silence-log.ts';

describe('SilenceLog', () => {
  it('returns what was appended, each silence in its last version', async (t) => {
    const { log, reopen } = await opened(t);
    const store = new Map<string, Silence>();
    await append(log, store, [testSilence('a', { comment: 'één\n<&>\u2028' }), testSilence('b')]);
    await append(log, store, [testSilence('a', { endsAt: 5 })]);

    assert.deepEqual(ids((await reopen()).silences), ['a', 'b']);
    const { silences, logger } = await reopen();
    assert.deepEqual(silences, [testSilence('a', { endsAt: 5 }), testSilence('b')]);
    assert.deepEqual(logger.lines, []);
  });

  it('loses no complete record and reads no incomplete one, wherever the file is cut off', async (t) => {
    const { bytes, ends, file, reopen } = await threeRecords(t);
    for (let size = 0; size <= bytes.length; size++) {
      await writeFile(file, bytes.subarray(0, size));
      const { log, silences, logger } = await reopen();
      // A record is complete even without the end of its line.
      const whole = ends.filter((end) => end - 1 <= size).length;
      assert.deepEqual(ids(silences), ['a', 'b', 'c'].slice(0, whole), `cut off at ${size}`);
      const isClean = [0, ...ends].some((end) => size === end || size === end - 1);
      assert.deepEqual(events(logger), isClean ? [] : ['silences.cut_off'], `cut off at ${size}`);
      const store = new Map(silences.map((silence) => [silence.id, silence]));
      await append(log, store, [testSilence('d')]);
      assert.deepEqual(ids((await reopen()).silences), ids(store.values()), `cut off at ${size}, and appended to`);
    }
  });

  it('loses at most one record, loudly, and keeps the file, whichever byte is damaged', async (t) => {
    const { bytes, ends, file, folder, reopen } = await threeRecords(t);
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at] = bytes[at]! ^ 0x11;
      await writeFile(file, damaged);
      const { silences, logger } = await reopen();
      const lost = ends.findIndex((end) => at < end);
      const isLineEnd = ends.includes(at + 1);
      const kept = isLineEnd ? ['a', 'b', 'c'] : ['a', 'b', 'c'].toSpliced(lost, 1);
      if (at === bytes.length - 1) continue;
      assert.deepEqual(ids(silences), kept, `damaged at ${at}`);
      assert.deepEqual(events(logger), ['silences.damaged'], `damaged at ${at}`);
      const [aside, ...others] = (await readdir(folder)).filter((name) => name.includes('.damaged-'));
      assert.deepEqual([others, await readFile(join(folder, aside!))], [[], damaged]);
      await rm(join(folder, aside!));
      const again = await reopen();
      assert.deepEqual([ids(again.silences), again.logger.lines], [kept, []]);
    }
  });

  it('sets aside a file that has another format', async (t) => {
    const { file, folder, reopen } = await opened(t);
    await writeFile(file, 'hello\nworld\n');
    const { silences, logger } = await reopen();
    assert.deepEqual([silences, events(logger)], [[], ['silences.damaged']]);
    assert.equal((await readdir(folder)).length, 2);
  });

  it('keeps annotations of any name', async (t) => {
    const { log, reopen } = await opened(t);
    const annotations = Object.fromEntries([['__proto__', 'x']]);
    await append(log, new Map(), [testSilence('a', { annotations })]);
    assert.deepEqual((await reopen()).silences[0]?.annotations, annotations);
  });

  it('is rewritten when most of it is history', async (t) => {
    const { log, file, reopen } = await opened(t);
    const store = new Map<string, Silence>();
    const comment = 'x'.repeat(10_000);
    for (let round = 0; round < 300; round++) await append(log, store, [testSilence('a', { comment, endsAt: round })]);
    assert.ok((await stat(file)).size < 1.2 * 1024 * 1024, String((await stat(file)).size));
    assert.deepEqual((await reopen()).silences, [testSilence('a', { comment, endsAt: 299 })]);
  });

  it('keeps the time up to which starts and ends were logged, even when it is rewritten', async (t) => {
    const { log, file, reopen } = await opened(t);
    const store = new Map<string, Silence>();
    assert.equal((await reopen()).toldUntil, undefined);
    const again = await reopen();
    await Promise.all([
      again.log.noteLogged(5),
      append(again.log, store, [testSilence('a')]),
      again.log.noteLogged(7),
      append(again.log, store, [testSilence('b')]),
    ]);
    const { log: third, silences, toldUntil, logger } = await reopen();
    assert.deepEqual([ids(silences), toldUntil, logger.lines], [['a', 'b'], 7, []]);
    await rm(file);
    await third.noteLogged(8);
    await append(third, store, [testSilence('c')]);
    const { silences: all, toldUntil: last } = await reopen();
    assert.deepEqual([ids(all), last], [['a', 'b', 'c'], 8]);
    await log.close();
  });

  it('rewrites everything when its folder has been removed', async (t) => {
    const { log, folder, reopen } = await opened(t);
    const store = new Map<string, Silence>();
    await append(log, store, [testSilence('a')]);
    await rm(folder, { recursive: true });
    await append(log, store, [testSilence('b')]);
    assert.deepEqual(ids((await reopen()).silences), ['a', 'b']);
  });

  it('refuses a change that cannot be written, keeps the others, and goes on once it can', async (t) => {
    const { log, folder, reopen } = await opened(t);
    const store = new Map<string, Silence>();
    await append(log, store, [testSilence('a')]);
    await rm(folder, { recursive: true });
    await writeFile(folder, 'a file where the folder was');
    await assert.rejects(
      log.append([[testSilence('b')]], () => [testSilence('a'), testSilence('b')]),
      {
        name: 'StorageError',
        message: /^the silence could not be stored: .*\(\w+\); nothing has changed$/,
      },
    );
    await rm(folder);
    await append(log, store, [testSilence('c')]);
    assert.deepEqual(ids((await reopen()).silences), ['a', 'c']);
  });

  it('says at the start that nothing can be stored, even if there is no file yet', async (t) => {
    const { log, file, folder, reopen } = await opened(t);
    await log.close();
    await rm(folder, { recursive: true });
    await writeFile(folder, 'a file where the folder should be');
    const { log: again, silences, logger } = await reopen();
    assert.deepEqual([silences, events(logger)], [[], ['silences.not_writable']]);
    assert.deepEqual(logger.lines[0]?.fields['file'], file);
    await assert.rejects(
      again.append([[testSilence('a')]], () => [testSilence('a')]),
      {
        message:
          'the silence could not be stored: the path of the storage is not a folder (EEXIST); nothing has changed',
      },
    );
    await rm(folder);
    await append(again, new Map(), [testSilence('b')]);
    assert.deepEqual(ids((await reopen()).silences), ['b']);
  });

  it('starts without silences, loudly, if the file cannot be read', async (t) => {
    const { file, folder, reopen, log } = await opened(t);
    await log.close();
    await rm(file, { force: true });
    await mkdir(file);
    const { silences, logger } = await reopen();
    assert.deepEqual([silences, events(logger)], [[], ['silences.damaged']]);
    assert.ok((await readdir(folder)).includes('silences.log'));
  });
});

interface Opened {
  readonly log: SilenceLog;
  readonly silences: readonly Silence[];
  readonly toldUntil: number | undefined;
  readonly logger: RecordingLogger;
}

async function opened(t: TestContext) {
  const root = await mkdtemp(join(tmpdir(), 'silence-log-'));
  const folder = join(root, 'data');
  const logs: SilenceLog[] = [];
  t.after(async () => {
    for (const log of logs) await log.close();
    await rm(root, { recursive: true });
  });
  const reopen = async (): Promise<Opened> => {
    await logs.pop()?.close();
    const logger = new RecordingLogger();
    const log = new SilenceLog({ folder, clock: new FakeClock(), logger });
    logs.push(log);
    return { log, ...(await log.open()), logger };
  };
  const { log } = await reopen();
  await append(log, new Map(), []);
  return { log, folder, file: join(folder, 'silences.log'), reopen };
}

async function append(log: SilenceLog, store: Map<string, Silence>, silences: readonly Silence[]): Promise<void> {
  for (const silence of silences) store.set(silence.id, silence);
  await log.append([silences], () => store.values());
}

async function threeRecords(t: TestContext) {
  const all = await opened(t);
  await all.log.close();
  await rm(all.file);
  const store = new Map<string, Silence>();
  const ends: number[] = [];
  const { log } = await all.reopen();
  for (const id of ['a', 'b', 'c']) {
    await append(log, store, [testSilence(id, { comment: 'ü' })]);
    ends.push((await stat(all.file)).size);
  }
  return { ...all, ends, bytes: await readFile(all.file) };
}

function ids(silences: Iterable<Silence>): string[] {
  return [...silences].map(({ id }) => id);
}

function events({ lines }: RecordingLogger): string[] {
  return lines.map(({ event }) => event);
}
