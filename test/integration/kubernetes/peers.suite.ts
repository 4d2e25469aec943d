import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { eventually } from '../../../src/runtime/eventually.fixture.ts';
import { skipWithoutKube } from '../../support/kube-api-server.ts';
import { flowHealthOf, KubeAdmin } from '../../support/kube-admin.ts';
import { gatewayAlert, metricsOf, PeerCluster, push } from '../../support/peer-cluster.ts';
import { checkHere } from '../../support/run-check.ts';
import { startPrometheus } from '../../support/prometheus-server.ts';
import { startRoundRobin } from '../../support/round-robin.ts';
import { runTocsin } from '../../support/run-tocsin.ts';
import { findServer } from '../../support/servers.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';

const execute = promisify(execFile);

const pipelines = ['peers-a', 'peers-b', 'peers-c', 'peers-d', 'peers-e', 'peers-f'];

describe('replicas that know each other', { skip: skipWithoutKube() }, () => {
  const kube = useSharedKubeApiServer();
  let cluster: PeerCluster;
  let admin: KubeAdmin;

  before(async () => {
    admin = new KubeAdmin(kube());
    await admin.create('TracePipeline', pipelines);
    cluster = await PeerCluster.start(kube(), 'peers');
  });

  after(async () => {
    await cluster?.stop();
    await admin?.close();
  });

  const failing = (name: string): Promise<unknown> =>
    eventually(
      () => admin.list('TracePipeline'),
      (objects) =>
        objects.some(
          (object) =>
            object.metadata.name === name && flowHealthOf(object)?.reason === 'GatewayAllTelemetryDataDropped',
        ),
    );

  /** How many runs there were for an alert about this pipeline, on all replicas. */
  const runsFor = (name: string): number =>
    cluster.replicas.flatMap(({ log }) =>
      log.all.filter(
        ({ event, ...fields }) =>
          event === 'reconcile.started' && fields['name'] === name && String(fields['causes']).includes('firing'),
      ),
    ).length;

  it('write what only a follower was told', async () => {
    const leader = await cluster.leader();
    await push(cluster.replicas[(leader + 1) % 3]!.url, gatewayAlert('peers-a'));
    await failing('peers-a');
  });

  it('tell one story, whichever is asked: who received the alert, and who ran what it woke', async () => {
    const { Runs, Alerts } = await import('../../../src/explain/schema-requests.ts');
    const { ExplainedAlert } = await import('../../../src/explain/schema.ts');
    const leader = await cluster.leader();
    const follower = (leader + 1) % 3;
    const told = ({ replica = '' }: { readonly replica?: string | undefined }): number => Number(replica[8]);
    for (const { url } of cluster.replicas) {
      const api = `${url}/api/tocsin/v1`;
      const read = async (path: string): Promise<unknown> => {
        // A replica that does not answer within half a second is missing.
        const whole = ({ headers }: Response): boolean => headers.get('tocsin-missing-peers') === null;
        return (await eventually(() => fetch(`${api}${path}`), whole)).json();
      };
      const caused = ({ causes }: { readonly causes: readonly unknown[] }): boolean => causes.length > 0;
      const { items: runs } = Runs.parse(await read('/pipelines/TracePipeline/peers-a'));
      assert.deepEqual(runs.filter(caused).map(told), [leader]);
      const { items: alerts } = Alerts.parse(await read('/alerts?filter=pipeline_name%3Dpeers-a'));
      const { effects } = ExplainedAlert.parse(await read(`/alerts/${alerts[0]!.fingerprint}`));
      const woke = effects.map((effect) => [told(effect), effect.verdict, effect.runs.length]);
      assert.deepEqual(
        woke.toSorted(),
        [
          [follower, 'woke', 0],
          [leader, 'woke', 1],
        ].toSorted(),
      );
    }
  });

  it('make one run of an alert that all of them are told, by a real Prometheus', async (test) => {
    await cluster.leader();
    const termsBefore = cluster.replicas.flatMap(({ log }) =>
      log.all.filter(({ event }) => event === 'leader.elected'),
    ).length;
    const labels = { pipeline_name: 'peers-b' };
    const rule = { alert: 'TraceGatewayAllDataDropped', expr: 'vector(1)', labels };
    const prometheus = await startPrometheus({
      rules: JSON.stringify({ groups: [{ name: 'g', interval: '1s', rules: [rule] }] }),
      alertmanagers: cluster.ports.map((port) => `127.0.0.1:${port}`),
      resendDelay: '1m',
    });
    test.after(() => prometheus.stop());
    const isTaken = (): Promise<readonly boolean[]> =>
      Promise.all(
        cluster.replicas.map(async ({ url }) =>
          (await (await fetch(`${url}/api/v2/alerts`)).text()).includes('peers-b'),
        ),
      );
    await eventually(isTaken, (taken) => taken.every(Boolean), 90_000);
    await failing('peers-b');
    await Promise.all(
      cluster.replicas.map(({ url }) =>
        eventually(
          () => metricsOf(url),
          (page) => /^tocsin_told_alerts_pending 0$/m.test(page),
        ),
      ),
    );
    // On a machine that stands still for seconds another one leads by now, and has looked again.
    const terms = cluster.replicas.flatMap(({ log }) => log.all.filter(({ event }) => event === 'leader.elected'));
    if (terms.length === termsBefore) assert.equal(runsFor('peers-b'), 1);
    else assert.ok(runsFor('peers-b') <= 1 + terms.length - termsBefore);
  });

  it('write what a real Prometheus pushes through one address in front of them', async (test) => {
    await cluster.leader();
    const service = await startRoundRobin(() => cluster.ports, { idleMs: 50 });
    test.after(() => service.stop());
    const rules = ['peers-c', 'peers-d'].map((name) => ({
      alert: 'TraceGatewayAllDataDropped',
      expr: 'vector(1)',
      labels: { pipeline_name: name },
    }));
    const prometheus = await startPrometheus({
      rules: JSON.stringify({ groups: [{ name: 'g', interval: '1s', rules }] }),
      alertmanagers: [`127.0.0.1:${service.port}`],
      resendDelay: '1s',
    });
    test.after(() => prometheus.stop());
    await Promise.all([failing('peers-c'), failing('peers-d')]);
  });

  it('answer every read alike, and are listed by amtool', async (test) => {
    await cluster.leader();
    await push(cluster.replicas[0]!.url, { labels: { alertname: 'Only0', n: '0' } });
    await push(cluster.replicas[1]!.url, { labels: { alertname: 'Only1', n: '1' } });
    const names = async ({ url }: { readonly url: string }): Promise<readonly string[]> => {
      // A replica that does not answer within half a second is missing.
      const response = await eventually(
        () => fetch(`${url}/api/v2/alerts?filter=n%3D~%22.%2B%22`),
        ({ headers }) => headers.get('tocsin-missing-peers') === null,
      );
      const alerts = (await response.json()) as readonly { readonly labels: { readonly alertname: string } }[];
      return alerts.map(({ labels }) => labels.alertname).toSorted();
    };
    for (const replica of cluster.replicas) assert.deepEqual(await names(replica), ['Only0', 'Only1']);
    const amtool = findServer('amtool');
    if (amtool === undefined) return test.diagnostic('there is no amtool here');
    const { stdout } = await execute(amtool, [
      `--alertmanager.url=${cluster.replicas[2]!.url}`,
      'cluster',
      'show',
      '-o',
      'extended',
    ]);
    for (const [index, port] of cluster.ports.entries())
      assert.match(stdout, new RegExp(`127.0.0.1:${port} +replica-${index}_`));
  });

  it('are the pods that tocsin check finds in the cluster, and no others', async () => {
    const leader = await cluster.leader();
    const namespace = 'peers-checked';
    const names = ['replica-0', 'replica-1', 'replica-2'];
    const labels = { 'app.kubernetes.io/name': 'tocsin', 'app.kubernetes.io/instance': 'checked' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'tocsin', image: 'tocsin' }] } };
    const pod = (name: string): object => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name, namespace, labels },
      spec: template.spec,
    });
    const deployment = (replicas: number): object => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'tocsin', namespace, labels },
      spec: { replicas, selector: { matchLabels: labels }, template },
    });
    const markReady = async (...pods: readonly string[]): Promise<void> => {
      const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
      const ready = pods.map((name) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, status }));
      const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: ready });
      await kube().kubectl(['apply', '--server-side', '--subresource=status', '-f', '-'], { input });
    };
    const check = async (): Promise<readonly (string | undefined)[]> => {
      const args = ['--url', cluster.replicas[leader]!.url, '--kubeconfig', kube().kubeconfig, '-n', namespace];
      const { categories } = await checkHere(...args);
      const found = categories.find(({ categoryName }) => categoryName === 'replicas')?.checks ?? [];
      return found.map(({ result, error }) => (result === 'success' ? result : error));
    };
    const saysOfPods = (text: RegExp): Promise<unknown> => eventually(check, (found) => text.test(found[2] ?? ''));
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } };
    const space = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } };
    await kube().apply(space, account, deployment(3), ...names.map(pod));
    await markReady(...names);
    // A replica that does not answer for a moment is told too.
    await eventually(check, (found) => found.length === 6 && found.every((each) => each === 'success'));
    await kube().apply(deployment(4), pod('replica-9'));
    await saysOfPods(/^3 of 4 pods of tocsin are ready \(replica-0, replica-1, replica-2\)/);
    await markReady('replica-9');
    await saysOfPods(new RegExp(`^replica-${leader}_\\w+ does not know of replica-9: `));
  });

  it('lose nothing that only a leader was told that is killed before it has worked on it, once it is told again', async () => {
    const leader = await cluster.leader();
    const killed = cluster.replicas[leader]!;
    await push(cluster.replicas[(leader + 1) % 3]!.url, gatewayAlert('peers-e'));
    killed.child.kill('SIGKILL');
    await push(cluster.replicas[(leader + 2) % 3]!.url, gatewayAlert('peers-f'));
    await Promise.all([failing('peers-e'), failing('peers-f')]);
    const missing = await fetch(`${cluster.replicas[(leader + 1) % 3]!.url}/api/v2/alerts`);
    assert.match(missing.headers.get('tocsin-missing-peers') ?? '', new RegExp(`(^|, )replica-${leader}_`));
    const { stdout } = await runTocsin(['why', '--url', cluster.replicas[(leader + 1) % 3]!.url]);
    assert.match(stdout, new RegExp(`^replica-${leader} did not answer in time: what is known there alone`, 'm'));
    await killed.stop();
    cluster.replicas[leader] = await cluster.startReplica(leader);
    await cluster.leader();
  });
});
