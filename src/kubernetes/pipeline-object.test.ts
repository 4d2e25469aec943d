import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { flavourOf } from '../health/flow-health.ts';
import { needsReconcile, readConditions, toCachedPipeline } from './pipeline-object.ts';

const served = {
  apiVersion: 'telemetry.kyma-project.io/v1beta1',
  kind: 'LogPipeline',
  path: '/apis/telemetry.kyma-project.io/v1beta1/logpipelines',
};
const condition = {
  type: 'ConfigurationGenerated',
  status: 'True',
  reason: 'Fine',
  message: 'm',
  lastTransitionTime: '2026-11-21T03:00:00Z',
} as const;
const object = {
  metadata: {
    name: 'a',
    uid: 'u',
    resourceVersion: '7',
    generation: 3,
    managedFields: [{ manager: 'kubectl' }],
    annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}' },
  },
  spec: {
    input: { runtime: { enabled: true } },
    output: { otlp: { endpoint: { value: 'secret' } }, http: null },
    files: [1],
  },
  status: { conditions: [{ ...condition, extra: 1 }] },
};

describe('toCachedPipeline', () => {
  it('keeps what a reconcile needs, and nothing else', () => {
    assert.deepEqual(toCachedPipeline(object, served), {
      request: { kind: 'LogPipeline', name: 'a' },
      pipeline: {
        apiVersion: served.apiVersion,
        kind: 'LogPipeline',
        name: 'a',
        uid: 'u',
        generation: 3,
        spec: { input: { runtime: true }, output: { otlp: true } },
        conditions: [condition],
      },
      hasAllConditions: true,
      path: `${served.path}/a`,
      uid: 'u',
      resourceVersion: '7',
    });
  });

  it('keeps what tells the flavours apart', () => {
    for (const output of [{ otlp: {} }, { otlp: null, http: {} }, { http: { host: {} } }, {}]) {
      const { pipeline } = toCachedPipeline({ ...object, spec: { output } }, served);
      assert.equal(flavourOf(pipeline), flavourOf({ kind: 'LogPipeline', spec: { output } }));
    }
  });

  it('knows where an object in a namespace is, whether one namespace is watched or all', () => {
    const metadata = { name: 'b', namespace: 'n' };
    for (const path of ['/apis/g/v1/things', '/apis/g/v1/namespaces/n/things']) {
      const cachedObject = toCachedPipeline({ metadata }, { ...served, path });
      assert.equal(cachedObject.path, '/apis/g/v1/namespaces/n/things/b');
      assert.deepEqual(cachedObject.request, { kind: 'LogPipeline', namespace: 'n', name: 'b' });
      assert.equal(cachedObject.pipeline.namespace, 'n');
    }
  });

  it('takes an object without spec and status', () => {
    const { pipeline } = toCachedPipeline({ metadata: { name: 'a' } }, served);
    assert.deepEqual([pipeline.generation, pipeline.spec, pipeline.conditions], [1, {}, []]);
  });
});

describe('needsReconcile', () => {
  const before = toCachedPipeline(object, served);
  const after = (change: object): boolean => needsReconcile(before, toCachedPipeline({ ...object, ...change }, served));

  it('is true for a changed spec, another object of the name, and a configuration that was generated only now', () => {
    assert.equal(after({ metadata: { ...object.metadata, generation: 4 } }), true);
    assert.equal(after({ metadata: { ...object.metadata, uid: 'v' } }), true);
    assert.equal(after({ status: { conditions: [{ ...condition, status: 'False' }] } }), true);
  });

  it('is false for what Tocsin writes: its condition, its annotations', () => {
    const own = { ...condition, type: 'TelemetryFlowHealthy', status: 'False' };
    assert.equal(after({ status: { conditions: [condition, own] } }), false);
    assert.equal(after({ metadata: { ...object.metadata, resourceVersion: '8', annotations: { a: 'b' } } }), false);
  });
});

describe('readConditions', () => {
  it('leaves out what is no condition, and fills in what is missing', () => {
    assert.deepEqual(
      readConditions([null, 5, {}, { type: 'A' }, { type: 'B', status: 'True', observedGeneration: 2 }]),
      [{ type: 'B', status: 'True', reason: '', message: '', lastTransitionTime: '', observedGeneration: 2 }],
    );
    for (const found of [undefined, null, {}, 'x']) assert.deepEqual(readConditions(found), []);
  });
});
