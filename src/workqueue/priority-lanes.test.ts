import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { PriorityLanes } from './priority-lanes.ts';

/** Lanes of functions that are told apart by their ids. */
class Lanes {
  readonly lanes = new PriorityLanes();
  readonly #ids = new Map<unknown, string>();

  enqueue(id: string, priority: number): void {
    const run = (): Promise<void> => Promise.resolve();
    this.#ids.set(run, id);
    this.lanes.enqueue(run, { id, priority });
  }

  dequeue(): string | undefined {
    return this.#ids.get(this.lanes.dequeue());
  }

  /** All that waits, in the order in which it is served. */
  drain(): string {
    let served = '';
    for (let id = this.dequeue(); id !== undefined; id = this.dequeue()) served += id;
    return served;
  }
}

describe('PriorityLanes', () => {
  it('serves the highest lane first, and each in the order of arrival', () => {
    const waiting = new Lanes();
    for (const [index, priority] of [1, 0, 3, 1, 3, 0].entries()) waiting.enqueue('abcdef'.charAt(index), priority);
    assert.equal(waiting.lanes.size, 6);
    assert.equal(waiting.drain(), 'ceadbf');
    assert.equal(waiting.lanes.size, 0);
  });

  it('has nothing to give when nothing waits', () => {
    const { lanes } = new Lanes();
    assert.deepEqual([lanes.size, lanes.dequeue(), lanes.filter({ priority: 2 })], [0, undefined, []]);
  });

  it('moves to the end of another lane', () => {
    const waiting = new Lanes();
    for (const id of 'abc') waiting.enqueue(id, 0);
    waiting.enqueue('d', 2);
    waiting.lanes.setPriority('b', 2);
    waiting.lanes.setPriority('d', 1);
    assert.equal(waiting.lanes.filter({ priority: 0 }).length, 2);
    assert.equal(waiting.drain(), 'bdac');
  });

  it('refuses to move what does not wait, and to take what has no id', () => {
    const waiting = new Lanes();
    waiting.enqueue('a', 0);
    assert.equal(waiting.dequeue(), 'a');
    assert.throws(() => waiting.lanes.setPriority('a', 1), /nothing waits under the id a/);
    assert.throws(() => waiting.lanes.enqueue(() => Promise.resolve(), {}), /needs an id/);
  });

  it('serves, whatever happens, what a sorted list would', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('enqueue' as const), priority: fc.nat(3) }),
      fc.record({ do: fc.constant('move' as const), which: fc.nat(20), priority: fc.nat(3) }),
      fc.record({ do: fc.constant('dequeue' as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const waiting = new Lanes();
        const list: { id: string; priority: number }[] = [];
        for (const [index, one] of steps.entries()) {
          if (one.do === 'enqueue') {
            waiting.enqueue(`${index}`, one.priority);
            list.push({ id: `${index}`, priority: one.priority });
          } else if (one.do === 'dequeue') {
            list.sort((a, b) => b.priority - a.priority);
            assert.equal(waiting.dequeue(), list.shift()?.id);
          } else if (list.length > 0) {
            const [moved] = list.splice(one.which % list.length, 1);
            waiting.lanes.setPriority(moved!.id, one.priority);
            list.push({ id: moved!.id, priority: one.priority });
          }
          assert.equal(waiting.lanes.size, list.length);
        }
      }),
    );
  });
});
