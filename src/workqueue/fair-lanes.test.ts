import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PriorityLanes, turnsBeforeFailed, WorkerShare, RateLimiter, type Standing } from './fair-lanes.ts';

/** Lanes of functions that are identified by their ids. */
class Lanes {
  readonly lanes = new PriorityLanes();
  readonly #ids = new Map<unknown, string>();

  enqueue(id: string, priority: number): void {
    const run = (): Promise<void> => Promise.resolve();
    this.#ids.set(run, id);
    this.lanes.enqueue(run, { id, priority });
  }

  dequeue(): string | undefined {
    return this.#ids.get(this.lanes.dequeue());
  }

  /** Everything that waits, in the order of service. */
  drain(): string {
    let served = '';
    for (let id = this.dequeue(); id !== undefined; id = this.dequeue()) served += id;
    return served;
  }
}

describe('PriorityLanes', () => {
  it('serves the highest lane first, and each in the order of arrival', () => {
    const waiting = new Lanes();
    for (const [index, priority] of [1, 0, 3, 1, 3, 0].entries()) waiting.enqueue('abcdef'.charAt(index), priority);
    assert.equal(waiting.lanes.size, 6);
    assert.equal(waiting.drain(), 'ceadbf');
    assert.equal(waiting.lanes.size, 0);
  });

  it('gives nothing when nothing waits', () => {
    const { lanes } = new Lanes();
    assert.deepEqual([lanes.size, lanes.dequeue(), lanes.filter({ priority: 2 })], [0, undefined, []]);
  });

  it('moves a function to the end of another lane', () => {
    const waiting = new Lanes();
    for (const id of 'abc') waiting.enqueue(id, 0);
    waiting.enqueue('d', 2);
    waiting.lanes.setPriority('b', 2);
    waiting.lanes.setPriority('d', 1);
    assert.equal(waiting.lanes.filter({ priority: 0 }).length, 2);
    assert.equal(waiting.drain(), 'bdac');
  });

  it('refuses to move what does not wait, and to add what has no id', () => {
    const waiting = new Lanes();
    waiting.enqueue('a', 0);
    assert.equal(waiting.dequeue(), 'a');
    assert.throws(() => waiting.lanes.setPriority('a', 1), /nothing waits under the id a/);
    assert.throws(() => waiting.lanes.enqueue(() => Promise.resolve(), {}), /needs an id/);
  });

  it('serves in the order of a sorted list, whatever happens', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('enqueue' as const), priority: fc.nat(3) }),
      fc.record({ do: fc.constant('move' as const), which: fc.nat(20), priority: fc.nat(3) }),
      fc.record({ do: fc.constant('dequeue' as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const waiting = new Lanes();
        const list: { id: string; priority: number }[] = [];
        for (const [index, one] of steps.entries()) {
          if (one.do === 'enqueue') {
            waiting.enqueue(`${index}`, one.priority);
            list.push({ id: `${index}`, priority: one.priority });
          } else if (one.do === 'dequeue') {
            list.sort((a, b) => b.priority - a.priority);
            assert.equal(waiting.dequeue(), list.shift()?.id);
          } else if (list.length > 0) {
            const [moved] = list.splice(one.which % list.length, 1);
            waiting.lanes.setPriority(moved!.id, one.priority);
            list.push({ id: moved!.id, priority: one.priority });
          }
          assert.equal(waiting.lanes.size, list.length);
        }
      }),
    );
  });
});

