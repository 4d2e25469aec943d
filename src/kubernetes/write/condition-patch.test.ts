import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Condition } from '../../reconcile/ports.ts';
import { conditionPatch, resourceOf } from './condition-patch.ts';
import { FakeApiClient } from '../api/fake-api-client.fixture.ts';

const path = '/apis/g/v1/things/a';

function condition(type: string, reason: string): Condition {
  return { type, status: 'True', reason, message: '', lastTransitionTime: '' };
}

describe('conditionPatch', () => {
  it('names only the entry that differs', () => {
    const before = [condition('A', 'x'), condition('B', 'x')];
    const after = [before[0]!, condition('B', 'y')];
    assert.deepEqual(conditionPatch({ conditions: before, resourceVersion: '7' }, after).body, [
      { op: 'test', path: '/status/conditions/1', value: before[1] },
      { op: 'replace', path: '/status/conditions/1', value: after[1] },
    ]);
  });

  it('makes of any list any other, and nothing at all if the list was changed meanwhile', async () => {
    const entry = fc.record({ type: fc.constantFrom('A', 'B', 'C'), reason: fc.constantFrom('x', 'y') });
    const list = fc.uniqueArray(entry, { maxLength: 4, selector: ({ type }) => type });
    await fc.assert(
      fc.asyncProperty(list, list, fc.boolean(), async (from, to, isChanged) => {
        const client = new FakeApiClient();
        const before = from.map(({ type, reason }) => condition(type, reason));
        // Entries that stay are the same objects, as setCondition leaves them.
        const after = to.map((wanted, index) => {
          const kept = before[index];
          return kept?.type === wanted.type && kept.reason === wanted.reason
            ? kept
            : condition(wanted.type, wanted.reason);
        });
        client.put(path, { metadata: {}, status: { conditions: before } });
        const { resourceVersion } = client.get(path)!['metadata'] as { readonly resourceVersion: string };
        const patch = conditionPatch({ conditions: before, resourceVersion }, after);
        const moved = [condition('Other', 'z'), ...before];
        if (isChanged) client.put(path, { metadata: {}, status: { conditions: moved } });
        const call = client.call({ method: 'PATCH', path: `${path}/status`, ...patch });
        if (isChanged) await assert.rejects(call);
        else await call;
        assert.deepEqual(client.get(path)!['status'], { conditions: isChanged ? moved : after });
      }),
    );
  });
});

describe('resourceOf', () => {
  it('names a resource as RBAC does', () => {
    const kyma = { path: '/apis/telemetry.kyma-project.io/v1beta1/tracepipelines/a' };
    assert.equal(resourceOf(kyma), 'tracepipelines.telemetry.kyma-project.io');
    assert.equal(resourceOf(kyma, '/status'), 'tracepipelines/status.telemetry.kyma-project.io');
    const flux = { path: '/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/flux-system/kustomizations/apps' };
    assert.equal(resourceOf(flux), 'kustomizations.kustomize.toolkit.fluxcd.io');
    assert.equal(resourceOf({ path: '/api/v1/namespaces/default/configmaps/c' }), 'configmaps');
  });
});
