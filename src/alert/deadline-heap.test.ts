import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Alert } from './alert.ts';
import { countLooks, posted } from './alert-store.fixture.ts';
import { DeadlineHeap } from './deadline-heap.ts';

function newAlert(name: string): Alert {
  return new Alert(posted({ labels: { name } }), { startsAt: 0, endsAt: 1, updatedAt: 0, timeout: false });
}

type Step = { readonly alert: number; readonly deadline?: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ alert: fc.nat({ max: 15 }), deadline: fc.nat({ max: 20 }) }) },
  { weight: 1, arbitrary: fc.record({ alert: fc.nat({ max: 15 }) }) },
);

describe('DeadlineHeap', () => {
  it('always knows the alert with the first deadline, whatever is added, moved and deleted', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100, size: 'max' }), (steps) => {
        const heap = new DeadlineHeap();
        const alerts = Array.from({ length: 16 }, (_, i) => newAlert(String(i)));
        const model = new Map<Alert, number>();
        for (const { alert: index, deadline } of steps) {
          const alert = alerts[index]!;
          if (deadline === undefined) {
            heap.delete(alert);
            model.delete(alert);
          } else {
            heap.set(alert, deadline);
            model.set(alert, deadline);
          }
          assert.equal(heap.size, model.size);
          assert.equal(heap.firstDeadline, firstOf(model));
          assert.equal(heap.first && heap.deadlineOf(heap.first), heap.firstDeadline);
          for (const known of alerts) assert.equal(heap.deadlineOf(known), model.get(known));
        }
        assert.deepEqual(
          drain(heap),
          [...model.values()].toSorted((a, b) => a - b),
        );
      }),
      { numRuns: 1000 },
    );
  });

  it('is empty at first, and ignores the deletion of an alert that it does not hold', () => {
    const heap = new DeadlineHeap();
    heap.delete(newAlert('a'));
    assert.equal(heap.first, undefined);
    assert.equal(heap.size, 0);
  });

  it('accepts an alert again that was deleted', () => {
    const heap = new DeadlineHeap();
    const alert = newAlert('a');
    heap.set(alert, 5);
    heap.delete(alert);
    heap.set(alert, 7);
    assert.equal(heap.first, alert);
    assert.deepEqual(drain(heap), [7]);
  });

  for (const size of [100, 1000, 10_000]) {
    it(`looks at only a few of ${size} alerts for each operation`, () => {
      const counted = { looks: 0 };
      const heap = new DeadlineHeap();
      const alerts = Array.from({ length: size }, (_, i) => countLooks(newAlert(String(i)), counted));
      const most = (operation: () => void): number => {
        const before = counted.looks;
        operation();
        return counted.looks - before;
      };
      const costs = [
        ...alerts.map((alert, i) => most(() => heap.set(alert, -i))),
        ...alerts.map((alert, i) => most(() => heap.set(alert, (i * 7919) % size))),
        ...alerts.map((alert) => most(() => heap.set(alert, heap.deadlineOf(alert)! + size))),
        ...alerts.map((alert) => most(() => heap.delete(alert))),
      ];
      assert.equal(heap.size, 0);
      assert.ok(counted.looks > size, 'the looks are counted');
      const bound = 6 * Math.log2(size) + 10;
      assert.ok(Math.max(...costs) <= bound, `${Math.max(...costs)} looks, at most ${bound} expected`);
    });
  }
});

function firstOf(model: ReadonlyMap<Alert, number>): number | undefined {
  return model.size === 0 ? undefined : Math.min(...model.values());
}

function drain(heap: DeadlineHeap): number[] {
  const deadlines: number[] = [];
  for (let alert = heap.first; alert !== undefined; alert = heap.first) {
    deadlines.push(heap.deadlineOf(alert)!);
    heap.delete(alert);
  }
  return deadlines;
}
