import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { debounceDueAt, debounceFlush, debouncePut, quiet, type DebounceState } from './debounce.ts';

const options = { waitMs: 500, maxWaitMs: 5_000 };
const join = (earlier: string, later: string): string => earlier + later;

type State = DebounceState<string>;

/** The state after puts, each a text of one letter, at their times. None of them may emit. */
function merged(state: State, puts: readonly number[]): State {
  let next = state;
  for (const [index, at] of puts.entries()) {
    const step = debouncePut(next, 'abcdefghijklmnop'.charAt(index), at, options, join);
    assert.equal(step.emission, undefined, `put at ${at}`);
    next = step.state;
  }
  return next;
}

/** The state right after a leading edge at that time. */
function afterLeading(at: number): State {
  return { lastPutAt: at };
}

describe('debouncePut', () => {
  it('emits the very first event at once', () => {
    const step = debouncePut(quiet, 'a', 0, options, join);
    assert.deepEqual(step, { state: { lastPutAt: 0 }, emission: { event: 'a', edge: 'leading', waitedMs: 0 } });
  });

  it('emits an event at once when it has been quiet for the wait, and not a millisecond before', () => {
    assert.equal(debouncePut(afterLeading(1_000), 'a', 1_500, options, join).emission?.edge, 'leading');
    const early = debouncePut(afterLeading(1_000), 'a', 1_499, options, join);
    assert.deepEqual(early, { state: { lastPutAt: 1_499, pending: { event: 'a', firstAt: 1_499 } } });
  });

  it('merges what follows, in order, and remembers the first time and the last', () => {
    assert.deepEqual(merged(afterLeading(0), [100, 200, 650]), {
      lastPutAt: 650,
      pending: { event: 'abc', firstAt: 100 },
    });
  });

  it('counts quiet from the last event that came in, not from the last that went out', () => {
    const trailing = debounceFlush(merged(afterLeading(0), [400]), 900, options).state;
    assert.equal(debouncePut(trailing, 'x', 900, options, join).emission?.edge, 'leading');
    const cutShort = debounceFlush(merged(afterLeading(0), [400, 5_300]), 5_400, options).state;
    assert.equal(debouncePut(cutShort, 'x', 5_500, options, join).emission, undefined);
  });

  it('holds nothing back with a wait of 0', () => {
    const step = debouncePut(afterLeading(7), 'a', 7, { ...options, waitMs: 0 }, join);
    assert.equal(step.emission?.edge, 'leading');
  });

  it('takes the time of an event for the first one when the clock has been set back', () => {
    const state = merged(afterLeading(10_000_000), [10_000_100, 3_000, 3_100]);
    assert.deepEqual(state, { lastPutAt: 3_100, pending: { event: 'abc', firstAt: 3_000 } });
    assert.equal(debounceDueAt(state, options), 3_600);
  });
});

describe('debounceDueAt', () => {
  it('has nothing due while nothing waits', () => {
    assert.equal(debounceDueAt(quiet, options), undefined);
    assert.equal(debounceDueAt(afterLeading(100), options), undefined);
  });

  it('is due after the wait of quiet', () => {
    assert.equal(debounceDueAt(merged(afterLeading(0), [100]), options), 600);
    assert.equal(debounceDueAt(merged(afterLeading(0), [100, 300]), options), 800);
  });

  it('is due at the latest the longest wait after the first event merged', () => {
    assert.equal(debounceDueAt(merged(afterLeading(0), [100, 4_599]), options), 5_099);
    assert.equal(debounceDueAt(merged(afterLeading(0), [100, 4_601]), options), 5_100);
    assert.equal(debounceDueAt(merged(afterLeading(0), [100, 5_050]), options), 5_100);
  });
});

describe('debounceFlush', () => {
  it('emits nothing when nothing waits', () => {
    assert.deepEqual(debounceFlush(quiet, 10, options), { state: quiet });
    const state = afterLeading(5);
    assert.deepEqual(debounceFlush(state, 10, options), { state });
  });

  it('emits what waits and how long its first event has waited', () => {
    assert.deepEqual(debounceFlush(merged(afterLeading(0), [100, 200]), 700, options), {
      state: { lastPutAt: 200 },
      emission: { event: 'ab', edge: 'trailing', waitedMs: 600 },
    });
  });

  const edges: readonly (readonly [name: string, puts: readonly number[], now: number, edge: string])[] = [
    ['after quiet', [100, 200], 700, 'trailing'],
    ['after quiet, noticed late', [100, 200], 9_000, 'trailing'],
    ['because merging has gone on for long enough', [100, 5_000], 5_100, 'max_wait'],
    ['for the same reason, noticed when it has become quiet', [100, 5_000], 6_000, 'max_wait'],
    ['when both are due at the same moment', [100, 4_600], 5_100, 'trailing'],
    ['at shutdown, before anything is due', [100, 200], 300, 'trailing'],
    ['at shutdown, just before the longest wait is over', [100, 5_000], 5_099, 'trailing'],
  ];
  for (const [name, puts, now, edge] of edges) {
    it(`names the edge ${edge} ${name}`, () => {
      assert.equal(debounceFlush(merged(afterLeading(0), puts), now, options).emission?.edge, edge);
    });
  }

  it('has waited for no negative time when the clock has been set back', () => {
    assert.equal(debounceFlush(merged(afterLeading(9_000), [9_100]), 5_000, options).emission?.waitedMs, 0);
  });
});
