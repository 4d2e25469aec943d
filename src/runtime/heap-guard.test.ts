import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { FakeClock } from './clock.fixture.ts';
import { HeapGuard, type HeapControl, type MemoryUse } from './heap-guard.ts';

const MiB = 1024 * 1024;

describe('HeapGuard', () => {
  it('collects a heap that has grown while any heavy work runs, and no longer', async (t) => {
    const { guard, told } = start(t);
    const first = Promise.withResolvers<void>();
    const second = Promise.withResolvers<void>();
    guard.look(use({ resident: 200, heap: 150 }), true);
    guard.look(use({ resident: 200, heap: 167 }), false);
    assert.deepEqual(told, []);
    const work = [guard.during(() => first.promise), guard.during(() => second.promise)];

    assert.deepEqual(told, ['collect']);
    first.resolve();
    await work[0];
    assert.deepEqual(told, ['collect']);
    second.resolve();
    await work[1];
    assert.deepEqual(told, ['collect', 'as usual']);
  });

  it('ends with heavy work that fails, and rejects with its error', async (t) => {
    const { guard, told } = start(t);
    guard.look(use({ resident: 200, heap: 150 }), true);
    guard.look(use({ resident: 200, heap: 167 }), false);

    await assert.rejects(
      guard.during(() => Promise.reject(new Error('broken'))),
      /broken/,
    );
    assert.deepEqual(told, ['collect', 'as usual']);
  });

  it('collects a heap that has grown while the process is large, and calls V8 only for a change', (t) => {
    const { guard, told } = start(t);

    guard.look(use({ resident: 100, heap: 150 }), true);
    for (const resident of [100, 336, 337, 500, 337]) guard.look(use({ resident, heap: 167 }), false);
    assert.deepEqual(told.splice(0), ['collect']);
    for (const resident of [336, 100]) guard.look(use({ resident, heap: 167 }), false);
    assert.deepEqual(told, ['as usual']);
  });

  it('collects again each time that the heap has grown by 16 MiB since the last collection', (t) => {
    const { guard, told } = start(t);

    guard.look(use({ heap: 150 }), true);
    for (const heap of [166, 167, 250]) guard.look(use({ heap }), false);
    assert.deepEqual(told.splice(0), ['collect']);
    guard.look(use({ heap: 160 }), true);
    for (const heap of [176, 177]) guard.look(use({ heap }), false);
    assert.deepEqual(told.splice(0), ['as usual', 'collect']);
    guard.look(use({ heap: 300, resident: 336 }), false);
    assert.deepEqual(told, ['as usual']);
  });

  it('has young objects collected during a collection from the first full one of a large process on', (t) => {
    const { guard, youngMeanwhile } = start(t);

    guard.look(use({ resident: 336 }), true);
    guard.look(use({ resident: 500 }), false);
    assert.deepEqual(youngMeanwhile, []);
    for (const resident of [337, 100, 500]) guard.look(use({ resident }), true);
    assert.deepEqual(youngMeanwhile, ['from now on']);
  });

  it('does not collect a small heap: it is not what makes the process large', async (t) => {
    const { guard, told } = start(t);

    guard.look(use({ heap: 50 }), true);
    guard.look(use({ heap: 112 }), false);
    await guard.during(async () => undefined);
    assert.deepEqual(told, []);
    guard.look(use({ heap: 113 }), false);
    assert.deepEqual(told, ['collect']);
  });

  it('treats the process as large while its size cannot be read', async (t) => {
    const { told } = start(t);
    t.mock.method(process.memoryUsage, 'rss', () => {
      throw new Error('EMFILE: too many open files');
    });

    const kept: unknown[] = [];
    while (told.length === 0) {
      kept.push(Array.from({ length: 100_000 }, (_, index) => ({ index })));
      await setImmediate();
    }
    assert.equal(told[0], 'collect');
  });

  it('settles ten seconds later with two collections of the whole heap, however small it is, and frees the code that is not called', (t) => {
    const { guard, told } = start(t);
    const clock = new FakeClock();
    guard.look(use({ resident: 60, heap: 20 }), true);

    guard.settle(clock);
    clock.advance(9_999);
    assert.deepEqual(told, []);
    clock.advance(1);
    guard.look(use({ resident: 60, heap: 20 }), false);
    assert.deepEqual(told.splice(0), ['drop code', 'save', 'collect']);
    guard.look(use({ resident: 50, heap: 15 }), true);
    guard.look(use({ resident: 80, heap: 40 }), false);
    assert.deepEqual(told, []);
    guard.look(use({ resident: 45, heap: 12 }), true);
    guard.look(use({ resident: 80, heap: 40 }), false);
    assert.deepEqual(told, ['keep code', 'grow', 'as usual']);
  });

  it('settles no earlier than after a quiet second, so that no request waits for it', (t) => {
    const { guard, told, work } = start(t);
    const clock = new FakeClock();
    work(400);

    guard.settle(clock);
    clock.advance(9_000);
    for (let second = 0; second < 30; second++) {
      work(21);
      clock.advance(1_000);
    }
    assert.deepEqual(told, []);
    work(20);
    clock.advance(1_000);
    assert.deepEqual(told, ['drop code', 'save', 'collect']);
  });

  it('collects what heavy work has left, once, if the process is large', async (t) => {
    const { guard, told } = start(t);
    guard.look(use({ resident: 500, heap: 200 }), true);
    assert.deepEqual(told, []);
    await guard.during(async () => undefined);
    assert.deepEqual(told.splice(0), ['collect']);
    guard.look(use({ resident: 500, heap: 210 }), false);
    assert.deepEqual(told, []);
    guard.look(use({ resident: 450, heap: 200 }), true);
    assert.deepEqual(told, ['as usual']);
  });
});

/** MiB; the defaults are large. */
function use({ resident = 500, heap = 200 }): MemoryUse {
  return { resident: resident * MiB, heap: heap * MiB };
}

function start(t: TestContext) {
  const told: string[] = [];
  const youngMeanwhile: string[] = [];
  let workedMs = 0;
  const control: HeapControl = {
    saveMemory: (saving) => void told.push(saving ? 'save' : 'grow'),
    collectYoungMeanwhile: () => void youngMeanwhile.push('from now on'),
    collectSoon: (soon) => void told.push(soon ? 'collect' : 'as usual'),
    dropIdleCode: (drop) => void told.push(drop ? 'drop code' : 'keep code'),
  };
  const guard = new HeapGuard(control, () => workedMs);
  t.after(() => guard.close());
  return { guard, told, youngMeanwhile, work: (ms: number) => void (workedMs += ms) };
}
