import assert from 'node:assert/strict';
import { PassThrough, type Readable } from 'node:stream';
import { after, before, describe, it, type TestContext } from 'node:test';
import { Registry } from 'prom-client';
import { ForbiddenError } from '../../../src/reconcile/errors.ts';
import type { Condition } from '../../../src/reconcile/ports.ts';
import { fastClock } from '../../../src/runtime/clock.fixture.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { eventually } from '../../../src/runtime/eventually.fixture.ts';
import { RecordingLogger } from '../../../src/runtime/logger.fixture.ts';
import { SliceSchedule } from '../../../src/runtime/slices.ts';
import type { NeedState, ObjectNeed } from '../../../src/trigger/ports.ts';
import { createKubernetesPipelines } from '../../../src/kubernetes/create-kubernetes-pipelines.ts';
import { createApiClient, type ApiClient } from '../../../src/kubernetes/api/api-client.ts';
import type { ApiCall } from '../../../src/kubernetes/api/api-transport.ts';
import { ObjectMemory } from '../../../src/kubernetes/kept-object.ts';
import { KubernetesTargets } from '../../../src/kubernetes/targets/kubernetes-targets.ts';
import { createReflectorMetrics } from '../../../src/kubernetes/watch/reflector-report.ts';
import { ObjectWriter } from '../../../src/kubernetes/write/object-writer.ts';
import { clusterCases } from '../../contract/cluster.cases.ts';
import { skipWithoutKube } from '../../support/kube-api-server.ts';
import { applicationCrd, clusterCrd, customObject, helmReleaseCrd } from '../../support/operator-crds.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';

const never = new AbortController().signal;
const mergePatch = 'application/merge-patch+json';
/** 5000 takes most of a minute. */
const manyObjects = Number(process.env['TARGET_OBJECTS'] ?? 500);
const cnpg = 'postgresql.cnpg.io/v1';
const flux = 'helm.toolkit.fluxcd.io/v2';
const clusters = '/apis/postgresql.cnpg.io/v1/namespaces/team-shop/clusters';
const clusterNeed: ObjectNeed = { apiVersion: cnpg, kind: 'Cluster', namespace: 'team-shop', of: 'conditions' };
const lastTransitionTime = '2026-11-21T03:00:00Z';

function condition(type: string, reason = 'Down'): Condition {
  return { type, status: 'False', reason, message: 'as the test wants it', lastTransitionTime };
}

function cluster(name: string, labels: object = {}): object {
  return customObject(cnpg, 'Cluster', name, { metadata: { name, namespace: 'team-shop', labels } });
}

function reasonOf(state: NeedState): string {
  return state.state === 'unavailable' ? state.reason : state.state;
}

