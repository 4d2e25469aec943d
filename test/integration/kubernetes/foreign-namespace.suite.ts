import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../../../src/runtime/eventually.fixture.ts';
import { skipWithoutKube } from '../../support/kube-api-server.ts';
import { tryKubectl } from '../../support/kubectl.ts';
import { inNamespace, podOf, withKustomization, type Manifest } from '../../support/kustomize.ts';
import { postAlerts } from '../../../src/receiver/post-alerts.fixture.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';
import { startTocsin } from '../../support/tocsin-process.ts';

const namespace = 'shop';
const installation = { namespace, resources: ['k8s/base', 'networkpolicy'], components: ['image'] };

/** The content of the namespace beforehand, which must be unchanged afterwards. */
const foreign = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels: { team: namespace } } },
  {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'shop', namespace, labels: { 'app.kubernetes.io/name': 'shop' } },
    spec: { containers: [{ name: 'shop', image: 'shop:1', securityContext: { runAsUser: 0 } }] },
  },
  {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'default-deny', namespace },
    spec: { podSelector: { matchLabels: { 'app.kubernetes.io/name': 'shop' } }, policyTypes: ['Ingress'] },
  },
];

const tracePipeline = {
  apiVersion: 'telemetry.kyma-project.io/v1beta1',
  kind: 'TracePipeline',
  metadata: { name: 'foreign' },
  spec: { output: { otlp: { endpoint: { value: 'http://backend:4317' } } } },
};

describe('an installation into somebody else’s namespace', { skip: skipWithoutKube() }, () => {
  const server = useSharedKubeApiServer();
  const kubectlOn = (command: 'apply' | 'delete', folder: string): Promise<string> =>
    server().kubectl([command, '-k', folder, ...(command === 'apply' ? ['--server-side', '--force-conflicts'] : [])]);
  const foreignNow = (): Promise<unknown> =>
    Promise.all(
      foreign.map(({ kind, metadata }) => server().get(kind.toLowerCase(), metadata.name, `--namespace=${namespace}`)),
    );
  let earlier: unknown;

  before(async () => {
    const [itself, ...objects] = foreign;
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } };
    await server().apply(itself!);
    await server().apply(account, ...objects);
    earlier = await foreignNow();
    await withKustomization(installation, (folder) => kubectlOn('apply', folder));
  });

  it('has the rights that it needs there', async (t) => {
    await server().apply(tracePipeline);
    const token = await server().createToken('tocsin', namespace);
    const tocsin = await startTocsin({ args: [`--kubeconfig=${await server().kubeconfigFor(token)}`] });
    t.after(() => tocsin.stop());
    await postAlerts(tocsin.url, [{ labels: { alertname: 'TraceGatewayThrottling' } }]);
    const changed = await tocsin.log.waitForLine(({ event, to }) => event === 'condition.changed' && to === 'False');
    assert.equal(changed['name'], 'foreign');
    assert.deepEqual(
      tocsin.log.all.filter(({ event }) => event === 'write.forbidden'),
      [],
    );
  });

  it('leaves what others have as it is, also when it goes', async () => {
    assert.deepEqual(await foreignNow(), earlier);
    await withKustomization(installation, (folder) => kubectlOn('delete', folder));
    assert.deepEqual(await foreignNow(), earlier);
  });
});

/** What OpenShift's restricted-v2 refuses in a pod: an id outside of the namespace's range. */
const restrictedV2 = [
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name: 'restricted-v2' },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: {
        resourceRules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
        namespaceSelector: { matchLabels: { platform: 'openshift' } },
      },
      validations: [
        {
          expression:
            '!has(object.spec.securityContext) || !(has(object.spec.securityContext.runAsUser) || has(object.spec.securityContext.runAsGroup) || has(object.spec.securityContext.fsGroup))',
          message: 'restricted-v2: runAsUser, runAsGroup and fsGroup are not yours to choose',
        },
        {
          expression:
            'object.spec.containers.all(c, !has(c.securityContext) || !(has(c.securityContext.runAsUser) || has(c.securityContext.runAsGroup)))',
          message: 'restricted-v2: runAsUser and runAsGroup are not yours to choose',
        },
      ],
    },
  },
  {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name: 'restricted-v2' },
    spec: { policyName: 'restricted-v2', validationActions: ['Deny'] },
  },
];

describe("OpenShift's restricted-v2", { skip: skipWithoutKube() }, () => {
  const server = useSharedKubeApiServer();
  const labels = {
    platform: 'openshift',
    'pod-security.kubernetes.io/enforce': 'restricted',
    'pod-security.kubernetes.io/warn': 'restricted',
  };

  before(async () => {
    await server().apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'openshift', labels } });
    await server().apply(
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'tocsin', namespace: 'openshift' } },
      ...restrictedV2,
    );
    const fixed = await pod(['persistent-storage']);
    await eventually(
      () => create(fixed),
      ({ stderr }) => /restricted-v2/.test(stderr),
    );
  });
  after(() =>
    server().kubectl(['delete', 'validatingadmissionpolicy,validatingadmissionpolicybinding', 'restricted-v2']),
  );

  async function pod(components: readonly string[]): Promise<object> {
    return podOf(await inNamespace('openshift', { resources: ['k8s/base'], components }));
  }

  for (const components of [[], ['tls']])
    it(`admits the pod, ${components.join() || 'as it is'}`, async () => {
      assert.deepEqual(await create(await pod(components)), { code: 0, stderr: '' });
    });

  it('admits the pod with a volume, once fsGroup is left out as docs/kubernetes.md says', async () => {
    const { spec, ...rest } = (await pod(['persistent-storage'])) as Manifest & { spec: { securityContext: object } };
    const { fsGroup: _, ...securityContext } = spec.securityContext as { fsGroup: number };
    assert.deepEqual(await create({ ...rest, spec: { ...spec, securityContext } }), { code: 0, stderr: '' });
  });

  async function create(object: object): Promise<{ readonly code: number | null; readonly stderr: string }> {
    const options = { kubeconfig: server().kubeconfig, input: JSON.stringify(object) };
    const { code, stderr } = await tryKubectl(['create', '--dry-run=server', '-f', '-'], options);
    return { code, stderr };
  }
});
