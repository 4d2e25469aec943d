import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from './clock.fixture.ts';
import { TokenBucket } from './token-bucket.ts';

const never = new AbortController().signal;

function controller() {
  const abort = new AbortController();
  return { signal: abort.signal, abort: () => abort.abort(new Error('gone')) };
}

describe('TokenBucket.take', () => {
  /** Takes a token at each of these times. */
  function takenAt(
    times: readonly number[],
    limit: { readonly intervalMs: number; readonly burst: number },
  ): boolean[] {
    let now = 0;
    const clock = new FakeClock();
    const bucket = new TokenBucket({ clock: Object.assign(clock, { now: () => now }), ...limit });
    return times.map((time) => {
      now = time;
      return bucket.take();
    });
  }

  it('lets a burst through, then one per interval', () => {
    assert.deepEqual(takenAt([0, 0, 0, 99, 100, 100, 150, 200], { intervalMs: 100, burst: 2 }), [
      true,
      true,
      false,
      false,
      true,
      false,
      false,
      true,
    ]);
  });

  it('lets a burst through even with an odd interval, and late in the century', () => {
    for (const intervalMs of [1000 / 3, 1000 / 7, 0.1])
      for (const start of [0, Date.parse('2099-12-31T23:59:59.999Z')])
        for (const burst of [1, 3, 50])
          assert.deepEqual(takenAt(Array<number>(burst + 1).fill(start), { intervalMs, burst }), [
            ...Array<boolean>(burst).fill(true),
            false,
          ]);
  });

  it('saves up no more than the burst', () => {
    assert.deepEqual(takenAt([0, 1e6, 1e6, 1e6], { intervalMs: 1, burst: 2 }), [true, true, true, false]);
  });

  it('never lets through more than the burst and one per interval, whatever the clock does', () => {
    const limits = fc.record({ intervalMs: fc.integer({ min: 1, max: 50 }), burst: fc.integer({ min: 1, max: 9 }) });
    fc.assert(
      fc.property(limits, fc.array(fc.integer({ min: -100, max: 100 })), (limit, steps) => {
        let now = 0;
        const passed = takenAt(
          steps.map((step) => (now += step)),
          limit,
        ).filter(Boolean).length;
        const forward = steps.reduce((sum, step) => sum + Math.max(0, step), 0);
        assert.ok(passed <= limit.burst + forward / limit.intervalMs + 1e-6);
      }),
    );
  });
});

describe('TokenBucket.acquire', () => {
  it('lets a burst through at once, then one call after the other', async () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket({ clock, intervalMs: 100, burst: 3 });
    const granted: number[] = [];
    const start = clock.now();
    for (let call = 0; call < 6; call++) void bucket.acquire(never).then(() => granted.push(clock.now() - start));
    await clock.advanceAsync(1000);
    assert.deepEqual(granted, [0, 0, 0, 100, 200, 300]);
    assert.equal(clock.pending(), 0);
  });

  it('fills up again at rest, up to the burst', async () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket({ clock, intervalMs: 100, burst: 2 });
    assert.deepEqual(await Promise.all([bucket.acquire(never), bucket.acquire(never)]), [0, 0]);
    clock.advance(10_000);
    assert.deepEqual(await Promise.all([bucket.acquire(never), bucket.acquire(never)]), [0, 0]);
    const third = bucket.acquire(never);
    clock.advance(100);
    assert.equal(await third, 100);
  });

  it('makes no caller wait longer when the clock is set back', async () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket({ clock, intervalMs: 100, burst: 1 });
    await bucket.acquire(never);
    clock.advance(-24 * 3_600_000);
    const waits: number[] = [];
    void bucket.acquire(never).then((waitedMs) => waits.push(waitedMs));
    await clock.advanceAsync(100);
    assert.deepEqual(waits, [100]);
  });

  it('gives the place of a caller that cancels to the next one, and leaves nothing behind', async () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket({ clock, intervalMs: 100, burst: 1 });
    await bucket.acquire(never);
    const { signal, abort } = controller();
    const gone = assert.rejects(bucket.acquire(signal), { message: 'gone' });
    abort();
    await gone;
    assert.deepEqual([clock.pending(), getEventListeners(signal, 'abort').length], [0, 0]);
    const next = bucket.acquire(never);
    clock.advance(100);
    assert.equal(await next, 100);
  });

  it('serves who is urgent before who came earlier, each in the order of arrival', async () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket({ clock, intervalMs: 100, burst: 1 });
    await bucket.acquire(never);
    const granted: string[] = [];
    const waits = [false, false, true, false, true].map((isUrgent, index) =>
      bucket.acquire(never, isUrgent).then((waitedMs) => granted.push(`${index} ${waitedMs}`)),
    );
    await clock.advanceAsync(1000);
    await Promise.all(waits);
    assert.deepEqual(granted, ['2 100', '4 200', '0 300', '1 400', '3 500']);
    assert.equal(clock.pending(), 0);
  });

  it('lets those behind move up when one that waits cancels', async () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket({ clock, intervalMs: 100, burst: 1 });
    await bucket.acquire(never);
    const { signal, abort } = controller();
    const gone = assert.rejects(bucket.acquire(signal, true), { message: 'gone' });
    const behind = bucket.acquire(never);
    clock.advance(50);
    abort();
    await gone;
    clock.advance(50);
    assert.equal(await behind, 100);
    assert.equal(clock.pending(), 0);
  });

  it('refuses a signal that is already aborted without taking a place', async () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket({ clock, intervalMs: 100, burst: 1 });
    const { signal, abort } = controller();
    abort();
    await assert.rejects(bucket.acquire(signal), { message: 'gone' });
    assert.equal(await bucket.acquire(never), 0);
  });

  it('never lets through more than the burst and the rate allow, whenever the calls come', async () => {
    const pauses = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(
        pauses,
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 5 }),
        async (gaps, qps, burst) => {
          const clock = new FakeClock(0);
          const bucket = new TokenBucket({ clock, intervalMs: 1000 / qps, burst });
          const granted: number[] = [];
          for (const gap of gaps) {
            await clock.advanceAsync(gap);
            void bucket.acquire(never).then(() => granted.push(clock.now()));
          }
          await clock.advanceAsync(60_000);
          assert.equal(granted.length, gaps.length);
          for (const [first, from] of granted.entries()) {
            for (const [last, to] of granted.entries()) {
              if (last < first) continue;
              assert.ok(last - first + 1 <= burst + (qps * (to - from)) / 1000 + 1e-6, granted.join());
            }
          }
        },
      ),
      { numRuns: 15 },
    );
  });
});
