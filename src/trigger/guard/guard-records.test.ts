import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { ConditionNotes } from './condition-notes.ts';
import { givenBackRecord, numbered, restore, snapshotOf, spentRecord, type GuardTime } from './guard-records.ts';
import { firing, testObject, testTrigger } from './guard.fixture.ts';
import { GuardState, type Pair } from './guard-state.ts';

const time: GuardTime = { now: () => 0, toClock: (at) => at, fromClock: (at) => at };
const limits = testTrigger('t', { budget: { runs: 3, perMs: 5000 } });

function read(records: Iterable<unknown>) {
  const [state, notes] = [new GuardState(), new ConditionNotes()];
  const json = JSON.parse(JSON.stringify([...records])) as unknown[];
  const result = restore(json, state, notes, time);
  return { ...result, state, notes, pairs: [...state.pairs], written: [...notes.all()] };
}

function timesOf(pair: Pair | undefined): readonly number[] {
  return [...pair!.runs.byUid()].flatMap(([, times]) => times);
}

describe('the records of the guard', () => {
  it('have the state as it was when the snapshot was taken, whatever happens while it is written', () => {
    const [state, notes] = [new GuardState(), new ConditionNotes()];
    const pair = state.named({ trigger: 't', request: testObject('o').request });
    state.spend(pair, 'uid', limits, 1, false);
    state.park(pair, 'uid', firing(new FakeClock(), 'A'), 2);
    notes.add({ trigger: 't', request: pair.request, apiVersion: 'v1', type: 'Quiet' });
    const records = snapshotOf(state, notes, time, 7);
    state.spend(pair, 'uid', limits, 3, false);
    state.unpark(pair);
    const { pairs, written, number, unreadable } = read(records);
    assert.deepEqual([timesOf(pairs[0]), pairs[0]!.parked?.since, number, unreadable], [[1], 2, 7, 0]);
    assert.deepEqual(written, [...notes.all()]);
  });

  it('are not applied again if a snapshot before them has them already', () => {
    const state = new GuardState();
    const pair = state.named({ trigger: 't', request: testObject('o').request });
    state.spend(pair, 'uid', limits, 1, false);
    const spent = numbered(1, spentRecord(pair, 'uid', false, time));
    state.spend(pair, 'uid', limits, 3, false);
    const again = numbered(2, spentRecord(pair, 'uid', false, time));
    const snapshot = [...snapshotOf(state, new ConditionNotes(), time, 2)];
    assert.deepEqual(timesOf(read([...snapshot, spent, again]).pairs[0]), [1, 3]);
    const later = numbered(3, givenBackRecord(pair));
    assert.deepEqual(timesOf(read([...snapshot, again, later]).pairs[0]), [1]);
  });

  it('that mean nothing are counted', () => {
    assert.equal(
      read([
        { n: 1, spent: {} },
        'text',
        { n: 2, other: {} },
        { n: 3, unparked: { trigger: 'a', request: { kind: 'K', name: 'b' } } },
      ]).unreadable,
      3,
    );
  });
});
