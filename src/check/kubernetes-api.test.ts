import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { troubles } from './chain.fixture.ts';
import { advised, type ClusterApi, type ClusterSource } from './cluster.ts';
import { kubernetesApi, kubernetesVersion } from './kubernetes-api.ts';

/** What the checks say of a cluster whose `GET /version` is this. */
function of(answer: unknown): Promise<readonly string[]> {
  const call = (): Promise<unknown> => (answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer));
  const source: ClusterSource = advised({
    whyNot: undefined,
    connect: () => Promise.resolve({ call } as ClusterApi),
    namespace: 'tocsin',
    isNamespaceGiven: false,
    settings: () => Promise.resolve({ action: 'condition', kinds: null }),
  });
  return troubles(kubernetesApi(source), kubernetesVersion(source));
}

describe('the categories kubernetes-api and kubernetes-version', () => {
  it('are good for an API server that is new enough', async () => {
    assert.deepEqual(await of({ gitVersion: 'v1.36.3', major: '1', minor: '36' }), []);
    assert.deepEqual(await of({ gitVersion: 'v1.27.1-gke', major: '1', minor: '27+' }), []);
    const [found] = await of({ gitVersion: 'v1.20.0', major: '1', minor: '20' });
    assert.match(found ?? '', /^error k8s-version: the API server is v1.20.0, but Tocsin needs 1.27/);
  });

  for (const answer of [{ version: '3.15.0' }, '<html>', undefined, null, { gitVersion: 1, major: 1, minor: 36 }])
    it(`stop at ${JSON.stringify(answer)}, which is no version of an API server`, async () => {
      const [found, ...more] = await of(answer);
      assert.match(found ?? '', /^error k8s-query: what answers GET \/version is no Kubernetes API server: correct /);
      assert.deepEqual(more, []);
    });

  for (const [text, remedy] of [
    ['no answer: self-signed certificate (DEPTH_ZERO_SELF_SIGNED_CERT)', /; set certificate-authority-data/],
    ['no answer: connect ECONNREFUSED', /; is the API server up/],
  ] as const)
    it(`say what to do where there is ${text}`, async () => assert.match((await of(new Error(text))).join(), remedy));

  it('say what to do where a right is missing', async () =>
    assert.match((await of(Object.assign(new Error('403'), { status: 403 }))).join(), /; grant this right, or give/));

  it('say what to do where the credentials have expired', async () =>
    assert.match((await of(Object.assign(new Error('401'), { status: 401 }))).join(), /; renew the credentials/));
});
