import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Pipeline } from '../reconcile/ports.ts';
import { requestKey } from '../reconcile/request.ts';
import type { ManifestFile } from './manifest-file.ts';
import * as merge from './manifest-merge.ts';
import { inOneGo } from '../runtime/slices.fixture.ts';
import { condition } from './standalone.fixture.ts';

function pipelineNamed(name: string, overrides: Partial<Pipeline> = {}): Pipeline {
  const base = { apiVersion: 'telemetry.kyma-project.io/v1beta1', kind: 'LogPipeline', generation: 1 };
  return { ...base, name, spec: {}, conditions: [], ...overrides };
}

function file(path: string, ...pipelines: readonly Pipeline[]): ManifestFile {
  return { path, signature: '', pipelines, problems: [] };
}

type Manifests = merge.MergedManifests['manifests'];

function mergeManifests(files: readonly ManifestFile[]): merge.MergedManifests {
  return inOneGo(merge.mergeManifests(files));
}

function diffManifests(before: Manifests, after: Manifests): readonly merge.ManifestDifference[] {
  return inOneGo(merge.diffManifests(before, after));
}

function merged(...files: readonly ManifestFile[]): Manifests {
  return mergeManifests(files).manifests;
}

describe('merged manifests', () => {
  it('takes the first file by name where two describe the same pipeline, in whatever order they were read', () => {
    const files = [
      file('b', pipelineNamed('x')),
      file('a', pipelineNamed('x')),
      file('c', pipelineNamed('x'), pipelineNamed('y')),
    ];
    for (const order of [files, files.toReversed()]) {
      const { manifests, duplicates } = mergeManifests(order);
      assert.equal(manifests.get('LogPipeline/x')?.file, 'a');
      assert.equal(manifests.get('LogPipeline/y')?.file, 'c');
      assert.deepEqual(
        duplicates.map(({ usedFile, ignoredFile }) => [usedFile, ignoredFile]),
        [
          ['a', 'b'],
          ['a', 'c'],
        ],
      );
    }
  });

  it('tells a pipeline that stands twice in one file', () => {
    const { duplicates } = mergeManifests([file('a', pipelineNamed('x'), pipelineNamed('x', { generation: 2 }))]);
    assert.deepEqual(duplicates, [{ request: { kind: 'LogPipeline', name: 'x' }, usedFile: 'a', ignoredFile: 'a' }]);
  });

  it('does not take pipelines of different kinds for the same', () => {
    assert.equal(
      mergeManifests([file('a', pipelineNamed('x'), pipelineNamed('x', { kind: 'TracePipeline' }))]).duplicates.length,
      0,
    );
  });
});

describe('difference of manifests', () => {
  it('names what was added, changed and removed, by kind and name', () => {
    const before = merged(file('a', pipelineNamed('gone'), pipelineNamed('same'), pipelineNamed('other')));
    const changed = pipelineNamed('other', {
      generation: 2,
      spec: { a: 1 },
      conditions: [condition('A')],
      apiVersion: 'x',
    });
    const after = merged(file('a', changed, pipelineNamed('same'), pipelineNamed('new', { kind: 'A' })));
    assert.deepEqual(diffManifests(before, after), [
      { kind: 'added', request: { kind: 'A', name: 'new' }, file: 'a', parts: [] },
      { kind: 'removed', request: { kind: 'LogPipeline', name: 'gone' }, file: 'a', parts: [] },
      {
        kind: 'changed',
        request: { kind: 'LogPipeline', name: 'other' },
        file: 'a',
        parts: ['apiVersion', 'generation', 'spec', 'conditions'],
      },
    ]);
  });

  it('sees no difference in the order of keys, or in the file that a pipeline stands in', () => {
    const before = merged(file('a', pipelineNamed('x', { spec: { a: 1, b: [1, 2] } })));
    const after = merged(file('b', pipelineNamed('x', { spec: { b: [1, 2], a: 1 } })));
    assert.deepEqual(diffManifests(before, after), []);
  });

  it('leads from any set of pipelines to any other', () => {
    const pipelines = fc.uniqueArray(
      fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd'), generation: fc.integer({ min: 1, max: 3 }) }),
      { selector: ({ name }) => name },
    );
    fc.assert(
      fc.property(pipelines, pipelines, (first, second) => {
        const [before, after] = [first, second].map((set) =>
          merged(file('a', ...set.map(({ name, generation }) => pipelineNamed(name, { generation })))),
        );
        assert.ok(before && after);
        const result = new Map([...before].map(([key, { pipeline }]) => [key, pipeline]));
        for (const { kind, request } of diffManifests(before, after)) {
          const key = requestKey(request);
          assert.equal(result.has(key), kind !== 'added');
          if (kind === 'removed') result.delete(key);
          else result.set(key, after.get(key)?.pipeline as Pipeline);
        }
        assert.deepEqual(
          new Map([...result].sort()),
          new Map([...after].map(([key, { pipeline }]) => [key, pipeline] as const).sort()),
        );
      }),
    );
  });
});
