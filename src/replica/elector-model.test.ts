import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { SimulatedCluster, type CallFate } from './simulated-cluster.fixture.ts';

const timings = { durationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2000 };

type Action =
  | { readonly do: 'stall' | 'deafen'; readonly who: number; readonly ms: number }
  | { readonly do: 'kill' | 'release' | 'start'; readonly who: number }
  | { readonly do: 'down'; readonly ms: number }
  | { readonly do: 'fates'; readonly fates: readonly CallFate[] }
  | { readonly do: 'annotate'; readonly who: number };

const who = fc.nat(9);
const ms = fc.oneof(fc.nat(500), fc.nat(5000), fc.nat(40_000));
const fate: fc.Arbitrary<CallFate> = fc.record({
  thereMs: fc.oneof({ arbitrary: fc.nat(50), weight: 3 }, fc.nat(20_000)),
  backMs: fc.oneof({ arbitrary: fc.nat(50), weight: 3 }, fc.nat(20_000)),
  fault: fc.constantFrom('none', 'refused', 'request lost', 'answer lost'),
});
const action: fc.Arbitrary<Action> = fc.oneof(
  { arbitrary: fc.record({ do: fc.constant('stall' as const), who, ms }), weight: 4 },
  { arbitrary: fc.record({ do: fc.constant('deafen' as const), who, ms }), weight: 2 },
  {
    arbitrary: fc.record({ do: fc.constantFrom('kill' as const, 'release' as const, 'start' as const), who }),
    weight: 2,
  },
  { arbitrary: fc.record({ do: fc.constant('down' as const), ms }), weight: 1 },
  { arbitrary: fc.record({ do: fc.constant('fates' as const), fates: fc.array(fate, { maxLength: 20 }) }), weight: 4 },
  { arbitrary: fc.record({ do: fc.constant('annotate' as const), who }), weight: 1 },
);
const schedule = fc.record({
  seed: fc.integer(),
  clocks: fc.array(
    fc.record({
      rate: fc.double({ min: 0.95, max: 1.05, noNaN: true }),
      skewMs: fc.integer({ min: -600_000, max: 600_000 }),
    }),
    { minLength: 2, maxLength: 4 },
  ),
  steps: fc.array(fc.record({ waitMs: ms, action }), { maxLength: 25 }),
});
type Schedule = typeof schedule extends fc.Arbitrary<infer T> ? T : never;

/** Numbers that only look like chance. */
function numbersFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
}

class Model {
  readonly cluster = new SimulatedCluster(timings);
  readonly #random: () => number;
  readonly #clocks: Schedule['clocks'];

  constructor({ seed, clocks }: Schedule) {
    this.#random = numbersFrom(seed);
    this.#clocks = clocks;
    for (let at = 0; at < clocks.length; at++) this.start();
  }

  start(): void {
    const { replicas } = this.cluster;
    const clock = this.#clocks[replicas.length % this.#clocks.length]!;
    this.cluster.start(`replica-${replicas.length}`, { ...clock, random: this.#random });
  }

  run(forMs: number): Promise<void> {
    return this.cluster.run(forMs, () => {
      const leaders = this.cluster.leaders.map(({ name }) => name);
      assert.ok(leaders.length <= 1, `at ${this.cluster.now}: ${leaders.join(' and ')} may write`);
    });
  }

  async apply(given: Action): Promise<void> {
    const { cluster } = this;
    if (given.do === 'down') {
      cluster.isServerDown = true;
      cluster.after(given.ms, () => (cluster.isServerDown = false));
      return;
    }
    if (given.do === 'fates') return void cluster.fates.splice(0, Infinity, ...given.fates);
    if (given.do === 'start') return void (cluster.replicas.length < 8 && this.start());
    const replica = cluster.replicas[given.who % cluster.replicas.length]!;
    if (given.do === 'stall') replica.stall(given.ms);
    else if (given.do === 'deafen') replica.deafUntil = cluster.now + given.ms;
    else if (given.do === 'kill') replica.kill();
    else if (given.do === 'annotate') replica.elector.renewSoon();
    else if (replica.isAlive && replica.stalledUntil <= cluster.now) void replica.elector.release();
    await Promise.resolve();
  }
}

describe('several candidates for one lease', () => {
  it('never are two who may write at once, whatever stalls, gets lost, dies or runs on a wrong clock', async () => {
    await fc.assert(
      fc.asyncProperty(schedule, async (given) => {
        const model = new Model(given);
        for (const { waitMs, action: each } of given.steps) {
          await model.run(waitMs);
          await model.apply(each);
        }
        await model.run(1000);
      }),
      { numRuns: 300, endOnFailure: true },
    );
  });

  it('have a leader, once all goes well, within the duration, two tries and two seconds', async () => {
    await fc.assert(
      fc.asyncProperty(schedule, async (given) => {
        const model = new Model(given);
        const { cluster } = model;
        for (const { waitMs, action: each } of given.steps) {
          await model.run(waitMs);
          await model.apply(each);
        }
        const stalls = cluster.replicas.map(({ isAlive, stalledUntil }) => (isAlive ? stalledUntil : 0));
        await model.run(Math.max(0, Math.max(...stalls) - cluster.now));
        await model.run(40_000);
        cluster.isServerDown = false;
        cluster.fates.length = 0;
        model.start();
        await model.run((timings.durationMs + 2 * 2.2 * timings.retryPeriodMs) / 0.95 + 2000);
        assert.equal(cluster.leaders.length, 1, 'nobody leads');
      }),
      { numRuns: 150, endOnFailure: true },
    );
  });

  it('have another leader at the latest the duration and two seconds after the leader was killed', async () => {
    await fc.assert(
      fc.asyncProperty(schedule, fc.nat(30_000), async (given, untilMs) => {
        const model = new Model({ ...given, clocks: given.clocks.map(({ skewMs }) => ({ skewMs, rate: 1 })) });
        await model.run(1000 + untilMs);
        const [killed] = model.cluster.leaders;
        assert.ok(killed, 'nobody leads after a second');
        killed.kill();
        await model.run(timings.durationMs + 2000);
        assert.equal(model.cluster.leaders.length, 1, `nobody leads after ${killed.name}`);
      }),
      { numRuns: 100, endOnFailure: true },
    );
  });

  it('have another leader within a second after the leader has released the lease', async () => {
    await fc.assert(
      fc.asyncProperty(schedule, fc.nat(30_000), async (given, untilMs) => {
        const model = new Model(given);
        await model.run(1000 + untilMs);
        const [former] = model.cluster.leaders;
        assert.ok(former, 'nobody leads after a second');
        const released = former.elector.release();
        await model.run(1000);
        await released;
        assert.equal(model.cluster.leaders.length, 1, `nobody leads after ${former.name}`);
        assert.notEqual(model.cluster.leaders[0], former);
      }),
      { numRuns: 100, endOnFailure: true },
    );
  });
});
