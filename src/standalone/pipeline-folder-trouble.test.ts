import assert from 'node:assert/strict';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { condition, manifestText, pipelineFolder } from './standalone.fixture.ts';
import type { OpenFolder } from './standalone.fixture.ts';

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

describe('pipeline folder in trouble while it runs', () => {
  it('keeps the last good pipelines of a file that becomes broken, and tells once until it changes', async (t) => {
    const home = await pipelineFolder(t, { 'a.yaml': manifestText('LogPipeline', 'a') });
    const { logger, pipelines, put } = home;
    await pipelines.open();
    await put({ 'a.yaml': 'kind: [\n' });
    await pipelines.rescan();
    await pipelines.rescan();
    assert.deepEqual([listed(home), home.changes], [['a'], []]);
    assert.equal(logger.fieldsOf('manifest.invalid').length, 1);
    await put({ 'a.yaml': 'kind: [[[\n' });
    await pipelines.rescan();
    assert.equal(logger.fieldsOf('manifest.invalid').length, 2);
    await put({ 'a.yaml': manifestText('LogPipeline', 'a', 'spec: {x: 1}') });
    await pipelines.rescan();
    assert.deepEqual(told(home), ['changed a']);
  });

  it('tells that a file is good again, also if it says what was used all the while, or is gone', async (t) => {
    const good = manifestText('LogPipeline', 'a');
    const { folder, logger, pipelines, put } = await pipelineFolder(t, { 'a.yaml': good, 'b.yaml': 'kind: [' });
    await pipelines.open();
    await put({ 'a.yaml': 'kind: [' });
    await pipelines.rescan();
    logger.clear();
    await put({ 'a.yaml': good, 'b.yaml': undefined });
    await pipelines.rescan();
    await put({ 'c.yaml': '' });
    await pipelines.rescan();
    assert.deepEqual(logger.events, ['manifest.mended', 'manifest.mended']);
    assert.deepEqual(
      logger.lines.map(({ level, fields: { file } }) => `${level} ${String(file)}`).toSorted(),
      ['a.yaml', 'b.yaml'].map((name) => `info ${join(folder, name)}`),
    );
  });

  it('does not flood the log with the problems of one file', async (t) => {
    const { logger, pipelines } = await pipelineFolder(t, { 'a.yaml': '--- text\n'.repeat(1_000) });
    await pipelines.open();
    assert.equal(logger.fieldsOf('manifest.invalid').length, 21);
    assert.equal(logger.fieldsOf('manifest.invalid').at(-1)?.['more'], 980);
  });

  it('uses the first of two files with the same pipeline, names both once, and the second when the first goes', async (t) => {
    const home = await pipelineFolder(t, {
      'a.yaml': manifestText('LogPipeline', 'a', 'spec: {from: first}'),
      'b.yaml': manifestText('LogPipeline', 'a', 'spec: {from: second}'),
    });
    const { folder, logger, pipelines, put } = home;
    await pipelines.open();
    await put({ 'c.yaml': manifestText('LogPipeline', 'c') });
    await pipelines.rescan();
    const [used, ignored] = [join(folder, 'a.yaml'), join(folder, 'b.yaml')];
    const expected = { kind: 'LogPipeline', name: 'a', used_file: used, ignored_file: ignored };
    assert.deepEqual(logger.fieldsOf('manifest.duplicate'), [expected]);
    assert.deepEqual(pipelines.get(request)?.spec, { from: 'first' });
    await write(home, 'Kept');
    await put({ 'a.yaml': undefined });
    await pipelines.rescan();
    assert.deepEqual(pipelines.get(request)?.spec, { from: 'second' });
    assert.equal(pipelines.get(request)?.conditions[0]?.reason, 'Kept');
    assert.deepEqual(told(home), ['added c', 'changed a']);
    assert.deepEqual(logger.fieldsOf('manifest.mended'), [expected]);
    await put({ 'a.yaml': manifestText('LogPipeline', 'a', 'spec: {from: first}') });
    await pipelines.rescan();
    assert.equal(logger.fieldsOf('manifest.duplicate').length, 2);
  });

  it('keeps the pipelines and their statuses while the folder is gone, warns once, and follows it when it is back', async (t) => {
    const home = await pipelineFolder(t, {
      'a.yaml': manifestText('LogPipeline', 'a'),
      'b.yaml': manifestText('LogPipeline', 'b'),
    });
    const { folder, storage, logger, pipelines } = home;
    await pipelines.open();
    await write(home, 'Kept');
    logger.clear();
    await rename(folder, `${folder}.away`);
    await pipelines.rescan();
    await pipelines.rescan();
    assert.deepEqual([listed(home), home.changes], [['a', 'b'], []]);
    assert.deepEqual(logger.events, ['pipelines.unreadable']);
    assert.equal(logger.lines[0]?.level, 'warn');
    assert.deepEqual(await readdir(join(storage, 'status/logpipeline')), ['a.yaml']);
    await rm(join(`${folder}.away`, 'b.yaml'));
    await rename(`${folder}.away`, folder);
    await pipelines.rescan();
    assert.deepEqual([listed(home), told(home)], [['a'], ['removed b']]);
    assert.deepEqual(logger.events, ['pipelines.unreadable', 'pipelines.readable', 'pipeline.removed']);
  });

  it('goes on when a status file cannot be removed, and says so', async (t) => {
    const home = await pipelineFolder(t, { 'a.yaml': manifestText('LogPipeline', 'a') });
    const { storage, logger, pipelines, put } = home;
    await pipelines.open();
    await mkdir(join(storage, 'status/logpipeline/a.yaml'));
    await put({ 'a.yaml': undefined });
    await pipelines.rescan();
    assert.deepEqual(told(home), ['removed a']);
    assert.match(String(logger.fieldsOf('status.outdated')[0]?.['error']), /cannot remove the status file .*a\.yaml/);
  });

  it('says nothing after it was closed', async (t) => {
    const home = await pipelineFolder(t);
    await home.pipelines.open();
    await home.pipelines.close();
    await home.put({ 'a.yaml': manifestText('LogPipeline', 'a') });
    await home.clock.advanceAsync(20_000);
    await home.pipelines.rescan();
    assert.deepEqual([home.changes, listed(home)], [[], []]);
  });
});
