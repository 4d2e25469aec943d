import assert from 'node:assert/strict';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FolderError } from './folder-error.ts';
import { SliceSchedule } from '../runtime/slice-schedule.ts';
import { systemClock } from '../runtime/clock.ts';
import { ManifestScan, mapBounded } from './manifest-scan.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { parseHere, manifestText, temporaryFolder } from './standalone.fixture.ts';

const schedule = new SliceSchedule(systemClock);

describe('manifest scan', () => {
  it('gives the very same map while no file changes', async (t) => {
    const folder = await temporaryFolder(t);
    await writeFile(join(folder, 'a.yaml'), manifestText('LogPipeline', 'a'));
    const scan = new ManifestScan({ folder, logger: new RecordingLogger(), parse: parseHere, schedule });
    const first = await scan.next();
    assert.equal(await scan.next(), first);
    await writeFile(join(folder, 'b.yaml'), manifestText('LogPipeline', 'b'));
    assert.deepEqual([...(await scan.next()).keys()], ['LogPipeline/a', 'LogPipeline/b']);
  });

  it('reads the files with the known endings that are not hidden', async (t) => {
    const folder = await temporaryFolder(t);
    const names = ['a.yaml', 'b.yml', 'c.json', '.d.yaml', 'e.yaml.bak', 'f.txt', 'yaml', '.yaml', 'a.yaml~'];
    for (const name of names)
      await writeFile(join(folder, name), manifestText('LogPipeline', name.toLowerCase().replaceAll(/[^a-z]/g, '')));
    const scan = new ManifestScan({ folder, logger: new RecordingLogger(), parse: parseHere, schedule });
    assert.deepEqual([...(await scan.next()).keys()], ['LogPipeline/ayaml', 'LogPipeline/byml', 'LogPipeline/cjson']);
    assert.equal(scan.fileCount, 3);
  });

  it('never takes a folder that goes while it is read for one whose files were removed', async (t) => {
    const base = await temporaryFolder(t);
    const [folder, away] = [join(base, 'pipelines'), join(base, 'away')];
    await mkdir(folder);
    const names = Array.from({ length: 100 }, (_, index) => `p${index}`);
    await Promise.all(names.map((name) => writeFile(join(folder, `${name}.yaml`), manifestText('LogPipeline', name))));
    const scan = new ManifestScan({ folder, logger: new RecordingLogger(), parse: parseHere, schedule });
    const listed = await scan.next();
    // Each time, the folder disappears at another moment of the scan.
    for (let turns = 0; turns < 20; turns++) {
      const looked = scan.next().catch((error: unknown) => error);
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
      await rename(folder, away);
      const result = await looked;
      assert.ok(result === listed || result instanceof FolderError, `after ${turns} turns`);
      await rename(away, folder);
    }
  });
});

describe('bounded map', () => {
  it('runs each item once, never more than the limit at a time, and keeps the order of the results', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 50 }),
        fc.integer({ min: 1, max: 8 }),
        async (items, limit) => {
          let running = 0;
          let most = 0;
          const results = await mapBounded(items, limit, async (turns) => {
            most = Math.max(most, ++running);
            for (let turn = 0; turn < turns; turn++) await Promise.resolve();
            running--;
            return turns * 2;
          });
          assert.deepEqual(
            results,
            items.map((turns) => turns * 2),
          );
          assert.equal(most, Math.min(limit, items.length));
        },
      ),
    );
  });

  it('rejects when a task does', async () => {
    const task = (item: number): Promise<number> =>
      item === 2 ? Promise.reject(new Error('two')) : Promise.resolve(item);
    await assert.rejects(mapBounded([1, 2, 3], 2, task), /two/);
  });
});
