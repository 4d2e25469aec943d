import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '../../runtime/eventually.fixture.ts';
import { metric } from '../../runtime/metric.fixture.ts';
import { elect, startReplicas, testToken, type TestReplica } from './replicas.fixture.ts';
import { marksAnnotation } from './replication.ts';

const minute = 60_000;

interface Shown {
  readonly annotations: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly endsAt: string;
}

/** An alert as Prometheus sends it. */
function firing(alertname: string, startsAt = Date.now() - minute): object {
  const times = { startsAt: new Date(startsAt).toISOString(), endsAt: new Date(startsAt + 20 * minute).toISOString() };
  return { labels: { alertname }, annotations: { summary: alertname }, ...times };
}

function ended(alertname: string, startsAt: number, endsAt: number): object {
  return { ...firing(alertname, startsAt), endsAt: new Date(endsAt).toISOString() };
}

async function take(replica: TestReplica, ...alerts: readonly object[]): Promise<void> {
  const response = await replica.post(alerts);
  assert.equal(response.status, 200, await response.text());
}

/** What woke a reconcile there. */
function woken({ sunk }: TestReplica): readonly string[] {
  return sunk.flatMap(({ alerts }) =>
    [...alerts.values()].map(({ labels, status }) => `${labels['alertname']} ${status}`),
  );
}

async function shownBy({
  url,
}: TestReplica): Promise<{ readonly names: readonly string[]; readonly missing: string | null }> {
  const response = await fetch(`${url}/api/v2/alerts`);
  const alerts = (await response.json()) as readonly Shown[];
  const names = alerts.map(({ labels }) => labels['alertname']!).toSorted();
  return { names, missing: response.headers.get('tocsin-missing-peers') };
}

/** What a replica shows once all others have answered it within the half second that they have. */
async function shownByAll(replica: TestReplica): Promise<readonly string[]> {
  const { names } = await eventually(
    () => shownBy(replica),
    ({ missing }) => missing === null,
  );
  return names;
}

async function acquainted(replicas: readonly TestReplica[]): Promise<void> {
  await eventually(
    () => replicas.map(({ replication }) => replication.peers.others.filter(({ isUp }) => isUp).length),
    (counts) => counts.every((count) => count === replicas.length - 1),
  );
}

