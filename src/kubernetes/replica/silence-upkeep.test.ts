import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import type { Leadership } from '../../replica/leadership.ts';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { eventually } from '../../runtime/eventually.fixture.ts';
import { metric } from '../../runtime/metric.fixture.ts';
import { failure } from '../api/fake-api-client.fixture.ts';
import { SilenceCluster, silenceDiscovery } from './silence-cluster.fixture.ts';
import { startReplica } from './silence-replica.fixture.ts';

const hour = 3_600_000;

describe('The upkeep of the objects of silences', () => {
  it('tells in the status whether a silence is to start, holds or has ended, when that changes', async (t) => {
    const { cluster, set, stateOf, pass, clock } = await started(t);
    const id = await set(2 * hour, { startsAt: clock.now() + hour });
    const states: (string | undefined)[] = [];
    for (const wait of [1000, hour, hour]) {
      await pass(wait);
      states.push(
        await eventually(
          () => stateOf(id),
          (state) => state !== states.at(-1),
        ),
      );
    }
    assert.deepEqual(states, ['Pending', 'Active', 'Expired']);
    const { status } = cluster.silence(id) as { status: object };
    assert.deepEqual(status, { state: 'Expired', matchers: 'job="node"', id, observedGeneration: 1 });
  });

  it('tells the owner of an object in an Event that it is no silence, once, whoever leads later', async (t) => {
    const { cluster, pass, at, stateOf, warnings, clock } = await started(t);
    const broken = { endsAt: at(hour), matchers: ['job=~"("'] };
    cluster.apply('by-hand', broken);
    await pass(1000);
    await eventually(
      () => stateOf('by-hand'),
      (state) => state === 'Invalid',
    );
    const [told = '', ...more] = warnings;
    assert.match(
      told,
      /^by-hand InvalidSilence: it silences nothing until it is mended: spec\.matchers\[0\]: .*missing closing \)/,
    );
    assert.deepEqual(more, []);
    const next = await startReplica(t, { client: cluster, clock });
    await pass(61_000);
    assert.deepEqual([warnings.length, next.warnings], [1, []]);
    cluster.apply('by-hand', { endsAt: at(hour) });
    await pass(1000);
    cluster.apply('by-hand', broken);
    await pass(1000);
    await eventually(
      () => warnings.length,
      (count) => count === 2,
    );
  });

  it('tells the owner of an object that has become too large, which silences nothing then, until it is smaller or gone', async (t) => {
    const { cluster, pass, at, stateOf, warnings, silences, registry } = await started(t);
    const invalid = (): Promise<number | undefined> => metric(registry, 'tocsin_silence_objects_invalid');
    const become = async (state: string): Promise<void> => {
      await pass(1000);
      await eventually(
        () => stateOf('by-hand'),
        (found) => found === state,
      );
    };
    cluster.apply('by-hand', { endsAt: at(hour) });
    await become('Active');
    cluster.apply('by-hand', { endsAt: at(hour), comment: 'x'.repeat(300_000) });
    await become('Invalid');
    assert.deepEqual([silences.size, await invalid(), warnings.length], [0, 1, 1]);
    assert.match(warnings[0] ?? '', /^by-hand InvalidSilence: .* takes more than the 256 KiB/);
    cluster.apply('by-hand', { endsAt: at(hour) });
    await become('Active');
    assert.deepEqual([silences.size, await invalid()], [1, 0]);
    cluster.apply('by-hand', { endsAt: at(hour), comment: 'x'.repeat(300_000) });
    await become('Invalid');
    cluster.remove('by-hand');
    await pass(1000);
    await eventually(invalid, (count) => count === 0);
  });

  it('writes nothing while nothing changes', async (t) => {
    const { cluster, set, stateOf, pass } = await started(t);
    const id = await set(100 * hour);
    await pass(1000);
    await eventually(
      () => stateOf(id),
      (state) => state === 'Active',
    );
    const before = cluster.calls.length;
    await pass(5 * hour);
    assert.equal(cluster.calls.length, before);
  });

  it('deletes what Tocsin has made once it ended long ago, and leaves what others have made', async (t) => {
    const { cluster, set, pass, at, silences } = await started(t);
    const id = await set(hour);
    cluster.apply('by-hand', { endsAt: at(hour) });
    await pass(2 * hour);
    assert.deepEqual(cluster.names().toSorted(), [id, 'by-hand'].toSorted());
    await pass(121 * hour);
    await eventually(
      () => cluster.names().join(),
      (names) => names === 'by-hand',
    );
    assert.equal(silences.size, 0);
  });

  it('deletes what had to make room for others', async (t) => {
    const { cluster, set, expire, pass } = await started(t, { maxSilences: 1 });
    const first = await set(hour);
    await expire(first);
    const second = await set(hour);
    await pass(1000);
    await eventually(
      () => cluster.names().join(),
      (names) => names === second,
    );
  });

  it('deletes those that ended first when all objects take too much memory, so that a new one is never refused for them', async (t) => {
    const { cluster, set, expire, pass, logger } = await started(t, {}, undefined, 60_000);
    for (let count = 0; count < 60; count++) {
      await expire(await set(hour));
      await pass(1000);
    }
    assert.ok(cluster.names().length < 20, String(cluster.names().length));
    assert.ok(logger.linesOf('silences.made_room').length > 0);
  });

  it('is left to the replica that leads, and begins as soon as this one does', async (t) => {
    const leadership = new Leading(false);
    const { cluster, set, pass, stateOf } = await started(t, {}, leadership);
    const id = await set(hour);
    await pass(130 * hour);
    assert.deepEqual([stateOf(id), cluster.names()], [undefined, [id]]);
    leadership.set(true);
    await pass(1000);
    await eventually(
      () => cluster.names().length,
      (count) => count === 0,
    );
  });

  it('does not write any more when it has lost the lead on the way', async (t) => {
    const leadership = new Leading(true);
    const { cluster, set, pass, stateOf, registry } = await started(t, {}, leadership);
    const ids = [await set(hour), await set(hour)];
    cluster.before = ({ path }) => {
      if (path.endsWith('/status')) leadership.set(false);
    };
    await pass(1000);
    await pass(1000);
    assert.ok(ids.some((id) => stateOf(id) === undefined));
    assert.equal(await metric(registry, 'tocsin_silence_object_writes_total{operation="status",result="failed"}'), 0);
  });

  it('tells what fails, once a minute, and tries again', async (t) => {
    const { cluster, set, pass, stateOf, logger } = await started(t);
    cluster.before = (call) => {
      if (call.path.endsWith('/status')) throw failure(call, 500, 'InternalError');
    };
    const id = await set(hour);
    await set(hour);
    await pass(1000);
    assert.equal(
      logger.lines.filter(({ event, level }) => event === 'silence.upkeep_failed' && level === 'warn').length,
      1,
    );
    cluster.before = () => undefined;
    await pass(60_000);
    await eventually(
      () => stateOf(id),
      (state) => state === 'Active',
    );
  });
});

class Leading implements Leadership {
  readonly term = 1;
  readonly leader = 'x';
  readonly #listeners = new Set<() => void>();
  isLeading: boolean;

  constructor(isLeading: boolean) {
    this.isLeading = isLeading;
  }

  set(isLeading: boolean): void {
    this.isLeading = isLeading;
    for (const listener of this.#listeners) listener();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

async function started(t: TestContext, limits = {}, leadership?: Leadership, maxBytes?: number) {
  const clock = new FakeClock();
  const cluster = new SilenceCluster(clock);
  cluster.put('/discovery', silenceDiscovery, false);
  const replica = await startReplica(t, {
    client: cluster,
    clock,
    limits,
    ...(leadership && { leadership }),
    ...(maxBytes !== undefined && { maxBytes }),
  });
  return {
    clock,
    cluster,
    ...replica,
    at: (ms: number) => new Date(clock.now() + ms).toISOString(),
    stateOf: (name: string) => (cluster.silence(name)?.['status'] as { state?: string } | undefined)?.state,
    /** Lets time pass, and what it causes happen. */
    pass: async (ms: number) => {
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
      await clock.advanceAsync(ms);
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