describe('WorkerShare', () => {
  it('gives failed keys at most half of the workers, and one if there is only one', () => {
    for (const [workers, limit] of [
      [1, 1],
      [2, 1],
      [3, 1],
      [4, 2],
      [32, 16],
    ] as const)
      assert.equal(new WorkerShare(workers).limit, limit);
  });

  it('lets a failed key wait for well ones, but not forever', () => {
    const share = new WorkerShare(4);
    const turns: Standing[] = [];
    for (let turn = 0; turn <= turnsBeforeFailed; turn++) {
      const next = share.next({ well: true, failed: true })!;
      turns.push(next);
      share.started(next);
      share.ended(next);
    }
    assert.deepEqual(turns, [...Array<Standing>(turnsBeforeFailed).fill('well'), 'failed']);
  });

  it('starts nothing if only failed keys wait and hold their half already', () => {
    const share = new WorkerShare(4);
    for (let count = 0; count < 2; count++) {
      assert.equal(share.next({ well: false, failed: true }), 'failed');
      share.started('failed');
    }
    assert.equal(share.next({ well: false, failed: true }), undefined);
    assert.equal(share.next({ well: true, failed: true }), 'well');
    share.ended('failed');
    assert.equal(share.next({ well: false, failed: true }), 'failed');
  });

  it('keeps failed keys to their half, lets no worker idle that may work, and starves nobody, whatever happens', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('add' as const), standing: fc.constantFrom<Standing>('well', 'failed') }),
      fc.record({ do: fc.constant('end' as const), which: fc.nat(40) }),
      fc.record({ do: fc.constant('workers' as const), workers: fc.integer({ min: 1, max: 9 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const share = new WorkerShare(4);
        const waiting = { well: 0, failed: 0 };
        const running: Standing[] = [];
        let wellInARow = 0;
        const start = (): void => {
          while (running.length < share.workers) {
            const next = share.next({ well: waiting.well > 0, failed: waiting.failed > 0 });
            if (next === undefined) {
              assert.equal(waiting.well, 0, 'a worker idles while one that is well waits');
              assert.ok(waiting.failed === 0 || !share.isOpen, 'a worker idles that one that failed may have');
              return;
            }
            assert.ok(waiting[next]-- > 0, 'nobody waits who is to start');
            const fails = next === 'failed';
            if (fails) assert.ok(running.filter((one) => one === 'failed').length < share.limit, 'more than half');
            const free = !running.includes('failed');
            wellInARow = next === 'well' && waiting.failed > 0 && free ? wellInARow + 1 : 0;
            assert.ok(wellInARow <= turnsBeforeFailed, 'one that failed waits for ever');
            running.push(next);
            share.started(next);
          }
        };
        for (const one of steps) {
          if (one.do === 'add') waiting[one.standing]++;
          else if (one.do === 'workers') share.workers = one.workers;
          else if (running.length > 0) share.ended(running.splice(one.which % running.length, 1)[0]!);
          start();
        }
        assert.equal(share.failedRunning, running.filter((one) => one === 'failed').length);
      }),
    );
  });
});

/** The delays of `count` failures in a row. */
function delays(limiter: RateLimiter, count: number, key = 'k'): number[] {
  return Array.from({ length: count }, () => limiter.when(key));
}

describe('RateLimiter', () => {
  it('begins with 5 ms and doubles up to 1000 s, as client-go', () => {
    const limiter = new RateLimiter({ random: () => 0 });
    assert.deepEqual(delays(limiter, 8), [5, 10, 20, 40, 80, 160, 320, 640]);
    assert.deepEqual(delays(limiter, 13).slice(-6), [163_840, 327_680, 655_360, 1_000_000, 1_000_000, 1_000_000]);
  });

  it('accepts other bounds', () => {
    assert.deepEqual(delays(new RateLimiter({ baseMs: 100, maxMs: 300, random: () => 0 }), 3), [100, 200, 300]);
  });

  it('shortens a delay by up to a fifth', () => {
    const limiter = new RateLimiter({ random: () => 0.5 });
    assert.deepEqual(delays(limiter, 3), [4.5, 9, 18]);
  });

  it('spreads the delays of keys that failed together', () => {
    const limiter = new RateLimiter();
    const first = Array.from({ length: 100 }, (_, n) => limiter.when(`k${n}`));
    assert.ok(new Set(first).size > 1);
    assert.ok(first.every((delayMs) => delayMs > 4 && delayMs <= 5));
  });

  it('counts each key separately', () => {
    const limiter = new RateLimiter({ random: () => 0 });
    delays(limiter, 3, 'a');
    assert.equal(limiter.when('b'), 5);
    assert.deepEqual([limiter.failures('a'), limiter.failures('b'), limiter.failures('c')], [3, 1, 0]);
  });

  it('starts again for a key that was forgotten, and for no other', () => {
    const limiter = new RateLimiter({ random: () => 0 });
    delays(limiter, 3, 'a');
    delays(limiter, 3, 'b');
    limiter.forget('a');
    assert.equal(limiter.failures('a'), 0);
    assert.deepEqual([limiter.when('a'), limiter.when('b')], [5, 40]);
    limiter.forget('never seen');
  });

  it('gives a finite delay within its bounds after any number of failures', () => {
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2_000 }), random, (failures, value) => {
        const limiter = new RateLimiter({ random: () => value });
        const last = delays(limiter, failures).at(-1)!;
        const full = Math.min(5 * 2 ** (failures - 1), 1_000_000);
        assert.ok(last <= full && last > full * 0.8 - 1e-6, `${last} after ${failures} failures`);
      }),
    );
  });
});
