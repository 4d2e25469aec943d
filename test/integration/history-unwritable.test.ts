import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { explainBench, type ExplainBench } from '../../src/app/explain.fixture.ts';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { coverReadOnly, fill, uncover } from '../../torture/faults/storage.ts';

/** The size of the disk, and the most requests that are sent until nothing more can be written. */
const size = '1m';
const mostRequests = 60;

const notAllowed = 'mounting a file system is not allowed here';
const long = 'x'.repeat(4000);

describe('the history, when its disk', () => {
  it('is full, goes on in memory with one warning, refuses no alert, and is written again later', async (t) => {
    await onSmallDisk(t, {}, async (bench, disk) => {
      for (const bytes of [64 * 1024, 4096, 1]) await fill(join(disk, `ballast-${bytes}`), bytes);
      const sent = await postUntilUnwritable(bench);
      for (const bytes of [64 * 1024, 4096, 1]) await rm(join(disk, `ballast-${bytes}`));
      return sent;
    });
  });

  it('becomes read-only in the middle, goes on in memory with one warning, and is written again later', async (t) => {
    // With such a bound, the file that is open, which can still be written, is soon complete.
    await onSmallDisk(t, { history: { max_size: '1MiB' } }, async (bench, disk) => {
      await coverReadOnly(disk);
      const sent = await postUntilUnwritable(bench);
      await uncover(disk);
      return sent;
    });
  });
});

/** @param harm brings it about that nothing can be written, undoes that, and returns the requests that came meanwhile */
async function onSmallDisk(
  t: TestContext,
  config: object,
  harm: (bench: ExplainBench, disk: string) => Promise<readonly string[]>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-history-disk-'));
  const disk = join(folder, 'disk');
  await mkdir(disk);
  let bench: ExplainBench | undefined;
  try {
    if (!mounts('mount', '-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', disk)) return t.skip(notAllowed);
    // The conditions of the pipelines must be written elsewhere.
    await mkdir(join(folder, 'status'));
    await symlink(join(folder, 'status'), join(disk, 'status'));
    bench = await explainBench(t, config, disk);
    await post(bench, 'before');
    await written(disk, 'before');
    const sent = await harm(bench, disk);
    await assertWrittenAgain(bench, disk, ['before', ...sent]);
  } finally {
    await bench?.stop();
    while (mounts('umount', '--lazy', disk));
    await rm(folder, { recursive: true });
  }
}

function mounts(command: string, ...args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

async function post(bench: ExplainBench, id: string): Promise<void> {
  assert.equal(await bench.post([{ labels: { alertname: 'A', id, long } }], id), 200);
}

/** The requests in the history, the newest first. */
async function kept(bench: ExplainBench): Promise<readonly unknown[]> {
  return (await bench.ask('Facts', '/history?event=alerts.received&limit=1000')).items.map(
    (fact) => fact['request_id'],
  );
}

/** The clock of the bench stands still, but a write takes its time. */
async function written(disk: string, id: string): Promise<void> {
  const folder = join(disk, 'history');
  const read = async (): Promise<string> =>
    (await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8')))).join('');
  await eventually(read, (text) => text.includes(`"request_id":"${id}"`));
}

/** Returns the requests that came meanwhile, among them ten after the warning. */
async function postUntilUnwritable(bench: ExplainBench): Promise<readonly string[]> {
  const sent: string[] = [];
  const isTold = (): boolean => bench.logger.linesOf('history.not_writable').length > 0;
  for (let left = 10; left > 0; left -= isTold() ? 1 : 0) {
    const id = `r${sent.length}`;
    await post(bench, id);
    sent.push(id);
    assert.ok(sent.length < mostRequests, 'the storage can still be written');
  }
  assert.deepEqual(
    bench.logger.linesOf('history.not_writable').map(({ level }) => level),
    ['warn'],
  );
  return sent;
}

/** All is in memory; what comes later is on the disk too; and each damaged line is reported. */
async function assertWrittenAgain(bench: ExplainBench, disk: string, sent: readonly string[]): Promise<void> {
  assert.deepEqual(await kept(bench), sent.toReversed());
  await bench.settle(60_000);
  await post(bench, 'after');
  await written(disk, 'after');
  await eventually(
    () => bench.logger.linesOf('history.writable').length,
    (lines) => lines === 1,
  );
  await bench.restart();
  const found = await kept(bench);
  assert.deepEqual([found[0], found.at(-1)], ['after', 'before']);
  const ids = found.map((id) => sent.indexOf(String(id))).filter((index) => index >= 0);
  assert.deepEqual(
    ids,
    ids.toSorted((a, b) => b - a),
  );
  assert.ok(bench.logger.fieldsOf('history.damaged').every(({ lines }) => lines === 1));
}
