import assert from 'node:assert/strict';
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { TestContext } from 'node:test';
import type { Pipeline } from '../reconcile/ports.ts';
import { FolderError } from './folder-error.ts';
import { parseHere, RecordingLogger, condition, temporaryFolder } from './standalone.fixture.ts';
import { StatusFolder } from './status-folder.ts';

const pipeline: Pipeline = {
  apiVersion: 'telemetry.kyma-project.io/v1beta1',
  kind: 'TracePipeline',
  name: 'backend',
  generation: 1,
  spec: {},
  conditions: [],
};
const file = 'status/tracepipeline/backend.yaml';

interface Setup {
  readonly storage: string;
  readonly logger: RecordingLogger;
  readonly status: StatusFolder;
}

async function setUp(test: TestContext): Promise<Setup> {
  const storage = join(await temporaryFolder(test), 'data');
  const logger = new RecordingLogger();
  return { storage, logger, status: new StatusFolder({ storage, logger, parse: parseHere }) };
}

describe('status folder', () => {
  it('makes a folder for each kind and leaves nothing else in it', async (t) => {
    const { storage, status } = await setUp(t);
    await status.open();
    assert.deepEqual((await readdir(join(storage, 'status'), { recursive: true })).sort(), [
      'logpipeline',
      'metricpipeline',
      'tracepipeline',
    ]);
  });

  it('gives back what was written, and overwrites it', async (t) => {
    const { storage, status } = await setUp(t);
    await status.open();
    assert.equal(await status.read(pipeline), undefined);
    for (const reason of ['First', 'Second']) {
      await status.write(pipeline, [condition('A', { reason })]);
      assert.deepEqual(await status.read(pipeline), [condition('A', { reason })]);
    }
    assert.deepEqual(await readdir(join(storage, 'status/tracepipeline')), ['backend.yaml']);
  });

  it('never shows a half-written file under the final name', async (t) => {
    const { storage, status } = await setUp(t);
    await status.open();
    await status.write(pipeline, [condition('A')]);
    const before = (await stat(join(storage, file))).ino;
    await status.write(pipeline, [condition('B')]);
    // Renamed over, not written into: whoever has the old one open reads it to its end.
    assert.notEqual((await stat(join(storage, file))).ino, before);
  });

  it('removes at start what a killed process left, and nothing else', async (t) => {
    const { storage, logger, status } = await setUp(t);
    await status.open();
    await status.write(pipeline, [condition('A')]);
    const folder = join(storage, 'status/tracepipeline');
    await writeFile(join(folder, '.backend.yaml.tmp'), 'apiVersion: tele');
    await writeFile(join(folder, '.note'), 'mine');
    await status.open();
    assert.deepEqual((await readdir(folder)).sort(), ['.note', 'backend.yaml']);
    assert.deepEqual(await status.read(pipeline), [condition('A')]);
    assert.deepEqual(logger.fieldsOf('status.leftovers'), [{ folder, files: 1 }]);
  });

  it('takes a damaged file for none, with a warn line, and can write it anew', async (t) => {
    const { storage, logger, status } = await setUp(t);
    await status.open();
    await writeFile(join(storage, file), 'apiVersion: [');
    assert.equal(await status.read(pipeline), undefined);
    const [line] = logger.lines;
    assert.deepEqual([line?.level, line?.event, line?.fields['file']], ['warn', 'status.damaged', join(storage, file)]);
    assert.match(String(line?.fields['error']), /line 1, column /);
    await status.write(pipeline, [condition('A')]);
    assert.deepEqual(await status.read(pipeline), [condition('A')]);
  });

  it('removes the file of a pipeline, and does not mind if there is none', async (t) => {
    const { storage, status } = await setUp(t);
    await status.open();
    await status.write(pipeline, []);
    await status.remove(pipeline);
    await status.remove(pipeline);
    assert.deepEqual(await readdir(join(storage, 'status/tracepipeline')), []);
  });

  it('makes the folder again if somebody removes it', async (t) => {
    const { storage, status } = await setUp(t);
    await status.open();
    await rm(storage, { recursive: true });
    await status.write(pipeline, [condition('A')]);
    assert.deepEqual(await status.read(pipeline), [condition('A')]);
  });

  it('names the files that belong to no pipeline', async (t) => {
    const { storage, status } = await setUp(t);
    await status.open();
    await status.write(pipeline, []);
    await status.write({ ...pipeline, name: 'other' }, []);
    assert.deepEqual(await status.strangers([pipeline]), [join(storage, 'status/tracepipeline/other.yaml')]);
  });

  it('bears the longest name that a pipeline can have', async (t) => {
    const { status } = await setUp(t);
    await status.open();
    const longest = { ...pipeline, name: 'a'.repeat(253) };
    await status.write(longest, [condition('A')]);
    assert.deepEqual(await status.read(longest), [condition('A')]);
    assert.deepEqual(await status.strangers([longest]), []);
  });

  it('never leaves its folder, whatever the name', async (t) => {
    const { status } = await setUp(t);
    await status.open();
    for (const name of ['../x', '../../x', '/x', '..']) {
      await assert.rejects(status.write({ ...pipeline, name }, []), /cannot be the name of a status file/);
      await assert.rejects(status.remove({ kind: 'TracePipeline', name }), /cannot be the name of a status file/);
    }
  });

  it('says at start that it cannot write, where and why', async (t) => {
    const { storage, status } = await setUp(t);
    await writeFile(storage, 'a file in the place of the folder');
    await assert.rejects(status.open(), (error) => {
      assert.ok(error instanceof FolderError);
      assert.ok(error.message.startsWith(`cannot write in the status folder ${join(storage, 'status/logpipeline')}: `));
      assert.match(error.message, /file.*\((ENOTDIR|EEXIST)\); .*--storage\.path$/);
      return true;
    });
  });

  it('says that a status cannot be written, and leaves no temporary file', async (t) => {
    const { storage, status } = await setUp(t);
    await status.open();
    await mkdir(join(storage, file));
    await assert.rejects(status.write(pipeline, []), (error) => {
      assert.ok(error instanceof FolderError);
      assert.match(
        error.message,
        /^cannot write the status file .*backend\.yaml: a folder stands where a file is needed \(EISDIR\); /,
      );
      return true;
    });
    assert.deepEqual(await readdir(join(storage, 'status/tracepipeline')), ['backend.yaml']);
    assert.equal((await stat(join(storage, file))).isDirectory(), true);
  });
});
