import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../runtime/clock.fixture.ts';
import type { Clock } from '../runtime/clock.ts';
import {
  debounceDueAt,
  debounceFlush,
  debouncePut,
  quiet,
  Debouncer,
  type DebounceOptions,
  type Edge,
  type DebounceState,
} from './debouncer.ts';

/** A machine whose timers run on, even when its clock is set. */
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
  /** By the machine's timers, like all times in these tests. */
  readonly at: number;
}

/** A debouncer of lists of numbers, with its emissions and the time of each put. */
class Run {
  readonly clock = new SkewedClock();
  readonly putAt: number[] = [];
  readonly emissions: Recorded[] = [];
  readonly debouncer: Debouncer<number[]>;
  waits: DebounceOptions;

  constructor(waitMs: number, maxWaitMs: number) {
    this.waits = { waitMs, maxWaitMs };
    this.debouncer = new Debouncer<number[]>({
      waits: () => this.waits,
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

  /** Asserts that each number is in exactly one emission, in the order of the puts, and that nothing waits. */
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
  it('emits the first event before put returns, and later ones after the wait of quiet', () => {
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

  it('emits at the latest after the longest wait since the first merged event, and goes on merging', () => {
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

  it('applies new waits to what waits already', () => {
    const run = new Run(500, 5_000);
    run.put();
    run.put(100);
    run.waits = { waitMs: 200, maxWaitMs: 5_000 };
    run.debouncer.reconfigure();
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

  it('names the edge correctly when a timer fires slightly early by the wall clock, as in Node', () => {
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

  it('accepts an event that is put while it emits', () => {
    const clock = new FakeClock();
    const emitted: string[] = [];
    const debouncer: Debouncer<string> = new Debouncer<string>({
      waits: () => ({ waitMs: 500, maxWaitMs: 5_000 }),
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
  /** Times between puts, in hundredths of the wait: mostly bursts, sometimes exactly the wait, sometimes quiet. */
  const gap = fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 99 }) },
    { weight: 1, arbitrary: fc.constant(100) },
    { weight: 2, arbitrary: fc.integer({ min: 0, max: 400 }) },
  );
  const gaps = fc.array(gap, { minLength: 1, maxLength: 60 });

  /** Puts numbers on a schedule, and then is quiet for long enough. */
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

  it('makes nothing wait longer than the longest wait, or beyond the wait of quiet', () => {
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

  it('emits only the first event after quiet without delay, and emits it alone', () => {
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

  it('names for each emission the edge that was due, quiet or the longest wait, and how long it waited', () => {
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

  it('emits everything that waits at a flush in the middle, and loses nothing around it', () => {
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

  it('extends no wait when the clock is set, by hours, forward or back', () => {
    const hours = fc.integer({ min: -10, max: 10 }).map((count) => count * 3_600_000);
    fc.assert(
      fc.property(waits, gaps, gaps, hours, ({ wait, maxWait }, before, after, skewMs) => {
        const run = new Run(wait, maxWait);
        for (const hundredths of before) run.put(Math.round((hundredths * wait) / 100));
        run.clock.skewMs = skewMs;
        for (const hundredths of after) run.put(Math.round((hundredths * wait) / 100));
        run.clock.machine.advance(maxWait);
        run.assertComplete();
        // A number that was waiting when the clock was set waits from there at most the longest wait again.
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

const options = { waitMs: 500, maxWaitMs: 5_000 };
const join = (earlier: string, later: string): string => earlier + later;

type State = DebounceState<string>;

/** The state after puts at these times, each a text of one letter. None of them may emit. */
function merged(state: State, puts: readonly number[]): State {
  let next = state;
  for (const [index, at] of puts.entries()) {
    const step = debouncePut(next, 'abcdefghijklmnop'.charAt(index), at, options, join);
    assert.equal(step.emission, undefined, `put at ${at}`);
    next = step.state;
  }
  return next;
}

/** The state right after a leading edge at that time. */
function afterLeading(at: number): State {
  return { lastPutAt: at };
}

describe('debouncePut', () => {
  it('emits the very first event at once', () => {
    const step = debouncePut(quiet, 'a', 0, options, join);
    assert.deepEqual(step, { state: { lastPutAt: 0 }, emission: { event: 'a', edge: 'leading', waitedMs: 0 } });
  });

  it('emits an event at once after exactly the wait of quiet, and not a millisecond earlier', () => {
    assert.equal(debouncePut(afterLeading(1_000), 'a', 1_500, options, join).emission?.edge, 'leading');
    const early = debouncePut(afterLeading(1_000), 'a', 1_499, options, join);
    assert.deepEqual(early, { state: { lastPutAt: 1_499, pending: { event: 'a', firstAt: 1_499 } } });
  });

  it('merges what follows, in order, and keeps the time of the first and the last event', () => {
    assert.deepEqual(merged(afterLeading(0), [100, 200, 650]), {
      lastPutAt: 650,
      pending: { event: 'abc', firstAt: 100 },
    });
  });

  it('counts quiet from the last event that arrived, not from the last emission', () => {
    const trailing = debounceFlush(merged(afterLeading(0), [400]), 900, options).state;
    assert.equal(debouncePut(trailing, 'x', 900, options, join).emission?.edge, 'leading');
    const cutShort = debounceFlush(merged(afterLeading(0), [400, 5_300]), 5_400, options).state;
    assert.equal(debouncePut(cutShort, 'x', 5_500, options, join).emission, undefined);
  });

  it('holds nothing back with a wait of 0', () => {
    const step = debouncePut(afterLeading(7), 'a', 7, { ...options, waitMs: 0 }, join);
    assert.equal(step.emission?.edge, 'leading');
  });

  it('uses the time of an event as that of the first one after the clock has been set back', () => {
    const state = merged(afterLeading(10_000_000), [10_000_100, 3_000, 3_100]);
    assert.deepEqual(state, { lastPutAt: 3_100, pending: { event: 'abc', firstAt: 3_000 } });
    assert.equal(debounceDueAt(state, options), 3_600);
  });
});

describe('debounceDueAt', () => {
  it('has nothing due while nothing waits', () => {
    assert.equal(debounceDueAt(quiet, options), undefined);
    assert.equal(debounceDueAt(afterLeading(100), options), undefined);
  });

  it('is due after the wait of quiet', () => {
    assert.equal(debounceDueAt(merged(afterLeading(0), [100]), options), 600);
    assert.equal(debounceDueAt(merged(afterLeading(0), [100, 300]), options), 800);
  });

  it('is due at the latest after the longest wait since the first merged event', () => {
    assert.equal(debounceDueAt(merged(afterLeading(0), [100, 4_599]), options), 5_099);
    assert.equal(debounceDueAt(merged(afterLeading(0), [100, 4_601]), options), 5_100);
    assert.equal(debounceDueAt(merged(afterLeading(0), [100, 5_050]), options), 5_100);
  });
});

describe('debounceFlush', () => {
  it('emits nothing when nothing waits', () => {
    assert.deepEqual(debounceFlush(quiet, 10, options), { state: quiet });
    const state = afterLeading(5);
    assert.deepEqual(debounceFlush(state, 10, options), { state });
  });

  it('emits what waits, and how long its first event has waited', () => {
    assert.deepEqual(debounceFlush(merged(afterLeading(0), [100, 200]), 700, options), {
      state: { lastPutAt: 200 },
      emission: { event: 'ab', edge: 'trailing', waitedMs: 600 },
    });
  });

  const edges: readonly (readonly [name: string, puts: readonly number[], now: number, edge: string])[] = [
    ['after quiet', [100, 200], 700, 'trailing'],
    ['after quiet, noticed late', [100, 200], 9_000, 'trailing'],
    ['because merging has gone on for long enough', [100, 5_000], 5_100, 'max_wait'],
    ['for the same reason, noticed when it has become quiet', [100, 5_000], 6_000, 'max_wait'],
    ['when both are due at the same moment', [100, 4_600], 5_100, 'trailing'],
    ['at shutdown, before anything is due', [100, 200], 300, 'trailing'],
    ['at shutdown, just before the longest wait is over', [100, 5_000], 5_099, 'trailing'],
  ];
  for (const [name, puts, now, edge] of edges) {
    it(`names the edge ${edge} ${name}`, () => {
      assert.equal(debounceFlush(merged(afterLeading(0), puts), now, options).emission?.edge, edge);
    });
  }

  it('reports no negative wait after the clock has been set back', () => {
    assert.equal(debounceFlush(merged(afterLeading(9_000), [9_100]), 5_000, options).emission?.waitedMs, 0);
  });
});
