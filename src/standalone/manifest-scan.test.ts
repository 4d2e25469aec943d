import assert from 'node:assert/strict';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import { FolderError } from './folder-error.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import { folderBytes, manifestBytes } from './manifest-file.ts';
import { systemClock } from '../runtime/clock.ts';
import { ManifestScan, mapBounded } from './manifest-scan.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { parseHere, manifestText } from './standalone.fixture.ts';
import { temporaryFolder } from '../runtime/temporary-folder.fixture.ts';

const schedule = new SliceSchedule(systemClock);

describe('manifest scan', () => {
  it('gives the very same map while no file changes', async (t) => {
    const folder = await temporaryFolder(t);
    await writeFile(join(folder, 'a.yaml'), manifestText('LogPipeline', 'a'));
    const scan = new ManifestScan({
      folder,
      logger: new RecordingLogger(),
      parse: parseHere,
      schedule,
      registry: new Registry(),
    });
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
    const scan = new ManifestScan({
      folder,
      logger: new RecordingLogger(),
      parse: parseHere,
      schedule,
      registry: new Registry(),
    });
    assert.deepEqual([...(await scan.next()).keys()], ['LogPipeline/ayaml', 'LogPipeline/byml', 'LogPipeline/cjson']);
    assert.equal(scan.fileCount, 3);
  });

  it('takes no file that has no room beside the others, counts and tells it once, and takes it when there is room', async (t) => {
    const folder = await temporaryFolder(t);
    const logger = new RecordingLogger();
    const registry = new Registry();
    const scan = new ManifestScan({ folder, logger, parse: parseHere, schedule, registry });
    const put = (name: string, bytes: number): Promise<void> =>
      writeFile(join(folder, `${name}.yaml`), padded(manifestText('LogPipeline', name), bytes));
    const keys = async (): Promise<string> => [...(await scan.next()).keys()].join().replaceAll('LogPipeline/', '');
    const count = async (): Promise<number | undefined> => {
      const { values } = await registry.getSingleMetric('tocsin_manifest_limit_reached_total')!.get();
      return values.find(({ labels }) => labels['limit'] === 'manifest_folder_size')?.value;
    };
    assert.equal(await count(), 0);
    await put('b', manifestBytes);
    await put('c', folderBytes - manifestBytes - 1000);
    assert.equal(await keys(), 'b,c');
    await put('a', 1001);
    await put('d', 900);
    for (const _ of [1, 2]) assert.equal(await keys(), 'b,c,d', 'one that came later ousts nobody, whatever its name');
    const [line, more] = logger.fieldsOf('manifest.invalid');
    assert.equal(more, undefined);
    assert.deepEqual(line, {
      file: join(folder, 'a.yaml'),
      line: 1,
      column: 1,
      problem: `does not fit: all files of the folder may have ${folderBytes} bytes together; remove what is not needed`,
      limit: 'manifest_folder_size',
    });
    assert.equal(await count(), 1);
    await put('d', 1200);
    assert.equal(await keys(), 'b,c,d', 'one that has grown keeps what it had');
    assert.equal(await count(), 2);
    await put('c', 1000);
    await keys();
    assert.equal(await keys(), 'a,b,c,d');
  });

  it('counts what broken files keep of their pipelines, however often they change', async (t) => {
    const folder = await temporaryFolder(t);
    const scan = new ManifestScan({
      folder,
      logger: new RecordingLogger(),
      parse: parseHere,
      schedule,
      registry: new Registry(),
    });
    const path = join(folder, 'a.yaml');
    let pipelines = 0;
    for (let turn = 0; turn < 6; turn++) {
      const text = padded(manifestText('LogPipeline', `p${turn}`), 3 * 1024 * 1024);
      await writeFile(path, `${text}\n---\nkind: [`);
      pipelines = (await scan.next()).size;
    }
    assert.equal(pipelines, 2, 'a third text of 3 MiB is too much beside what two others left');
  });

  it('never takes a folder that goes while it is read for one whose files were removed', async (t) => {
    const base = await temporaryFolder(t);
    const [folder, away] = [join(base, 'pipelines'), join(base, 'away')];
    await mkdir(folder);
    const names = Array.from({ length: 100 }, (_, index) => `p${index}`);
    await Promise.all(names.map((name) => writeFile(join(folder, `${name}.yaml`), manifestText('LogPipeline', name))));
    const scan = new ManifestScan({
      folder,
      logger: new RecordingLogger(),
      parse: parseHere,
      schedule,
      registry: new Registry(),
    });
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

/** Appends empty documents, each of which is small enough. */
function padded(text: string, bytes: number): string {
  return text.padEnd(bytes, `\n---\n#${'x'.repeat(1000)}`);
}

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
