import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { postAlerts } from '../../../src/receiver/post-alerts.fixture.ts';
import { chart, helm, isHook, template, tryHelm } from '../../support/helm.ts';
import { skipWithoutKube, useKubeApiServer } from '../../support/kube-api-server.ts';
import { tryKubectl } from '../../support/kubectl.ts';
import { podOf, type Manifest } from '../../support/kustomize.ts';
import { skipWithout } from '../../support/servers.ts';
import { startTocsin } from '../../support/tocsin-process.ts';

const tracePipeline = {
  apiVersion: 'telemetry.kyma-project.io/v1beta1',
  kind: 'TracePipeline',
  metadata: { name: 'backend' },
  spec: { output: { otlp: { endpoint: { value: 'http://backend:4317' } } } },
};

const strict = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: {
    name: 'strict',
    labels: { 'pod-security.kubernetes.io/enforce': 'restricted', 'pod-security.kubernetes.io/warn': 'restricted' },
  },
};

/** Every kind that the chart can create, and Helm's own record of a release. */
const kinds =
  'serviceaccount,configmap,secret,service,deployment,poddisruptionbudget,persistentvolumeclaim,networkpolicy,job,pod';
const everything = {
  image: { repository: 'registry.example.com/tocsin', digest: `sha256:${'0'.repeat(64)}`, pullSecrets: ['registry'] },
  persistence: { enabled: true, size: '1Gi', storageClass: 'fast' },
  networkPolicy: { enabled: true },
  tls: { enabled: true },
  pod: {
    labels: { team: 'telemetry' },
    annotations: { 'example.com/note': 'true' },
    args: ['--log.level=debug'],
    env: [{ name: 'HTTPS_PROXY', value: 'http://proxy:3128' }],
    secrets: ['prometheus'],
    terminationGracePeriodSeconds: 60,
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    tolerations: [{ key: 'dedicated', operator: 'Exists' }],
    affinity: { podAffinity: {} },
    priorityClassName: 'system-cluster-critical',
  },
};

