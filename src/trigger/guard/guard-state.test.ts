import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { firing, testObject, testTrigger } from './guard.fixture.ts';
import { GuardState } from './guard-state.ts';

const limits = testTrigger('t', { minIntervalMs: 1000, budget: { runs: 3, perMs: 5000 } });

describe('GuardState', () => {
  it('forgets pairs of which nothing depends any more', () => {
    const state = new GuardState();
    for (let index = 0; index < 5000; index++)
      state.spend(state.pairOf('t', testObject(`o${index}`)), { minIntervalMs: 1000 }, index * 10, false);
    assert.ok(state.size < 2100, String(state.size));
  });

  it('forgets, over the bound, the pair whose last run is the longest ago, but no run that waits', () => {
    const state = new GuardState(10);
    const clock = new FakeClock();
    let forgotten = 0;
    for (let index = 0; index < 25; index++) {
      const pair = state.pairOf('t', testObject(`o${index}`));
      forgotten += state.spend(pair, limits, index, false);
      if (index === 0) state.park(pair, firing(clock, 'A'), index);
    }
    assert.equal(state.size, 10);
    assert.equal(forgotten, 15);
    assert.deepEqual(
      [...state.parked].map(({ object }) => object),
      ['uid-of-o0'],
    );
    assert.notEqual(state.find('t', testObject('o0')), undefined);
    assert.equal(state.find('t', testObject('o1')), undefined);
    assert.notEqual(state.find('t', testObject('o24')), undefined);
  });

  it('remembers no more runs of a pair than it needs', () => {
    const state = new GuardState();
    const pair = state.pairOf('t', testObject('o'));
    for (let index = 0; index < 1000; index++) state.spend(pair, limits, index * 2000, false);
    assert.equal(pair.times.length, 100);
  });
});
