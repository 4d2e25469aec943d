import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { skipWithoutKube } from '../../support/kube-api-server.ts';
import { leaseMs, ReplicaCluster } from '../../support/replica-cluster.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';

/** What a machine that does other things as well may add to a promise, milliseconds. */
const slackMs = 20_000;

describe('three replicas', { skip: skipWithoutKube() }, () => {
  const kube = useSharedKubeApiServer();
  let cluster: ReplicaCluster;

  before(async () => {
    cluster = await ReplicaCluster.start(kube(), { lease: 'three', pipelines: ['a', 'b', 'c'] });
  });

  after(() => cluster?.stop());

  it('have one leader, which writes what all of them were told', async () => {
    const leader = await cluster.leader();
    await cluster.flip('a');
    assert.deepEqual(await cluster.wrong(slackMs), []);
    assert.equal(leader, await cluster.leader());
  });

  it('lose no effect when the leader is killed right after its 200', async () => {
    const leader = await cluster.leader();
    await cluster.flip('b');
    await leader.kill();
    await cluster.flip('c');
    assert.deepEqual(await cluster.wrong(leaseMs + 2000 + slackMs), []);
    assert.notEqual(await cluster.leader(), leader);
    await leader.start();
  });

  it('have another leader while the first one is paused, and that one writes nothing when it wakes up', async () => {
    const leader = await cluster.leader();
    leader.pause();
    await cluster.flip('a');
    assert.deepEqual(await cluster.wrong(leaseMs + 2000 + slackMs), []);
    leader.resume();
    await leader.process!.log.waitForLine(({ event }) => event === 'leader.lost');
    await cluster.flip('b');
    assert.deepEqual(await cluster.wrong(slackMs), []);
  });

  it('have another leader at once when the first one ends by itself', async () => {
    const leader = await cluster.leader();
    const ended = leader.terminate();
    await cluster.leader();
    await ended;
    await cluster.flip('c');
    assert.deepEqual(await cluster.wrong(slackMs), []);
  });

  it('never wrote while another one had the lease', () => {
    assert.deepEqual(cluster.watch.foreignWrites, []);
    assert.ok(cluster.watch.writes > 5, `only ${cluster.watch.writes} writes`);
  });
});
