import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Status, StatusPeer } from '../explain/schema-status.ts';
import { chainOf, healthyServer, resultsOf, troubles } from './chain.fixture.ts';
import type { ClusterApi, ClusterSource } from './cluster.ts';
import { delivery } from './delivery.ts';
import { replicas } from './replicas.ts';
import { tocsin } from './tocsin.ts';

type Replica = NonNullable<Status['replica']>;

const follower: Replica = { identity: 'b_1', lease: 'tocsin/tocsin', leading: false, leader: 'a_1', term: 3 };
const peer: StatusPeer = {
  identity: 'a_1',
  address: 'http://10.0.0.1:9093',
  answers: true,
  since_seconds: 3600,
  version: '1.2.3',
  instance: 'bbbb',
  clock_ahead_seconds: 0.02,
};

const nowhere: ClusterSource = {
  whyNot: 'there is no cluster',
  connect: () => Promise.reject(new Error('nobody connects')),
  namespace: 'tocsin',
  isNamespaceGiven: false,
  settings: () => Promise.reject(new Error('nobody asks')),
};

interface FakePod {
  readonly name: string;
  readonly release?: string;
  readonly ready?: boolean;
  readonly ending?: boolean;
}

function podOf({ name, release = 'tocsin', ready = true, ending = false }: FakePod): object {
  const labels = { 'app.kubernetes.io/instance': release };
  const deletion = ending ? { deletionTimestamp: '2026-11-21T03:00:00Z' } : {};
  const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False' }];
  return { metadata: { name, labels, ...deletion }, status: { phase: 'Running', conditions } };
}

function clusterWith(wanted: number, ...pods: readonly FakePod[]): ClusterSource {
  const deployment = {
    metadata: { name: 'tocsin', labels: { 'app.kubernetes.io/instance': 'tocsin' } },
    spec: { replicas: wanted },
  };
  const call = ({ path }: { readonly path: string }): Promise<unknown> =>
    Promise.resolve({ items: path.endsWith('/pods') ? pods.map(podOf) : [deployment] });
  return { ...nowhere, whyNot: undefined, connect: () => Promise.resolve({ call } as ClusterApi) };
}

const of = (replica?: Replica, cluster = nowhere): Promise<readonly string[]> =>
  troubles(replicas(chainOf({ status: replica === undefined ? {} : { replica } }), cluster));
const among = (...peers: readonly Partial<StatusPeer>[]): Promise<readonly string[]> =>
  of({ ...follower, peers: peers.map((more) => ({ ...peer, ...more })) });

