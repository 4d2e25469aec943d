import assert from 'node:assert/strict';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import type { Condition } from '../reconcile/ports.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import { PipelineFolder } from './pipeline-folder.ts';
import { condition, manifestText, pipelineFolder } from './standalone.fixture.ts';

const never = new AbortController().signal;
const request = { kind: 'LogPipeline', name: 'a' };
const statusOfA = 'status/logpipeline/a.yaml';

/** A change like the reconciler's: sets our condition and leaves the others. */
function setFlow(reason: string): (current: readonly Condition[]) => readonly Condition[] {
  return (current) => [
    ...current.filter(({ type }) => type !== 'TelemetryFlowHealthy'),
    condition('TelemetryFlowHealthy', { reason }),
  ];
}

function statusText(type: string, reason: string): string {
  return `status:\n  conditions:\n    - {type: ${type}, status: "True", reason: ${reason}, lastTransitionTime: "2026-11-21T03:00:00Z"}`;
}

function reasons(pipelines: PipelineFolder): readonly string[] | undefined {
  return pipelines.get(request)?.conditions.map(({ type, reason }) => `${type}=${reason}`);
}

describe('pipeline folder at start', () => {
  it('lists every pipeline by kind and name, and tells how many in one line', async (t) => {
    const { folder, logger, pipelines, changes } = await pipelineFolder(t, {
      'z.yaml': manifestText('LogPipeline', 'b'),
      'a.yml': `${manifestText('TracePipeline', 'a')}---\n${manifestText('LogPipeline', 'a')}`,
      'm.json': JSON.stringify({
        apiVersion: 'telemetry.kyma-project.io/v1beta1',
        kind: 'MetricPipeline',
        metadata: { name: 'c' },
      }),
      '.hidden.yaml': 'broken: [',
      'README.md': 'not a manifest',
    });
    await pipelines.open();
    assert.deepEqual(
      pipelines.list().map(({ kind, name }) => `${kind}/${name}`),
      ['LogPipeline/a', 'LogPipeline/b', 'MetricPipeline/c', 'TracePipeline/a'],
    );
    const kinds = { LogPipeline: 2, MetricPipeline: 1, TracePipeline: 1 };
    assert.deepEqual(logger.lines, [
      {
        level: 'info',
        event: 'pipelines.listed',
        msg: 'the pipelines folder has been read',
        fields: { folder, files: 3, pipelines: 4, kinds },
      },
    ]);
    assert.deepEqual(changes, []);
  });

  it('lists a thousand manifests', async (t) => {
    const names = Array.from({ length: 1_000 }, (_, index) => `p${String(index).padStart(4, '0')}`);
    const files = Object.fromEntries(names.map((name) => [`${name}.yaml`, manifestText('TracePipeline', name)]));
    const { pipelines } = await pipelineFolder(t, files);
    await pipelines.open();
    assert.deepEqual(
      pipelines.list(),
      names.map((name) => ({ kind: 'TracePipeline', name })),
    );
  });

  it('warns of an empty folder, and goes on', async (t) => {
    const { logger, pipelines } = await pipelineFolder(t);
    await pipelines.open();
    assert.deepEqual(
      logger.lines.map(({ level, event }) => [level, event]),
      [
        ['info', 'pipelines.listed'],
        ['warn', 'pipelines.none'],
      ],
    );
  });

  it('says what is wrong with a missing folder, and makes no storage folder then', async (t) => {
    const { folder, storage, pipelines } = await pipelineFolder(t);
    await rm(folder, { recursive: true });
    await assert.rejects(pipelines.open(), {
      name: 'FolderError',
      message: `cannot read the pipelines folder ${folder}: it does not exist (ENOENT); create it, or name another folder with --pipelines.folder`,
    });
    await assert.rejects(readdir(storage), { code: 'ENOENT' });
  });

  it('says that a file is no folder', async (t) => {
    const { folder, pipelines } = await pipelineFolder(t);
    await rm(folder, { recursive: true });
    await writeFile(folder, '');
    await assert.rejects(
      pipelines.open(),
      /^FolderError: cannot read the pipelines folder .*: .*not a folder \(ENOTDIR\); /,
    );
  });

  it('says that the statuses cannot be written', async (t) => {
    const { storage, pipelines } = await pipelineFolder(t, { 'a.yaml': manifestText('LogPipeline', 'a') });
    await writeFile(storage, 'a file in the place of the folder');
    await assert.rejects(
      pipelines.open(),
      /^FolderError: cannot write in the status folder .*\((ENOTDIR|EEXIST)\); .*--storage\.path$/,
    );
  });

  it('goes on past broken manifests, names each with its place, and never lets a name lead out of the folder', async (t) => {
    const { folder, storage, logger, pipelines } = await pipelineFolder(t, {
      'a.yaml': manifestText('LogPipeline', 'a'),
      'b.yaml': `${manifestText('LogPipeline', '../../escape')}---\nkind: [\n`,
    });
    await pipelines.open();
    assert.deepEqual(pipelines.list(), [request]);
    assert.deepEqual(
      logger.fieldsOf('manifest.invalid').map(({ file, line, column }) => [file, line, column]),
      [
        [join(folder, 'b.yaml'), 4, 9],
        [join(folder, 'b.yaml'), 8, 1],
      ],
    );
    await pipelines.updateConditions({ kind: 'LogPipeline', name: '../../escape' }, setFlow('X'), never);
    assert.deepEqual(
      (await readdir(storage, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()),
      [],
    );
  });

  it('takes its own condition from the status file and every other one from the manifest', async (t) => {
    const extra = statusText('ConfigurationGenerated', 'Old');
    const { storage, logger, clock, folder, pipelines, put } = await pipelineFolder(t, {
      'a.yaml': manifestText('LogPipeline', 'a', extra),
    });
    await pipelines.open();
    await pipelines.updateConditions(request, setFlow('Written'), never);
    await pipelines.close();
    await put({ 'a.yaml': manifestText('LogPipeline', 'a', statusText('ConfigurationGenerated', 'New')) });
    const again = new PipelineFolder({
      folder,
      storage,
      clock,
      schedule: new SliceSchedule(clock),
      logger,
      registry: new Registry(),
    });
    await again.open();
    assert.deepEqual(reasons(again), ['ConfigurationGenerated=New', 'TelemetryFlowHealthy=Written']);
    assert.match(await readFile(join(storage, statusOfA), 'utf8'), /reason: New/);
    await again.close();
  });

  it('removes what a killed process left, and takes a damaged status for none', async (t) => {
    const { storage, logger, pipelines } = await pipelineFolder(t, { 'a.yaml': manifestText('LogPipeline', 'a') });
    await mkdir(join(storage, 'status/logpipeline'), { recursive: true });
    await writeFile(join(storage, 'status/logpipeline/.a.yaml.tmp'), 'apiVersion: tele');
    await writeFile(join(storage, statusOfA), 'apiVersion: tele');
    await pipelines.open();
    assert.deepEqual(reasons(pipelines), []);
    assert.deepEqual(logger.events, ['status.leftovers', 'status.damaged', 'pipelines.listed']);
    assert.deepEqual(await readdir(join(storage, 'status/logpipeline')), ['a.yaml']);
  });

  it('tells of status files without a pipeline, and leaves them', async (t) => {
    const { storage, logger, pipelines } = await pipelineFolder(t, { 'a.yaml': manifestText('LogPipeline', 'a') });
    await mkdir(join(storage, 'status/logpipeline'), { recursive: true });
    const stranger = join(storage, 'status/logpipeline/old.yaml');
    await writeFile(stranger, manifestText('LogPipeline', 'old'));
    await pipelines.open();
    assert.deepEqual(logger.fieldsOf('status.stranger'), [{ count: 1, files: [stranger] }]);
    assert.ok(await readFile(stranger));
  });
});
