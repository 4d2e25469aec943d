import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { BodyMemory, type HeldBody } from './body-memory.ts';

function setUp(maxBytes: number) {
  const memory = new BodyMemory(maxBytes);
  const evicted: string[] = [];
  const body = (name: string): HeldBody => ({ evict: () => void evicted.push(name) });
  return { memory, evicted, body };
}

describe('BodyMemory', () => {
  it('holds bodies up to the bound', () => {
    const { memory, evicted, body } = setUp(100);
    memory.hold(body('a'), 60);
    memory.hold(body('b'), 40);
    assert.deepEqual([memory.bytes, evicted], [100, []]);
  });

  it('ends the body that is unfinished for longest, however recently it grew', () => {
    const { memory, evicted, body } = setUp(100);
    const [a, b] = [body('a'), body('b')];
    memory.hold(a, 50);
    memory.hold(b, 40);
    memory.hold(a, 5);
    memory.hold(body('c'), 10);
    assert.deepEqual([memory.bytes, evicted], [50, ['a']]);
  });

  it('ends as many as it takes, also the one that grows', () => {
    const { memory, evicted, body } = setUp(100);
    memory.hold(body('a'), 30);
    memory.hold(body('b'), 30);
    memory.hold(body('c'), 101);
    assert.deepEqual([memory.bytes, evicted], [0, ['a', 'b', 'c']]);
  });

  it('spares finished bodies, and counts them until they are released', () => {
    const { memory, evicted, body } = setUp(100);
    const done = body('done');
    memory.hold(done, 90);
    memory.finish(done);
    memory.hold(body('new'), 20);
    assert.deepEqual([memory.bytes, evicted], [90, ['new']]);
    memory.release(done);
    memory.release(done);
    assert.equal(memory.bytes, 0);
  });

  it('ignores a second release, and the finish of a body that it does not hold', () => {
    const { memory, body } = setUp(100);
    const [a, b] = [body('a'), body('b')];
    memory.hold(a, 60);
    memory.hold(b, 20);
    memory.release(a);
    memory.release(a);
    memory.finish(a);
    assert.equal(memory.bytes, 20);
  });

  it('keeps the bound, ends the oldest first and comes back to 0, whatever happens', () => {
    const step = fc.record({
      what: fc.constantFrom('hold', 'hold', 'hold', 'finish', 'release'),
      index: fc.nat(7),
      bytes: fc.integer({ min: 0, max: 60 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
        const run = new Run();
        for (const { what, index, bytes } of steps) run.step(what, index, bytes);
        run.end();
      }),
      { numRuns: 500 },
    );
  });
});

interface ModelBody extends HeldBody {
  bytes: number;
  finished: boolean;
}

/** A memory of 100 bytes beside a plain list of what it ought to hold. */
class Run {
  readonly #memory = new BodyMemory(100);
  /** Live bodies in the order in which they began. */
  readonly #live: ModelBody[] = [];
  readonly #slots: (ModelBody | undefined)[] = [];
  readonly #evicted: ModelBody[] = [];

  step(what: 'hold' | 'finish' | 'release', index: number, bytes: number): void {
    const known = this.#slots[index];
    const live = known !== undefined && this.#live.includes(known);
    if (what === 'hold' && (!live || !known.finished)) this.#hold(live ? known : this.#begin(index), bytes);
    if (what === 'finish' && known !== undefined) {
      known.finished = true;
      this.#memory.finish(known);
    }
    // Also of bodies that have gone already: it has to do nothing.
    if (what === 'release' && known !== undefined) {
      this.#forget(known);
      this.#memory.release(known);
    }
    this.#check();
  }

  end(): void {
    for (const body of this.#live) this.#memory.release(body);
    assert.equal(this.#memory.bytes, 0);
  }

  #begin(index: number): ModelBody {
    const evict = (): void => {
      this.#evicted.push(body);
      // As the reader does when it is ended.
      this.#memory.release(body);
    };
    const body: ModelBody = { bytes: 0, finished: false, evict };
    this.#slots[index] = body;
    this.#live.push(body);
    return body;
  }

  #hold(body: ModelBody, bytes: number): void {
    body.bytes += bytes;
    const expected: ModelBody[] = [];
    const oldestFirst = this.#live.filter(({ finished }) => !finished);
    while (this.#bytes() > 100 && oldestFirst.length > 0) {
      expected.push(oldestFirst[0]!);
      this.#forget(oldestFirst.shift()!);
    }
    this.#evicted.length = 0;
    this.#memory.hold(body, bytes);
    assert.ok(this.#evicted.length === expected.length && this.#evicted.every((each, i) => each === expected[i]));
  }

  #forget(body: ModelBody): void {
    if (this.#live.includes(body)) this.#live.splice(this.#live.indexOf(body), 1);
  }

  #bytes(): number {
    return this.#live.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  #check(): void {
    assert.equal(this.#memory.bytes, this.#bytes());
    assert.ok(this.#memory.bytes <= 100 || this.#live.every(({ finished }) => finished));
  }
}
