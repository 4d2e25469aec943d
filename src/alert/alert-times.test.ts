import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isResolved, receivedTimes } from './alert-times.ts';

const now = Date.parse('2026-11-21T03:00:00.000Z');
const resolveTimeoutMs = 300_000;

describe('receivedTimes', () => {
  /** startsAt, endsAt as sent, relative to now; startsAt, endsAt, timeout as defaulted. */
  type Row = readonly [what: string, sent: readonly (number | undefined)[], state: readonly [number, number, boolean]];
  const rows: readonly Row[] = [
    ['no times: from now until the resolve timeout', [], [0, resolveTimeoutMs, true]],
    ['a start alone: until the resolve timeout', [-1000], [-1000, resolveTimeoutMs, true]],
    ['an end alone, past: starts there', [undefined, -1000], [-1000, -1000, false]],
    ['an end alone, to come: starts there', [undefined, 1000], [1000, 1000, false]],
    ['both', [-1000, 1000], [-1000, 1000, false]],
    ['both, equal', [-1000, -1000], [-1000, -1000, false]],
    ['1970, which is not absent', [-now, -now], [-now, -now, false]],
  ];
  for (const [what, [startsAt, endsAt], [starts, ends, timeout]] of rows) {
    it(what, () => {
      const at = (offset: number | undefined): number | undefined => (offset === undefined ? undefined : now + offset);
      assert.deepEqual(receivedTimes({ startsAt: at(startsAt), endsAt: at(endsAt) }, now, resolveTimeoutMs), {
        startsAt: now + starts,
        endsAt: now + ends,
        updatedAt: now,
        timeout,
      });
    });
  }
});

describe('isResolved', () => {
  it('says so when the end is here', () => {
    const resolved = (endsAt: number): boolean =>
      isResolved({ startsAt: now - 1000, endsAt, updatedAt: now, timeout: false }, now);
    assert.deepEqual([now - 1, now, now + 1].map(resolved), [true, true, false]);
  });
});
