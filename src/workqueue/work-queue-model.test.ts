import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { request, setUpQueue, type QueueSetup, type Run } from './work-queue.fixture.ts';
import type { Priority } from './dirty-requests.ts';
import { turnsBeforeFailed } from './fair-lanes.ts';

type Step =
  | { readonly do: 'add'; readonly key: string; readonly priority: Priority }
  | { readonly do: 'addAfter'; readonly key: string; readonly priority: Priority; readonly delayMs: number }
  | { readonly do: 'addRateLimited'; readonly key: string; readonly priority: Priority; readonly tookMs: number }
  | { readonly do: 'forget'; readonly key: string }
  /** Ends one of the current runs, if there is any. */
  | { readonly do: 'finish'; readonly which: number; readonly fails: boolean }
  | { readonly do: 'advance'; readonly ms: number };

interface Waiting {
  readonly key: string;
  readonly payload: string[];
  readonly addedAt: number;
  priority: Priority;
  /** Its place among the requests of its priority. */
  place: number;
  /** True if its key had failed when it took its place. */
  failed: boolean;
}

interface Delayed {
  readonly readyAt: number;
  readonly payload: string[];
  readonly priority: Priority;
  readonly place: number;
}

const priorities: readonly Priority[] = ['resync', 'retry', 'alert', 'platform', 'manual'];

/**
 * client-go's contract, and Tocsin's additions, in the simplest way: with lists that are searched. A worker becomes free only at
 * the end of a turn of the event loop, when the queue learns that work has ended.
 */
class ModelQueue {
  readonly runs: Run[] = [];
  readonly running: string[] = [];
  /** The running keys that had failed. */
  readonly failedRunning: string[] = [];
  readonly ended: string[] = [];
  waiting: Waiting[] = [];
  /** What was added to a key for which the platform waits. */
  readonly behind = new Map<string, Waiting>();
  readonly delayed = new Map<string, Delayed>();
  readonly failures = new Map<string, number>();
  readonly any: number;
  readonly reserved: number;
  now: number;
  busy = 0;
  /** The running keys that hold a worker for any priority. */
  readonly ordinary: string[] = [];
  adds = 0;
  retries = 0;
  /** The most failed keys that ever ran at once. */
  mostFailed = 0;
  #places = 0;
  #turns = 0;

  constructor(any: number, reserved: number, now: number) {
    this.any = any;
    this.reserved = reserved;
    this.now = now;
  }

