import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Config } from '../config/config.ts';
import { isAnnotationKey } from '../text/kubernetes.ts';
import { leaseOf, triggersKey } from './replicas.ts';

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
});
