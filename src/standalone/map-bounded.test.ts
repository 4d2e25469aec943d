import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { mapBounded } from './map-bounded.ts';

describe('bounded map', () => {
  it('runs each item once, never more than the limit at a time, and keeps the order of the results', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 50 }),
        fc.integer({ min: 1, max: 8 }),
        async (items, limit) => {
          let running = 0;
          let most = 0;
          const results = await mapBounded(items, limit, async (turns) => {
            most = Math.max(most, ++running);
            for (let turn = 0; turn < turns; turn++) await Promise.resolve();
            running--;
            return turns * 2;
          });
          assert.deepEqual(
            results,
            items.map((turns) => turns * 2),
          );
          assert.equal(most, Math.min(limit, items.length));
        },
      ),
    );
  });

  it('rejects when a task does', async () => {
    const task = (item: number): Promise<number> =>
      item === 2 ? Promise.reject(new Error('two')) : Promise.resolve(item);
    await assert.rejects(mapBounded([1, 2, 3], 2, task), /two/);
  });
});
