import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { postAlerts } from '../../../src/receiver/post-alerts.fixture.ts';
import { eventually } from '../../../src/runtime/eventually.fixture.ts';
import { temporaryFolder } from '../../../src/runtime/temporary-folder.fixture.ts';
import { freePort } from '../../support/free-port.ts';
import { chart, helm, isHook, template, tryHelm } from '../../support/helm.ts';
import { skipWithoutKube, useKubeApiServer } from '../../support/kube-api-server.ts';
import { tryKubectl } from '../../support/kubectl.ts';
import { podOf, type Manifest } from '../../support/kustomize.ts';
import { skipWithout } from '../../support/servers.ts';
import { startTocsin, type TocsinProcess } from '../../support/tocsin-process.ts';

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
  'serviceaccount,configmap,secret,service,deployment,poddisruptionbudget,persistentvolumeclaim,networkpolicy,job,pod,role,rolebinding';
/** An uninstall leaves the definitions. */
const isRelease = (object: Manifest): boolean => !isHook(object) && object.kind !== 'CustomResourceDefinition';
const everything = {
  replicas: 1,
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
    const run = (command: string, input = '', version: 'helm' | 'helm-3' = 'helm'): Promise<string> =>
      helm(command.split(' '), { kubeconfig: server().kubeconfig, input, version });
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
      const rendered = (await template({})).filter(isRelease);
      assert.equal((await present()).length, rendered.length + 1, 'and the record of the release');
      assert.match(output, /^ {2}kubectl --namespace tocsin port-forward service\/tocsin 9093 &$/m);
      assert.match(output, /^ {2}curl -i .*TraceGatewayThrottling.* http:\/\/127\.0\.0\.1:9093\/api\/v2\/alerts$/m);
      assert.match(output, /^ {2}kubectl get tracepipelines$/m);
    });

    it('gives both pods every right that they need, and the configuration', async (test) => {
      await server().apply(tracePipeline);
      const pods = await startPods(await temporaryFolder(test, 'tocsin-chart'));
      test.after(() => Promise.all(pods.map((pod) => pod.stop())));
      const elected = await Promise.any(
        pods.map(async (pod) => (await pod.log.waitForLine(({ event }) => event === 'leader.elected')) && pod),
      );
      const follower = pods.find((pod) => pod !== elected)!;
      await postAlerts(follower.url, [{ labels: { alertname: 'TraceGatewayThrottling' } }]);
      const changed = await elected.log.waitForLine(({ event, to }) => event === 'condition.changed' && to === 'False');
      assert.equal(changed['name'], 'backend');

      const silence = { matchers: [{ name: 'a', value: 'b', isRegex: false }], createdBy: 'ann', comment: 'c' };
      const times = { startsAt: '2026-01-01T00:00:00Z', endsAt: '2099-01-01T00:00:00Z' };
      await fetch(`${follower.url}/api/v2/silences`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ ...silence, ...times }),
      });
      await eventually(
        async () => (await fetch(`${elected.url}/api/v2/silences`)).text(),
        (text) => text.includes('2099-01-01'),
      );
      await elected.stop();
      await follower.log.waitForLine(({ event }) => event === 'leader.elected');

      const lines = pods.flatMap(({ log }) => log.all);
      const failed = [
        'write.forbidden',
        'lease.failed',
        'lease.watch_failed',
        'silence.write_failed',
        'reflector.failed',
      ];
      const forbidden = (line: object): boolean => JSON.stringify(line).includes('forbidden');
      assert.deepEqual(
        lines.filter((line) => failed.includes(line.event) || forbidden(line)),
        [],
      );
    });

    it('lets the pods find each other, and ask whose token one shows', async () => {
      const user = '--as=system:serviceaccount:tocsin:tocsin';
      for (const right of [
        'list endpointslices.discovery.k8s.io --namespace=tocsin',
        'watch endpointslices.discovery.k8s.io --namespace=tocsin',
        'create tokenreviews.authentication.k8s.io',
      ])
        assert.equal(await server().kubectl(['auth', 'can-i', ...right.split(' '), user]), 'yes\n', right);
    });

    /** Two processes with the configuration and the ServiceAccount of the pods; without nodes there are no addresses of pods, so they are listed. */
    async function startPods(folder: string): Promise<readonly TocsinProcess[]> {
      const kubeconfig = await server().kubeconfigFor(await server().createToken('tocsin', 'tocsin'));
      await writeFile(join(folder, 'token'), 'of-both\n');
      const { text } = await running();
      const ports = [await freePort(), await freePort()];
      const peers = ports.map((port) => `http://127.0.0.1:${port}`);
      const of = (port: number, index: number): Promise<TocsinProcess> => {
        const own = { enabled: true, identity: `pod-${index}`, peers, advertise: peers[index] };
        const replicas = { ...own, token_file: join(folder, 'token'), lease: { namespace: 'tocsin' } };
        const config = stringify({ ...(parse(text) as object | null), replicas });
        return startTocsin({ port, config, args: [`--kubeconfig=${kubeconfig}`] });
      };
      return Promise.all(ports.map(of));
    }

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

    it('refuses a volume for two pods, says what to do, and changes nothing', async () => {
      const earlier = await server().get('deployment', 'tocsin', '--namespace=tocsin');
      const args = ['upgrade', 'tocsin', chart, '--namespace=tocsin', '--no-hooks', '--set=persistence.enabled=true'];
      for (const version of ['helm', 'helm-3'] as const) {
        const { code, stderr } = await tryHelm(args, { kubeconfig: server().kubeconfig, version });
        assert.equal(code, 1);
        assert.match(stderr, /persistence\.enabled is true, but its volume is ReadWriteOnce .* and replicas is 2/);
        assert.match(stderr, /set replicas to 1 to keep the volume, or persistence\.enabled to false/);
      }
      assert.deepEqual(await server().get('deployment', 'tocsin', '--namespace=tocsin'), earlier);
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

    for (const version of ['helm', 'helm-3'] as const)
      it(`goes from one replica to two, in another namespace than before, and back, with ${version}`, async (test) => {
        const deployment = async (): Promise<unknown> => {
          const { spec } = (await server().get('deployment', 'tocsin', '--namespace=third')) as {
            spec: { replicas: number; strategy: object };
          };
          return [spec.replicas, spec.strategy];
        };
        const to = (verb: string, replicas: number): Promise<string> =>
          run(`${verb} tocsin ${chart} --namespace third --no-hooks --values -`, JSON.stringify({ replicas }), version);
        await to('install --create-namespace', 1);
        test.after(() => run('uninstall tocsin --namespace third', '', version));
        assert.deepEqual(await deployment(), [1, { type: 'Recreate' }]);
        // The definition of silences has stayed behind, and belongs to the release in the other namespace.
        await to('upgrade', 2);
        const rolling = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
        assert.deepEqual(await deployment(), [2, rolling]);
        await to('upgrade', 1);
        assert.deepEqual(await deployment(), [1, { type: 'Recreate' }]);
        await server().kubectl(['get', 'crd', 'silences.tocsin.dev']);
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
