import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { restTurns, sliceMs, SliceSchedule } from '../../runtime/slices.ts';
import { graceMs, MemoryBudget, type Holder } from './memory-budget.ts';

class TestHolder implements Holder {
  readonly name: string;
  bytes: number;
  isBusy = false;
  isIdle = false;
  evict: () => void = () => undefined;

  constructor(name: string, bytes: number) {
    this.name = name;
    this.bytes = bytes;
  }
}

function setUp(maxBytes: number) {
  const clock = new FakeClock();
  const evicted: string[] = [];
  let bound = maxBytes;
  const budget = new MemoryBudget<TestHolder>(
    () => bound,
    new SliceSchedule(clock),
    ({ name }) => evicted.push(name),
  );
  const add = (name: string, bytes: number): TestHolder => {
    const holder = new TestHolder(name, bytes);
    budget.add(holder);
    return holder;
  };
  const grow = (holder: TestHolder, bytes: number): void => {
    holder.bytes += bytes;
    budget.count(holder);
  };
  const setBound = (bytes: number): void => void (bound = bytes);
  return { clock, budget, evicted, add, grow, setBound };
}

describe('MemoryBudget', () => {
  it('holds up to the bound', () => {
    const { budget, evicted, add } = setUp(100);
    add('a', 60);
    add('b', 40);
    assert.deepEqual([budget.bytes, budget.size, evicted], [100, 2, []]);
  });

  it('ends the holder that is unfinished for longest, however recently it grew', () => {
    const { budget, evicted, add, grow } = setUp(100);
    const a = add('a', 50);
    add('b', 40);
    grow(a, 5);
    add('c', 10);
    assert.deepEqual([budget.bytes, evicted], [50, ['a']]);
  });

  it('ends as many as necessary, even the one that grows', () => {
    const { budget, evicted, add } = setUp(100);
    add('a', 30);
    add('b', 30);
    add('c', 101);
    assert.deepEqual([budget.bytes, evicted], [0, ['a', 'b', 'c']]);
  });

  it('spares busy holders, and counts them', () => {
    const { budget, evicted, add } = setUp(100);
    const busy = add('busy', 90);
    busy.isBusy = true;
    add('new', 20);
    assert.deepEqual([budget.bytes, evicted], [90, ['new']]);
    budget.remove(busy);
    budget.remove(busy);
    assert.deepEqual([budget.bytes, budget.size], [0, 0]);
  });

  it('restarts the time of a holder', () => {
    const { budget, evicted, add } = setUp(100);
    const a = add('a', 40);
    add('b', 40);
    budget.renew(a);
    add('c', 40);
    assert.deepEqual(evicted, ['b']);
  });

  it('ends the holder that is idle for longest rather than those that are unfinished only for a moment', () => {
    const { clock, budget, evicted, add } = setUp(100);
    const [a, b] = [add('a', 30), add('b', 30)];
    for (const holder of [b, a]) {
      holder.isIdle = true;
      budget.renew(holder);
    }
    add('new', 40);
    clock.advance(graceMs - 1);
    add('newer', 30);
    assert.deepEqual(evicted, ['b']);
    clock.advance(1);
    add('newest', 30);
    assert.deepEqual(evicted, ['b', 'new']);
  });

  it('ends the unfinished one, even if it is new, if there is no other', () => {
    const { evicted, add } = setUp(100);
    add('a', 80).isBusy = true;
    add('b', 30);
    assert.deepEqual(evicted, ['b']);
  });

  it('sees unreported growth when it counts all of them', () => {
    const { budget, evicted, add } = setUp(100);
    add('a', 10);
    const b = add('b', 10);
    b.bytes = 95;
    assert.deepEqual([budget.bytes, evicted], [20, []]);
    budget.countAll();
    assert.deepEqual([budget.bytes, evicted], [95, ['a']]);
  });

  it('ends thousands in slices', async () => {
    const { clock, budget, evicted, add, setBound } = setUp(1000);
    for (let index = 0; index < 10; index++) add(String(index), 100).evict = () => clock.advance(sliceMs / 4);
    setBound(0);
    budget.countAll();
    assert.equal(evicted.length, 4);
    for (let turn = 0; turn < 3 * restTurns; turn++) await setImmediate();
    assert.deepEqual([evicted.length, budget.bytes], [10, 0]);
  });

  it('accepts that a holder is removed while another one is ended', () => {
    const { budget, evicted, add } = setUp(100);
    const a = add('a', 40);
    const b = add('b', 40);
    a.evict = () => budget.remove(b);
    add('c', 40);
    assert.deepEqual([evicted, budget.bytes], [['a'], 40]);
  });

  it('always knows what is held, exceeds the bound only by busy holders, and ends none twice', () => {
    type Step = readonly [kind: 'add' | 'grow' | 'busy' | 'idle' | 'remove', which: number, bytes: number];
    const step = fc.tuple(
      fc.constantFrom('add', 'add', 'grow', 'busy', 'idle', 'remove'),
      fc.nat(9),
      fc.nat(60),
    ) as fc.Arbitrary<Step>;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { budget, evicted, add, grow } = setUp(100);
        const all: TestHolder[] = [];
        const removed = new Set<string>();
        const isHeld = ({ name }: TestHolder): boolean => !removed.has(name) && !evicted.includes(name);
        for (const [kind, which, bytes] of steps) {
          if (kind === 'add') all.push(add(String(all.length), bytes));
          const holder = all[which % Math.max(1, all.length)];
          if (holder === undefined) continue;
          if (kind === 'grow' && isHeld(holder)) grow(holder, bytes);
          if (kind === 'busy') holder.isBusy = true;
          if (kind === 'idle') holder.isBusy = false;
          if (kind === 'remove') {
            budget.remove(holder);
            if (isHeld(holder)) removed.add(holder.name);
          }
          const held = all.filter(isHeld);
          assert.equal(
            budget.bytes,
            held.reduce((sum, each) => sum + each.bytes, 0),
          );
          if (kind === 'add') assert.ok(budget.bytes <= 100 || held.every((each) => each.isBusy || each.bytes === 0));
        }
        assert.equal(new Set(evicted).size, evicted.length);
      }),
    );
  });
});
