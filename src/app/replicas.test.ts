import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Config } from '../config/config.ts';
import { isAnnotationKey } from '../text/kubernetes.ts';
import { annotationsBytes, fittingAnnotations, leaseOf, triggersKey } from './replicas.ts';

const pod = { home: 'kubernetes', reason: '', kubeconfigs: [] } as const;
const outside = { home: 'kubernetes', reason: '', kubeconfigs: ['kubeconfig'] } as const;
const folder = { home: 'standalone', reason: '' } as const;
const auto = Config.parse({}).replicas;
const named = { POD_NAME: 'tocsin-0' };

describe('replicas', () => {
  it('are automatic in a pod that has a ServiceAccount and knows its name', async () => {
    assert.ok(await leaseOf(auto, pod, named));
    assert.equal(await leaseOf(auto, pod, {}), undefined);
    assert.equal(await leaseOf(auto, outside, named), undefined);
    assert.equal(await leaseOf(auto, folder, named), undefined);
  });

  it('are on or off wherever somebody says so', async () => {
    assert.ok(await leaseOf({ ...auto, enabled: true }, outside, {}));
    assert.equal(await leaseOf({ ...auto, enabled: false }, pod, named), undefined);
  });

  it('need a cluster', () =>
    assert.rejects(leaseOf({ ...auto, enabled: true }, folder, {}), /needs pipelines in Kube/));

  it('keep the budgets of each tenant apart, under keys that Kubernetes takes', () => {
    const keys = [undefined, 'a', 'b', "x!*'()".repeat(25)].map(triggersKey);
    assert.equal(new Set(keys).size, 4);
    for (const key of keys) assert.ok(isAnnotationKey(key), key);
  });

  it('write no more annotations than Kubernetes takes, whatever others have there, so that the lease is renewed', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 20 });
    const value = fc
      .tuple(text, fc.integer({ min: 0, max: annotationsBytes }))
      .map(([one, count]) => one.repeat(count / 20));
    const key = fc.constantFrom('a', 'b', 'c', 'note');
    const given = fc.record({
      known: fc.dictionary(key, value, { maxKeys: 4 }),
      changed: fc.uniqueArray(fc.tuple(key, fc.option(value)), { maxLength: 3, selector: ([name]) => name }),
    });
    fc.assert(
      fc.property(given, ({ known, changed }) => {
        const { written, leftOut } = fittingAnnotations(known, changed);
        const after = Object.entries({ ...known, ...written }).filter(([, each]) => each !== null);
        assert.ok(sizeOf(after) <= Math.max(annotationsBytes, sizeOf(Object.entries(known))));
        assert.deepEqual([...Object.keys(written), ...leftOut].toSorted(), changed.map(([name]) => name).toSorted());
        if (
          sizeOf(Object.entries({ ...known, ...Object.fromEntries(changed) })) <= annotationsBytes &&
          changed.length === 1
        )
          assert.deepEqual(leftOut, []);
      }),
      { numRuns: 200 },
    );
  });
});

function sizeOf(annotations: readonly (readonly [string, string | null])[]): number {
  return annotations.reduce((sum, [name, value]) => sum + (value === null ? 0 : Buffer.byteLength(name + value)), 0);
}
