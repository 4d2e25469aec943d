import assert from 'node:assert/strict';
import { mkdir, readFile, readdir, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { sliceMs, SliceSchedule } from '../runtime/slices.ts';
import { PipelineFolder } from './pipeline-folder.ts';
import { condition, manifestText, pipelineFolder, waitUntil, type OpenFolder } from './standalone.fixture.ts';

const never = new AbortController().signal;
const request = { kind: 'LogPipeline', name: 'a' };

function write({ pipelines }: OpenFolder, reason: string): Promise<boolean> {
  return pipelines.updateConditions(
    request,
    (current) => [...current, condition('TelemetryFlowHealthy', { reason })],
    never,
  );
}

function told({ changes }: OpenFolder): readonly string[] {
  return changes.map(({ kind, request: { name } }) => `${kind} ${name}`);
}

function listed({ pipelines }: OpenFolder): readonly string[] {
  return pipelines.list().map(({ name }) => name);
}

describe('pipeline folder while it runs', () => {
  it('takes in very many at once in slices', async (t) => {
    const home = await pipelineFolder(t, {}, 1);
    await home.pipelines.open();
    const names = Array.from({ length: 5 * sliceMs }, (_, n) => `p-${n}`);
    await home.put({ 'many.yaml': names.map((name) => manifestText('LogPipeline', name)).join('---\n') });
    let [seen, most, isDone] = [0, 0, false];
    const look = (): void => {
      most = Math.max(most, home.changes.length - seen);
      seen = home.changes.length;
      if (!isDone) setImmediate(look);
    };
    look();
    await home.pipelines.rescan();
    isDone = true;
    assert.equal(home.changes.length, names.length);
    assert.ok(most <= sliceMs, `${most} changes in one turn of the event loop`);
  });

  it('tells of pipelines that were added, changed and removed, each by a line and a call', async (t) => {
    const home = await pipelineFolder(t, {
      'a.yaml': manifestText('LogPipeline', 'a'),
      'b.yaml': manifestText('LogPipeline', 'b'),
    });
    const { folder, logger, pipelines, put } = home;
    await pipelines.open();
    logger.clear();
    await put({
      'a.yaml': manifestText('LogPipeline', 'a', 'spec: {x: 1}'),
      'b.yaml': undefined,
      'c.yaml': manifestText('LogPipeline', 'c'),
    });
    await pipelines.rescan();
    assert.deepEqual(told(home), ['changed a', 'removed b', 'added c']);
    assert.deepEqual(listed(home), ['a', 'c']);
    assert.deepEqual(pipelines.get(request)?.spec, { x: 1 });
    const kind = 'LogPipeline';
    assert.deepEqual(logger.lines, [
      {
        level: 'info',
        event: 'pipeline.changed',
        msg: 'a pipeline is described differently',
        fields: { kind, name: 'a', file: join(folder, 'a.yaml'), changed: ['spec'] },
      },
      {
        level: 'info',
        event: 'pipeline.removed',
        msg: 'a pipeline was removed, and its status with it',
        fields: { kind, name: 'b', file: join(folder, 'b.yaml') },
      },
      {
        level: 'info',
        event: 'pipeline.added',
        msg: 'a pipeline was added',
        fields: { kind, name: 'c', file: join(folder, 'c.yaml') },
      },
    ]);
  });

  it('says nothing when nothing changed, or only what does not matter', async (t) => {
    const home = await pipelineFolder(t, { 'a.yaml': manifestText('LogPipeline', 'a', 'spec: {x: 1, y: 2}') });
    const { logger, pipelines, put } = home;
    await pipelines.open();
    logger.clear();
    await pipelines.rescan();
    await put({ 'a.yaml': `# a comment\n${manifestText('LogPipeline', 'a', 'spec: {y: 2, x: 1}')}`, 'README.md': 'x' });
    await pipelines.rescan();
    await pipelines.rescan();
    assert.deepEqual([logger.lines, home.changes], [[], []]);
  });

  it('follows by itself: soon after a hint', async (t) => {
    const home = await pipelineFolder(t);
    await home.pipelines.open();
    await home.put({ 'a.yaml': manifestText('LogPipeline', 'a') });
    await waitUntil(() => home.clock.pending() === 2);
    home.clock.advance(100);
    await waitUntil(() => home.changes.length === 1);
    assert.deepEqual(listed(home), ['a']);
  });

  it('follows a mounted ConfigMap, which is swapped by a link', async (t) => {
    const home = await pipelineFolder(t);
    const { folder, clock, pipelines } = home;
    const swap = async (version: string, files: Readonly<Record<string, string>>): Promise<void> => {
      await mkdir(join(folder, version));
      for (const [name, text] of Object.entries(files)) await writeFile(join(folder, version, name), text);
      await symlink(version, join(folder, '..data_tmp'));
      await rename(join(folder, '..data_tmp'), join(folder, '..data'));
    };
    await swap('..2026_1', { 'a.yaml': manifestText('LogPipeline', 'a') });
    await symlink('..data/a.yaml', join(folder, 'a.yaml'));
    await pipelines.open();
    assert.deepEqual(listed(home), ['a']);
    await swap('..2026_2', { 'a.yaml': manifestText('LogPipeline', 'a', 'spec: {x: 2}') });
    clock.advance(5_000);
    await waitUntil(() => home.changes.length === 1);
    assert.deepEqual(pipelines.get(request)?.spec, { x: 2 });
    assert.deepEqual(told(home), ['changed a']);
  });

  it('removes the status with the pipeline, and does not bring it back when the pipeline comes again', async (t) => {
    const home = await pipelineFolder(t, { 'a.yaml': manifestText('LogPipeline', 'a') });
    const { storage, pipelines, put } = home;
    await pipelines.open();
    await write(home, 'Old');
    await put({ 'a.yaml': undefined });
    await pipelines.rescan();
    assert.deepEqual(await readdir(join(storage, 'status/logpipeline')), []);
    await put({ 'a.yaml': manifestText('LogPipeline', 'a') });
    await pipelines.rescan();
    assert.deepEqual(pipelines.get(request)?.conditions, []);
  });

  it('leaves no status behind when a pipeline goes while it is written', async (t) => {
    const home = await pipelineFolder(t, { 'a.yaml': manifestText('LogPipeline', 'a') });
    await home.pipelines.open();
    await home.put({ 'a.yaml': undefined });
    await Promise.all([home.pipelines.rescan(), ...Array.from({ length: 50 }, () => write(home, 'Late'))]);
    assert.equal(home.pipelines.get(request), undefined);
    assert.deepEqual(await readdir(join(home.storage, 'status/logpipeline')), []);
  });

  it('shows an edited condition of the manifest at once, in the status file too', async (t) => {
    const withReason = (reason: string): string => {
      const fields = `type: ConfigurationGenerated, status: "True", reason: ${reason}, lastTransitionTime: "2026-11-21T03:00:00Z"`;
      return manifestText('LogPipeline', 'a', `status: {conditions: [{${fields}}]}`);
    };
    const home = await pipelineFolder(t, { 'a.yaml': withReason('Old') });
    const { storage, pipelines, put } = home;
    await pipelines.open();
    await write(home, 'Ours');
    await put({ 'a.yaml': withReason('New1') });
    await pipelines.rescan();
    assert.deepEqual(
      pipelines.get(request)?.conditions.map(({ reason }) => reason),
      ['New1', 'Ours'],
    );
    assert.match(
      await readFile(join(storage, 'status/logpipeline/a.yaml'), 'utf8'),
      /reason: New1\n[^]*reason: Ours\n/,
    );
    assert.deepEqual(told(home), ['changed a']);
  });

  it('does not write a status when what it shows has not changed', async (t) => {
    const home = await pipelineFolder(t, { 'a.yaml': manifestText('LogPipeline', 'a') });
    const { folder, storage, clock, logger, pipelines, put } = home;
    const inode = async (): Promise<number> => (await stat(join(storage, 'status/logpipeline/a.yaml'))).ino;
    await pipelines.open();
    await write(home, 'Ours');
    const written = await inode();
    await put({ 'a.yaml': manifestText('LogPipeline', 'a', 'spec: {x: 1}') });
    await pipelines.rescan();
    assert.deepEqual(told(home), ['changed a']);
    assert.equal(await inode(), written);
    await pipelines.close();
    const again = new PipelineFolder({
      folder,
      storage,
      clock,
      schedule: new SliceSchedule(clock),
      logger,
      registry: new Registry(),
    });
    await again.open();
    await again.close();
    assert.equal(await inode(), written);
  });
});
