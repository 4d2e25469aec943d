import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../../test/support/fake-clock.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Edge } from './debounce.ts';
import { Debouncer } from './debouncer.ts';

/** A machine whose timers run on, whatever is done to the time that it shows. */
class SkewedClock implements Clock {
  readonly machine = new FakeClock(0);
  skewMs = 0;

  now(): number {
    return this.machine.now() + this.skewMs;
  }

  monotonic(): number {
    return this.machine.monotonic();
  }

  setTimeout(callback: () => void, delayMs: number): () => void {
    return this.machine.setTimeout(callback, delayMs);
  }
}

interface Recorded {
  readonly ids: readonly number[];
  readonly edge: Edge;
  readonly waitedMs: number;
  /** By the machine's timers, as are all times of these tests. */
  readonly at: number;
}

/** A debouncer of lists of numbers, with what it emitted and when each number was put. */
class Run {
  readonly clock = new SkewedClock();
  readonly putAt: number[] = [];
  readonly emissions: Recorded[] = [];
  readonly debouncer: Debouncer<number[]>;

  constructor(waitMs: number, maxWaitMs: number) {
    this.debouncer = new Debouncer<number[]>({
      waitMs,
      maxWaitMs,
      clock: this.clock,
      merge: (earlier, later) => [...earlier, ...later],
      emit: ({ event, edge, waitedMs }) => {
        this.emissions.push({ ids: event, edge, waitedMs, at: this.clock.machine.now() });
      },
    });
  }

  /** Puts the next number, `afterMs` from now. */
  put(afterMs = 0): void {
    this.clock.machine.advance(afterMs);
    const id = this.putAt.push(this.clock.machine.now()) - 1;
    this.debouncer.put([id]);
    assert.ok(this.clock.machine.pending() <= 1, 'more than one timer');
  }

  /** How long a number waited. */
  waited(id: number): number {
    const emission = this.emissions.find(({ ids }) => ids.includes(id));
    assert.ok(emission !== undefined, `${id} was never emitted`);
    return emission.at - this.putAt[id]!;
  }

  /** Each number in exactly one emission, in the order of the puts, and nothing left to wait for. */
  assertComplete(): void {
    assert.deepEqual(
      this.emissions.flatMap(({ ids }) => ids),
      this.putAt.map((_, id) => id),
    );
    assert.equal(this.clock.machine.pending(), 0, 'a timer was left');
  }
}

const shape = ({ ids, edge, at, waitedMs }: Recorded): readonly unknown[] => [ids.join(','), edge, at, waitedMs];

describe('Debouncer', () => {
  it('emits the first event before put returns, and what follows after the wait of quiet', () => {
    const run = new Run(500, 5_000);
    run.put();
    assert.deepEqual(run.emissions.map(shape), [['0', 'leading', 0, 0]]);
    run.put(100);
    run.put(100);
    run.clock.machine.advance(499);
    assert.equal(run.emissions.length, 1);
    run.clock.machine.advance(1);
    assert.deepEqual(shape(run.emissions[1]!), ['1,2', 'trailing', 700, 600]);
    run.assertComplete();
  });

  it('emits at the latest the longest wait after the first event merged, and goes on merging', () => {
    const run = new Run(500, 5_000);
    for (let count = 0; count < 60; count++) run.put(count === 0 ? 0 : 100);
    run.clock.machine.advance(500);
    assert.deepEqual(
      run.emissions.map(({ edge, at, waitedMs }) => [edge, at, waitedMs]),
      [
        ['leading', 0, 0],
        ['max_wait', 5_100, 5_000],
        ['trailing', 6_400, 1_300],
      ],
    );
    run.assertComplete();
  });

  it('emits each event at once with a wait of 0, and sets no timer', () => {
    const run = new Run(0, 5_000);
    for (const afterMs of [0, 0, 3, 0]) {
      run.put(afterMs);
      assert.equal(run.clock.machine.pending(), 0);
    }
    assert.deepEqual(
      run.emissions.map(({ ids, edge }) => [...ids, edge]),
      [0, 1, 2, 3].map((id) => [id, 'leading']),
    );
  });

  it('emits what waits when it is flushed, once, and leaves no timer', () => {
    const run = new Run(500, 5_000);
    run.put();
    run.put(100);
    run.clock.machine.advance(50);
    run.debouncer.flush();
    assert.deepEqual(shape(run.emissions[1]!), ['1', 'trailing', 150, 50]);
    run.assertComplete();
    run.debouncer.flush();
    run.clock.machine.advance(10_000);
    assert.equal(run.emissions.length, 2);
  });

  it('has what waits already due by the waits that it is told to use', () => {
    const run = new Run(500, 5_000);
    run.put();
    run.put(100);
    run.debouncer.use({ waitMs: 200, maxWaitMs: 5_000 });
    run.clock.machine.advance(199);
    assert.equal(run.emissions.length, 1);
    run.clock.machine.advance(1);
    assert.deepEqual(shape(run.emissions[1]!), ['1', 'trailing', 300, 200]);
    run.assertComplete();
  });

  it('emits nothing when it is flushed in quiet', () => {
    const run = new Run(500, 5_000);
    run.debouncer.flush();
    run.put();
    run.debouncer.flush();
    assert.equal(run.emissions.length, 1);
    run.assertComplete();
  });

  it('names the edge right when a timer fires a little early by the wall clock, as those of Node do', () => {
    const run = new Run(500, 5_000);
    for (let count = 0; count < 51; count++) run.put(count === 0 ? 0 : 100);
    run.clock.skewMs = -1;
    run.clock.machine.advance(100);
    assert.deepEqual(
      run.emissions.map(({ edge, waitedMs }) => [edge, waitedMs]),
      [
        ['leading', 0],
        ['max_wait', 5_000],
      ],
    );
    run.debouncer.flush();
  });

  it('takes an event that is put while it emits', () => {
    const clock = new FakeClock();
    const emitted: string[] = [];
    const debouncer: Debouncer<string> = new Debouncer<string>({
      waitMs: 500,
      maxWaitMs: 5_000,
      clock,
      merge: (earlier, later) => earlier + later,
      emit: ({ event, edge }) => {
        emitted.push(`${event} ${edge}`);
        if (event === 'a') debouncer.put('b');
      },
    });
    debouncer.put('a');
    clock.advance(500);
    assert.deepEqual(emitted, ['a leading', 'b trailing']);
    assert.equal(clock.pending(), 0);
  });
});

