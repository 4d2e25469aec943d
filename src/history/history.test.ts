import assert from 'node:assert/strict';
import {
  appendFile,
  mkdir,
  mkdtemp,
  open as openFile,
  readdir,
  readFile,
  rm,
  writeFile,
  type FileHandle,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Registry, type Counter, type Gauge } from 'prom-client';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { eventually } from '../runtime/eventually.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import type { Fact } from './fact.ts';
import { History, type HistoryConfig } from './history.ts';
import type { FactQuery } from './read-facts.ts';

const defaults: HistoryConfig = { retention: 86_400_000, max_size: 1024 ** 2, payloads: 100 };

let folder: string;
let clock: FakeClock;
let logger: RecordingLogger;
const opened: History[] = [];

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'tocsin-history-')), 'history');
  clock = new FakeClock();
  logger = new RecordingLogger();
});

afterEach(async () => {
  for (const history of opened.splice(0)) await history.close();
  await rm(join(folder, '..'), { recursive: true, force: true });
  assert.equal(clock.pending(), 0);
});

async function open(
  config: Partial<HistoryConfig> | (() => HistoryConfig) = {},
  registry = new Registry(),
): Promise<History> {
  const current = typeof config === 'function' ? config : () => ({ ...defaults, ...config });
  const schedule = new SliceSchedule(clock);
  const options = { clock, schedule, logger, registry, folder };
  const history = new History({ ...options, config: current });
  await history.open();
  opened.push(history);
  return history;
}

/** A killed process leaves only what it has written. */
async function end(history: History): Promise<void> {
  opened.splice(opened.indexOf(history), 1);
  await history.close();
}

function tell(history: History, request: string, text = ''): void {
  history.keep('info', 'alerts.received', 'alerts came in', { request_id: request, text });
}

async function requests(history: History, query: FactQuery = {}): Promise<readonly unknown[]> {
  const facts: Fact[] = [];
  for await (const fact of history.newestFirst(query)) facts.push(fact);
  return facts.map((fact) => fact['request_id']);
}

async function onDisk(): Promise<readonly Fact[]> {
  const names = (await readdir(folder).catch(() => [])).toSorted();
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  return texts.flatMap((text) => text.split('\n').slice(0, -1)).map((line) => JSON.parse(line) as Fact);
}