describe('the category replicas', () => {
  it('is good for the only replica', async () => assert.deepEqual(await of(), []));

  it('is good for a leader and for a follower', async () => {
    assert.deepEqual(await of({ ...follower, leading: true, leader: 'b_1' }), []);
    assert.deepEqual(await of(follower), []);
    assert.deepEqual(await among({}), []);
  });

  it('is good while the next leader has time', async () =>
    assert.deepEqual(await of({ ...follower, waiting_for_leader_seconds: 60 }), []));

  it('fails if nobody leads, and says what is not done and where to look', async () => {
    const [found = ''] = await of({ ...follower, waiting_for_leader_seconds: 61 });
    assert.match(
      found,
      /^error replicas-leader: nobody has led for 1m1s, so no condition is written: see lease\.failed/,
    );
    assert.match(found, /tocsin\/tocsin/);
  });

  it('names a replica that does not answer, since when and why, and one that never has', async () => {
    const silent = { answers: false, since_seconds: 42, error: 'GET http://10.0.0.1:9093: 401 "wrong token"' };
    assert.deepEqual(await among({ ...silent, since_seconds: 9 }), []);
    const [found = ''] = await among(silent);
    assert.match(
      found,
      /^error replicas-answer: b_1 has no answer from a_1 at http:\/\/10\.0\.0\.1:9093 for 42s: .*401/,
    );
    assert.match(found, /NetworkPolicy.*token.*replicas\.http_config/);
    const { identity: _, ...unnamed } = { ...peer, ...silent };
    const [never = ''] = await of({ ...follower, peers: [unnamed] });
    assert.match(never, /no answer from the replica at http:\/\/10\.0\.0\.1:9093/);
  });

  it('warns of a configuration that stays different, but not while an update of the file arrives, nor of another version', async () => {
    assert.deepEqual(await among({ configuration_differs_seconds: 180 }), []);
    assert.deepEqual(await among({ configuration_differs_seconds: 600, version: '1.2.4', since_seconds: 60 }), []);
    const [found = ''] = await among({ configuration_differs_seconds: 181 });
    assert.match(found, /^warning replicas-configuration: the configuration of b_1 is not that of a_1 \(for 3m1s\)/);
    assert.match(found, /config\.reload_failed/);
  });

  it('warns of two versions that run side by side for longer than an update', async () => {
    assert.deepEqual(await among({ version: '1.2.2', since_seconds: 600 }), []);
    const [found = ''] = await among({ version: '1.2.2', since_seconds: 601 });
    assert.match(found, /^warning replicas-version: a_1 is Tocsin 1\.2\.2, and this one 1\.2\.3/);
    assert.match(found, /kubectl rollout status/);
  });

  it('tells the clocks, and warns of one that is far off', async () => {
    const all = await resultsOf(replicas(chainOf({ status: { replica: { ...follower, peers: [peer] } } }), nowhere));
    assert.deepEqual(all.find(({ check }) => check.id === 'replicas-clock')?.told, ['the clock of a_1 agrees']);
    const [found = ''] = await among({ clock_ahead_seconds: -600 });
    assert.match(found, /^warning replicas-clock: the clock of a_1 is 600\.0 s behind/);
    assert.match(found, /which one leads does not depend on it/);
  });

  describe('and the pods of the cluster', () => {
    const two = [{ name: 'pod-1' }, { name: 'pod-2' }];
    const known: Replica = { ...follower, identity: 'pod-1_1', peers: [{ ...peer, identity: 'pod-2_7' }] };

    it('is good for one pod, for replicas that know each other, and during an update', async () => {
      assert.deepEqual(await of(undefined, clusterWith(1, { name: 'pod-1' })), []);
      assert.deepEqual(await of(undefined, clusterWith(1, { name: 'pod-1' }, { name: 'pod-2', ending: true })), []);
      assert.deepEqual(await of(known, clusterWith(2, ...two)), []);
      assert.deepEqual(await of(known, clusterWith(2, ...two, { name: 'pod-3', ready: false })), []);
    });

    it('fails if several pods do not know that they are replicas: each writes', async () => {
      const [found = ''] = await of(undefined, clusterWith(2, ...two));
      assert.match(
        found,
        /^error replicas-pods: 2 pods of Tocsin run \(pod-1, pod-2\), and replicas\.enabled does not hold/,
      );
      assert.match(found, /k8s\/components\/replicas.*scale the Deployment to 1/);
    });

    it('leaves the pods of another installation in the namespace to that one', async () =>
      assert.deepEqual(await of(undefined, clusterWith(1, { name: 'pod-1' }, { name: 'x', release: 'other' })), []));

    it('fails if a pod is none of the replicas that are known, unless one of these is silent anyway', async () => {
      const alone = { ...known, peers: [] };
      const [found = ''] = await of(alone, clusterWith(2, ...two));
      assert.match(found, /^error replicas-pods: pod-1_1 does not know of pod-2: is replicas\.enabled false there/);
      assert.match(found, /kubectl get endpointslices/);
      const starting = { ...peer, answers: false, since_seconds: 1 };
      assert.deepEqual(await of({ ...known, peers: [starting] }, clusterWith(2, ...two)), []);
    });

    it('fails if there are fewer than were asked for', async () => {
      const [found = ''] = await of(known, clusterWith(2, { name: 'pod-1' }, { name: 'pod-2', ready: false }));
      assert.match(
        found,
        /^error replicas-pods: 1 of 2 pods of tocsin are ready \(pod-1\): if that one ends, nobody takes over/,
      );
    });

    it('says nothing of pods that are not those that are asked', async () =>
      assert.deepEqual(await of(undefined, clusterWith(2, { name: 'x' }, { name: 'y' })), []));
  });
});

describe('a Prometheus that sends to another replica than the one that is asked', () => {
  it('sends to this Tocsin', async () => {
    const target = 'http://10.0.0.1:9093/api/v2/alerts';
    const alertmanagers = (): Promise<{ active: string[]; dropped: string[] }> =>
      Promise.resolve({ active: [target], dropped: [] });
    const given = {
      servers: [{ ...healthyServer, alertmanagers }],
      probes: { [target]: { is: 'tocsin', instance: 'bbbb' } as const },
      status: { replica: { ...follower, peers: [peer] } },
    };
    const ids = ['delivery-target', 'tocsin-instance'];
    const found = [...(await troubles(delivery(chainOf(given)))), ...(await troubles(tocsin(chainOf(given))))];
    assert.deepEqual(
      found.filter((text) => ids.some((id) => text.includes(id))),
      [],
    );
    const unknown = { ...given, status: { replica: { ...follower, peers: [] } } };
    assert.match((await troubles(tocsin(chainOf(unknown)))).join('\n'), /Prometheus sends to another Tocsin/);
  });
});
