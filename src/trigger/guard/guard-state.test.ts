import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { firing, testObject, testTrigger } from './guard.fixture.ts';
import { GuardState, slotOf } from './guard-state.ts';

const limits = testTrigger('t', { minIntervalMs: 1000, budget: { runs: 3, perMs: 5000 } });

describe('GuardState', () => {
  it('keeps the least interval where the budget would allow more, and the budget where the interval would', () => {
    const state = new GuardState();
    const tight = { minIntervalMs: 1000, budget: { runs: 2, perMs: 10 } };
    const pair = state.named({ trigger: 't', request: testObject('o').request });
    for (const at of [0, 5]) state.spend(pair, 'uid', tight, at, false);
    assert.equal(slotOf(pair, tight, 'uid'), 1005);
    assert.equal(slotOf(pair, { ...tight, budget: { runs: 2, perMs: 5000 } }, 'uid'), 5000);
  });

  it('forgets pairs of which nothing depends any more', () => {
    const state = new GuardState();
    for (let index = 0; index < 5000; index++)
      state.spend(
        state.named({ trigger: 't', request: testObject(`o${index}`).request }),
        'uid',
        { minIntervalMs: 1000 },
        index * 10,
        false,
      );
    assert.ok(state.size < 2100, String(state.size));
  });

  it('forgets, over the bound, the pair whose last run is the longest ago, but no run that waits', () => {
    const state = new GuardState(10);
    const clock = new FakeClock();
    let forgotten = 0;
    for (let index = 0; index < 25; index++) {
      const pair = state.named({ trigger: 't', request: testObject(`o${index}`).request });
      forgotten += state.spend(pair, 'uid', limits, index, false);
      if (index === 0) state.park(pair, 'uid', firing(clock, 'A'), index);
    }
    assert.equal(state.size, 10);
    assert.equal(forgotten, 15);
    assert.deepEqual(
      [...state.parked].map(({ request }) => request.name),
      ['o0'],
    );
    assert.notEqual(state.find({ trigger: 't', request: testObject('o0').request }), undefined);
    assert.equal(state.find({ trigger: 't', request: testObject('o1').request }), undefined);
    assert.notEqual(state.find({ trigger: 't', request: testObject('o24').request }), undefined);
  });

  it('remembers no more runs of a pair than it needs', () => {
    const state = new GuardState();
    const pair = state.named({ trigger: 't', request: testObject('o').request });
    for (let index = 0; index < 1000; index++) state.spend(pair, 'uid', limits, index * 2000, false);
    assert.equal(pair.runs.length, 100);
  });
});
