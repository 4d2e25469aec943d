import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { Matcher } from '../../matcher/matcher.ts';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { eventually } from '../../runtime/eventually.fixture.ts';
import { metric } from '../../runtime/metric.fixture.ts';
import type { Silences } from '../../silence/silences.ts';
import { ApiError } from '../api/api-error.ts';
import { failure, withoutRight } from '../api/fake-api-client.fixture.ts';
import { SilenceCluster, silenceDiscovery } from './silence-cluster.fixture.ts';
import { startReplica } from './silence-replica.fixture.ts';

const hour = 3_600_000;

function newCluster() {
  const clock = new FakeClock();
  const cluster = new SilenceCluster(clock);
  cluster.put('/discovery', silenceDiscovery, false);
  const at = (ms: number): string => new Date(clock.now() + ms).toISOString();
  return { clock, cluster, at };
}

async function started(t: TestContext, limits = {}) {
  const given = newCluster();
  const replica = await startReplica(t, { client: given.cluster, clock: given.clock, limits });
  return { ...given, ...replica, other: () => startReplica(t, { client: given.cluster, clock: given.clock, limits }) };
}

/** What a replica shows, by id. */
function shown(silences: Silences): ReadonlyMap<string, object> {
  return new Map(
    [...silences.all()]
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .map((silence) => [silence.id, { ...silence, matchers: silence.matchers.map(String) }]),
  );
}

