import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Condition, Pipeline } from '../reconcile/ports.ts';
import type { Manifest } from './manifest-file.ts';
import { PipelineMemory, sortedRequests } from './pipeline-memory.ts';
import { inOneGo } from '../runtime/slices.fixture.ts';
import { condition } from './standalone.fixture.ts';

const request = { kind: 'LogPipeline', name: 'a' };
const none: ReadonlyMap<string, readonly Condition[]> = new Map();

function manifests(...conditions: readonly Condition[]): ReadonlyMap<string, Manifest> {
  const pipeline: Pipeline = { ...request, apiVersion: 'v', generation: 1, spec: {}, conditions };
  return new Map([['LogPipeline/a', { pipeline, file: 'f' }]]);
}

function replace(
  memory: PipelineMemory,
  next: ReadonlyMap<string, Manifest>,
  stored: ReadonlyMap<string, readonly Condition[]>,
): void {
  memory.replace(next, inOneGo(sortedRequests(next)), stored);
}

function reasons(memory: PipelineMemory): readonly string[] | undefined {
  return memory.get(request)?.conditions.map(({ type, reason }) => `${type}=${reason}`);
}

describe('sortedRequests', () => {
  it('gives the requests by kind, then by name', () => {
    const names = ['b/x', 'a/z', 'a/y', 'b/a'];
    const all = names.map((key) => {
      const [kind = '', name = ''] = key.split('/');
      const pipeline: Pipeline = { kind, name, apiVersion: 'v', generation: 1, spec: {}, conditions: [] };
      return [key, { pipeline, file: 'f' }] as const;
    });
    assert.deepEqual(
      inOneGo(sortedRequests(new Map(all))).map(({ kind, name }) => `${kind}/${name}`),
      names.toSorted(),
    );
  });
});

describe('pipeline memory', () => {
  it('overlays what was stored with the manifest, of our type only', () => {
    const memory = new PipelineMemory();
    const stored = [condition('TelemetryFlowHealthy', { reason: 'Stored' }), condition('A', { reason: 'Stored' })];
    replace(memory, manifests(condition('A', { reason: 'Manifest' })), new Map([['LogPipeline/a', stored]]));
    assert.deepEqual(reasons(memory), ['A=Manifest', 'TelemetryFlowHealthy=Stored']);
  });

  it('puts ours in the place of the one that the manifest has', () => {
    const memory = new PipelineMemory();
    replace(
      memory,
      manifests(condition('TelemetryFlowHealthy', { reason: 'Manifest' }), condition('A', { reason: 'X' })),
      none,
    );
    assert.deepEqual(reasons(memory), ['TelemetryFlowHealthy=Manifest', 'A=X']);
    memory.setWritten(request, [condition('TelemetryFlowHealthy', { reason: 'Ours' })]);
    assert.deepEqual(reasons(memory), ['TelemetryFlowHealthy=Ours', 'A=X']);
  });

  it('keeps what was written when the manifest changes, and takes the rest from the new one', () => {
    const memory = new PipelineMemory();
    replace(memory, manifests(condition('A', { reason: 'Old' })), none);
    memory.setWritten(request, [
      condition('A', { reason: 'Old' }),
      condition('TelemetryFlowHealthy', { reason: 'Ours' }),
    ]);
    replace(memory, manifests(condition('A', { reason: 'New' })), none);
    assert.deepEqual(reasons(memory), ['A=New', 'TelemetryFlowHealthy=Ours']);
  });

  it('forgets a pipeline that is gone, with what was written for it', () => {
    const memory = new PipelineMemory();
    replace(memory, manifests(), none);
    memory.setWritten(request, [condition('TelemetryFlowHealthy')]);
    replace(memory, new Map(), none);
    assert.deepEqual([memory.get(request), memory.list()], [undefined, []]);
    memory.setWritten(request, [condition('TelemetryFlowHealthy')]);
    assert.equal(memory.get(request), undefined);
    replace(memory, manifests(), none);
    assert.deepEqual(reasons(memory), []);
    assert.equal(memory.hasWritten(request), false);
  });

  it('knows no pipeline in a namespace: the kinds are cluster-scoped', () => {
    const memory = new PipelineMemory();
    replace(memory, manifests(), none);
    assert.equal(memory.get({ ...request, namespace: 'default' }), undefined);
  });
});
