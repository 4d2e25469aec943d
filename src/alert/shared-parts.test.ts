import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { posted } from './alert-store.fixture.ts';
import { receivedTimes, type AlertTimes } from './alert-times.ts';
import { mergeTimes } from './merge.ts';
import { SharedParts } from './shared-parts.ts';

const resolveTimeoutMs = 50;

describe('SharedParts', () => {
  it('gives the times of one rule, and what they are merged to, as one object each', () => {
    const parts = new SharedParts();
    const received = (endsAt: number, now: number): AlertTimes =>
      parts.receivedTimes(posted({ startsAt: 1, endsAt }), now, resolveTimeoutMs);
    const stored = received(100, 10);
    assert.equal(received(100, 10), stored);
    const resolved = received(20, 20);
    assert.notEqual(resolved, stored);
    const merged = parts.mergedTimes(stored, resolved);
    assert.deepEqual(merged, { startsAt: 1, endsAt: 20, updatedAt: 20, timeout: false });
    assert.equal(parts.mergedTimes(stored, resolved), merged);
  });

  it('gives an equal name that it was given before', () => {
    const parts = new SharedParts();
    assert.equal(parts.name('InstanceDown'), 'InstanceDown');
    assert.equal(parts.name('DiskFull'), 'DiskFull');
    assert.equal(parts.name(undefined), undefined);
  });

  it('gives the same times as if none were shared', () => {
    const time = fc.option(fc.nat({ max: 4 }), { nil: undefined });
    const post = fc.record({ startsAt: time, endsAt: time, now: fc.nat({ max: 2 }) });
    fc.assert(
      fc.property(fc.array(post, { maxLength: 30 }), (posts) => {
        const parts = new SharedParts();
        let stored = receivedTimes({ startsAt: 0, endsAt: 9 }, 0, resolveTimeoutMs);
        for (const { now, ...fields } of posts) {
          const received = parts.receivedTimes(posted(fields), now, resolveTimeoutMs);
          assert.deepEqual(received, receivedTimes(fields, now, resolveTimeoutMs));
          const merged = parts.mergedTimes(stored, received);
          assert.deepEqual(merged, mergeTimes(stored, received, now));
          if (now === 1) stored = merged;
        }
      }),
    );
  });
});
