import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RateLimiter } from './rate-limiter.ts';

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