describe(
  'the chart on a real API server',
  { skip: skipWithout('helm') || skipWithout('helm-3') || skipWithoutKube() },
  () => {
    const server = useKubeApiServer();
    const run = (command: string, input = ''): Promise<string> =>
      helm(command.split(' '), { kubeconfig: server().kubeconfig, input });
    const install = (values: object = {}): Promise<string> =>
      run(
        `install tocsin ${chart} --namespace tocsin --create-namespace --values - --no-hooks`,
        JSON.stringify(values),
      );
    const upgrade = (values: object): Promise<string> =>
      run(`upgrade tocsin ${chart} --namespace tocsin --values - --no-hooks`, JSON.stringify(values));
    const uninstall = (): Promise<string> => run('uninstall tocsin --namespace tocsin');

    /** The names of what is in the cluster and is Tocsin's. */
    async function present(): Promise<readonly string[]> {
      const [inside, outside] = await Promise.all([
        server().kubectl(['get', kinds, '--namespace=tocsin', '-o=name']),
        server().kubectl(['get', 'clusterrole,clusterrolebinding', '-o=name']),
      ]);
      const roles = outside.split('\n').filter((name) => name.includes('/tocsin'));
      return [...inside.split('\n'), ...roles]
        .filter((name) => name !== '' && name !== 'serviceaccount/default')
        .sort();
    }

    /** What runs, or would run if there were nodes: the configuration, and the checksum by which the pods are replaced. */
    async function running(): Promise<{ readonly checksum: string | undefined; readonly text: string }> {
      const deployment = (await server().get('deployment', 'tocsin', '--namespace=tocsin')) as {
        spec: { template: { metadata: { annotations?: Record<string, string> } } };
      };
      const { data } = (await server().get('configmap', 'tocsin-config', '--namespace=tocsin')) as {
        data: Record<string, string>;
      };
      return {
        checksum: deployment.spec.template.metadata.annotations?.['checksum/config'],
        text: data['tocsin.yml']!,
      };
    }

    it('installs what it renders, and says how to send a test alert', async () => {
      const output = await install();
      const rendered = (await template({})).filter((each) => !isHook(each));
      assert.equal((await present()).length, rendered.length + 1, 'and the record of the release');
      assert.match(output, /^ {2}kubectl --namespace tocsin port-forward service\/tocsin 9093 &$/m);
      assert.match(output, /^ {2}curl -i .*TraceGatewayThrottling.* http:\/\/127\.0\.0\.1:9093\/api\/v2\/alerts$/m);
      assert.match(output, /^ {2}kubectl get tracepipelines$/m);
    });

    it('gives the pod every right that it needs, and the configuration', async (test) => {
      await server().apply(tracePipeline);
      const kubeconfig = await server().kubeconfigFor(await server().createToken('tocsin', 'tocsin'));
      const { text: config } = await running();
      const tocsin = await startTocsin({ config, args: [`--kubeconfig=${kubeconfig}`] });
      test.after(() => tocsin.stop());
      await postAlerts(tocsin.url, [{ labels: { alertname: 'TraceGatewayThrottling' } }]);
      const changed = await tocsin.log.waitForLine(({ event, to }) => event === 'condition.changed' && to === 'False');
      assert.equal(changed['name'], 'backend');
      assert.deepEqual(
        tocsin.log.all.filter(({ event }) => event === 'write.forbidden'),
        [],
      );
    });

    it('replaces the pods when the configuration changes, and only then', async () => {
      const before = await running();
      await upgrade({ pod: { args: ['--log.level=debug'] } });
      assert.deepEqual(await running(), before);
      await upgrade({ config: { receiver: { max_alerts: 7 } } });
      const after = await running();
      assert.notEqual(after.checksum, before.checksum);
      assert.match(after.text, /max_alerts: 7/);
    });

    it('rolls back to the configuration of an earlier revision', async () => {
      await run('rollback tocsin 1 --namespace tocsin');
      const { text } = await running();
      assert.doesNotMatch(text, /max_alerts/);
      assert.match(await run('history tocsin --namespace tocsin'), /Rollback to 1/);
    });

    it('leaves the pods alone if it is told to, since a changed file is reloaded', async () => {
      await upgrade({ rollOnConfigChange: false });
      const { checksum } = await running();
      assert.equal(checksum, undefined);
    });

    it('leaves nothing when it is uninstalled, whatever was on', async () => {
      await upgrade(everything);
      assert.ok((await present()).some((name) => name.startsWith('persistentvolumeclaim/')));
      await uninstall();
      const left = (await present()).filter((name) => !name.startsWith('persistentvolumeclaim/'));
      assert.deepEqual(left, []);
      // No controller here ends what protects a claim.
      const claims = (await server().get('persistentvolumeclaim', '--namespace=tocsin')) as readonly Manifest[];
      for (const { metadata } of claims) assert.ok('deletionTimestamp' in metadata);
    });

    it('makes a pod that the strictest Pod Security admits, hooks included', async () => {
      const account = (name: string): object => ({
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name, namespace: 'strict' },
      });
      await server().apply(strict, account('tocsin'), account('default'));
      const all = await template({ ...everything, config: { receiver: { max_alerts: 7 } } }, { namespace: 'strict' });
      for (const pod of [podOf(all.filter((each) => !isHook(each))), ...hookPods(all)]) {
        const { stderr, code } = await tryKubectl(['create', '--dry-run=server', '-f', '-'], {
          kubeconfig: server().kubeconfig,
          input: JSON.stringify(pod),
        });
        assert.deepEqual([stderr, code], ['', 0], JSON.stringify(pod));
      }
    });

    it('does not install a second release of its name beside the first, which would write the same conditions', async (test) => {
      await install();
      test.after(uninstall);
      const { code, stderr } = await tryHelm(
        ['install', 'tocsin', chart, '--namespace=second', '--create-namespace', '--no-hooks'],
        { kubeconfig: server().kubeconfig },
      );
      assert.equal(code, 1);
      assert.match(
        stderr,
        /ClusterRole.* "tocsin-reader" .*invalid ownership metadata.*"second": current value is "tocsin"/,
      );
      await run(`install other ${chart} --namespace second --create-namespace --no-hooks --values -`, '{}');
      await run('uninstall other --namespace second');
    });

    describe('beside kubectl apply -k', () => {
      it('installs nothing over objects of kustomize, and says whose they are', async () => {
        await server().kubectl(['apply', '-k', 'k8s/']);
        const before = await present();
        const { code, stderr } = await tryHelm(['install', 'tocsin', chart, '--namespace=tocsin', '--no-hooks'], {
          kubeconfig: server().kubeconfig,
        });
        assert.equal(code, 1);
        assert.match(
          stderr,
          /"tocsin" in namespace "tocsin" exists and cannot be imported into the current release: invalid ownership metadata/,
        );
        const left = (await present()).filter((name) => !before.includes(name));
        assert.deepEqual(
          left.filter((name) => !name.startsWith('secret/sh.helm.release')),
          [],
        );
        await server().kubectl(['delete', '-k', 'k8s/base']);
        await tryHelm(['uninstall', 'tocsin', '--namespace=tocsin'], { kubeconfig: server().kubeconfig });
      });

      it('upgrades nothing that kustomize has changed since, and says who did', async () => {
        await install();
        await server().kubectl(['apply', '-k', 'k8s/base']);
        const { code, stderr } = await tryHelm(
          ['upgrade', 'tocsin', chart, '--namespace=tocsin', '--no-hooks', '--set=config.receiver.max_alerts=7'],
          { kubeconfig: server().kubeconfig },
        );
        assert.equal(code, 1, stderr);
        assert.match(stderr, /conflict with "kubectl-client-side-apply"/);
        await uninstall();
      });
    });
  },
);

/** The pods that the Jobs and tests of the chart run in. */
function hookPods(manifests: readonly Manifest[]): readonly Manifest[] {
  return manifests.filter(isHook).flatMap((hook) => {
    if (hook.kind === 'Pod') return [hook];
    if (hook.kind !== 'Job') return [];
    const { template: pod } = hook['spec'] as { template: { metadata: object; spec: object } };
    const { name, namespace } = hook.metadata as { name: string; namespace: string };
    return [{ apiVersion: 'v1', kind: 'Pod', metadata: { ...pod.metadata, name, namespace }, spec: pod.spec }];
  });
}
