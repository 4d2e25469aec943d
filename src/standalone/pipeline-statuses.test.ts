import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { KeyedLock } from './pipeline-statuses.ts';

describe('keyed lock', () => {
  it('runs tasks of one key in order and never two at once, whatever else happens', async () => {
    const someTurns = fc.nat(5);
    const task = fc.record({
      key: fc.constantFrom('a', 'b', 'c'),
      turnsBefore: someTurns,
      turns: someTurns,
      fails: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(task, { maxLength: 20 }), async (tasks) => {
        const lock = new KeyedLock();
        const running = new Set<string>();
        const done: Record<string, number[]> = { a: [], b: [], c: [] };
        const results: Promise<unknown>[] = [];
        for (const [index, { key, turnsBefore, turns, fails }] of tasks.entries()) {
          for (let turn = 0; turn < turnsBefore; turn++) await Promise.resolve();
          const result = lock.run(key, async () => {
            assert.equal(running.has(key), false);
            running.add(key);
            for (let turn = 0; turn < turns; turn++) await Promise.resolve();
            running.delete(key);
            done[key]?.push(index);
            if (fails) throw new Error('failed');
          });
          // The promise is awaited only at the end, long after it may have failed.
          result.catch(() => undefined);
          results.push(result);
        }
        const settled = await Promise.allSettled(results);
        await lock.idle();
        assert.equal(lock.size, 0);
        for (const key of ['a', 'b', 'c']) {
          const expected = tasks.flatMap((each, index) => (each.key === key ? [index] : []));
          assert.deepEqual(done[key], expected);
        }
        settled.forEach((result, index) => assert.equal(result.status, tasks[index]?.fails ? 'rejected' : 'fulfilled'));
      }),
    );
  });

  it('does not let one key wait for another', async () => {
    const lock = new KeyedLock();
    const { promise, resolve } = Promise.withResolvers<void>();
    const slow = lock.run('slow', () => promise);
    assert.equal(await lock.run('fast', () => Promise.resolve('done')), 'done');
    resolve();
    await slow;
  });

  it('is idle only when the last task is done', async () => {
    const lock = new KeyedLock();
    const { promise, resolve } = Promise.withResolvers<void>();
    const order: string[] = [];
    void lock.run('a', () => promise).then(() => order.push('task'));
    const idle = lock.idle().then(() => order.push('idle'));
    resolve();
    await idle;
    assert.deepEqual(order, ['task', 'idle']);
  });
});