describe('Debouncer, whatever the schedule', () => {
  const waits = fc
    .tuple(fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 1_000 })), fc.integer({ min: 1, max: 4_000 }))
    .map(([wait, more]) => ({ wait, maxWait: Math.max(1, wait + (more > 3_000 ? 0 : more)) }));
  /** Times between puts, as hundredths of the wait: mostly bursts, sometimes exactly the wait, sometimes quiet. */
  const gap = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 99 }) },
    { weight: 1, arbitrary: fc.constant(100) },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 400 }) },
  );
  const gaps = fc.array(gap, { minLength: 1, maxLength: 60 });

  /** Puts on a schedule, and then quiet for long enough. */
  function runSchedule(wait: number, maxWait: number, schedule: readonly number[]): Run {
    const run = new Run(wait, maxWait);
    for (const hundredths of schedule) run.put(Math.round((hundredths * Math.max(wait, 1)) / 100));
    run.clock.machine.advance(maxWait);
    return run;
  }

  it('emits every event exactly once, in order', () => {
    fc.assert(
      fc.property(waits, gaps, ({ wait, maxWait }, schedule) => runSchedule(wait, maxWait, schedule).assertComplete()),
    );
  });

  it('keeps nothing waiting for longer than the longest wait, nor beyond the wait of quiet', () => {
    fc.assert(
      fc.property(waits, gaps, ({ wait, maxWait }, schedule) => {
        const run = runSchedule(wait, maxWait, schedule);
        for (const { ids, at } of run.emissions) {
          assert.ok(at - run.putAt[ids[0]!]! <= maxWait);
          assert.ok(at - run.putAt[ids.at(-1)!]! <= wait);
        }
      }),
    );
  });

  it('emits the first event after quiet without delay, alone, and nothing else so', () => {
    fc.assert(
      fc.property(waits, gaps, ({ wait, maxWait }, schedule) => {
        const run = runSchedule(wait, maxWait, schedule);
        const expected = run.putAt.flatMap((at, id) => (id === 0 || at - run.putAt[id - 1]! >= wait ? [id] : []));
        const leading = run.emissions.filter(({ edge }) => edge === 'leading');
        assert.deepEqual(
          leading.map(({ ids }) => ids),
          expected.map((id) => [id]),
        );
        for (const id of expected) assert.equal(run.waited(id), 0);
      }),
    );
  });

  it('names each edge after what was due: quiet, or the longest wait, and says how long it was', () => {
    fc.assert(
      fc.property(waits, gaps, ({ wait, maxWait }, schedule) => {
        const run = runSchedule(wait, maxWait, schedule);
        for (const { ids, edge, at, waitedMs } of run.emissions) {
          const sinceFirst = at - run.putAt[ids[0]!]!;
          const sinceLast = at - run.putAt[ids.at(-1)!]!;
          assert.equal(waitedMs, sinceFirst);
          if (edge === 'trailing') assert.equal(sinceLast, wait);
          if (edge !== 'max_wait') continue;
          assert.equal(sinceFirst, maxWait);
          assert.ok(sinceLast < wait);
        }
      }),
    );
  });

  it('emits nothing while it is quiet', () => {
    fc.assert(
      fc.property(waits, gaps, ({ wait, maxWait }, schedule) => {
        const run = runSchedule(wait, maxWait, schedule);
        const before = run.emissions.length;
        run.debouncer.flush();
        run.clock.machine.advance(100 * maxWait);
        assert.equal(run.emissions.length, before);
      }),
    );
  });

  it('emits all that waits at a flush in the middle, and loses nothing around it', () => {
    fc.assert(
      fc.property(waits, gaps, gaps, ({ wait, maxWait }, before, after) => {
        const run = new Run(wait, maxWait);
        for (const hundredths of before) run.put(Math.round((hundredths * wait) / 100));
        run.debouncer.flush();
        run.assertComplete();
        for (const hundredths of after) run.put(Math.round((hundredths * wait) / 100));
        run.clock.machine.advance(maxWait);
        run.assertComplete();
      }),
    );
  });

  it('stretches no wait when the clock is set, by hours, forward or back', () => {
    const hours = fc.integer({ min: -10, max: 10 }).map((count) => count * 3_600_000);
    fc.assert(
      fc.property(waits, gaps, gaps, hours, ({ wait, maxWait }, before, after, skewMs) => {
        const run = new Run(wait, maxWait);
        for (const hundredths of before) run.put(Math.round((hundredths * wait) / 100));
        run.clock.skewMs = skewMs;
        for (const hundredths of after) run.put(Math.round((hundredths * wait) / 100));
        run.clock.machine.advance(maxWait);
        run.assertComplete();
        // What waited when the clock was set has waited for a while by then, and waits anew from there at most.
        for (const id of run.putAt.keys()) {
          assert.ok(
            run.waited(id) <= (id < before.length ? 2 * maxWait : maxWait),
            `${id} waited ${run.waited(id)} ms`,
          );
        }
      }),
    );
  });
});
