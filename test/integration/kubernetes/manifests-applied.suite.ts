import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { skipWithoutKube } from '../../support/kube-api-server.ts';
import { kubectl, tryKubectl } from '../../support/kubectl.ts';
import { kustomize, podOf, withComponents } from '../../support/kustomize.ts';
import { prometheusRuleCrd, serviceMonitorCrd } from '../../support/prometheus-operator-crds.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';

const account = 'system:serviceaccount:tocsin:tocsin';
const groups = ['system:serviceaccounts', 'system:serviceaccounts:tocsin', 'system:authenticated'];
const pipelines = { group: 'telemetry.kyma-project.io', resource: 'metricpipelines' };

interface Access {
  readonly verb: string;
  readonly group?: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace?: string;
}

describe('kubectl apply -k', { skip: skipWithoutKube() }, () => {
  const server = useSharedKubeApiServer();
  const apply = (folder: string): Promise<string> => server().kubectl(['apply', '-k', folder, '--server-side']);

  /** Which of these accesses the ServiceAccount has, according to the API server: one call for all of them. */
  async function allowed(accesses: readonly Access[]): Promise<readonly Access[]> {
    const items = accesses.map((resourceAttributes) => ({
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: { user: account, groups, resourceAttributes },
    }));
    const options = {
      kubeconfig: server().kubeconfig,
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
    };
    const output = `-o=jsonpath={.spec.resourceAttributes}{"\\t"}{.status.allowed}{"\\n"}`;
    const lines = (await kubectl(['create', '-f', '-', output], options)).trim().split('\n');
    const answers = lines.map((line) => line.split('\t'));
    assert.deepEqual(
      answers.map(([access = '']) => JSON.parse(access) as Access),
      accesses,
    );
    return accesses.filter((_, index) => answers[index]?.[1] === 'true');
  }

  before(async () => {
    await server().apply(serviceMonitorCrd, prometheusRuleCrd);
    await server().kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
    await apply('k8s');
  });

  for (const folder of ['k8s', 'k8s/base', 'k8s/overlays/kyma', 'networkpolicy']) {
    it(`takes ${folder}, and again`, async () => {
      const first = await apply(folder);
      const second = await apply(folder);

      assert.equal(first, second);
      assert.match(first, /serverside-applied/);
    });
  }

  for (const component of [
    'namespace',
    'image',
    'monitoring',
    'monitoring/rule-files',
    'annotate',
    'persistent-storage',
    'tls',
    'triggers',
    'silences',
  ]) {
    it(`takes the component ${component}`, async () => void (await withComponents([component], apply)));
  }

  it('takes all components together', async () =>
    void (await withComponents(
      ['image', 'monitoring', 'monitoring/rule-files', 'annotate', 'persistent-storage', 'tls', 'triggers', 'silences'],
      apply,
    )));

  for (const [what, components] of [
    ['as it is', ['image']],
    ['with all components', ['image', 'persistent-storage', 'tls']],
  ] as const) {
    it(`makes a pod that the strictest Pod Security admits, ${what}`, async () => {
      const pod = podOf(await withComponents(components, kustomize));
      const { code, stderr } = await create(pod);

      assert.equal(stderr, '', 'not even a warning');
      assert.equal(code, 0);
    });
  }

  it('makes a namespace that admits nothing less strict', async () => {
    const pod = podOf(await kustomize('k8s'));
    const { code, stderr } = await create({ ...pod, spec: { ...pod.spec, securityContext: {} } });

    assert.equal(code, 1);
    assert.match(stderr, /violates PodSecurity "restricted:latest"/);
  });

  it('gives the right to read pipelines, and to write their status and Events', async () => {
    await apply('k8s');
    const granted = [
      ...['get', 'list', 'watch'].map((verb) => ({ verb, ...pipelines })),
      { verb: 'patch', ...pipelines, subresource: 'status' },
      ...['create', 'patch'].map((verb) => ({ verb, group: 'events.k8s.io', resource: 'events' })),
    ];
    assert.deepEqual(await allowed(granted), granted);
  });

  it('gives the right to read triggers and namespaces, and to write the status of triggers', async () => {
    const group = 'tocsin.dev';
    const resources = ['alerttriggers', 'clusteralerttriggers'];
    const reads = [...resources.map((resource) => ({ group, resource })), { resource: 'namespaces' }];
    const granted = [
      ...reads.flatMap((kind) => ['get', 'list', 'watch'].map((verb) => ({ verb, ...kind }))),
      ...resources.map((resource) => ({ verb: 'patch', group, resource, subresource: 'status' })),
    ];
    const refused = resources.flatMap((resource) =>
      ['create', 'update', 'patch', 'delete'].map((verb) => ({ verb, group, resource })),
    );
    assert.deepEqual(await allowed([...granted, ...refused]), granted);
  });

  it('gives no right besides', async () => {
    await server().kubectl(['delete', '--ignore-not-found', 'clusterrole,clusterrolebinding', 'tocsin-annotator']);
    const refused: readonly Access[] = [
      ...['create', 'patch', 'update', 'delete'].map((verb) => ({ verb, ...pipelines })),
      { verb: 'update', ...pipelines, subresource: 'status' },
      ...['secrets', 'configmaps', 'pods'].map((resource) => ({ verb: 'list', resource })),
      { verb: 'create', resource: 'pods' },
      { verb: 'create', group: 'coordination.k8s.io', resource: 'leases' },
      { verb: 'list', group: 'events.k8s.io', resource: 'events' },
      { verb: 'create', resource: 'events' },
      ...['create', 'patch', 'delete'].map((verb) => ({ verb, resource: 'namespaces' })),
      { verb: '*', group: '*', resource: '*' },
    ];
    // In all namespaces, and in its own.
    const everywhere = refused.flatMap((access) => [access, { ...access, namespace: 'tocsin' }]);
    assert.deepEqual(await allowed(everywhere), []);
  });

  async function create(pod: object): Promise<{ readonly code: number | null; readonly stderr: string }> {
    const options = { kubeconfig: server().kubeconfig, input: JSON.stringify(pod) };
    return tryKubectl(['create', '--dry-run=server', '-f', '-'], options);
  }
});
