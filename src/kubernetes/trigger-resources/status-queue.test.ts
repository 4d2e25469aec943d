import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import {
  StatusQueue,
  statusIntervalMs,
  statusWriteBurst,
  statusWritesPerSecond,
  urgentStatusIntervalMs,
  type StatusWrite,
} from './status-queue.ts';

function bench(outcome: (key: string) => StatusWrite | Promise<StatusWrite> = () => ({ result: 'written' })) {
  const clock = new FakeClock();
  const start = clock.now();
  const writes: { readonly key: string; readonly at: number }[] = [];
  const delays: number[] = [];
  const queue = new StatusQueue({
    clock,
    write: async (key) => {
      writes.push({ key, at: clock.now() - start });
      return outcome(key);
    },
    onDelay: (waitedMs) => delays.push(waitedMs),
  });
  return { clock, queue, writes, delays };
}

describe('the status of a trigger', () => {
  it('is written at once, and then at most every ten seconds, however often it changes', async () => {
    const { clock, queue, writes } = bench();
    for (let second = 0; second < 35; second++) {
      queue.add('a', false);
      queue.add('a', false);
      await clock.advanceAsync(1000);
    }
    assert.deepEqual(
      writes.map(({ at }) => at),
      [0, 10_000, 20_000, 30_000],
    );
    await queue.close();
    assert.equal(clock.pending(), 0);
  });

  it('is written within a second if it tells whether the trigger is ready', async () => {
    const { clock, queue, writes } = bench();
    queue.add('a', true);
    await clock.advanceAsync(200);
    queue.add('a', false);
    queue.add('a', true);
    await clock.advanceAsync(urgentStatusIntervalMs);
    assert.deepEqual(
      writes.map(({ at }) => at),
      [0, urgentStatusIntervalMs],
    );
    await clock.advanceAsync(statusIntervalMs);
    assert.equal(writes.length, 2);
    await queue.close();
  });

  it('waits no longer when the clock is set', async () => {
    for (const byMs of [-3_600_000, 3_600_000]) {
      const { clock, queue, writes } = bench();
      queue.add('a', false);
      await clock.advanceAsync(1000);
      clock.set(byMs);
      queue.add('a', false);
      await clock.advanceAsync(8000);
      assert.equal(writes.length, 1);
      await clock.advanceAsync(1000);
      assert.equal(writes.length, 2);
      await queue.close();
    }
  });

  it('is written again if it changes while it is written', async () => {
    const gate = Promise.withResolvers<StatusWrite>();
    const { clock, queue, writes } = bench(() => gate.promise);
    queue.add('a', false);
    await clock.advanceAsync(0);
    queue.add('a', false);
    gate.resolve({ result: 'written' });
    await clock.advanceAsync(statusIntervalMs);
    assert.equal(writes.length, 2);
    await queue.close();
  });

  it('is tried again later after a failure', async () => {
    let failures = 1;
    const { clock, queue, writes } = bench(() =>
      failures-- > 0 ? { result: 'failed', retryMs: 30_000 } : { result: 'written' },
    );
    queue.add('a', true);
    await clock.advanceAsync(60_000);
    assert.deepEqual(
      writes.map(({ at }) => at),
      [0, 30_000],
    );
    await queue.close();
  });

  it('is not written once its trigger is gone', async () => {
    const { clock, queue, writes } = bench();
    queue.add('a', false);
    queue.forget('a');
    await clock.advanceAsync(statusIntervalMs);
    assert.deepEqual(writes, []);
    await queue.close();
  });
});

describe('the statuses of many triggers', () => {
  it('are written at a bounded rate, which is told, and those that matter most go first', async () => {
    const { clock, queue, writes, delays } = bench();
    for (let index = 0; index < 300; index++) queue.add(`count-${index}`, false);
    await clock.advanceAsync(1000);
    assert.ok(writes.length <= statusWriteBurst + statusWritesPerSecond, `${writes.length}`);
    queue.add('urgent', true);
    await clock.advanceAsync(200);
    assert.ok(writes.some(({ key }) => key === 'urgent'));
    await clock.advanceAsync(40_000);
    assert.equal(writes.length, 301);
    assert.equal(queue.waiting, 0);
    assert.ok(delays.length > 0);
    await queue.close();
  });

  it('do not wait for one whose write hangs', async () => {
    const never = new Promise<StatusWrite>(() => undefined);
    const { clock, queue, writes } = bench((key) => (key === 'hangs' ? never : { result: 'written' }));
    queue.add('hangs', false);
    for (let index = 0; index < 10; index++) queue.add(`${index}`, false);
    await clock.advanceAsync(1000);
    assert.equal(writes.length, 11);
  });

  it('never exceed the rate nor the interval, and each change is told in the end', async () => {
    const step = fc.record({ key: fc.constantFrom('a', 'b', 'c'), isUrgent: fc.boolean(), ms: fc.nat(4000) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { clock, queue, writes } = bench();
        const changedAt = new Map<string, number>();
        let at = 0;
        for (const { key, isUrgent, ms } of steps) {
          queue.add(key, isUrgent);
          changedAt.set(key, at);
          await clock.advanceAsync(ms);
          at += ms;
        }
        await clock.advanceAsync(2 * statusIntervalMs);
        for (const [key, changed] of changedAt) {
          const times = writes.filter((write) => write.key === key).map((write) => write.at);
          assert.ok((times.at(-1) ?? -1) >= changed, `${key}: ${times.join()} after ${changed}`);
          for (const [index, time] of times.slice(1).entries())
            assert.ok(time - (times[index] ?? 0) >= urgentStatusIntervalMs);
        }
        await queue.close();
      }),
      { numRuns: 50 },
    );
  });
});
