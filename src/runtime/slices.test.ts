import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from './clock.fixture.ts';
import { sliceMs, SliceSchedule } from './slice-schedule.ts';
import { Slices, slicedSort } from './slices.ts';

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

  it('is over when the clock is set back, which hides the duration', () => {
    const clock = new FakeClock();
    const slices = new Slices(new SliceSchedule(clock), 'bodies');
    clock.advance(-60_000);
    assert.equal(slices.isOver, true);
  });

  it('gives others their turn, and begins a new slice after it', async () => {
    const clock = new FakeClock();
    const slices = new Slices(new SliceSchedule(clock), 'bodies');
    let turns = 0;
    setImmediate(() => {
      turns++;
      clock.advance(sliceMs);
    });
    await slices.yieldTurn();
    assert.equal(turns, 1);
    assert.equal(slices.isOver, false);
    clock.advance(sliceMs);
    assert.equal(slices.isOver, true);
  });
});

interface Item {
  readonly key: number;
  readonly place: number;
}

function sorted(items: readonly Item[]): { readonly result: readonly Item[]; readonly steps: number } {
  const sorting = slicedSort(items, (a, b) => a.key - b.key);
  for (let steps = 0; ; steps++) {
    const step = sorting.next();
    if (step.done === true) return { result: step.value, steps };
  }
}

describe('slicedSort', () => {
  it('sorts as toSorted does, and keeps the order of equal items', () => {
    const keys = fc.array(fc.integer({ min: 0, max: 50 }), { maxLength: 5000, size: 'max' });
    fc.assert(
      fc.property(keys, (all) => {
        const items = all.map((key, place) => ({ key, place }));
        assert.deepEqual(
          sorted(items).result,
          items.toSorted((a, b) => a.key - b.key),
        );
      }),
      { numRuns: 50 },
    );
  });

  it('takes many steps for many items', () => {
    const items = Array.from({ length: 50_000 }, (_, place) => ({ key: (place * 7919) % 50_000, place }));
    const { result, steps } = sorted(items);
    assert.ok(steps > 300, `${steps}`);
    assert.deepEqual(
      result.map(({ key }) => key),
      items.map((_, index) => index),
    );
  });
});