  add(key: string, payload: readonly string[], priority: Priority): void {
    const delayed = this.delayed.get(key);
    this.delayed.delete(key);
    const carried = [...(delayed?.payload ?? []), ...payload];
    const wanted = higher(priority, delayed?.priority ?? priority);
    const waiting = this.waiting.find((one) => one.key === key);
    const behind = this.behind.get(key);
    if (waiting?.priority === 'platform' && rank(wanted) < rank('platform')) {
      if (behind === undefined) {
        this.adds++;
        const place = { addedAt: this.now, place: 0, failed: false };
        this.behind.set(key, { key, payload: carried, priority: wanted, ...place });
      } else {
        behind.payload.push(...carried);
        behind.priority = higher(wanted, behind.priority);
      }
    } else if (waiting === undefined) {
      this.adds++;
      const failed = this.#hasFailed(key);
      this.waiting.push({ key, payload: carried, priority: wanted, addedAt: this.now, place: this.#places++, failed });
    } else {
      waiting.payload.push(...carried);
      if (higher(wanted, waiting.priority) !== waiting.priority) waiting.place = this.#places++;
      waiting.priority = higher(wanted, waiting.priority);
    }
    this.#start();
  }

  addAfter(key: string, payload: readonly string[], priority: Priority, delayMs: number): void {
    const earlier = this.delayed.get(key);
    this.delayed.set(key, {
      readyAt: Math.min(this.now + delayMs, earlier?.readyAt ?? Number.POSITIVE_INFINITY),
      payload: [...(earlier?.payload ?? []), ...payload],
      priority: higher(priority, earlier?.priority ?? priority),
      place: this.#places++,
    });
  }

  addRateLimited(key: string, payload: readonly string[], priority: Priority, tookMs: number): number {
    const failures = this.failures.get(key) ?? 0;
    this.failures.set(key, failures + 1);
    this.retries++;
    const delayMs = Math.max(tookMs, Math.min(5 * 2 ** failures, 1_000_000));
    this.addAfter(key, payload, priority, delayMs);
    return delayMs;
  }

  advance(ms: number): void {
    const end = this.now + ms;
    for (;;) {
      const due = [...this.delayed].filter(([, { readyAt }]) => readyAt <= end);
      const [first] = due.sort(([, a], [, b]) => a.readyAt - b.readyAt || a.place - b.place);
      if (first === undefined) break;
      const [key, { readyAt, payload, priority }] = first;
      this.delayed.delete(key);
      this.now = Math.max(this.now, readyAt);
      this.add(key, payload, priority);
    }
    this.now = end;
  }

  /** The end of a turn: work that has ended frees its key, then its worker. */
  turn(): void {
    for (const key of this.ended) {
      this.running.splice(this.running.indexOf(key), 1);
      if (this.failedRunning.includes(key)) this.failedRunning.splice(this.failedRunning.indexOf(key), 1);
      if (this.ordinary.includes(key)) this.ordinary.splice(this.ordinary.indexOf(key), 1);
      const again = this.waiting.find((one) => one.key === key);
      if (again === undefined) continue;
      Object.assign(again, { place: this.#places++, failed: this.#hasFailed(key) });
      // Other workers may be free already, but one place in the queue means one start.
      this.#start(1);
    }
    this.busy -= this.ended.length;
    this.ended.length = 0;
    this.#start();
  }

  #start(most: number = Number.POSITIVE_INFINITY): void {
    if (most === 0) return;
    const ready = this.waiting.filter(({ key }) => !this.running.includes(key));
    ready.sort((a, b) => rank(b.priority) - rank(a.priority) || a.place - b.place);
    const next =
      this.ordinary.length < this.any
        ? this.#choose(
            ready.find(({ failed }) => !failed),
            ready.find(({ failed }) => failed),
          )
        : ready.find(({ failed, priority }) => !failed && priority === 'platform');
    if (next === undefined || this.busy === this.any + this.reserved) return;
    if (next.failed || next.priority !== 'platform') this.ordinary.push(next.key);
    this.#turns = next.failed ? 0 : this.#turns + 1;
    if (next.failed) this.failedRunning.push(next.key);
    this.mostFailed = Math.max(this.mostFailed, this.failedRunning.length);
    this.waiting = this.waiting.filter((one) => one !== next);
    const behind = this.behind.get(next.key);
    if (behind !== undefined) this.waiting.push(behind);
    this.behind.delete(next.key);
    this.busy++;
    this.running.push(next.key);
    const { key, payload, priority, addedAt } = next;
    this.runs.push({ key, payload, priority, addedAt, startedAt: this.now });
    this.#start(most - 1);
  }

  /**
   * A failed key runs if no other waits, or after a number of other runs, or if it is the platform's and the other is not; never on more
   * than half of the workers.
   */
  #choose(well: Waiting | undefined, failed: Waiting | undefined): Waiting | undefined {
    const mostFailed = Math.max(1, Math.floor(this.any / 2));
    if (failed === undefined || this.failedRunning.length >= mostFailed) return well;
    if (well === undefined) return failed;
    const urgent = rank('platform');
    if (rank(failed.priority) >= urgent && rank(well.priority) < urgent) return failed;
    return this.#turns >= turnsBeforeFailed && this.failedRunning.length === 0 ? failed : well;
  }

  #hasFailed(key: string): boolean {
    return (this.failures.get(key) ?? 0) > 0;
  }
}

function rank(priority: Priority): number {
  return priorities.indexOf(priority);
}

function higher(a: Priority, b: Priority): Priority {
  return rank(a) > rank(b) ? a : b;
}

/** Does one step on both. @returns the payload, if there was one */
function apply(setup: QueueSetup, model: ModelQueue, step: Step, name: string): string | undefined {
  switch (step.do) {
    case 'add':
      model.add(step.key, [name], step.priority);
      assert.equal(setup.add(step.key, name, step.priority), true);
      return name;
    case 'addAfter':
      model.addAfter(step.key, [name], step.priority, step.delayMs);
      assert.equal(setup.addAfter(step.key, name, step.delayMs, step.priority), true);
      return name;
    case 'addRateLimited': {
      const delayMs = model.addRateLimited(step.key, [name], step.priority, step.tookMs);
      assert.equal(setup.addRateLimited(step.key, name, step.priority, step.tookMs), delayMs);
      return name;
    }
    case 'forget':
      model.failures.delete(step.key);
      setup.queue.forget(request(step.key));
      return undefined;
    case 'finish': {
      const under = model.running.filter((key) => !model.ended.includes(key));
      if (under.length === 0) return undefined;
      const key = under[step.which % under.length]!;
      model.ended.push(key);
      setup.finish(key, step.fails ? new Error('it fails') : undefined);
      return undefined;
    }
    case 'advance':
      model.advance(step.ms);
      setup.clock.advance(step.ms);
      return undefined;
  }
}