describe('History', () => {
  it('returns its lines, the newest first, and from an id on', async () => {
    const history = await open();
    for (const request of ['r1', 'r2', 'r3']) tell(history, request);
    assert.deepEqual(await requests(history), ['r3', 'r2', 'r1']);
    const { firstId, lastId } = history.range!;
    assert.deepEqual(await requests(history, { before: lastId }), ['r2', 'r1']);
    assert.deepEqual(await requests(history, { after: firstId }), ['r3', 'r2']);
    assert.deepEqual(await requests(history, { needles: ['"r2"'] }), ['r2']);
  });

  it('writes complete JSON lines within a second', async () => {
    const history = await open();
    tell(history, 'r1');
    await clock.advanceAsync(999);
    assert.deepEqual(await readdir(folder).catch(() => []), []);
    await clock.advanceAsync(1);
    await history.flush();
    assert.deepEqual(
      (await onDisk()).map(({ event, time }) => [event, time]),
      [['alerts.received', '2026-11-21T03:00:00.000Z']],
    );
  });

  it('has the same content after a restart, and continues with higher ids', async () => {
    const first = await open();
    for (const request of ['r1', 'r2']) tell(first, request);
    await first.flush();
    await end(first);
    // The clock was set back meanwhile.
    clock.set(-3_600_000);
    const second = await open();
    tell(second, 'r3');
    assert.deepEqual(await requests(second), ['r3', 'r2', 'r1']);
    await second.flush();
    const ids = (await onDisk()).map(({ id }) => id);
    assert.deepEqual(
      ids,
      ids.toSorted((a, b) => a - b),
    );
    assert.equal(new Set(ids).size, 3);
  });

  it('skips damaged and cut-off lines, reports that, and loses nothing else', async () => {
    const first = await open();
    for (const request of ['r1', 'r2', 'r3']) tell(first, request);
    await first.flush();
    await end(first);
    const [name] = await readdir(folder);
    const path = join(folder, name!);
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('"request_id":"r2"', '"request_id":"r2'));
    await appendFile(path, '{"id":1,"time":"2026-');
    const second = await open();
    assert.deepEqual(await requests(second), ['r3', 'r1']);
    assert.deepEqual(logger.valuesOf('history.damaged', 'lines'), [[2]]);
  });

  it('is not carried away by a line whose id cannot be, nor by files that are named so', async () => {
    const first = await open();
    tell(first, 'r1');
    await first.flush();
    await end(first);
    const [name] = await readdir(folder);
    const text = await readFile(join(folder, name!), 'utf8');
    const line = text.split('\n')[0]!.replace(/"id":\d+/, `"id":${Number.MAX_SAFE_INTEGER}`);
    await appendFile(join(folder, name!), `${line}\n`);
    await writeFile(join(folder, '9007199254740991.jsonl'), `${line}\n`);
    await writeFile(join(folder, '9999999999999999.jsonl'), text);
    await writeFile(join(folder, '0000000000000000.jsonl'), text);
    const second = await open();
    tell(second, 'r2');
    assert.deepEqual(await requests(second), ['r2', 'r1']);
    await second.flush();
    await end(second);
    assert.deepEqual(await requests(await open()), ['r2', 'r1']);
  });

  it('passes over a file that does not consist of lines', async () => {
    await mkdir(join(folder, '0000000000000001.jsonl'), { recursive: true });
    await writeFile(join(folder, '0000000000000002.jsonl'), Buffer.alloc(1000));
    await writeFile(join(folder, 'README'), 'not ours');
    const history = await open();
    tell(history, 'r1');
    assert.deepEqual(await requests(history), ['r1']);
    assert.ok((await readdir(folder)).includes('README'));
  });

  it('keeps memory and disk within max_size, and reports once a minute what it forgot', async () => {
    const history = await open();
    for (let round = 0; round < 40; round++) {
      for (let index = 0; index < 50; index++) tell(history, `r${round}.${index}`, 'x'.repeat(2000));
      await clock.advanceAsync(1000);
      await history.flush();
    }
    const disk = await onDisk();
    const bytes = disk.reduce((sum, fact) => sum + JSON.stringify(fact).length + 1, 0);
    assert.ok(bytes <= defaults.max_size && bytes > defaults.max_size / 2, `${bytes} bytes on the disk`);
    const [newest] = await requests(history);
    assert.equal(newest, 'r39.49');
    assert.equal(disk.at(-1)?.['request_id'], 'r39.49');
    const told = logger.fieldsOf('history.forgotten').length;
    assert.equal(told, 1);
    await clock.advanceAsync(60_000);
    for (let index = 0; index < 1000; index++) tell(history, `s${index}`, 'x'.repeat(2000));
    await history.flush();
    assert.equal(logger.fieldsOf('history.forgotten').length, 2);
  });

  it('forgets what is older than the retention, also on the disk, and does not report that as early', async () => {
    const history = await open({ retention: 3_600_000 });
    tell(history, 'old', 'x'.repeat(200_000));
    await history.flush();
    await clock.advanceAsync(3_600_001);
    tell(history, 'new', 'x'.repeat(200_000));
    assert.deepEqual(await requests(history), ['new']);
    await clock.advanceAsync(3_600_001);
    tell(history, 'newer');
    await history.flush();
    await clock.advanceAsync(3_600_001);
    tell(history, 'newest');
    await history.flush();
    assert.deepEqual(logger.fieldsOf('history.forgotten'), []);
  });

  it('goes on in memory if the storage cannot be written, warns once, and writes again once it can', async () => {
    await mkdir(join(folder, '..'), { recursive: true });
    await writeFile(folder, 'a file in the place of the folder');
    const history = await open();
    tell(history, 'r1');
    await history.flush();
    tell(history, 'r2');
    await history.flush();
    await clock.advanceAsync(60_000);
    tell(history, 'r3');
    await history.flush();
    assert.deepEqual(await requests(history), ['r3', 'r2', 'r1']);
    assert.equal(logger.linesOf('history.not_writable').length, 1);
    await rm(folder);
    await clock.advanceAsync(60_000);
    tell(history, 'r4');
    await history.flush();
    assert.equal(logger.linesOf('history.writable').length, 1);
    assert.deepEqual(
      (await onDisk()).map((fact) => fact['request_id']),
      ['r4'],
    );
  });

  it('warns of a disk that takes only a part of a write, and goes on in another file', async (t) => {
    const history = await open();
    tell(history, 'r1');
    await history.flush();
    const file = await openFile(join(folder, (await readdir(folder))[0]!), 'r');
    const handle = Object.getPrototypeOf(file) as FileHandle;
    await file.close();
    // As a disk does on which ten bytes are left, until somebody removes a file.
    const { mock } = t.mock.method(handle, 'writev');
    mock.mockImplementationOnce(async function <T extends readonly NodeJS.ArrayBufferView[]>(
      this: FileHandle,
      buffers: T,
    ) {
      const { bytesWritten } = await this.write(buffers[0]!, 0, 10);
      return { bytesWritten, buffers };
    }, 0);
    const full = Object.assign(new Error('full'), { code: 'ENOSPC' });
    mock.mockImplementationOnce(() => Promise.reject(full), 1);
    tell(history, 'r2');
    await history.flush();
    assert.deepEqual(logger.valuesOf('history.not_writable', 'error'), [[full]]);
    await clock.advanceAsync(60_000);
    tell(history, 'r3');
    await history.flush();
    await end(history);
    const next = await open();
    assert.deepEqual(await requests(next), ['r3', 'r1']);
    assert.deepEqual(logger.valuesOf('history.damaged', 'lines'), [[1]]);
  });

  it('keeps and writes nothing with a retention of 0', async () => {
    let config = { ...defaults, retention: 0 };
    const history = await open(() => config);
    tell(history, 'r1');
    assert.equal(history.wants('alert.new'), false);
    assert.deepEqual(await requests(history), []);
    assert.deepEqual(await readdir(folder).catch(() => []), []);
    config = defaults;
    history.reconfigure();
    tell(history, 'r2');
    assert.deepEqual(await requests(history), ['r2']);
    config = { ...defaults, retention: 0 };
    history.reconfigure();
    assert.deepEqual(await requests(history), []);
  });

  it('accepts lines about single alerts at a bounded rate, and lines about runs always', async () => {
    const history = await open();
    const wanted = (event: string): number =>
      Array.from({ length: 3000 }, () => history.wants(event)).filter(Boolean).length;
    assert.equal(wanted('alert.new'), 100);
    clock.advance(1000);
    assert.equal(wanted('alert.resolved'), 100);
    assert.equal(wanted('condition.unchanged'), 3000);
    assert.equal(wanted('app.closed'), 0);
  });

  it('keeps the lines about requests at a bounded rate, and counts the rest', async () => {
    const history = await open();
    for (let index = 0; index < 1500; index++) tell(history, `r${index}`);
    assert.equal((await requests(history)).length, 1000);
    assert.equal(logger.fieldsOf('history.forgotten')[0]?.['lost'], 1);
    clock.advance(100);
    for (let index = 0; index < 1500; index++) tell(history, `s${index}`);
    assert.equal((await requests(history)).length, 1100);
  });

  it('calls its followers soon, and no longer once they have unsubscribed', async () => {
    const history = await open();
    let calls = 0;
    const unfollow = history.follow(() => void calls++);
    tell(history, 'r1');
    await clock.advanceAsync(100);
    await history.flush();
    assert.equal(calls, 1);
    unfollow();
    tell(history, 'r2');
    await history.flush();
    assert.equal(calls, 1);
  });

  it('stays within its size, however many lines come at once, and counts those that it forgot', async () => {
    const registry = new Registry();
    const history = await open({}, registry);
    for (let index = 0; index < 60_000; index++) history.keep('info', 'event.emitted', '', { request_id: `r${index}` });
    const size = registry.getSingleMetric('tocsin_history_size_bytes') as Gauge;
    const [memory] = (await size.get()).values;
    assert.ok(memory!.value <= defaults.max_size, `${memory!.value} bytes`);
    const kept = await requests(history);
    assert.equal(kept[0], 'r59999');
    await history.flush();
    const forgotten = registry.getSingleMetric('tocsin_history_forgotten_total') as Counter;
    assert.equal((await forgotten.get()).values[0]?.value, 60_000 - kept.length);
    assert.equal(logger.linesOf('history.forgotten').length, 1);
  });

  it('accepts a bounded number of lines before it is opened, and reports how many it lost', async () => {
    const options = { clock, schedule: new SliceSchedule(clock), logger, registry: new Registry(), folder };
    const history = new History({ ...options, config: () => defaults });
    for (let index = 0; index < 2000; index++) history.keep('info', 'event.emitted', '', { request_id: `r${index}` });
    assert.equal(logger.fieldsOf('history.forgotten')[0]?.['lost'], 1);
    await history.open();
    opened.push(history);
    const kept = await requests(history);
    assert.deepEqual([kept.length, kept[0], kept.at(-1)], [1000, 'r999', 'r0']);
    assert.equal(history.lostLately, 1000);
    await clock.advanceAsync(3_600_000);
    assert.equal(history.lostLately, 0);
  });

  it('does not wait for a second to write when there is much to write', async () => {
    const history = await open();
    for (let index = 0; index < 10; index++) tell(history, `r${index}`, 'x'.repeat(20_000));
    await eventually(
      () => onDisk(),
      (facts) => facts.length > 0,
    );
  });

  it('writes all lines in order, even if more came at once than it writes at once', async () => {
    let config = { ...defaults, max_size: 64 * 1024 ** 2 };
    const history = await open(() => config);
    const tellLong = (count: number): void => {
      for (let index = 0; index < count; index++)
        history.keep('info', 'event.emitted', '', { labels: { text: 'x'.repeat(64 * 1024) } });
    };
    tellLong(400);
    assert.equal((await requests(history)).length, 400);
    await history.flush();
    const ids = (await onDisk()).map(({ id }) => id);
    assert.deepEqual(
      ids,
      Array.from({ length: 400 }, (_, index) => ids[0]! + index),
    );
    tellLong(20);
    for (const retention of [0, defaults.retention]) {
      config = { ...config, retention };
      history.reconfigure();
    }
    tellLong(200);
    assert.equal((await requests(history)).length, 200);
  });
});
