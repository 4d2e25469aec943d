import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { TokenBucket } from './token-bucket.ts';

const never = new AbortController().signal;

describe('TokenBucket', () => {
  it('lets a burst through at once, then one call after the other', async () => {
    const clock = new FakeClock();
    const limiter = new TokenBucket({ clock, qps: 10, burst: 3 });
    const granted: number[] = [];
    const start = clock.now();
    for (let call = 0; call < 6; call++) void limiter.acquire(never).then(() => granted.push(clock.now() - start));
    await clock.advanceAsync(1000);
    assert.deepEqual(granted, [0, 0, 0, 100, 200, 300]);
    assert.equal(clock.pending(), 0);
  });

  it('fills up again while it rests, up to the burst', async () => {
    const clock = new FakeClock();
    const limiter = new TokenBucket({ clock, qps: 10, burst: 2 });
    assert.deepEqual(await Promise.all([limiter.acquire(never), limiter.acquire(never)]), [0, 0]);
    clock.advance(10_000);
    assert.deepEqual(await Promise.all([limiter.acquire(never), limiter.acquire(never)]), [0, 0]);
    const third = limiter.acquire(never);
    clock.advance(100);
    assert.equal(await third, 100);
  });

  it('makes nobody wait longer when the clock is set back', async () => {
    const clock = new FakeClock();
    const limiter = new TokenBucket({ clock, qps: 10, burst: 1 });
    await limiter.acquire(never);
    clock.advance(-24 * 3_600_000);
    const waits: number[] = [];
    void limiter.acquire(never).then((waitedMs) => waits.push(waitedMs));
    await clock.advanceAsync(100);
    assert.deepEqual(waits, [100]);
  });

  it('gives the place of one who goes away to the next who comes, and leaves nothing behind', async () => {
    const clock = new FakeClock();
    const limiter = new TokenBucket({ clock, qps: 10, burst: 1 });
    await limiter.acquire(never);
    const { signal, abort } = controller();
    const gone = assert.rejects(limiter.acquire(signal), { message: 'gone' });
    abort();
    await gone;
    assert.deepEqual([clock.pending(), getEventListeners(signal, 'abort').length], [0, 0]);
    const next = limiter.acquire(never);
    clock.advance(100);
    assert.equal(await next, 100);
  });

  it('refuses a signal that is aborted already without taking a place', async () => {
    const clock = new FakeClock();
    const limiter = new TokenBucket({ clock, qps: 10, burst: 1 });
    const { signal, abort } = controller();
    abort();
    await assert.rejects(limiter.acquire(signal), { message: 'gone' });
    assert.equal(await limiter.acquire(never), 0);
  });

  it('never lets more through than the burst and the rate allow, whenever the calls come', async () => {
    const pauses = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 40 });
    await fc.assert(
      fc.asyncProperty(
        pauses,
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 5 }),
        async (gaps, qps, burst) => {
          const clock = new FakeClock(0);
          const limiter = new TokenBucket({ clock, qps, burst });
          const granted: number[] = [];
          for (const gap of gaps) {
            await clock.advanceAsync(gap);
            void limiter.acquire(never).then(() => granted.push(clock.now()));
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

function controller() {
  const abort = new AbortController();
  return { signal: abort.signal, abort: () => abort.abort(new Error('gone')) };
}
