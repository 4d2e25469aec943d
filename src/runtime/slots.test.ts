import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Slots, type ReleaseSlot } from './slots.ts';

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Asks for `count` slots; `order` fills as they are given out. */
function ask(slots: Slots, count: number): { readonly order: number[]; readonly releases: ReleaseSlot[] } {
  const order: number[] = [];
  const releases: ReleaseSlot[] = [];
  const take = async (i: number): Promise<void> => {
    releases.push(await slots.acquire());
    order.push(i);
  };
  for (let i = 0; i < count; i++) {
    void take(i);
  }
  return { order, releases };
}

describe('Slots', () => {
  it('gives out only so many at once, and the next one when one is released', async () => {
    const { order, releases } = ask(new Slots(2), 4);
    await turn();
    assert.deepEqual(order, [0, 1]);
    releases[1]!();
    await turn();
    assert.deepEqual(order, [0, 1, 2]);
    releases[0]!();
    await turn();
    assert.deepEqual(order, [0, 1, 2, 3]);
  });

  it('ignores the second release of the same slot', async () => {
    const { order, releases } = ask(new Slots(1), 3);
    await turn();
    releases[0]!();
    releases[0]!();
    await turn();
    assert.deepEqual(order, [0, 1]);
  });

  it('gives out a slot that was released while nobody waited', async () => {
    const slots = new Slots(1);
    (await slots.acquire())();
    const { order } = ask(slots, 1);
    await turn();
    assert.deepEqual(order, [0]);
  });

  it('never gives out more than there are, and serves in order', async () => {
    const released = fc.array(fc.nat(20), { maxLength: 20, size: 'max' });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), fc.nat(10), released, async (count, asked, indexes) => {
        const { order, releases } = ask(new Slots(count), asked);
        const back = new Set<number>();
        for (const index of indexes) {
          await turn();
          assert.equal(releases.length, Math.min(asked, count + back.size));
          if (index >= releases.length) continue;
          back.add(index);
          releases[index]!();
        }
        assert.deepEqual(order, [...order.keys()]);
      }),
    );
  });
});
