import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { posted } from './alert-store.fixture.ts';
import { receivedTimes } from './alert-times.ts';
import { mergeTimes } from './merge.ts';
import { SharedTimes } from './shared-times.ts';

const resolveTimeoutMs = 50;

describe('SharedTimes', () => {
  it('gives the times of one rule, and what they are merged to, as one object each', () => {
    const times = new SharedTimes();
    const received = (endsAt: number, now: number): ReturnType<SharedTimes['received']> =>
      times.received(posted({ startsAt: 1, endsAt }), now, resolveTimeoutMs);
    const stored = received(100, 10);
    assert.equal(received(100, 10), stored);
    const resolved = received(20, 20);
    assert.notEqual(resolved, stored);
    const merged = times.merged(stored, resolved);
    assert.deepEqual(merged, { startsAt: 1, endsAt: 20, updatedAt: 20, timeout: false });
    assert.equal(times.merged(stored, resolved), merged);
  });

  it('gives the same times as if none were shared', () => {
    const time = fc.option(fc.nat({ max: 4 }), { nil: undefined });
    const post = fc.record({ startsAt: time, endsAt: time, now: fc.nat({ max: 2 }) });
    fc.assert(
      fc.property(fc.array(post, { maxLength: 30 }), (posts) => {
        const times = new SharedTimes();
        let stored = receivedTimes({ startsAt: 0, endsAt: 9 }, 0, resolveTimeoutMs);
        for (const { now, ...fields } of posts) {
          const received = times.received(posted(fields), now, resolveTimeoutMs);
          assert.deepEqual(received, receivedTimes(fields, now, resolveTimeoutMs));
          const merged = times.merged(stored, received);
          assert.deepEqual(merged, mergeTimes(stored, received, now));
          if (now === 1) stored = merged;
        }
      }),
    );
  });
});