describe('the objects that triggers choose, in a real cluster', { skip: skipWithoutKube() }, () => {
  const kube = useSharedKubeApiServer();
  let admin: ApiClient;

  /** Targets with pauses an eighth as long as usual. @param wrap changes the client */
  async function open(t: TestContext, kubeconfig = kube().kubeconfig, wrap = (client: ApiClient): Opened => client) {
    const [registry, logger, calls] = [new Registry(), new RecordingLogger(), [] as ApiCall[]];
    const client = clientOf(kubeconfig, registry);
    const wrapped = wrap(client);
    const counted: Opened = {
      call: (call) => (calls.push(call), wrapped.call(call)),
      open: (call) => (calls.push(call), wrapped.open(call)),
    };
    const clock = fastClock(8);
    const memory = new ObjectMemory();
    const targets = new KubernetesTargets({
      client: counted,
      clock,
      logger,
      registry,
      schedule: new SliceSchedule(systemClock),
      metrics: createReflectorMetrics(registry),
      writer: new ObjectWriter({ client: counted, clock, logger, registry }),
      memory,
    });
    t.after(async () => {
      await targets.close();
      await client.close();
    });
    return { targets, calls, logger, memory };
  }

  const known = (targets: KubernetesTargets, need: ObjectNeed, state = 'known'): Promise<NeedState> =>
    eventually(
      () => targets.stateOf(need),
      (now) => reasonOf(now) === state,
    );
  const statusOf = async (name: string): Promise<readonly Condition[]> => {
    const { status } = await admin.call<{ status?: { conditions?: Condition[] } }>({
      method: 'GET',
      path: `${clusters}/${name}`,
    });
    return status?.conditions ?? [];
  };
  const removeCrd = (name: string): Promise<string> => kube().kubectl(['delete', 'crd', name, '--ignore-not-found']);
  const removeKinds = async (): Promise<void> => {
    for (const plural of [
      'clusters.postgresql.cnpg.io',
      'helmreleases.helm.toolkit.fluxcd.io',
      'applications.argoproj.io',
    ])
      await removeCrd(plural);
  };
  const establish = async (...crds: readonly object[]): Promise<void> => {
    await kube().apply(...crds);
    await kube().kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
  };

  before(async () => {
    admin = clientOf(kube().kubeconfig, new Registry());
    await kube().apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'team-shop' } });
    await kube().apply({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'default', namespace: 'team-shop' },
    });
    // Others may have left some, with objects.
    await removeKinds();
    await establish(helmReleaseCrd, applicationCrd);
  });
  after(async () => {
    await admin.close();
    await removeKinds();
  });

  describe('which behaves as the fake one', () => {
    let stranger: ApiClient;

    before(async () => {
      await establish(clusterCrd);
      await kube().apply({
        apiVersion: 'v1',
        kind: 'ServiceAccount',
        metadata: { name: 'stranger', namespace: 'team-shop' },
      });
      const token = await kube().createToken('stranger', 'team-shop');
      stranger = clientOf(await kube().kubeconfigFor(token), new Registry());
    });
    after(async () => {
      await stranger.close();
      await removeCrd('clusters.postgresql.cnpg.io');
    });

    for (const { name, check } of clusterCases) {
      it(name, async () => {
        await admin.call({ method: 'DELETE', path: clusters, keep: nothing });
        await check({
          client: admin,
          stranger,
          create: async (collection, { metadata }) =>
            void (await admin.call({
              method: 'POST',
              path: collection,
              body: customObject(cnpg, 'Cluster', metadata.name, { metadata }),
            })),
          delete: async (path) => void (await admin.call({ method: 'DELETE', path, keep: nothing })),
        });
      });
    }
  });

  it('come when their kind is installed later, get conditions and Events’ UIDs, and go with the kind', async (t) => {
    const { targets, calls } = await open(t);
    await new Promise<void>((resolve) => systemClock.setTimeout(resolve, 300));
    assert.equal(calls.length, 0, 'without a need nothing is asked');
    targets.require([clusterNeed]);
    await known(targets, clusterNeed, 'NotInstalled');
    await establish(clusterCrd);
    await kube().apply(cluster('orders', { app: 'orders' }), cluster('billing', { app: 'billing' }));
    const others = [condition('Ready', 'ClusterIsReady')];
    const body = { status: { conditions: others, phase: 'healthy' } };
    await admin.call({ method: 'PATCH', path: `${clusters}/orders/status`, contentType: mergePatch, body });
    await known(targets, clusterNeed);
    const select = (selector: object): readonly string[] =>
      targets.select(cnpg, 'Cluster', 'team-shop', selector).map(({ request }) => request.name);
    await eventually(
      () => select({ matchExpressions: [{ key: 'app', operator: 'Exists' }] }),
      (names) => names.length === 2,
    );
    assert.deepEqual(select({ matchLabels: { app: 'orders' } }), ['orders']);
    const request = targets.requestOf(cnpg, 'Cluster', 'team-shop', 'orders')!;
    await eventually(
      () => targets.get(request)?.pipeline.conditions.length,
      (count) => count === 1,
    );
    assert.equal(await targets.updateConditions(request, (found) => [...found, condition('AlertsQuiet')], never), true);
    assert.deepEqual(await statusOf('orders'), [...others, condition('AlertsQuiet')]);
    assert.equal(targets.get(request)?.pipeline.conditions.length, 2, 'our own write is known at once');
    assert.equal(
      await targets.updateConditions(request, (found) => found.filter(({ type }) => type === 'Ready'), never),
      true,
    );
    assert.deepEqual(await statusOf('orders'), others);
    await removeCrd('clusters.postgresql.cnpg.io');
    await known(targets, clusterNeed, 'NotInstalled');
    assert.equal(targets.get(request), undefined);
    await establish(clusterCrd);
    await known(targets, clusterNeed);
    assert.deepEqual(select({}), []);
  });

  it('need a status subresource for a condition, and none for an annotation', async (t) => {
    const { targets } = await open(t);
    const [conditions, none] = [
      { apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', namespace: 'team-shop', of: 'conditions' },
      { apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', namespace: 'team-shop', of: 'none' },
    ] as const;
    await kube().apply(customObject('argoproj.io/v1alpha1', 'Application', 'web'));
    targets.require([conditions, none]);
    await known(targets, none);
    assert.equal(reasonOf(targets.stateOf(conditions)), 'NoStatus');
    const request = targets.requestOf('argoproj.io/v1alpha1', 'Application', 'team-shop', 'web')!;
    assert.equal(await targets.annotate(request, { 'argocd.argoproj.io/refresh': 'normal' }, never), true);
    const { metadata } = (await kube().get('applications', 'web', '-n', 'team-shop')) as {
      metadata: { annotations: Record<string, string> };
    };
    assert.equal(metadata.annotations['argocd.argoproj.io/refresh'], 'normal');
  });

  it('are asked for their metadata alone where that is enough', async (t) => {
    const { targets, calls } = await open(t);
    const need: ObjectNeed = { apiVersion: flux, kind: 'HelmRelease', namespace: 'team-shop', of: 'metadata' };
    await kube().apply(customObject(flux, 'HelmRelease', 'podinfo'));
    targets.require([need]);
    await known(targets, need);
    const request = targets.requestOf(flux, 'HelmRelease', 'team-shop', 'podinfo')!;
    assert.ok(targets.get(request)?.pipeline.uid);
    assert.ok(
      calls
        .filter(({ path }) => path.endsWith('/helmreleases'))
        .every(({ accept }) => accept?.includes('as=PartialObjectMetadata')),
    );
    // The condition of an object whose status is not watched is read first.
    assert.equal(await targets.updateConditions(request, (found) => [...found, condition('AlertsQuiet')], never), true);
    await kube().apply(
      customObject(flux, 'HelmRelease', 'later', {
        metadata: { name: 'later', namespace: 'team-shop', labels: { team: 'a' } },
      }),
    );
    await eventually(
      () => targets.select(flux, 'HelmRelease', 'team-shop', { matchLabels: { team: 'a' } }).length,
      (count) => count === 1,
    );
  });

  it('are written at most as far as rights go, and the rule that is missing is named, taken away and given back', async (t) => {
    await kube().apply(
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'targets', namespace: 'team-shop' } },
      cluster('guarded'),
    );
    const role = (rules: readonly object[]): object => ({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'targets', namespace: 'team-shop' },
      rules,
    });
    const rule = (resource: string, ...verbs: readonly string[]): object => ({
      apiGroups: ['postgresql.cnpg.io'],
      resources: [resource],
      verbs,
    });
    const subjects = [{ kind: 'ServiceAccount', name: 'targets', namespace: 'team-shop' }];
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'targets' };
    await kube().apply(role([]), {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: 'targets', namespace: 'team-shop' },
      roleRef,
      subjects,
    });
    const { targets } = await open(t, await kube().kubeconfigFor(await kube().createToken('targets', 'team-shop')));
    targets.require([clusterNeed]);
    const missing = (): unknown => {
      const state = targets.stateOf(clusterNeed);
      return state.state === 'unavailable' && state.reason === 'Forbidden' ? state.missingRule : reasonOf(state);
    };
    const isMissing = (resource: string, verbs: readonly string[]): Promise<unknown> => {
      const wanted = JSON.stringify({ apiGroups: ['postgresql.cnpg.io'], resources: [resource], verbs });
      return eventually(missing, (now) => JSON.stringify(now) === wanted);
    };
    await isMissing('clusters', ['list', 'watch']);
    await kube().apply(role([rule('clusters', 'list')]));
    await isMissing('clusters', ['watch']);
    await kube().apply(role([rule('clusters', 'list', 'watch')]));
    await known(targets, clusterNeed);
    const request = targets.requestOf(cnpg, 'Cluster', 'team-shop', 'guarded')!;
    const write = (): Promise<boolean> => targets.updateConditions(request, () => [condition('AlertsQuiet')], never);
    await assert.rejects(write, ForbiddenError);
    await isMissing('clusters/status', ['patch']);
    await kube().apply(role([rule('clusters', 'list', 'watch'), rule('clusters/status', 'patch')]));
    await eventually(write, (written) => written);
    assert.deepEqual(targets.stateOf(clusterNeed), { state: 'known' });
    await assert.rejects(targets.annotate(request, { a: 'b' }, never), ForbiddenError);
    const annotated = { ...clusterNeed, of: 'metadata' } as const;
    targets.require([clusterNeed, annotated]);
    const state = targets.stateOf(annotated);
    assert.deepEqual(state.state === 'unavailable' && state.missingRule?.verbs, ['patch']);
    await kube().apply(role([rule('clusters', 'list', 'watch', 'patch')]));
    await eventually(
      () => targets.annotate(request, { a: 'b' }, never),
      (written) => written,
    );
    assert.deepEqual(targets.stateOf(annotated), { state: 'known' });
  });

  it('are not confused with a successor of the same name, while the watch does not yet tell of it', async (t) => {
    const streams: { readonly from: Readable; readonly to: PassThrough }[] = [];
    const holding = (client: ApiClient): Opened => ({
      call: (call) => client.call(call),
      open: async (call) => {
        const [from, to] = [await client.open(call), new PassThrough()];
        to.once('close', () => from.destroy());
        // Not by the pipe, which may be held: the end of a watch has to end its reader.
        from.once('close', () => to.destroy());
        streams.push({ from, to });
        return from.pipe(to);
      },
    });
    await kube().apply(cluster('twice'));
    const { targets } = await open(t, kube().kubeconfig, holding);
    targets.require([clusterNeed]);
    await known(targets, clusterNeed);
    const request = targets.requestOf(cnpg, 'Cluster', 'team-shop', 'twice')!;
    const write = (reason: string): Promise<boolean> =>
      targets.updateConditions(request, () => [condition('AlertsQuiet', reason)], never);
    assert.equal(await write('First'), true);
    await eventually(
      () => streams.length,
      (count) => count > 0,
    );
    for (const { from, to } of streams) from.unpipe(to);
    const path = `${clusters}/twice`;
    const isReady = { status: { conditions: await statusOf('twice') } };
    await admin.call({ method: 'DELETE', path });
    await admin.call({ method: 'POST', path: clusters, body: cluster('twice') });
    await admin.call({ method: 'PATCH', path: `${path}/status`, contentType: mergePatch, body: isReady });
    assert.deepEqual([await write('Second'), await targets.annotate(request, { a: 'b' }, never)], [false, false]);
    assert.deepEqual(
      (await statusOf('twice')).map(({ reason }) => reason),
      ['First'],
    );
    for (const { from, to } of streams) from.pipe(to);
    const { metadata } = await admin.call<{ metadata: { uid: string; annotations?: object } }>({ method: 'GET', path });
    assert.equal(metadata.annotations, undefined);
    await eventually(
      () => targets.get(request)?.pipeline.uid,
      (uid) => uid === metadata.uid,
    );
    assert.deepEqual([await write('Second'), await targets.annotate(request, { a: 'b' }, never)], [true, true]);
  });

  it('are part of the home, whose Events are about them', async (t) => {
    const registry = new Registry();
    const clock = systemClock;
    const home = createKubernetesPipelines({
      access: { kubeconfigs: [kube().kubeconfig] },
      config: { kinds: null, qps: null, burst: null },
      workers: 1,
      version: 'test',
      onChange: () => undefined,
      clock,
      logger: new RecordingLogger(),
      registry,
      schedule: new SliceSchedule(clock),
    });
    t.after(() => home.close());
    await home.open();
    await kube().apply(cluster('noted'), customObject(flux, 'HelmRelease', 'noted'));
    const named: ObjectNeed = { apiVersion: flux, kind: 'HelmRelease', namespace: 'team-shop', of: 'none' };
    home.targets?.require([clusterNeed, named]);
    for (const { apiVersion, kind } of [clusterNeed, named]) {
      const request = await eventually(
        () => home.targets?.requestOf(apiVersion, kind, 'team-shop', 'noted'),
        (found) => found !== undefined,
      );
      const pipeline = await eventually(
        () => home.targets?.get(request!)?.pipeline,
        (found) => found !== undefined,
      );
      assert.equal(await home.updateConditions(request!, () => [condition('AlertsQuiet')], never), true);
      const transition = {
        type: 'AlertsQuiet',
        from: '',
        to: 'False',
        fromReason: '',
        reason: 'Down',
        message: 'm',
      } as const;
      home.transitions?.record(pipeline!, transition, { by: 'no alert' });
      const { metadata } = (await kube().get(kind, 'noted', '-n', 'team-shop')) as { metadata: { uid: string } };
      const select = `--field-selector=involvedObject.uid=${metadata.uid}`;
      const events = await eventually(
        () => kube().get('events', '-n', 'team-shop', select),
        (found) => (found as object[]).length === 1,
      );
      const [{ involvedObject, reason }] = events as [{ involvedObject: object; reason: string }];
      assert.deepEqual(
        [involvedObject, reason],
        [{ apiVersion, kind, name: 'noted', namespace: 'team-shop', uid: metadata.uid }, 'Down'],
      );
    }
  });

  it('refuse a write for an object that has been replaced since it was read', async (t) => {
    await kube().apply(deployment('replaced'));
    const path = '/apis/apps/v1/namespaces/team-shop/deployments/replaced';
    const { targets } = await open(t);
    const need: ObjectNeed = { apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'team-shop', of: 'none' };
    targets.require([need]);
    await known(targets, need);
    await kube().apply(pod('replaced', await reference(path)));
    const answer = await targets.ownerOf('team-shop', 'replaced', undefined, never);
    assert.ok(answer.owner?.pipeline.uid);
    const { request } = answer.owner;
    await admin.call({ method: 'DELETE', path });
    await kube().apply(deployment('replaced'));
    const restartedAt = { 'kubectl.kubernetes.io/restartedAt': '2026-11-21T03:00:00Z' };
    assert.equal(await targets.annotate(request, restartedAt, never, 'podTemplate'), false);
    assert.equal(await targets.annotate(request, restartedAt, never, 'podTemplate'), true, 'its UID is forgotten');
    const { spec } = await admin.call<{ spec: { template: { metadata: { annotations: object } } } }>({
      method: 'GET',
      path,
    });
    assert.deepEqual(spec.template.metadata.annotations, restartedAt);
  });

  const reference = async (path: string): Promise<object> => {
    const { apiVersion, kind, metadata } = await admin.call<{
      apiVersion: string;
      kind: string;
      metadata: { name: string; uid: string };
    }>({ method: 'GET', path });
    return { apiVersion, kind, name: metadata.name, uid: metadata.uid, controller: true };
  };

  it('are found above a pod, to the custom resource on top', async (t) => {
    await kube().apply(customObject(flux, 'HelmRelease', 'top'));
    const [releases, apps] = [`/apis/${flux}/namespaces/team-shop/helmreleases`, '/apis/apps/v1/namespaces/team-shop'];
    await kube().apply(deployment('chain', await reference(`${releases}/top`)));
    await kube().apply({ ...deployment('chain-1', await reference(`${apps}/deployments/chain`)), kind: 'ReplicaSet' });
    await kube().apply(pod('chain-1-a', await reference(`${apps}/replicasets/chain-1`)), pod('alone'));
    const { targets, calls } = await open(t);
    const found = async (name: string, kind?: string): Promise<unknown> => {
      const answer = await targets.ownerOf('team-shop', name, kind, never);
      return answer.owner === undefined ? answer.reason : [answer.owner.request, answer.fromMemory];
    };
    const top = { kind: 'HelmRelease', group: 'helm.toolkit.fluxcd.io', namespace: 'team-shop', name: 'top' };
    assert.deepEqual(await found('chain-1-a'), [top, false]);
    assert.deepEqual(await found('chain-1-a', 'Deployment'), [
      { kind: 'Deployment', group: 'apps', namespace: 'team-shop', name: 'chain' },
      false,
    ]);
    assert.equal(calls.filter(({ path }) => /\/team-shop\//.test(path)).length, 4);
    assert.deepEqual(await found('alone'), 'nothing owns the pod team-shop/alone');
    assert.equal(await targets.annotate(top, { 'reconcile.fluxcd.io/requestedAt': 'now' }, never), true);
    assert.equal(
      await found('never-there'),
      'Pod team-shop/never-there is not there, and nothing was known of it in the last hour',
    );
  });

  it('are all there after the API server was killed and started again', async (t) => {
    const { targets } = await open(t);
    await kube().apply(cluster('survivor'));
    targets.require([clusterNeed]);
    await known(targets, clusterNeed);
    await kube().restart();
    await kube().apply(cluster('after-the-restart', { late: 'yes' }));
    const late = (): number => targets.select(cnpg, 'Cluster', 'team-shop', { matchLabels: { late: 'yes' } }).length;
    await eventually(late, (count) => count === 1, 60_000);
    assert.deepEqual(targets.stateOf(clusterNeed), { state: 'known' });
    assert.ok(targets.get(targets.requestOf(cnpg, 'Cluster', 'team-shop', 'survivor')!));
  });

  it('may be thousands of a kind', async (t) => {
    const names = Array.from({ length: manyObjects }, (_, index) => `many-${index}`).values();
    const create = async (): Promise<void> => {
      for (const name of names) {
        const body = cluster(name, { app: name, 'app.kubernetes.io/part-of': 'many' });
        await admin.call({ method: 'POST', path: clusters, body });
        const status = { conditions: [condition('Ready', 'ClusterIsReady'), condition('ContinuousArchiving', 'Fine')] };
        await admin.call({
          method: 'PATCH',
          path: `${clusters}/${name}/status`,
          contentType: 'application/merge-patch+json',
          body: { status },
        });
      }
    };
    await Promise.all(Array.from({ length: 16 }, create));
    const { targets, memory, logger } = await open(t);
    const startedAt = systemClock.monotonic();
    targets.require([clusterNeed]);
    await known(targets, clusterNeed);
    const part = { matchLabels: { 'app.kubernetes.io/part-of': 'many' } };
    assert.equal(targets.select(cnpg, 'Cluster', 'team-shop', part).length, manyObjects);
    t.diagnostic(
      `known after ${Math.round(systemClock.monotonic() - startedAt)} ms, ${memory.bytes / 1024 / 1024} MiB`,
    );
    assert.deepEqual(logger.linesOf('reflector.object_left_out'), []);
    await admin.call({
      method: 'DELETE',
      path: clusters,
      query: { labelSelector: 'app.kubernetes.io/part-of=many' },
      keep: nothing,
    });
    await eventually(
      () => targets.select(cnpg, 'Cluster', 'team-shop', part).length,
      (count) => count === 0,
    );
    await eventually(
      () => memory.bytes,
      (bytes) => bytes < 1024 * 1024,
    );
  });
});

function clientOf(kubeconfig: string, registry: Registry): ApiClient {
  const access = { kubeconfigs: [kubeconfig] };
  return createApiClient({ clock: systemClock, registry, access, qps: 10_000, burst: 10_000, version: 'test' });
}

type Opened = Pick<ApiClient, 'call' | 'open'>;
const nothing = { selection: 'presence', bytes: 0 } as const;

function deployment(name: string, owner?: object): object {
  const ownerReferences = owner === undefined ? [] : [owner];
  const labels = { app: name };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'c:1' }] } };
  const metadata = { name, namespace: 'team-shop', ownerReferences };
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { selector: { matchLabels: labels }, template } };
}

function pod(name: string, owner?: object): object {
  const ownerReferences = owner === undefined ? [] : [owner];
  const spec = { containers: [{ name: 'c', image: 'c:1' }] };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'team-shop', ownerReferences }, spec };
}
