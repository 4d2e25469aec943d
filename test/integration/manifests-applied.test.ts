import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { skipWithoutKube, useKubeApiServer } from '../support/kube-api-server.ts';
import { tryKubectl } from '../support/kubectl.ts';
import { kustomize, objectOf, withComponents, type Manifest } from '../support/kustomize.ts';
import { serviceMonitorCrd } from '../support/service-monitor-crd.ts';
import { pipelineCrds } from '../support/pipeline-crds.ts';

const account = 'system:serviceaccount:tocsin:tocsin';

describe('kubectl apply -k', { skip: skipWithoutKube() }, () => {
  const server = useKubeApiServer({ crds: [...pipelineCrds(), serviceMonitorCrd] });
  const apply = (folder: string): Promise<string> => server().kubectl(['apply', '-k', folder, '--server-side']);
  const pipeline = 'metricpipelines.telemetry.kyma-project.io';

  /** Rights of the ServiceAccount, as the API server sees them. */
  async function can(verb: string, resource: string, ...options: readonly string[]): Promise<boolean> {
    const args = ['auth', 'can-i', verb, resource, `--as=${account}`, ...options];
    const { stdout, stderr } = await tryKubectl(args, { kubeconfig: server().kubeconfig });
    assert.match(stdout, /^(yes|no)/, stderr);
    return stdout.startsWith('yes');
  }

  before(() => apply('k8s'));

  for (const folder of ['k8s', 'k8s/base', 'k8s/overlays/kyma', 'networkpolicy']) {
    it(`takes ${folder}, and again`, async () => {
      const first = await apply(folder);
      const second = await apply(folder);

      assert.equal(first, second);
      assert.match(first, /serverside-applied/);
    });
  }

  for (const component of ['image', 'service-monitor', 'annotate', 'persistent-storage', 'tls']) {
    it(`takes the component ${component}`, async () => void (await withComponents([component], apply)));
  }

  it('takes all components together', async () =>
    void (await withComponents(['image', 'service-monitor', 'annotate', 'persistent-storage', 'tls'], apply)));

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
    for (const verb of ['get', 'list', 'watch']) assert.equal(await can(verb, pipeline), true, verb);
    assert.equal(await can('patch', pipeline, '--subresource=status'), true);
    for (const verb of ['create', 'patch']) assert.equal(await can(verb, 'events.events.k8s.io'), true, verb);
  });

  it('gives no right besides', async () => {
    await server().kubectl(['delete', '--ignore-not-found', 'clusterrole,clusterrolebinding', 'tocsin-annotator']);
    const refused: [verb: string, resource: string][] = [
      ['create', pipeline],
      ['patch', pipeline],
      ['update', pipeline],
      ['delete', pipeline],
      ['list', 'secrets'],
      ['list', 'configmaps'],
      ['list', 'pods'],
      ['create', 'pods'],
      ['create', 'leases.coordination.k8s.io'],
      ['list', 'events.events.k8s.io'],
      ['create', 'events'],
      ['*', '*'],
    ];
    assert.equal(await can('update', pipeline, '--subresource=status'), false);
    for (const [verb, resource] of refused) {
      assert.equal(await can(verb, resource, '--all-namespaces'), false, `${verb} ${resource}`);
      assert.equal(await can(verb, resource, '--namespace=tocsin'), false, `${verb} ${resource}`);
    }
  });

  async function create(pod: object): Promise<{ readonly code: number | null; readonly stderr: string }> {
    const options = { kubeconfig: server().kubeconfig, input: JSON.stringify(pod) };
    return tryKubectl(['create', '--dry-run=server', '-f', '-'], options);
  }
});

interface Pod extends Omit<Manifest, 'spec'> {
  readonly spec: object;
}

/** The pod that the Deployment's controller would create. */
function podOf(manifests: readonly Manifest[]): Pod {
  const { metadata, spec } = objectOf(manifests, 'Deployment') as unknown as {
    metadata: { namespace: string };
    spec: { template: { metadata: object; spec: object } };
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...spec.template.metadata, name: 'tocsin-from-template', namespace: metadata.namespace },
    spec: spec.template.spec,
  };
}
