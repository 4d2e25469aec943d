import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { TokenBucket } from './token-bucket.ts';

describe('TokenBucket', () => {
  it('lets a burst through, then one per interval', () => {
    const bucket = new TokenBucket({ intervalMs: 100, burst: 2 });
    const taken = [0, 0, 0, 99, 100, 100, 150, 200].map((now) => bucket.take(now));
    assert.deepEqual(taken, [true, true, false, false, true, false, false, true]);
  });

  it('saves up no more than the burst', () => {
    const bucket = new TokenBucket({ intervalMs: 1, burst: 2 });
    bucket.take(0);
    assert.deepEqual(
      [1e6, 1e6, 1e6].map((now) => bucket.take(now)),
      [true, true, false],
    );
  });

  it('never lets through more than the burst and one per interval, whatever the clock does', () => {
    const limits = fc.record({ intervalMs: fc.integer({ min: 1, max: 50 }), burst: fc.integer({ min: 1, max: 9 }) });
    fc.assert(
      fc.property(limits, fc.array(fc.integer({ min: -100, max: 100 })), (limit, steps) => {
        const bucket = new TokenBucket(limit);
        let now = 0;
        let forward = 0;
        let passed = 0;
        for (const step of steps) {
          now += step;
          forward += Math.max(0, step);
          if (bucket.take(now)) passed++;
        }
        assert.ok(passed <= limit.burst + forward / limit.intervalMs + 1e-6);
      }),
    );
  });
});
