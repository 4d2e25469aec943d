import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { sliceMs } from '../limits.ts';
import { SliceSchedule } from './slice-schedule.ts';
import { Slices } from './slices.ts';

describe('Slices', () => {
  it('is over after the time of a slice', () => {
    const clock = new FakeClock();
    const slices = new Slices(new SliceSchedule(clock), 'bodies');
    assert.equal(slices.isOver, false);
    clock.advance(sliceMs - 1);
    assert.equal(slices.isOver, false);
    clock.advance(1);
    assert.equal(slices.isOver, true);
  });

  it('is over when the clock is set back, which hides how long it took', () => {
    const clock = new FakeClock();
    const slices = new Slices(new SliceSchedule(clock), 'bodies');
    clock.advance(-60_000);
    assert.equal(slices.isOver, true);
  });

  it('lets others have their turn, and begins a new slice after it', async () => {
    const clock = new FakeClock();
    const slices = new Slices(new SliceSchedule(clock), 'bodies');
    let turns = 0;
    setImmediate(() => {
      turns++;
      clock.advance(sliceMs);
    });
    await slices.breathe();
    assert.equal(turns, 1);
    assert.equal(slices.isOver, false);
    clock.advance(sliceMs);
    assert.equal(slices.isOver, true);
  });
});
