import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { resourceOf } from './write-target.ts';

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
