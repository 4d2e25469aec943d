import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { baseObjects, grantedRules } from '../../src/check/before-installation.ts';
import { freePort } from '../support/free-port.ts';
import { skipWithoutKube, useKubeApiServer } from '../support/kube-api-server.ts';
import { kubectl } from '../support/kubectl.ts';
import { pipelineCrd } from '../support/pipeline-crds.ts';
import { checkHere, quickly, type CheckRun } from '../support/run-check.ts';
import { runTocsin } from '../support/run-tocsin.ts';
import { kubeconfigWith } from '../support/service-account.ts';
import { startTocsin, type TocsinProcess } from '../support/tocsin-process.ts';

/** Alone it takes about half of the promised two seconds. */
const longestCheckMs = 3000;

const reader = 'base/cluster-role-reader.yaml';
const writer = 'base/cluster-role-writer.yaml';
const annotator = 'components/annotate/cluster-role-annotator.yaml';

describe('tocsin check on a real API server', { skip: skipWithoutKube() }, () => {
  const kube = useKubeApiServer();
  let folder: string;
  let own: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tocsin-check-'));
    own = await kubeconfigWith(kube(), 'checked', [reader, writer]);
    await kube().apply({
      apiVersion: 'telemetry.kyma-project.io/v1beta1',
      kind: 'TracePipeline',
      metadata: { name: 'backend', labels: { team: 'a' } },
      spec: { output: { otlp: {} } },
    });
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function configured(text: string): Promise<string> {
    const file = join(folder, 'tocsin.yml');
    await writeFile(file, text);
    return `--config.file=${file}`;
  }

  it('is all good with exactly the rights of k8s/base, in less than two seconds', async (t) => {
    const args = [
      'check',
      '--wait=0s',
      `--kubeconfig=${own}`,
      `--storage.path=${folder}`,
      '--config.file=examples/tocsin.yml',
    ];
    const tookMs = await quickly(longestCheckMs, async () => {
      const start = performance.now();
      const { code, stdout } = await runTocsin(args);
      const ms = performance.now() - start;
      assert.equal(code, 0, stdout);
      allGood(stdout);
      return ms;
    });
    t.diagnostic(`${tookMs.map(Math.round).join()} ms`);
  });

  function allGood(stdout: string): void {
    assert.doesNotMatch(stdout, /[×‼]/);
    assert.match(stdout, /\nStatus check results are √\n$/);
    for (const name of ['kubernetes-api', 'kubernetes-version', 'kinds', 'rights', 'pipelines'])
      assert.match(stdout, new RegExp(`^${name}\n-{${name.length}}\n√ `, 'm'));
  }

  it('runs as whoever the kubeconfig names, and says who', async () => {
    const { stdout } = await runTocsin(['check', '--wait=0s', '--verbose', `--kubeconfig=${own}`]);
    assert.match(stdout, /√ may write Events\n {4}as system:serviceaccount:default:checked\n/);
  });

  it('asks for another user, as kubectl --as does', async () => {
    const as = '--as=system:serviceaccount:default:nobody';
    const { bad, said } = await checkHere(`--kubeconfig=${kube().kubeconfig}`, as);
    assert.ok(bad.includes('rights-read'), bad.join());
    assert.match(said, /^system:serviceaccount:default:nobody may not: get /m);
  });

  it('asks for what the action needs, and for nothing else', async () => {
    const reads = await kubeconfigWith(kube(), 'reads', [reader]);
    const annotates = await kubeconfigWith(kube(), 'annotates', [reader, annotator]);
    const condition = await checkHere(`--kubeconfig=${reads}`);
    assert.deepEqual(condition.bad, ['rights-write', 'rights-events']);
    assert.match(
      condition.said,
      /system:serviceaccount:default:reads may not: patch metricpipelines\.telemetry\.kyma-project\.io\/status|patch logpipelines/,
    );
    assert.match(condition.said, /create events\.events\.k8s\.io -n default/);
    const log = await configured('controller: {action: log}\n');
    assert.deepEqual((await checkHere(`--kubeconfig=${reads}`, log)).bad, []);
    const annotate = await configured('controller: {action: annotate}\n');
    assert.deepEqual((await checkHere(`--kubeconfig=${reads}`, annotate)).bad, ['rights-write']);
    assert.deepEqual((await checkHere(`--kubeconfig=${annotates}`, annotate)).bad, []);
  });

  it('names a right that was revoked, and nothing else', async () => {
    const revoked = await kubeconfigWith(kube(), 'revoked', [reader, writer]);
    await kube().kubectl(['delete', 'clusterrolebinding', 'tocsin-writer-revoked']);
    assert.deepEqual((await checkHere(`--kubeconfig=${revoked}`)).bad, ['rights-write', 'rights-events']);
    await kube().kubectl(['delete', 'clusterrolebinding', 'tocsin-reader-revoked']);
    const { bad } = await checkHere(`--kubeconfig=${revoked}`);
    assert.deepEqual(bad, ['rights-read', 'rights-write', 'rights-events', 'pipelines-exist']);
  });

  it('names a CRD that was deleted, and runs nothing that needs it', async () => {
    await kube().kubectl(['delete', 'crd', 'logpipelines.telemetry.kyma-project.io']);
    const { bad, said, categories } = await checkHere(`--kubeconfig=${own}`);
    await kube().apply(pipelineCrd('LogPipeline', ['v1alpha1', 'v1beta1']));
    await kube().kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
    assert.deepEqual(bad, ['kinds-served']);
    assert.match(
      said,
      /^logpipelines\.telemetry\.kyma-project\.io: the API server serves the group, but not this kind: install its CRD/,
    );
    const rights = categories.find(({ categoryName }) => categoryName === 'rights')!.checks;
    assert.ok(
      rights.every(({ error }) =>
        error?.startsWith('not run, because this failed: kinds: each kind of pipeline is served'),
      ),
    );
  });

  it('waits for what may become true', async () => {
    await kube().kubectl(['delete', 'crd', 'metricpipelines.telemetry.kyma-project.io']);
    const waiting = runTocsin(['check', '--wait=15s', '-o', 'short', `--kubeconfig=${own}`]);
    // It has seen by then that the kind is missing; in any case it sees it in the end.
    await setTimeout(2000);
    await kube().apply(pipelineCrd('MetricPipeline', ['v1alpha1', 'v1beta1']));
    await kube().kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
    const { code, stdout } = await waiting;
    assert.deepEqual([code, stdout], [0, 'Status check results are √\n']);
  });

  it('names a version that is not served, and those that are', async () => {
    const kinds = '[{group: telemetry.kyma-project.io, version: v1, resource: tracepipelines}]';
    const config = await configured(`pipelines: {kubernetes: {kinds: ${kinds}}}\n`);
    const { bad, said } = await checkHere(`--kubeconfig=${own}`, config);
    assert.deepEqual(bad, ['kinds-served']);
    assert.match(said, /served in v1beta1, v1alpha1, not in v1|served in v1alpha1, v1beta1, not in v1/);
  });

  it('names namespaces of a kind that has none, and a selector that matches nothing', async () => {
    const kind = 'group: telemetry.kyma-project.io, version: v1beta1, resource: tracepipelines';
    const namespaces = await configured(`pipelines: {kubernetes: {kinds: [{${kind}, namespaces: [a]}]}}\n`);
    assert.ok((await checkHere(`--kubeconfig=${own}`, namespaces)).bad.includes('kinds-namespaced'));
    const matching = await configured(`pipelines: {kubernetes: {kinds: [{${kind}, label_selector: team=a}]}}\n`);
    assert.deepEqual((await checkHere(`--kubeconfig=${own}`, matching)).bad, []);
    const other = await configured(`pipelines: {kubernetes: {kinds: [{${kind}, label_selector: team=b}]}}\n`);
    const { bad, success } = await checkHere(`--kubeconfig=${own}`, other);
    assert.deepEqual([bad, success], [['pipelines-exist', 'pipelines-selected'], true]);
  });

  it('names an API server that cannot be reached, and one that refuses', async () => {
    const away = await kube().kubeconfigFor('x', `https://127.0.0.1:${await freePort()}`);
    const unreachable = await checkHere(`--kubeconfig=${away}`);
    assert.deepEqual(unreachable.bad, ['k8s-query']);
    assert.match(unreachable.said, /^GET \/version: no answer from https:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED/);
    const refused = await checkHere(`--kubeconfig=${await kube().kubeconfigFor('not-a-token')}`);
    assert.deepEqual(refused.bad, ['k8s-query']);
    assert.match(refused.said, /401 Unauthorized/);
    const missing = await checkHere(`--kubeconfig=${join(folder, 'none')}`);
    assert.deepEqual(missing.bad, ['k8s-client']);
  });

  it('names a storage that cannot be written', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    const occupied = join(folder, 'occupied');
    await mkdir(join(occupied, 'tocsin.probe'), { recursive: true });
    for (const [path, why] of [
      [file, /is not a folder/],
      [join(file, 'below'), /is below a file/],
      [occupied, /a file cannot be written there \(ERR_FS_EISDIR|EISDIR|EEXIST\)/],
    ] as const) {
      const { bad, said } = await checkHere(
        `--storage.path=${path}`,
        '--config.file=examples/tocsin.yml',
        `--kubeconfig=${own}`,
      );
      assert.deepEqual(bad, ['storage-writable'], path);
      assert.match(said, why);
    }
  });

  it('names a configuration that is wrong, and a file in it that is not there', async () => {
    const wrong = await checkHere(await configured('receiver: {max_alert: 7}\n'), `--kubeconfig=${own}`);
    assert.deepEqual(wrong.bad, ['config-is-valid']);
    assert.match(wrong.said, /tocsin\.yml:1:12: receiver\.max_alert: unknown key, did you mean "max_alerts"\?/);
    const missing = await checkHere(
      await configured(
        'prometheus: {url: "http://127.0.0.1:9090", http_config: {basic_auth: {username: a, password_file: pw}}}\n',
      ),
      `--kubeconfig=${own}`,
    );
    assert.ok(missing.bad.includes('config-files'));
    assert.ok(missing.said.includes(`${join(folder, 'pw')}: no such file`));
  });

  describe('the pods', () => {
    const namespace = 'tocsin-check';
    const labels = { 'app.kubernetes.io/name': 'tocsin' };
    const admin = (): string[] => [`--kubeconfig=${kube().kubeconfig}`, `--namespace=${namespace}`];

    before(async () => {
      await kube().apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
      await kube().apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } });
    });

    async function pod(status: object, args: readonly string[] = []): Promise<void> {
      await kube().kubectl(['delete', 'pod', '--all', `--namespace=${namespace}`, '--force', '--grace-period=0']);
      const spec = { containers: [{ name: 'tocsin', image: 'tocsin', args }] };
      await kube().apply({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'tocsin-1', namespace, labels }, spec });
      const patch = `--patch=${JSON.stringify({ status })}`;
      await kube().kubectl([
        'patch',
        'pod',
        'tocsin-1',
        `--namespace=${namespace}`,
        '--subresource=status',
        '--type=merge',
        patch,
      ]);
    }

    const scheduled = { type: 'PodScheduled', status: 'True' };
    const container = { name: 'tocsin', image: 'tocsin', imageID: '', ready: false, restartCount: 4 };

    it('are missed where somebody says that they are, and nowhere else', async () => {
      assert.deepEqual((await checkHere(...admin())).bad, [
        'pods-exist',
        'pods-scheduled',
        'pods-started',
        'pods-ready',
      ]);
      assert.deepEqual((await checkHere(`--kubeconfig=${kube().kubeconfig}`)).bad, []);
    });

    it('have no node, with the words of the scheduler and the last event', async () => {
      const message = "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.";
      await pod({
        phase: 'Pending',
        conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }],
      });
      await kube().apply({
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: 'tocsin-1.1', namespace },
        involvedObject: { kind: 'Pod', name: 'tocsin-1', namespace },
        type: 'Warning',
        reason: 'FailedScheduling',
        message: 'nobody has the label key=master',
        lastTimestamp: '2026-01-01T00:00:00Z',
      });
      const { bad, said } = await checkHere(...admin());
      assert.deepEqual(bad, ['pods-scheduled', 'pods-ready']);
      assert.ok(
        said.startsWith(`pod tocsin-1: Unschedulable: ${message}\n  its last event: FailedScheduling: nobody has`),
        said,
      );
    });

    it('crash, with the reason and where the log is', async () => {
      const lastState = { terminated: { exitCode: 1, reason: 'Error', message: 'tocsin.yml:2:3: unknown key' } };
      const state = { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s' } };
      await pod({ phase: 'Running', conditions: [scheduled], containerStatuses: [{ ...container, state, lastState }] });
      const { bad, said } = await checkHere(...admin());
      assert.deepEqual(bad, ['pods-started', 'pods-ready']);
      assert.match(
        said,
        /^pod tocsin-1, container tocsin: CrashLoopBackOff: back-off 40s; 4 restarts; it ended with 1 \(Error: tocsin\.yml:2:3: unknown key\): kubectl logs tocsin-1 --previous/,
      );
    });

    it('cannot be made, with the reason', async () => {
      const state = {
        waiting: { reason: 'CreateContainerConfigError', message: 'configmap "tocsin-config" not found' },
      };
      await pod({ phase: 'Pending', conditions: [scheduled], containerStatuses: [{ ...container, state }] });
      const { bad, said } = await checkHere(...admin());
      assert.deepEqual(bad, ['pods-started', 'pods-ready']);
      assert.match(said, /CreateContainerConfigError: configmap "tocsin-config" not found/);
    });

    it('run, and a Service opens them to the outside only with a password', async () => {
      const running = { phase: 'Running', conditions: [scheduled, { type: 'Ready', status: 'True' }] };
      const service = (type: string): object => ({
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'tocsin', namespace, labels },
        spec: { type, ports: [{ port: 9093 }], selector: labels },
      });
      await pod(running);
      await kube().apply(service('ClusterIP'));
      assert.deepEqual((await checkHere(...admin())).bad, []);
      for (const type of ['NodePort', 'LoadBalancer']) {
        await kube().apply(service(type));
        const { bad, said, success } = await checkHere(...admin());
        assert.deepEqual([bad, success], [['service-closed'], true]);
        assert.match(
          said,
          new RegExp(`^Service tocsin has the type ${type}, and Tocsin runs without --web\\.config\\.file`),
        );
      }
      await pod(running, ['--web.config.file=/etc/tocsin/web.yml']);
      assert.deepEqual((await checkHere(...admin())).bad, []);
    });
  });

  describe('the ConfigMap of the pod', () => {
    const namespace = 'tocsin-map';
    const labels = { 'app.kubernetes.io/name': 'tocsin' };
    const text = 'controller: {action: log}\n';
    let tocsin: TocsinProcess;
    const run = (): Promise<CheckRun> =>
      checkHere(`--kubeconfig=${kube().kubeconfig}`, `--namespace=${namespace}`, `--url=${tocsin.url}`);

    before(async () => {
      const file = join(folder, 'runs.yml');
      await writeFile(file, text);
      tocsin = await startTocsin({ args: [`--config.file=${file}`] });
      await kube().apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
      await kube().apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } });
      const volumeMounts = [{ name: 'config', mountPath: '/etc/tocsin' }];
      const containers = [
        { name: 'tocsin', image: 'tocsin', args: ['--config.file=/etc/tocsin/tocsin.yml'], volumeMounts },
      ];
      const spec = { containers, volumes: [{ name: 'config', configMap: { name: 'tocsin-config' } }] };
      await kube().apply({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'tocsin-1', namespace, labels }, spec });
    });
    after(() => tocsin.stop());

    function configMap(data: Readonly<Record<string, string>>, name = 'tocsin-config', more = {}): object {
      return {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name, namespace, labels: { ...labels, ...more } },
        data,
      };
    }

    it('is what runs, or the check says which text runs', async () => {
      const missing = await run();
      assert.match(missing.said, /there is no ConfigMap tocsin-map\/tocsin-config, which the pod mounts/);
      await kube().apply(configMap({ 'tocsin.yml': text }));
      assert.ok(!(await run()).bad.includes('configmap-runs'));
      await kube().apply(configMap({ 'tocsin.yml': `${text}# edited\n` }));
      const { bad, said } = await run();
      assert.ok(bad.includes('configmap-runs'), bad.join());
      assert.match(
        said,
        /Tocsin runs SHA-256 [\da-f]{12}…, loaded .*, but ConfigMap tocsin-map\/tocsin-config has [\da-f]{12}…/,
      );
    });

    it('may have a copy with the labels of Helm, which is told', async () => {
      const helm = { 'app.kubernetes.io/managed-by': 'Helm' };
      await kube().apply(configMap({}, 'copied', helm));
      const { bad, said } = await run();
      assert.ok(bad.includes('configmap-owner'), bad.join());
      assert.match(said, /ConfigMap tocsin-map\/copied: made by hand with the labels of Helm/);
    });
  });

  describe('--pre', () => {
    const namespace = 'tocsin-pre';
    const pre = (kubeconfig: string): string[] => ['--pre', `--kubeconfig=${kubeconfig}`, `--namespace=${namespace}`];

    it('is good for an administrator, in an empty cluster', async () => {
      const { bad } = await checkHere(...pre(kube().kubeconfig));
      // The roles of the other tests are there.
      assert.deepEqual(
        bad.filter((id) => id !== 'pre-names' && id !== 'pre-owner'),
        [],
      );
    });

    it('names every right that an installer lacks, escalation included', async () => {
      await kube().apply({
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name: 'installer', namespace: 'default' },
      });
      const rules = [
        {
          apiGroups: ['rbac.authorization.k8s.io'],
          resources: ['clusterroles', 'clusterrolebindings'],
          verbs: ['get', 'create', 'patch'],
        },
        { apiGroups: ['apps'], resources: ['deployments'], verbs: ['get', 'create', 'patch'] },
      ];
      const metadata = { name: 'installer' };
      await kube().apply(
        { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata, rules },
        {
          apiVersion: 'rbac.authorization.k8s.io/v1',
          kind: 'ClusterRoleBinding',
          metadata,
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'installer' },
          subjects: [{ kind: 'ServiceAccount', name: 'installer', namespace: 'default' }],
        },
      );
      const kubeconfig = await kube().kubeconfigFor(await kube().createToken('installer', 'default'));
      const { bad, said } = await checkHere(...pre(kubeconfig));
      assert.deepEqual(bad.slice(0, 3), ['pre-namespace', 'pre-rights', 'pre-roles']);
      assert.match(said, /may not: get serviceaccounts -n tocsin-pre; create serviceaccounts -n tocsin-pre/);
      assert.doesNotMatch(said, /deployments/);
      assert.match(said, /ClusterRole tocsin-writer: .*attempting to grant RBAC permissions not currently held/);
    });

    it('names an object of somebody else, and who owns an installation', async () => {
      const admin = kube().kubeconfig;
      await kube().apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
      await kube().kubectl([
        'delete',
        'clusterrole,clusterrolebinding',
        '--ignore-not-found',
        'tocsin-reader',
        'tocsin-writer',
      ]);
      assert.deepEqual((await checkHere(...pre(admin))).bad, []);
      const account = (metadata: object): object => ({
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name: 'tocsin', namespace, ...metadata },
      });
      await kube().apply(account({}));
      const foreign = await checkHere(...pre(admin));
      assert.deepEqual(foreign.bad, ['pre-names']);
      assert.match(foreign.said, /^ServiceAccount tocsin-pre\/tocsin: there already, and not of Tocsin/);
      await kube().apply(account({ labels: { 'app.kubernetes.io/name': 'tocsin' } }));
      const applied = await checkHere(...pre(admin));
      assert.deepEqual([applied.bad, applied.success], [['pre-owner'], true]);
      assert.match(applied.said, /installed by kubectl apply or kustomize/);
      const annotations = { 'meta.helm.sh/release-name': 'bell', 'meta.helm.sh/release-namespace': namespace };
      await kube().apply(account({ labels: { 'app.kubernetes.io/name': 'tocsin' }, annotations }));
      assert.match(
        (await checkHere(...pre(admin))).said,
        /installed by Helm, as the release bell in namespace tocsin-pre/,
      );
    });

    it('names a missing CRD', async () => {
      await kube().kubectl(['delete', 'crd', 'tracepipelines.telemetry.kyma-project.io']);
      const { bad } = await checkHere(...pre(kube().kubeconfig));
      assert.ok(bad.includes('kinds-served'), bad.join());
    });
  });
});

describe('what --pre knows of the installation', { skip: skipWithoutKube() }, () => {
  it('is k8s/base', async () => {
    const text = await kubectl(['kustomize', 'k8s/base']);
    const objects = parseAllDocuments(text).map((each) => each.toJS() as Manifest);
    const shown = ({ apiVersion, kind, name }: Record<'apiVersion' | 'kind' | 'name', string>): string =>
      `${apiVersion} ${kind} ${kind === 'ConfigMap' ? '' : name}`;
    assert.deepEqual(
      objects.map(({ apiVersion, kind, metadata: { name } }) => shown({ apiVersion, kind, name })).toSorted(),
      baseObjects
        .map(({ group, version, kind, name = '' }) =>
          shown({ apiVersion: group === '' ? version : `${group}/${version}`, kind, name }),
        )
        .toSorted(),
    );
    for (const [name, rules] of Object.entries(grantedRules))
      assert.deepEqual(
        objects.find((object) => object.kind === 'ClusterRole' && object.metadata.name === name)?.rules,
        rules,
      );
  });
});

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly rules?: unknown;
}
