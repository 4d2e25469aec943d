import assert from 'node:assert/strict';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { FolderWatch } from './folder-watch.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { waitUntil } from './standalone.fixture.ts';
import { temporaryFolder } from '../runtime/temporary-folder.fixture.ts';

interface Setup {
  readonly folder: string;
  readonly clock: FakeClock;
  readonly logger: RecordingLogger;
  readonly watch: FolderWatch;
  /** Resolvers of the scans that have begun; `scans.length` is the number of scans. */
  readonly scans: (() => void)[];
}

/** With `held`, each scan lasts until the test ends it. */
async function setUp(test: TestContext, held = false): Promise<Setup> {
  const folder = join(await temporaryFolder(test), 'pipelines');
  await mkdir(folder);
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const scans: (() => void)[] = [];
  let running = 0;
  const scan = async (): Promise<void> => {
    assert.equal(++running, 1, 'two scans at once');
    const { promise, resolve } = Promise.withResolvers<void>();
    scans.push(resolve);
    if (held) await promise;
    running--;
  };
  const watch = new FolderWatch({ folder, scan, clock, logger });
  test.after(async () => {
    for (const end of scans) end();
    await watch.close();
    assert.equal(clock.pending(), 0, 'a timer was left');
  });
  await watch.start();
  return { folder, clock, logger, watch, scans };
}

describe('folder watch', () => {
  it('scans every five seconds, counted from the end of the last scan', async (t) => {
    const { clock, watch, scans } = await setUp(t, true);
    clock.advance(4_999);
    assert.equal(scans.length, 0);
    clock.advance(1);
    await waitUntil(() => scans.length === 1);
    assert.equal(clock.pending(), 0);
    scans[0]?.();
    await waitUntil(() => clock.pending() === 1);
    clock.advance(5_000);
    await waitUntil(() => scans.length === 2);
    scans[1]?.();
    await watch.close();
  });

  it('scans 100 ms after the last of several hints', async (t) => {
    const { folder, clock, scans } = await setUp(t);
    await writeFile(join(folder, 'a.yaml'), '');
    await waitUntil(() => clock.pending() === 2);
    clock.advance(99);
    assert.equal(scans.length, 0);
    clock.advance(1);
    await waitUntil(() => scans.length === 1);
  });

  it('scans after five seconds at the latest while hints keep coming', async (t) => {
    const { folder, clock, scans } = await setUp(t);
    let waited = 0;
    for (; scans.length === 0 && waited < 10_000; waited += 50) {
      await writeFile(join(folder, 'a.yaml'), String(waited));
      await new Promise((resolve) => setImmediate(resolve));
      await clock.advanceAsync(50);
    }
    assert.ok(waited <= 5_050, `${waited} ms`);
  });

  it('never runs two scans at once, and promises each caller one that began after the call', async (t) => {
    const { watch, scans } = await setUp(t, true);
    const order: string[] = [];
    const first = watch.rescan().then(() => order.push('first'));
    await waitUntil(() => scans.length === 1);
    const later = [watch.rescan(), watch.rescan()].map((rescan) => rescan.then(() => order.push('later')));
    scans[0]?.();
    await first;
    await waitUntil(() => scans.length === 2);
    assert.deepEqual(order, ['first']);
    scans[1]?.();
    await Promise.all(later);
    assert.equal(scans.length, 2);
  });

  it('goes on after a scan that failed', async (t) => {
    const folder = await temporaryFolder(t);
    const [clock, logger] = [new FakeClock(), new RecordingLogger()];
    const scan = (): Promise<void> => Promise.reject(new Error('bug'));
    const watch = new FolderWatch({ folder, scan, clock, logger });
    await watch.start();
    await watch.rescan();
    await watch.rescan();
    assert.deepEqual(logger.events, ['pipelines.rescan_failed', 'pipelines.rescan_failed']);
    assert.equal(clock.pending(), 1);
    await watch.close();
    assert.equal(clock.pending(), 0);
  });

  it('gets hints of a folder that was replaced, after the next scan', async (t) => {
    const { folder, clock, watch, scans } = await setUp(t);
    await rename(folder, `${folder}.old`);
    await mkdir(folder);
    await watch.rescan();
    const before = scans.length;
    await writeFile(join(folder, 'a.yaml'), '');
    await waitUntil(() => clock.pending() === 2);
    clock.advance(100);
    await waitUntil(() => scans.length === before + 1);
  });

  it('goes on without hints while the folder is missing', async (t) => {
    const { folder, clock, watch, scans } = await setUp(t);
    await rm(folder, { recursive: true });
    await watch.rescan();
    const before = scans.length;
    clock.advance(5_000);
    await waitUntil(() => scans.length === before + 1);
  });

  it('waits at close for the scan that runs, and scans no more', async (t) => {
    const { clock, watch, scans } = await setUp(t, true);
    const running = watch.rescan();
    await waitUntil(() => scans.length === 1);
    let isClosed = false;
    const closed = watch.close().then(() => (isClosed = true));
    await clock.advanceAsync(10_000);
    assert.equal(isClosed, false);
    scans[0]?.();
    await Promise.all([closed, running]);
    await watch.rescan();
    await watch.close();
    assert.equal(scans.length, 1);
  });

  it('lets go of a caller who waits for the next scan when it is closed', async (t) => {
    const { watch, scans } = await setUp(t, true);
    void watch.rescan();
    await waitUntil(() => scans.length === 1);
    const queued = watch.rescan();
    const closed = watch.close();
    scans[0]?.();
    await Promise.all([closed, queued]);
    assert.equal(scans.length, 1);
  });
});