describe('Silences as objects of the cluster', () => {
  it('are there for the replica that made them at once, and for the others by their watch', async (t) => {
    const { set, silences, cluster, other, events } = await started(t);
    const second = await other();
    const id = await set(hour);
    assert.equal(silences.get(id)?.comment, 'c');
    assert.deepEqual(cluster.names(), [id]);
    await eventually(
      () => second.silences.get(id),
      (found) => found !== undefined,
    );
    assert.deepEqual(shown(second.silences), shown(silences));
    await second.expire(id);
    assert.deepEqual(second.events(), [`silence.started ${id}`, `silence.ended ${id}`]);
    await eventually(events, (all) => all.length === 2);
    assert.deepEqual(shown(second.silences), shown(silences));
  });

  it('are all there after a start, and nothing is told again', async (t) => {
    const { set, expire, clock, other, silences, cluster } = await started(t);
    const ids = [await set(hour), await set(2 * hour)];
    await expire(ids[1]!);
    await clock.advanceAsync(1000);
    await eventually(
      () => ids.map((id) => (cluster.silence(id)?.['status'] as { state?: string } | undefined)?.state).join(),
      (states) => states === 'Active,Expired',
    );
    const second = await other();
    assert.deepEqual(shown(second.silences), shown(silences));
    assert.deepEqual(second.events(), []);
  });

  it('can be written by anybody, and have the uid as their id then', async (t) => {
    const { cluster, silences, at, expire, ended, clock } = await started(t);
    cluster.apply('db-window', { endsAt: at(hour), annotations: { ticket: '7' } });
    const { uid } = cluster.silence('db-window')!['metadata'] as { uid: string };
    const silence = await eventually(
      () => silences.get(uid),
      (found) => found !== undefined,
    );
    assert.deepEqual([silence?.createdBy, silence?.annotations], ['ann', { ticket: '7' }]);
    await expire(uid);
    const { endsAt } = cluster.silence('db-window')!['spec'] as { endsAt: string };
    assert.deepEqual([Date.parse(endsAt), ended], [clock.now(), [uid]]);
    cluster.apply('db-window', { endsAt: at(hour) });
    await eventually(
      () => silences.get(uid)?.endsAt,
      (found) => found === clock.now() + hour,
    );
    cluster.remove('db-window');
    await eventually(
      () => silences.get(uid),
      (found) => found === undefined,
    );
    assert.deepEqual(ended, [uid, uid]);
  });

  it('silence nothing while they are invalid, and stop no other', async (t) => {
    const { cluster, silences, at, events, registry, clock } = await started(t);
    cluster.apply('bad', { endsAt: at(hour), matchers: ['job=~"("'] });
    cluster.apply('good', { endsAt: at(hour) });
    await eventually(
      () => silences.size,
      (size) => size === 1,
    );
    assert.deepEqual(events()[0], 'silence.invalid bad');
    assert.equal(await metric(registry, 'tocsin_silence_objects_invalid'), 1);
    await clock.advanceAsync(1000);
    const status = await eventually(
      () => cluster.silence('bad')!['status'] as { state: string; message: string } | undefined,
      (found) => found !== undefined,
    );
    assert.match(`${status!.state} ${status!.message}`, /^Invalid spec.matchers\[0\]: error parsing regexp/);
    cluster.apply('bad', { endsAt: at(hour), matchers: ['job="x"'] });
    await eventually(
      () => silences.size,
      (size) => size === 2,
    );
    cluster.apply('bad', { endsAt: at(hour), matchers: ['job'] });
    await eventually(
      () => silences.size,
      (size) => size === 1,
    );
  });

  it('are refused beyond the limits if others write them, until there is room', async (t) => {
    const { cluster, silences, at, set, expire, clock } = await started(t, { maxSilences: 2 });
    const first = await set(hour);
    await set(hour);
    await assert.rejects(set(hour), { limit: 'max_silences' });
    cluster.apply('third', { endsAt: at(hour) });
    await clock.advanceAsync(1000);
    const message = await eventually(
      () => (cluster.silence('third')?.['status'] as { message?: string } | undefined)?.message,
      (found) => found !== undefined,
    );
    assert.equal(message, 'exceeded maximum number of silences: 2 (limit: 2)');
    assert.equal(silences.liveCount, 2);
    await expire(first);
    await eventually(
      async () => {
        await clock.advanceAsync(1000);
        return silences.liveCount;
      },
      (count) => count === 2,
    );
  });

  it('have one id each, whatever name somebody chooses', async (t) => {
    const { cluster, silences, at, events } = await started(t);
    cluster.apply('first', { endsAt: at(hour), comment: 'first' });
    const { uid } = cluster.silence('first')!['metadata'] as { uid: string };
    cluster.apply(uid, { endsAt: at(hour), comment: 'namesake' });
    await eventually(events, (all) => all.includes(`silence.invalid ${uid}`));
    assert.equal(silences.get(uid)?.comment, 'first');
    cluster.remove('first');
    await eventually(
      () => silences.get(uid)?.comment,
      (comment) => comment === 'namesake',
    );
  });

  it('are decided again on what is newest if somebody else was first, and given up after ten times', async (t) => {
    const { cluster, silences, set, expire, clock, at } = await started(t);
    const id = await set(hour);
    let target = id;
    let times = 1;
    cluster.before = ({ method, path }) => {
      if (method === 'PATCH' && !path.endsWith('/status') && times-- > 0)
        cluster.apply(target, { endsAt: at(5 * hour) });
    };
    await expire(id);
    assert.equal(silences.get(id)?.endsAt, clock.now());
    const other = await set(hour);
    [target, times] = [other, 10];
    await assert.rejects(expire(other), { name: 'NotStoredError', message: /^others change the silence at the same/ });
  });

  it('are replaced as a whole or not at all', async (t) => {
    const { cluster, silences, set } = await started(t);
    const id = await set(hour);
    cluster.before = (call) => {
      if (call.method === 'PATCH' && !call.path.endsWith('/status')) throw failure(call, 500, 'InternalError');
    };
    const matchers = [new Matcher('job', 'other', '=')];
    await assert.rejects(set(hour, { id, matchers }), {
      message: /^the silence could not be stored in the cluster: the Kub/,
    });
    assert.deepEqual(cluster.names(), [id]);
    assert.deepEqual(
      [...silences.all()].map((silence) => silence.id),
      [id],
    );
    cluster.before = () => undefined;
    const next = await set(hour, { id, matchers });
    assert.deepEqual(cluster.names().toSorted(), [id, next].toSorted());
  });

  it('are confirmed if they were stored although no answer came', async (t) => {
    const { cluster, set, silences } = await started(t);
    const { call } = cluster;
    cluster.call = async (given) => {
      const answer = await call.call(cluster, given);
      if (given.method === 'POST') throw new ApiError('cut', { reason: 'Truncated' });
      return answer as never;
    };
    const id = await set(hour);
    assert.deepEqual([cluster.names(), silences.get(id)?.comment], [[id], 'c']);
  });

  it('are not confirmed while the API server is away, and what is known of them stays', async (t) => {
    const { cluster, set, silences, registry } = await started(t);
    const id = await set(hour);
    cluster.before = (call) => {
      throw call.method === 'GET'
        ? failure(call, 503, 'ServiceUnavailable')
        : new ApiError('10.0.0.1 refused', { reason: 'Unreachable' });
    };
    const message =
      'the silence could not be stored in the cluster: the Kubernetes API server does not answer (Unreachable); try again';
    await assert.rejects(set(hour), { name: 'NotStoredError', message });
    assert.deepEqual(
      [...silences.all()].map((silence) => silence.id),
      [id],
    );
    assert.equal(await metric(registry, 'tocsin_silences_not_stored_total'), 1);
    cluster.before = (call) => {
      throw withoutRight(call, 'create', 'silences', 'tocsin.dev');
    };
    await assert.rejects(set(hour), {
      message: /: Tocsin may not create silences.tocsin.dev in the namespace tocsin$/,
    });
  });

  it('are the same everywhere in the end, whoever changes what at the same time', () =>
    fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 25 }), async (acts) => {
        const { clock, cluster, at } = newCluster();
        const replicas = [
          await startReplica(undefined, { client: cluster, clock }),
          await startReplica(undefined, { client: cluster, clock }),
        ];
        try {
          const ids = [await replicas[0]!.set(hour), await replicas[1]!.set(hour)];
          const running = acts.map(async ({ who, what, which, turns }) => {
            for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
            const { expire, set } = replicas[who]!;
            const id = ids[which]!;
            if (what === 'expire') return expire(id);
            if (what === 'delete') return cluster.remove(id);
            if (what === 'apply') return cluster.apply(`by-hand-${which}`, { endsAt: at(hour + turns) });
            if (what === 'bad') return cluster.apply(`by-hand-${which}`, { endsAt: at(hour), matchers: ['bad'] });
            return set(
              hour * (turns + 1),
              what === 'change' ? { id } : { id, matchers: [new Matcher('job', 'x', '=')] },
            );
          });
          await Promise.allSettled(running);
          const fresh = await startReplica(undefined, { client: cluster, clock });
          replicas.push(fresh);
          const expected = shown(fresh.silences);
          for (const { silences } of replicas) {
            const found = await eventually(
              () => shown(silences),
              (all) => isDeepStrictEqual(all, expected),
            ).catch(() => shown(silences));
            assert.deepEqual(found, expected);
          }
        } finally {
          for (const { close } of replicas) await close();
        }
      }),
      { numRuns: 40 },
    ));
});

const act = fc.record({
  who: fc.constantFrom(0, 1),
  what: fc.constantFrom('expire', 'change', 'replace', 'delete', 'apply', 'bad'),
  which: fc.constantFrom(0, 1),
  turns: fc.nat({ max: 12 }),
});
