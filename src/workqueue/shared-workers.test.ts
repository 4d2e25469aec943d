import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { SharedWorkers, type WorkerMember } from './shared-workers.ts';
import { WorkQueue } from './work-queue.ts';
import type { WorkItem } from './dirty-requests.ts';
import { createWorkQueueMetrics } from './work-queue-metrics.ts';
import { Registry } from 'prom-client';

interface Taken {
  /** What gives each worker back, in the order of the grants. */
  readonly granted: (() => void)[];
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function setUp(size: number, count: number, rate = 0) {
  const clock = new FakeClock();
  const workers = new SharedWorkers(() => size);
  const members = Array.from({ length: count }, () => workers.member(clock, () => rate));
  const taken: Taken[] = members.map(() => ({ granted: [] }));
  const take = async (index: number, times = 1): Promise<void> => {
    for (let time = 0; time < times; time++)
      void Promise.resolve(members[index]!.acquire()).then((giveBack) => taken[index]!.granted.push(giveBack));
    await settle();
  };
  const counts = (): readonly number[] => taken.map(({ granted }) => granted.length);
  return { clock, workers, members, taken, take, counts };
}

describe('SharedWorkers', () => {
  it('keeps places for a queue that comes anew, however many runs of another one hang', async () => {
    const { take, counts } = setUp(8, 3);
    await take(0, 20);
    assert.deepEqual(counts(), [5, 0, 0]);
    await take(1, 20);
    assert.deepEqual(counts(), [5, 4, 0]);
    await take(2, 20);
    assert.deepEqual(counts(), [5, 4, 2]);
  });

  it('always has one for each, even if none is shared', async () => {
    const { take, counts } = setUp(1, 4);
    await take(0, 3);
    for (const index of [1, 2, 3]) await take(index, 3);
    assert.deepEqual(counts(), [2, 1, 1, 1]);
  });

  it('gives a free one to the queue that has fewest, and of equal ones to that which waits for longest', async () => {
    const { take, taken, counts } = setUp(2, 3);
    await take(0, 3);
    await take(1, 3);
    await take(2, 3);
    assert.deepEqual(counts(), [2, 2, 1]);
    taken[0]!.granted[0]!();
    await settle();
    assert.deepEqual(counts(), [3, 2, 1]);
  });

  it('lets a queue run no more often than its rate', async () => {
    const { take, taken, clock, counts } = setUp(8, 1, 2);
    await take(0, 4);
    assert.deepEqual(counts(), [2]);
    for (const giveBack of taken[0]!.granted) giveBack();
    await clock.advanceAsync(500);
    assert.deepEqual(counts(), [3]);
    await clock.advanceAsync(500);
    assert.deepEqual(counts(), [4]);
  });

  it('lets everything run that waits when its queue ends', async () => {
    const { take, members, counts, workers } = setUp(2, 2, 2);
    await take(0, 10);
    members[0]!.close();
    await settle();
    assert.deepEqual(counts(), [10, 0]);
    assert.equal(workers.taken, 0);
  });

  it('gives each of those that always want more its part by its weight', async () => {
    const weights = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 2, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(
        weights,
        fc.integer({ min: 1, max: 40 }),
        fc.array(fc.nat(), { maxLength: 30 }),
        async (...given) => {
          const [weighted, size, order] = given;
          const clock = new FakeClock();
          const workers = new SharedWorkers(() => size);
          const held = weighted.map((): (() => void)[] => []);
          for (const [index, weight] of weighted.entries()) {
            const member = workers.member(
              clock,
              () => 0,
              () => weight,
            );
            for (let time = 0; time < 500; time++)
              void Promise.resolve(member.acquire()).then((giveBack) => held[index]!.push(giveBack));
          }
          await settle();
          // What the first has taken while it was alone comes back.
          const round = [
            ...held.flatMap((each, index) => each.map(() => index)),
            ...order.map((at) => at % held.length),
          ];
          for (const index of round) {
            held[index]!.shift()?.();
            await settle();
          }
          const all = weighted.reduce((sum, weight) => sum + weight, 1);
          const shared = held.map(({ length }) => length - 1);
          const most = weighted.map((weight) => Math.min(Math.ceil((size * weight) / all), Math.max(1, size - 1)));
          const told = `${shared.join()} of ${most.join()}, ${size} in all`;
          for (const [index, each] of shared.entries()) assert.ok(each <= most[index]!, told);
          const isFull = workers.taken === size || shared.every((each, index) => each === most[index]);
          assert.ok(isFull, told);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('gives a free worker to the queue that has fewest for its weight', async () => {
    const clock = new FakeClock();
    const workers = new SharedWorkers(() => 12);
    const held: (() => void)[][] = [[], [], [], [], [], []];
    for (const [index, each] of held.entries()) {
      const member = workers.member(
        clock,
        () => 0,
        () => (index === 5 ? 5 : 1),
      );
      for (let time = 0; time < 40; time++)
        void Promise.resolve(member.acquire()).then((giveBack) => each.push(giveBack));
    }
    await settle();
    const shared = (): readonly number[] => held.map(({ length }) => length - 1);
    assert.deepEqual(shared(), [6, 4, 2, 0, 0, 0]);
    for (let round = 0; round < 4; round++) {
      held[0]!.shift()!();
      await settle();
    }
    assert.deepEqual(shared(), [2, 4, 2, 1, 1, 2]);
  });

  it('loses no worker and nobody who waits, and never exceeds the shared ones, whatever happens', async () => {
    const step = fc.oneof(fc.record({ take: fc.nat(3) }), fc.record({ give: fc.nat(3), which: fc.nat(20) }));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 6 }), fc.array(step, { maxLength: 60 }), async (size, steps) => {
        const { take, taken, workers } = setUp(size, 4);
        const asked = [0, 0, 0, 0];
        for (const each of steps) {
          if ('take' in each) {
            asked[each.take]!++;
            await take(each.take);
          } else {
            const { granted } = taken[each.give]!;
            granted[each.which % Math.max(1, granted.length)]?.();
            await settle();
          }
          assert.ok(workers.taken <= size);
        }
        // Everybody who asked gets a worker once all others have given theirs back.
        for (let round = 0; round < 100; round++) {
          for (const { granted } of taken) for (const giveBack of granted) giveBack();
          await settle();
        }
        assert.deepEqual(
          taken.map(({ granted }) => granted.length),
          asked,
        );
        assert.equal(workers.taken, 0);
      }),
      { numRuns: 50 },
    );
  });
});

describe('a work queue with a share of workers', () => {
  const queueOf = (permits: WorkerMember, clock: FakeClock, work: (item: WorkItem<string>) => Promise<void>) => {
    const queue: WorkQueue<string> = new WorkQueue<string>({
      clock,
      work,
      permits,
      workers: { any: 4, reserved: 1 },
      merge: (earlier, later) => `${earlier}+${later}`,
      metrics: createWorkQueueMetrics(new Registry(), () => queue),
    });
    return queue;
  };

  it('merges what comes while a request waits for its turn, and goes on after it', async () => {
    const clock = new FakeClock();
    const runs: string[] = [];
    const member = new SharedWorkers(() => 4).member(clock, () => 1);
    const queue = queueOf(
      member,
      clock,
      async ({ request: { name }, payload }) => void runs.push(`${name}:${payload}`),
    );
    const add = (name: string, payload: string, priority: 'alert' | 'platform' = 'alert'): void =>
      void queue.add({ kind: 'K', name }, payload, priority);
    add('a', '1');
    await settle();
    add('a', '2');
    add('b', '1');
    await settle();
    add('a', '3', 'platform');
    add('b', '2', 'platform');
    await settle();
    assert.deepEqual(runs, ['a:1']);
    await clock.advanceAsync(1000);
    await clock.advanceAsync(1000);
    assert.deepEqual(runs.toSorted(), ['a:1', 'a:2+3', 'b:1+2']);
    add('c', '1');
    await clock.advanceAsync(1000);
    assert.equal(runs.length, 4);
    assert.equal(queue.depth, 0);
    member.close();
  });
});
