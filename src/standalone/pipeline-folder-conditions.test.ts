import assert from 'node:assert/strict';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Condition } from '../reconcile/ports.ts';
import { FolderError } from './folder-error.ts';
import type { PipelineFolder } from './pipeline-folder.ts';
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

describe('pipeline folder, conditions', () => {
  it('writes the status file, and shows what was written', async (t) => {
    const extra = `spec: {x: 1}\n${statusText('A', 'Manifest')}`;
    const { storage, pipelines } = await pipelineFolder(t, { 'a.yaml': manifestText('LogPipeline', 'a', extra) });
    await pipelines.open();
    await pipelines.updateConditions(request, setFlow('One'), never);
    assert.deepEqual(reasons(pipelines), ['A=Manifest', 'TelemetryFlowHealthy=One']);
    assert.deepEqual(pipelines.get(request)?.spec, { x: 1 });
    assert.match(
      await readFile(join(storage, statusOfA), 'utf8'),
      /reason: Manifest\n.*\n.*type: A\n[^]*reason: One\n/,
    );
  });

  it('writes nothing when there is nothing to change, or no such pipeline', async (t) => {
    const { storage, pipelines } = await pipelineFolder(t, { 'a.yaml': manifestText('LogPipeline', 'a') });
    await pipelines.open();
    await pipelines.updateConditions(request, () => undefined, never);
    await pipelines.updateConditions({ kind: 'LogPipeline', name: 'none' }, () => assert.fail(), never);
    assert.deepEqual(await readdir(join(storage, 'status/logpipeline')), []);
  });

  it('takes over a status file that somebody else edits or removes, and tells of it once', async (t) => {
    const { storage, pipelines, changes, logger } = await pipelineFolder(t, {
      'a.yaml': manifestText('LogPipeline', 'a'),
      'b.yaml': manifestText('LogPipeline', 'b'),
    });
    await pipelines.open();
    await pipelines.updateConditions(request, setFlow('One'), never);
    await pipelines.rescan();
    assert.deepEqual(changes, []);
    const file = join(storage, statusOfA);
    const steps: readonly (readonly [edit: () => Promise<void>, expected: readonly string[]])[] = [
      [
        async () => writeFile(file, (await readFile(file, 'utf8')).replace('One', 'Other')),
        ['TelemetryFlowHealthy=Other'],
      ],
      [() => writeFile(file, 'garbage: ['), []],
      [() => rm(file), []],
    ];
    for (const [edit, expected] of steps) {
      await edit();
      await pipelines.rescan();
      await pipelines.rescan();
      assert.deepEqual(reasons(pipelines), expected);
    }
    assert.deepEqual(
      changes,
      steps.map(() => ({ kind: 'changed', request })),
    );
    assert.deepEqual(
      logger.fieldsOf('status.edited'),
      steps.map(() => request),
    );
    await pipelines.updateConditions(request, setFlow('Two'), never);
    await pipelines.rescan();
    assert.equal(changes.length, steps.length);
    assert.match(await readFile(file, 'utf8'), /reason: Two/);
  });

  it('never interleaves two updates of a pipeline: each sees what the one before wrote', async (t) => {
    const { storage, pipelines } = await pipelineFolder(t, { 'a.yaml': manifestText('LogPipeline', 'a') });
    await pipelines.open();
    const append = (current: readonly Condition[]): readonly Condition[] =>
      setFlow(`${current[0]?.reason ?? ''}x`)(current);
    await Promise.all(Array.from({ length: 20 }, () => pipelines.updateConditions(request, append, never)));
    assert.deepEqual(reasons(pipelines), [`TelemetryFlowHealthy=${'x'.repeat(20)}`]);
    assert.match(await readFile(join(storage, statusOfA), 'utf8'), new RegExp(`reason: x{20}\n`));
  });

  it('rejects when the status cannot be written, and keeps in memory what the file has', async (t) => {
    const { storage, pipelines } = await pipelineFolder(t, { 'a.yaml': manifestText('LogPipeline', 'a') });
    await pipelines.open();
    await pipelines.updateConditions(request, setFlow('One'), never);
    await rm(join(storage, 'status/logpipeline'), { recursive: true });
    await writeFile(join(storage, 'status/logpipeline'), 'a file in the place of the folder');
    await assert.rejects(pipelines.updateConditions(request, setFlow('Two'), never), (error) => {
      assert.ok(error instanceof FolderError);
      assert.match(error.message, /^cannot write the status file .*a\.yaml: .*\(ENOTDIR\); .*--storage\.path$/);
      return true;
    });
    assert.deepEqual(reasons(pipelines), ['TelemetryFlowHealthy=One']);
    await rm(join(storage, 'status/logpipeline'));
    await pipelines.updateConditions(request, setFlow('Three'), never);
    assert.deepEqual(reasons(pipelines), ['TelemetryFlowHealthy=Three']);
  });

  it('rejects with the reason of an aborted signal, and writes nothing', async (t) => {
    const { storage, pipelines } = await pipelineFolder(t, { 'a.yaml': manifestText('LogPipeline', 'a') });
    await pipelines.open();
    const signal = AbortSignal.abort(new Error('deadline'));
    await assert.rejects(pipelines.updateConditions(request, setFlow('One'), signal), /deadline/);
    assert.deepEqual(await readdir(join(storage, 'status/logpipeline')), []);
  });

  it('waits at close for a write that is under way', async (t) => {
    const { storage, pipelines } = await pipelineFolder(t, { 'a.yaml': manifestText('LogPipeline', 'a') });
    await pipelines.open();
    void pipelines.updateConditions(request, setFlow('Late'), never);
    await pipelines.close();
    assert.match(await readFile(join(storage, statusOfA), 'utf8'), /reason: Late/);
  });
});
