import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { SimulatedCluster, type CallFate, type SimulatedReplica } from './simulated-cluster.fixture.ts';

const timings = { durationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2000 };

/** One that leads, and one that follows. */
async function pair(): Promise<{ cluster: SimulatedCluster; leader: SimulatedReplica; follower: SimulatedReplica }> {
  const cluster = new SimulatedCluster(timings);
  const leader = cluster.start('a', { random: () => 0.5 });
  await cluster.run(100);
  const follower = cluster.start('b', { random: () => 0.5 });
  await cluster.run(100);
  assert.deepEqual(cluster.leaders, [leader]);
  return { cluster, leader, follower };
}

function fate(fault: CallFate['fault'], backMs = 5): CallFate {
  return { thereMs: 5, backMs, fault };
}

describe('a candidate for the lease', () => {
  it('creates a lease that does not exist, and leads in its first term', async () => {
    const { cluster, leader, follower } = await pair();
    assert.equal(cluster.lease?.holder, 'a');
    assert.equal(cluster.lease.transitions, 1);
    assert.equal(cluster.lease.durationSeconds, 15);
    assert.deepEqual(leader.told, [`elected 1 after ''`]);
    assert.deepEqual(follower.told, [`'a' leads 1`]);
    assert.equal(follower.elector.leader, 'a');
    assert.equal(follower.elector.term, 1);
  });

  it('lets one of two that create it at the same moment lead', async () => {
    const cluster = new SimulatedCluster(timings);
    cluster.start('a');
    cluster.start('b');
    await cluster.run(200);
    assert.equal(cluster.leaders.length, 1);
    assert.equal(cluster.lease?.transitions, 1);
  });

  it('renews the lease once in each retry period', async () => {
    const { cluster } = await pair();
    const before = Number(cluster.lease?.version);
    await cluster.run(60_000);
    const writes = Number(cluster.lease?.version) - before;
    assert.ok(writes >= 29 && writes <= 30, `${writes} writes in a minute`);
  });

  it('follows without a call while it hears of renewals', async () => {
    const { cluster, follower } = await pair();
    let calls = 0;
    const { call } = cluster;
    cluster.call = function count(replica, ...rest) {
      if (replica === follower) calls++;
      return call.call(this, replica, ...rest) as never;
    };
    await cluster.run(60_000);
    assert.equal(calls, 0);
    follower.deafUntil = Number.POSITIVE_INFINITY;
    await cluster.run(60_000);
    assert.ok(calls >= 20 && calls <= 25, `${calls} reads in a minute of a dead watch`);
  });

  it('takes the lease over after its duration, in the next term', async () => {
    const { cluster, leader, follower } = await pair();
    leader.kill();
    await cluster.run(12_900);
    assert.deepEqual(cluster.leaders, []);
    await cluster.run(2500);
    assert.deepEqual(cluster.leaders, [follower]);
    assert.equal(cluster.lease?.transitions, 2);
    assert.equal(follower.told.at(-1), `elected 2 after 'a'`);
  });

  it('believes in a renewal from when it was sent, not from when it was answered', async () => {
    const { cluster, leader } = await pair();
    await cluster.run(1000);
    const before = leader.elector.renewedAt!;
    cluster.fates.push(fate('none', 4900));
    await cluster.run(4800);
    assert.equal(leader.elector.renewedAt, before, 'the renewal is answered too early');
    cluster.isServerDown = true;
    await cluster.run(1000);
    assert.equal(leader.elector.renewedAt, before + 2000);
    await cluster.run(before + 2000 + 9950 - 1e6 - cluster.now);
    assert.ok(leader.mayWrite);
    await cluster.run(100);
    assert.ok(!leader.mayWrite);
  });

  it('loses the lease at the renew deadline while a call hangs, and says so', async () => {
    const { cluster, leader } = await pair();
    let changes = 0;
    leader.elector.onChange(() => changes++);
    cluster.fates.push(...Array.from({ length: 9 }, () => fate('request lost')));
    await cluster.run(11_900);
    assert.ok(!leader.mayWrite);
    assert.equal(changes, 1);
    assert.equal(leader.told.at(-1), 'lost 1: renewal failed');
  });

  it('does not lead for a moment after a stall that was longer than the deadline, before any of its code has run', async () => {
    const { cluster, leader, follower } = await pair();
    leader.stall(60_000);
    await cluster.run(20_000);
    assert.ok(!leader.mayWrite);
    assert.deepEqual(cluster.leaders, [follower]);
    assert.deepEqual(leader.told, [`elected 1 after ''`]);
    await cluster.run(45_000);
    assert.deepEqual(leader.told.slice(1), ['lost 1: renewal failed', `'b' leads 2`]);
  });

  it('leads on when somebody annotates the lease, and keeps the annotation', async () => {
    const { cluster, leader } = await pair();
    cluster.edit({ annotations: { note: 'mine' } });
    await cluster.run(30_000);
    assert.deepEqual(cluster.leaders, [leader]);
    assert.equal(leader.told.length, 1);
    assert.deepEqual(leader.elector.annotations, { note: 'mine' });
  });

  it('leads on in its term when somebody edits the term, and puts it back', async () => {
    const { cluster, leader, follower } = await pair();
    for (const transitions of [0, 2 ** 31 - 1]) {
      cluster.edit({ transitions });
      await cluster.run(3000);
      assert.deepEqual([cluster.leaders, cluster.lease?.transitions], [[leader], 1]);
    }
    assert.deepEqual([leader.elector.term, follower.elector.term], [1, 1]);
    assert.deepEqual(leader.told, [`elected 1 after ''`]);
  });

  it('begins with the first term again after the last one that the API can hold', async () => {
    const { cluster, leader, follower } = await pair();
    cluster.edit({ holder: 'z', transitions: 2 ** 31 - 1 });
    leader.kill();
    follower.kill();
    const one = cluster.start('c', { random: () => 0.5 });
    await cluster.run(20_000);
    assert.deepEqual([cluster.leaders, cluster.lease?.transitions, one.elector.term], [[one], 1, 1]);
    const other = cluster.start('d', { random: () => 0.5 });
    await cluster.run(1000);
    one.kill();
    await cluster.run(20_000);
    assert.deepEqual([cluster.leaders, other.elector.term], [[other], 2]);
  });

  it('is not kept alive by annotations', async () => {
    const { cluster, leader, follower } = await pair();
    leader.kill();
    for (let second = 0; second < 15; second++) {
      cluster.edit({ annotations: { second: String(second) } });
      await cluster.run(1000);
    }
    await cluster.run(1000);
    assert.deepEqual(cluster.leaders, [follower]);
  });

  it('stops to lead as soon as it sees that somebody gave the lease to another', async () => {
    const { cluster, leader } = await pair();
    cluster.edit({ holder: 'somebody', stamp: 'by hand' });
    await cluster.run(20);
    assert.deepEqual(cluster.leaders, []);
    assert.equal(leader.told.at(-2), 'lost 1: taken over');
    assert.equal(leader.told.at(-1), `'somebody' leads 1`);
    await cluster.run(15_500);
    assert.equal(cluster.leaders.length, 1);
  });

  it('counts no shorter duration than its own, and no longer one than ten minutes, whatever the lease says', async () => {
    for (const [durationSeconds, earliest, latest] of [
      [0, 14_000, 17_000],
      [1, 14_000, 17_000],
      [30, 29_000, 32_000],
      [2_000_000_000, 599_000, 602_000],
    ] as const) {
      const { cluster, leader, follower } = await pair();
      leader.kill();
      cluster.edit({ durationSeconds, stamp: 'by hand' });
      await cluster.run(earliest);
      assert.ok(!follower.mayWrite, `${durationSeconds} s: too early`);
      await cluster.run(latest - earliest);
      assert.ok(follower.mayWrite, `${durationSeconds} s: too late`);
    }
  });

  it('never goes back to an earlier term, whatever somebody writes', async () => {
    const { cluster, leader, follower } = await pair();
    cluster.edit({ transitions: 40 });
    await cluster.run(3000);
    cluster.edit({ transitions: 2 });
    await cluster.run(3000);
    leader.kill();
    await cluster.run(17_000);
    assert.ok(follower.mayWrite);
    assert.equal(follower.elector.term, 41);
  });

  it('creates its deleted lease anew at once, and nobody else does', async () => {
    const { cluster, leader } = await pair();
    cluster.delete();
    await cluster.run(100);
    assert.deepEqual(cluster.leaders, [leader]);
    assert.deepEqual(leader.told.slice(1), ['lost 1: deleted', `'' leads 0`, `elected 2 after ''`]);
  });

  it('waits out the duration of a holder that does not create its deleted lease anew', async () => {
    const { cluster, leader, follower } = await pair();
    leader.stall(60_000);
    cluster.delete();
    await cluster.run(9000);
    assert.deepEqual(cluster.leaders, [leader]);
    await cluster.run(8000);
    assert.deepEqual(cluster.leaders, [follower]);
  });

  it('goes on when it sees that its renewal was done although the answer was lost', async () => {
    const { cluster, leader } = await pair();
    cluster.fates.push(fate('answer lost'));
    await cluster.run(30_000);
    assert.deepEqual(cluster.leaders, [leader]);
    assert.deepEqual(leader.told.slice(1), ['write failed: the call took too long']);
  });

  it('does not go back to what a watch that lags behind shows', async () => {
    const { cluster, leader } = await pair();
    const old = cluster.lease!;
    await cluster.run(10_000);
    leader.show({ ...old, holder: 'former', version: '50' });
    await cluster.run(1000);
    assert.deepEqual(leader.told, [`elected 1 after ''`]);
  });

  it('tries again after a refusal, within a bit more than two retry periods', async () => {
    const cluster = new SimulatedCluster(timings);
    cluster.isServerDown = true;
    const only = cluster.start('a');
    await cluster.run(70_000);
    cluster.isServerDown = false;
    await cluster.run(2000 * 2.2 + 100);
    assert.deepEqual(cluster.leaders, [only]);
  });

  it('writes annotations that cannot wait within a second, and not more often', async () => {
    const { cluster, leader } = await pair();
    const before = Number(cluster.lease?.version);
    for (let each = 0; each < 100; each++) {
      leader.annotations = { mark: String(each) };
      leader.elector.renewSoon();
      await cluster.run(50);
    }
    await cluster.run(1050);
    assert.equal(cluster.lease?.annotations['mark'], '99');
    const writes = Number(cluster.lease.version) - before;
    assert.ok(writes >= 5 && writes <= 6, `${writes} writes in 6 s`);
  });

  it('releases the lease after it has stopped to lead, and the next one leads at once', async () => {
    const { cluster, leader, follower } = await pair();
    let wasLeading: boolean | undefined;
    const { write } = cluster;
    cluster.write = function look(given, ...rest) {
      if (given.holder === '') wasLeading = leader.mayWrite;
      return write.call(this, given, ...rest);
    };
    const released = leader.elector.release();
    assert.ok(!leader.mayWrite);
    assert.equal(leader.told.at(-1), 'lost 1: released');
    await cluster.run(300);
    await released;
    assert.equal(wasLeading, false);
    assert.deepEqual(cluster.leaders, [follower]);
    assert.equal(cluster.lease?.transitions, 2);
  });

  for (const deafUntil of [0, Number.POSITIVE_INFINITY])
    it(`releases a lease whose answer was lost, with a watch that ${deafUntil === 0 ? 'shows' : 'does not show'} it`, async () => {
      const cluster = new SimulatedCluster(timings);
      cluster.fates.push(fate('none'), fate('answer lost'));
      const only = cluster.start('a');
      only.deafUntil = deafUntil;
      await cluster.run(100);
      assert.equal(cluster.lease?.holder, 'a');
      const released = only.elector.release();
      await cluster.run(500);
      await released;
      assert.equal(cluster.lease.holder, '');
    });

  it('gives up a release that fails, quickly', async () => {
    const { cluster, leader } = await pair();
    cluster.isServerDown = true;
    const released = leader.elector.release();
    await cluster.run(1000);
    await released;
    assert.ok(!leader.mayWrite);
  });

  it('leaves the annotations of the leader before as they are until it leads, and knows them', async () => {
    const { cluster, leader, follower } = await pair();
    leader.annotations = { state: 'of a' };
    follower.annotations = { state: 'of b' };
    await cluster.run(3000);
    leader.kill();
    let seen: string | undefined;
    follower.elector.onChange(() => {
      if (follower.mayWrite) seen ??= follower.elector.former?.annotations['state'];
    });
    await cluster.run(16_000);
    assert.equal(seen, 'of a');
    await cluster.run(3000);
    assert.equal(cluster.lease?.annotations['state'], 'of b');
  });

  it('knows no leader before itself when it only gets back what it had', async () => {
    const { cluster, leader } = await pair();
    cluster.isServerDown = true;
    await cluster.run(12_000);
    assert.ok(!leader.mayWrite);
    cluster.isServerDown = false;
    await cluster.run(5000);
    assert.ok(leader.mayWrite);
    assert.equal(leader.elector.former, undefined);
  });
});