async function assertAlike(setup: QueueSetup, model: ModelQueue): Promise<void> {
  await setup.settle();
  model.turn();
  model.advance(0);
  assert.deepEqual(setup.runs, model.runs);
  assert.deepEqual(setup.running().toSorted(), model.running.toSorted());
  assert.equal(setup.queue.depth, model.waiting.length);
  assert.equal(setup.queue.delayed, model.delayed.size);
  assert.equal(setup.clock.pending(), model.delayed.size, 'a timer for each delayed request');
}

/** Ends all work, oldest first, until there is none. */
async function drain(setup: QueueSetup, model: ModelQueue): Promise<number> {
  const dropped = setup.queue.shutDownWithDrain();
  model.delayed.clear();
  assert.equal(setup.add('a', 'too late'), false);
  assert.equal(setup.addAfter('b', 'too late', 1), false);
  setup.addRateLimited('c', 'too late');
  // It counts as a failure all the same.
  model.failures.set('c', (model.failures.get('c') ?? 0) + 1);
  while (model.running.length > 0) {
    apply(setup, model, { do: 'finish', which: 0, fails: false }, '');
    await assertAlike(setup, model);
  }
  return dropped;
}

describe('WorkQueue, compared with a naive model', () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  const priority = fc.constantFrom(...priorities);
  const delayMs = fc.oneof(fc.constantFrom(0, 5, 10, 20), fc.nat(100));
  const tookMs = fc.constantFrom(0, 0, 30);
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('add' as const), key, priority }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('addAfter' as const), key, priority, delayMs }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('addRateLimited' as const), key, priority, tookMs }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), key }) },
    {
      weight: 6,
      arbitrary: fc.record({ do: fc.constant('finish' as const), which: fc.nat(3), fails: fc.boolean() }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: delayMs }) },
  );
  /** The steps within one turn of the event loop, turn by turn. */
  const turns = fc.array(fc.array(step, { minLength: 1, maxLength: 4 }), { maxLength: 40, size: 'max' });

  it('does the same, step by step, and loses no add', async () => {
    const sizes = { runs: 0, merged: 0, ofFailed: 0, reserved: 0 };
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5 }), fc.nat(2), turns, async (any, reserved, schedule) => {
        const setup = setUpQueue(any, reserved);
        const model = new ModelQueue(any, reserved, setup.clock.now());
        const added: string[] = [];
        for (const [turn, steps] of schedule.entries()) {
          for (const [index, one] of steps.entries()) added.push(apply(setup, model, one, `${turn}.${index}`) ?? '');
          await assertAlike(setup, model);
        }
        const delayed = [...model.delayed.values()];
        assert.equal(await drain(setup, model), delayed.length);
        // Every add is in exactly one run, unless it was still delayed at the shutdown.
        const worked = setup.runs.flatMap(({ payload }) => payload);
        const left = delayed.flatMap(({ payload }) => payload);
        assert.deepEqual([...worked, ...left].toSorted(), added.filter((name) => name !== '').toSorted());
        assert.deepEqual(setup.twice, []);
        assert.ok(setup.busiest() <= any + reserved);
        if (setup.busiest() > any) sizes.reserved++;
        assert.ok(model.mostFailed <= Math.max(1, any / 2), 'those that failed hold more than half');
        sizes.ofFailed = Math.max(sizes.ofFailed, model.mostFailed);
        assert.equal(setup.clock.pending(), 0, 'a timer was left');
        const metrics = await setup.metrics();
        assert.equal(metrics['workqueue_adds_total{name="pipelines"}'], model.adds);
        assert.equal(metrics['workqueue_retries_total{name="pipelines"}'], model.retries);
        sizes.runs += setup.runs.length;
        sizes.merged += setup.runs.filter(({ payload }) => payload.length > 1).length;
      }),
      { numRuns: 300 },
    );
    assert.ok(sizes.runs > 1_000 && sizes.merged > 100 && sizes.ofFailed === 2, 'the schedules exercise nothing');
    assert.ok(sizes.reserved > 20, 'no reserved worker ever worked');
  });
});
