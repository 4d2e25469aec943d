import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chooseHome, type HomeFacts } from './choose-home.ts';

const serviceAccount = '/var/run/secrets/kubernetes.io/serviceaccount/token';
const inPod = { KUBERNETES_SERVICE_HOST: '10.0.0.1' };
const nothing: HomeFacts = {
  folderFlag: false,
  folderInFile: false,
  kubernetesInFile: false,
  environment: { HOME: '/home/me' },
  exists: () => false,
};

function choose(facts: Partial<HomeFacts>, ...files: readonly string[]) {
  return chooseHome({ ...nothing, ...facts, exists: (path) => files.includes(path) });
}

describe('chooseHome', () => {
  it('takes the folder where nobody speaks of Kubernetes, whatever kubeconfig lies about', () => {
    const standalone = { home: 'standalone', reason: 'no Kubernetes is configured: pipelines are read from a folder' };
    assert.deepEqual(choose({}), standalone);
    assert.deepEqual(choose({}, '/home/me/.kube/config'), standalone);
    assert.deepEqual(choose({ environment: { KUBECONFIG: '/k' } }, '/k'), standalone);
    assert.deepEqual(choose({ environment: inPod }), standalone, 'a pod without a token');
    assert.deepEqual(choose({}, serviceAccount), standalone, 'a token without an address');
  });

  it('takes the cluster of a pod that has a ServiceAccount, and looks at no kubeconfig', () => {
    const environment = { ...inPod, KUBECONFIG: '/k' };
    const expected = { home: 'kubernetes', reason: 'the pod has a ServiceAccount', kubeconfigs: [] };
    assert.deepEqual(choose({ environment }, serviceAccount, '/k'), expected);
  });

  it('takes the folder that somebody names in a pod, too', () => {
    for (const facts of [{ folderFlag: true }, { folderInFile: true }]) {
      assert.equal('home' in choose({ ...facts, environment: inPod }, serviceAccount), true);
      assert.match(JSON.stringify(choose({ ...facts, environment: inPod }, serviceAccount)), /"standalone"/);
    }
  });

  const chosen: readonly (readonly [what: string, facts: Partial<HomeFacts>])[] = [
    ['--context', { context: 'c' }],
    ['the section in the file', { kubernetesInFile: true }],
  ];
  for (const [what, facts] of chosen) {
    const access = (environment: HomeFacts['environment'], ...files: readonly string[]) => {
      const choice = choose({ ...facts, environment }, ...files);
      return 'problem' in choice ? choice.problem : 'kubeconfigs' in choice && choice.kubeconfigs;
    };

    it(`finds the kubeconfig as kubectl does, when ${what} chooses Kubernetes`, () => {
      const own = '/home/me/.kube/config';
      assert.deepEqual(access({ KUBECONFIG: '/a:/gone:/b', HOME: '/home/me' }, '/a', '/b', own), ['/a', '/b']);
      assert.deepEqual(access({ HOME: '/home/me' }, own, serviceAccount), [own]);
      assert.deepEqual(access({ KUBECONFIG: '', HOME: '/home/me' }, own), [own]);
      assert.match(
        String(access({ HOME: '/home/me' })),
        /no kubeconfig in KUBECONFIG, \/home\/me\/\.kube\/config: name one/,
      );
      assert.match(
        String(access({ KUBECONFIG: '/gone', HOME: '/home/me' }, own)),
        /no kubeconfig in KUBECONFIG \(\/gone\)/,
      );
    });
  }

  it('takes the ServiceAccount last', () => {
    assert.deepEqual(choose({ kubernetesInFile: true, environment: inPod }, serviceAccount), {
      home: 'kubernetes',
      reason: 'pipelines.kubernetes is in the configuration file',
      context: undefined,
      kubeconfigs: [],
    });
  });

  it('takes the file of --kubeconfig, there or not', () => {
    assert.deepEqual(choose({ kubeconfig: '/k', context: 'c', folderInFile: true }), {
      home: 'kubernetes',
      reason: '--kubeconfig is given',
      kubeconfigs: ['/k'],
      context: 'c',
    });
  });

  it('lets the flag of the folder win over the file', () => {
    assert.match(
      JSON.stringify(choose({ folderFlag: true, kubernetesInFile: true })),
      /"standalone".*--pipelines.folder/,
    );
  });

  it('refuses two homes', () => {
    for (const facts of [
      { kubeconfig: '/k', folderFlag: true },
      { context: 'c', folderFlag: true },
    ]) {
      assert.match(JSON.stringify(choose(facts)), /problem.*pipelines live in a folder or in a cluster/);
    }
  });
});
