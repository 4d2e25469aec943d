import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InTurns } from './in-turns.ts';

function setUp(perTurn: number) {
  const turns: (() => void)[] = [];
  const done: number[] = [];
  const inTurns = new InTurns(perTurn, (run) => turns.push(run));
  return {
    done,
    do: (...works: readonly number[]) => works.forEach((work) => inTurns.do(() => done.push(work))),
    /** Ends the turn; false if nothing waits for the next one. */
    turn: () => turns.splice(0).map((run) => run()).length > 0,
  };
}

describe('InTurns', () => {
  it('does at once what a turn has room for, and the rest in the next ones, in order', () => {
    const { done, turn, ...work } = setUp(2);

    work.do(1, 2, 3, 4, 5);
    assert.deepEqual(done, [1, 2]);
    turn();
    assert.deepEqual(done, [1, 2, 3, 4]);
    work.do(6);
    assert.deepEqual(done, [1, 2, 3, 4]);
    turn();
    assert.deepEqual(done, [1, 2, 3, 4, 5, 6]);
  });

  it('does at once what comes in a new turn, and wants no turn for nothing', () => {
    const { done, turn, ...work } = setUp(2);

    work.do(1, 2);
    assert.equal(turn(), true);
    assert.equal(turn(), false);
    work.do(3);
    assert.deepEqual(done, [1, 2, 3]);
  });
});