describe('Replication', () => {
  it('looks at an end that lies ahead by the clock of the leader, although another replica has told of the alert', async (test) => {
    const replicas = await startReplicas(test, [-600_000, 0]);
    const [leader, follower] = replicas as [TestReplica, TestReplica];
    elect(replicas, leader, 1);
    await acquainted(replicas);
    const startsAt = Date.now() - 5 * minute;
    await take(follower, firing('Over', startsAt));
    await eventually(
      () => woken(leader),
      (names) => names.length === 1,
    );
    await take(leader, firing('Over', startsAt));
    assert.equal(woken(leader).length, 1, 'what was told is no news');
    await take(leader, ended('Over', startsAt, Date.now()));
    assert.equal(woken(leader).length, 2);
  });

  it('shows a replica that comes what the others know, ends included, so that they may go', async (test) => {
    const replicas = await startReplicas(test, [0, 0, 600_000], 2);
    const [leader, second, fresh] = replicas as [TestReplica, TestReplica, TestReplica];
    elect(replicas, leader, 1);
    const startsAt = Date.now() - 5 * minute;
    await take(leader, firing('OnlyTheLeader'), ended('Ended', startsAt, startsAt + minute));
    await take(second, firing('OnlyTheSecond'));
    fresh.start();
    await fresh.replication.joined();
    const known = [...fresh.store.all()].map(({ alertname }) => alertname).toSorted();
    assert.deepEqual(known, ['Ended', 'OnlyTheLeader', 'OnlyTheSecond']);
    assert.ok(woken(fresh).includes('OnlyTheLeader firing'));
    const [stored] = [...fresh.store.all()].filter(({ alertname }) => alertname === 'OnlyTheSecond');
    assert.deepEqual(stored?.annotations, { summary: 'OnlyTheSecond' });
    // What it learned late revives nothing.
    assert.deepEqual((await shownBy(fresh)).names, ['OnlyTheLeader', 'OnlyTheSecond']);
  });

  it('has joined although no other replica answers', async (test) => {
    const replicas = await startReplicas(test, [0, 0], 0);
    const [gone, fresh] = replicas as [TestReplica, TestReplica];
    gone.stop();
    fresh.start();
    await fresh.replication.joined();
    assert.equal(fresh.store.size, 0);
  });

  it('tells the leader what came in elsewhere, and nothing that it has been told itself', async (test) => {
    const replicas = await startReplicas(test);
    const [leader, second, third] = replicas as [TestReplica, TestReplica, TestReplica];
    elect(replicas, leader, 1);
    await take(second, firing('OnlyTheSecond'));
    const toAll = firing('All');
    for (const replica of replicas) await take(replica, toAll);
    await eventually(
      () => woken(leader),
      (names) => names.includes('OnlyTheSecond firing'),
    );
    // Both have been asked about by now: what the third replica was told, the leader knew.
    await eventually(
      () => metric(third.registry, 'tocsin_told_alerts_total{known="true"}'),
      (known = 0) => known >= 1,
    );
    assert.deepEqual(woken(leader).toSorted(), ['All firing', 'OnlyTheSecond firing']);
    assert.deepEqual(woken(third), ['All firing']);
    assert.equal(await metric(third.registry, 'tocsin_told_alerts_total{known="false"}'), 0);
    const [stored] = [...leader.store.all()].filter(({ alertname }) => alertname === 'OnlyTheSecond');
    assert.deepEqual(stored?.annotations, { summary: 'OnlyTheSecond' });
  });

  it('asks the leader about no alert of a body that the leader has got too', async (test) => {
    const replicas = await startReplicas(test, [0, 0]);
    const [leader, follower] = replicas as [TestReplica, TestReplica];
    elect(replicas, leader, 1);
    // It has been told everything that there was: nothing.
    await eventually(
      () => metric(follower.registry, 'tocsin_peer_requests_total{call="told",outcome="ok"}'),
      (calls) => calls === 1,
    );
    const alerts = [firing('A'), firing('B')];
    for (const replica of replicas) await take(replica, ...alerts);
    await eventually(
      () => metric(follower.registry, 'tocsin_told_alerts_total{known="true"}'),
      (known) => known === 2,
    );
    assert.equal(await metric(follower.registry, 'tocsin_peer_requests_total{call="received",outcome="ok"}'), 1);
    assert.equal(await metric(leader.registry, 'tocsin_peer_alerts_taken_total'), 0);
  });

  it('makes one event of an alert that a follower tells before its sender does', async (test) => {
    const replicas = await startReplicas(test, [0, 0]);
    const [leader, follower] = replicas as [TestReplica, TestReplica];
    elect(replicas, leader, 1);
    const alert = firing('A');
    await take(follower, alert);
    await eventually(
      () => woken(leader),
      (names) => names.length === 1,
    );
    await take(leader, alert);
    assert.deepEqual(woken(leader), ['A firing']);
    await take(leader, { ...alert, endsAt: new Date(Date.now() + 30 * minute).toISOString() });
    assert.deepEqual(woken(leader), ['A firing', 'A firing']);
  });

  it('compares no two clocks: ten minutes apart, nothing is lost', async (test) => {
    const replicas = await startReplicas(test, [0, 10 * minute, -10 * minute]);
    const [leader, ahead, behind] = replicas as [TestReplica, TestReplica, TestReplica];
    elect(replicas, leader, 1);
    await take(ahead, { labels: { alertname: 'WithoutTimesAhead' } }, firing('Ahead'));
    await take(behind, { labels: { alertname: 'WithoutTimesBehind' } }, firing('Behind'));
    const all = ['Ahead', 'Behind', 'WithoutTimesAhead', 'WithoutTimesBehind'];
    await eventually(
      () => leader.store.size,
      (size) => size === 4,
    );
    assert.deepEqual(
      woken(leader).toSorted(),
      all.map((name) => `${name} firing`),
    );
    const [untimed] = [...leader.store.all()].filter(({ alertname }) => alertname === 'WithoutTimesAhead');
    const left = untimed!.times.endsAt - Date.now();
    assert.ok(left > 4 * minute && left < 6 * minute, `${left}`);
  });

  it('tells a new leader everything, but revives nothing whose end that one knows', async (test) => {
    const replicas = await startReplicas(test);
    const [first, second, third] = replicas as [TestReplica, TestReplica, TestReplica];
    const startsAt = Date.now() - 10 * minute;
    // Nobody leads: everybody keeps what it was told.
    await take(third, firing('Fires'), firing('Over', startsAt));
    await take(second, firing('Over', startsAt));
    await take(second, ended('Over', startsAt, Date.now() - 1000));
    elect(replicas, second, 1);
    await eventually(
      () => second.store.size,
      (size) => size === 2,
    );
    await eventually(
      () => metric(third.registry, 'tocsin_told_alerts_total{known="false"}'),
      (unknown = 0) => unknown >= 2,
    );
    assert.deepEqual(
      [...second.store.all()].map(({ alertname, announced }) => `${alertname} ${announced}`).toSorted(),
      ['Fires firing', 'Over resolved'],
    );
    // In whichever order the others tell it, the end wins.
    elect(replicas, first, 2);
    await eventually(
      () => [...first.store.all()].map(({ alertname, announced }) => `${alertname} ${announced}`).toSorted(),
      (alerts) => alerts.join() === 'Fires firing,Over resolved',
    );
  });

  it('answers every read for all replicas, and says whose part is missing', async (test) => {
    const replicas = await startReplicas(test);
    await acquainted(replicas);
    const startsAt = Date.now() - minute;
    for (const [index, replica] of replicas.entries())
      await take(replica, firing(`A${index}`), firing('All', startsAt));
    for (const replica of replicas) assert.deepEqual(await shownByAll(replica), ['A0', 'A1', 'A2', 'All']);
    await eventually(
      async () => (await (await fetch(`${replicas[1]!.url}/api/v2/alerts/groups`)).json()) as unknown[],
      (groups) => groups.length === 4,
    );
    replicas[2]!.stop();
    const read = await eventually(
      () => shownBy(replicas[0]!),
      ({ missing }) => missing === 'replica-2',
    );
    assert.deepEqual(read.names, ['A0', 'A1', 'All']);
    assert.equal(replicas[0]!.logger.linesOf('peer.missing').length, 1);
  });

  it('shows an alert of another replica under its own labels and annotations, whatever they are called', async (test) => {
    const replicas = await startReplicas(test, [0, 0]);
    await acquainted(replicas);
    const texts = Object.fromEntries(['alertname', '__proto__', 'constructor', 'toString'].map((name) => [name, name]));
    await take(replicas[1]!, { labels: texts, annotations: texts });
    for (const replica of replicas) {
      const [shown, ...others] = await eventually(
        async () => JSON.parse(await (await fetch(`${replica.url}/api/v2/alerts`)).text()) as Shown[],
        (alerts) => alerts.length > 0,
      );
      assert.deepEqual([shown?.labels, shown?.annotations, others], [texts, texts, []]);
    }
  });

  it('shows the version of an alert that was updated last', async (test) => {
    const replicas = await startReplicas(test, [0, 0]);
    await acquainted(replicas);
    const startsAt = Date.now() - 10 * minute;
    await take(replicas[0]!, firing('A', startsAt));
    await take(replicas[1]!, ended('A', startsAt, Date.now() - 1000));
    for (const replica of replicas) assert.deepEqual(await shownByAll(replica), []);
  });

  it('names the replicas as Alertmanager names those of its cluster', async (test) => {
    const replicas = await startReplicas(test, [0, 0]);
    await acquainted(replicas);
    const status = async (): Promise<object> => {
      const answer = await fetch(`${replicas[1]!.url}/api/v2/status`);
      return ((await answer.json()) as { readonly cluster: object }).cluster;
    };
    const peers = [1, 0].map((index) => ({ name: `replica-${index}`, address: new URL(replicas[index]!.url).host }));
    assert.deepEqual(await status(), { name: 'replica-1', peers, status: 'settling' });
    elect(replicas, replicas[0]!, 1);
    assert.deepEqual(await status(), { name: 'replica-1', peers, status: 'ready' });
  });

  it('lets a follower drop what waits once the leader has worked on causes as new', async (test) => {
    const replicas = await startReplicas(test, [0, 0]);
    const [leader, follower] = replicas as [TestReplica, TestReplica];
    elect(replicas, leader, 1);
    leader.finished = false;
    Object.assign(follower.queue, { added: 7, isWaiting: true });
    await take(follower, firing('A'));
    await eventually(
      () => woken(leader),
      (names) => names.length === 1,
    );
    await eventually(
      () => metric(follower.registry, 'tocsin_peer_requests_total{call="told",outcome="ok"}'),
      (calls = 0) => calls > 2,
    );
    assert.equal(follower.queue.dropped, 0);
    leader.finished = true;
    await eventually(
      () => follower.queue.dropped,
      (dropped) => dropped === 7,
    );
  });

  it('reads in the lease how far its holder was, when it can no longer be asked', async (test) => {
    const replicas = await startReplicas(test, [0, 0]);
    const [leader, follower] = replicas as [TestReplica, TestReplica];
    Object.assign(follower.queue, { added: 3, isWaiting: false });
    await take(follower, firing('A'));
    // After that, so that the follower tells everything in one round.
    elect(replicas, leader, 1);
    await eventually(
      () => metric(follower.registry, 'tocsin_told_alerts_total{known="false"}'),
      (told) => told === 1,
    );
    const marks = await metric(follower.registry, 'tocsin_peer_requests_total{call="told",outcome="ok"}');
    await eventually(
      () => leader.replication.annotations[marksAnnotation],
      (said) => said?.includes(`{"":${marks}}`) === true,
    );
    leader.stop();
    follower.replication.leaseSays({ [marksAnnotation]: 'nonsense' });
    assert.equal(follower.queue.dropped, 0);
    follower.replication.leaseSays(leader.replication.annotations);
    assert.equal(follower.queue.dropped, 3);
  });

  it('looks at every object when a replica comes, and when the number of alerts is all that is told', async (test) => {
    const replicas = await startReplicas(test, [0, 0]);
    const [leader, follower] = replicas as [TestReplica, TestReplica];
    elect(replicas, leader, 1);
    await acquainted(replicas);
    // It was elected before it knew the other one.
    const before = leader.looks();
    follower.spine.omitted(5);
    await eventually(leader.looks, (looks) => looks > before);
    await eventually(
      () => follower.logger.valuesOf('alerts.told_omitted', 'alerts'),
      (lines) => lines.flat().join() === '5',
    );
  });

  it('lets nobody in without the credentials of a replica, and says why', async (test) => {
    const [replica] = await startReplicas(test, [0]);
    const ask = async (authorization?: string): Promise<readonly [number, unknown]> => {
      const headers = authorization === undefined ? {} : { authorization };
      const answer = await fetch(`${replica!.url}/api/peers/v1/hello`, { headers });
      return [answer.status, await answer.json()];
    };
    const refused = (message: string): unknown => [401, { code: 401, message }];
    assert.deepEqual(await ask(), refused('there is no bearer token: only replicas of this Tocsin come in here'));
    assert.deepEqual(await ask('Bearer wrong'), refused('the token is not that of replicas.token_file'));
    assert.deepEqual(
      await ask(`Basic ${testToken}`),
      refused('there is no bearer token: only replicas of this Tocsin come in here'),
    );
    const [status, { time, ...hello }] = (await ask(`Bearer ${testToken}`)) as [number, { time: number }];
    const about = { instance: 'process-0', config: 'c0ffee' };
    assert.deepEqual(
      [status, hello],
      [200, { version: 1, identity: 'replica-0', leading: false, term: 0, tocsin: '1.2.3', ...about }],
    );
    assert.equal(typeof time, 'number');
    for (const path of ['told', 'alerts', 'unlike']) {
      const answer = await fetch(`${replica!.url}/api/peers/v1/${path}`, { method: 'POST', body: 'x' });
      assert.equal(answer.status, 401, path);
    }
    assert.equal(await metric(replica!.registry, 'tocsin_peer_requests_refused_total'), 6);
  });

  it('refuses what a follower is told, and names the leader', async (test) => {
    const replicas = await startReplicas(test, [0, 0]);
    elect(replicas, replicas[0]!, 1);
    const answer = await fetch(`${replicas[1]!.url}/api/peers/v1/alerts`, {
      method: 'POST',
      headers: { authorization: `Bearer ${testToken}`, 'content-type': 'application/json' },
      body: '[]',
    });
    assert.deepEqual(
      [answer.status, await answer.json()],
      [409, { code: 409, message: 'this replica does not lead, but replica-0 does' }],
    );
  });
});
