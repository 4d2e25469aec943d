import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { FakeClock } from './clock.fixture.ts';
import { sliceMs, SliceSchedule, hurryMs, maxRestMs, restTurns, Slices, slicedSort, type LongWork } from './slices.ts';

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

interface Piece {
  readonly work: LongWork;
  readonly name: string;
  readonly turn: number;
  readonly ms: number;
}

/** A schedule on an event loop that turns when the test says so. */
function bench() {
  const clock = new FakeClock();
  let waiting: (() => void)[] = [];
  let turn = 0;
  const done: Piece[] = [];
  const schedule = new SliceSchedule(clock, (run) => waiting.push(run));
  return {
    clock,
    schedule,
    done,
    /** Does pieces of work in sequence, each after some promises that are already resolved. */
    async work(work: LongWork, name: string, pieces: readonly number[]): Promise<void> {
      for (const ms of pieces) {
        await schedule.next(work);
        for (let hops = 0; hops < 5; hops++) await Promise.resolve();
        clock.advance(ms);
        done.push({ work, name, turn, ms });
      }
    },
    /** Returns the number of turns until nothing was left to do. @param othersMs the time of everything else in a turn */
    async run(othersMs = 0): Promise<number> {
      for (let turns = 0; ; turns++) {
        if (waiting.length === 0) return turns;
        turn++;
        clock.advance(othersMs);
        const now = waiting;
        waiting = [];
        for (const run of now) {
          run();
          await nextTurn();
        }
      }
    },
  };
}

function turnsOf(done: readonly Piece[]): readonly number[] {
  return done.map(({ turn }) => turn);
}

describe('SliceSchedule', () => {
  it('begins nothing at once, but in the next turn of the event loop', async () => {
    const { done, work, run } = bench();
    void work('lists', 'a', [1]);
    await nextTurn();
    assert.deepEqual(done, []);
    await run();
    assert.deepEqual(turnsOf(done), [1]);
    void work('lists', 'b', [1]);
    await run();
    assert.deepEqual(turnsOf(done), [1, 2]);
  });

  it('runs pieces in sequence until a slice is over, and then gives everything else its turns', async () => {
    const { done, work, run } = bench();
    for (const name of ['a', 'b', 'c', 'd']) void work('lists', name, [sliceMs / 2]);
    await run();
    assert.deepEqual(turnsOf(done), [1, 1, 1 + restTurns, 1 + restTurns]);
  });

  it('counts the pieces of earlier turns', async () => {
    const { done, work, run } = bench();
    for (const name of ['a', 'b']) {
      void work('lists', name, [sliceMs / 2]);
      await run();
    }
    void work('lists', 'c', [1]);
    await run();
    assert.equal(done[2]!.turn - done[1]!.turn, 1 + restTurns);
  });

  it('continues earlier if everything else has had its time', async () => {
    const { done, work, run } = bench();
    void work('lists', 'a', [sliceMs, 1]);
    await run(maxRestMs / 4);
    assert.deepEqual(turnsOf(done), [1, 5]);
  });

  it('gives each kind its share, however much there is of another', async () => {
    const { done, work, run } = bench();
    for (const name of ['a', 'b', 'c']) void work('bodies', name, [1, 1]);
    void work('large bodies', 'd', [1, 1, 1]);
    void work('lists', 'e', [1]);
    await run();
    assert.equal(done.map(({ name }) => name).join(''), 'adebdcdabc');
  });

  it('gives each kind its share of the time: what takes little is not held up by what takes a slice each time', async () => {
    const { done, work, run } = bench();
    void work('unsilenced', 'u', [sliceMs, sliceMs, sliceMs]);
    for (let n = 0; n < sliceMs; n++) void work('lists', 'l', [1]);
    await run();
    assert.equal(done.map(({ name }) => name).join(''), `u${'l'.repeat(sliceMs)}uu`);
  });

  it('owes nothing to a kind for the time in which that had nothing to do', async () => {
    const { done, work, run } = bench();
    void work('unsilenced', 'u', [sliceMs, sliceMs, sliceMs]);
    await run();
    for (const name of ['a', 'b', 'c']) void work('lists', name, [sliceMs]);
    void work('unsilenced', 'v', [sliceMs, sliceMs]);
    await run();
    assert.equal(done.map(({ name }) => name).join(''), 'uuuavbvc');
  });

  it('holds a long piece against its kind for a slice alone', async () => {
    const { done, work, run } = bench();
    void work('unsilenced', 'u', [100 * sliceMs, 1]);
    for (const name of ['a', 'b', 'c']) void work('lists', name, [sliceMs]);
    await run();
    assert.equal(done.map(({ name }) => name).join(''), 'uaubc');
  });

  it('lets patient work wait while an event is on its way, but not for longer than a rest', async () => {
    const { clock, done, schedule, work, run } = bench();
    void work('expressions', 'e', [sliceMs, sliceMs, sliceMs]);
    schedule.hurry();
    await run();
    // It had no slice for long.
    assert.equal(done.length, 1);
    void work('lists', 'l', [1]);
    await run();
    assert.equal(done.map(({ name }) => name).join(''), 'el');
    clock.advance(hurryMs - sliceMs - 1);
    await nextTurn();
    await run();
    assert.equal(done.map(({ name }) => name).join(''), 'elee');
    // Events without end: a slice in each rest.
    void work('expressions', 'f', [sliceMs, sliceMs]);
    for (let ms = 0; ms < 2 * maxRestMs; ms += sliceMs) {
      schedule.hurry();
      clock.advance(sliceMs);
      await nextTurn();
      await run();
    }
    assert.equal(done.map(({ name }) => name).join(''), 'eleeff');
  });

  it('rests after a piece during which the clock was set back, which hides its duration', async () => {
    const { done, work, run } = bench();
    void work('lists', 'a', [-60_000, 1]);
    await run();
    assert.deepEqual(turnsOf(done), [1, 1 + restTurns]);
  });

  it('never takes more of a turn than a slice and one piece, leaves nothing undone, and keeps the order within a kind', async () => {
    const kinds: readonly LongWork[] = ['bodies', 'lists', 'silences'];
    const works = fc.array(fc.tuple(fc.constantFrom(...kinds), fc.array(fc.nat(30), { maxLength: 6 })), {
      maxLength: 8,
    });
    await fc.assert(
      fc.asyncProperty(works, fc.nat(20), async (given, othersMs) => {
        const { done, work, run } = bench();
        const ended = given.map(([kind, pieces], index) => work(kind, String(index), pieces));
        await run(othersMs);
        await Promise.all(ended);
        for (const [index, [, pieces]] of given.entries())
          assert.deepEqual(
            done.filter(({ name }) => name === String(index)).map(({ ms }) => ms),
            pieces,
          );
        for (const turn of new Set(turnsOf(done))) {
          const inTurn = done.filter((piece) => piece.turn === turn).map(({ ms }) => ms);
          assert.ok(inTurn.slice(0, -1).reduce((sum, ms) => sum + ms, 0) < sliceMs, inTurn.join());
        }
        for (const kind of kinds) {
          const first = [...new Set(done.filter(({ work: of }) => of === kind).map(({ name }) => Number(name)))];
          assert.deepEqual(
            first,
            first.toSorted((a, b) => a - b),
          );
        }
      }),
      { numRuns: 200 },
    );
  });
});
