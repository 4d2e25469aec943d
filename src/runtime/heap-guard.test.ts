import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { FakeClock } from './clock.fixture.ts';
import { HeapGuard, type HeapControl, type MemoryUse } from './heap-guard.ts';

const MiB = 1024 * 1024;

describe('HeapGuard', () => {
  it('saves memory while any heavy work runs, and no longer', async (t) => {
    const { guard, told } = start(t);
    const first = Promise.withResolvers<void>();
    const second = Promise.withResolvers<void>();
    const work = [guard.during(() => first.promise), guard.during(() => second.promise)];

    assert.deepEqual(told, ['save']);
    first.resolve();
    await work[0];
    assert.deepEqual(told, ['save']);
    second.resolve();
    await work[1];
    assert.deepEqual(told, ['save', 'grow']);
  });

  it('ends with heavy work that fails, and rejects with its error', async (t) => {
    const { guard, told } = start(t);

    await assert.rejects(
      guard.during(() => Promise.reject(new Error('broken'))),
      /broken/,
    );
    assert.deepEqual(told, ['save', 'grow']);
  });

  it('saves memory while the process is large, and calls V8 only for a change', (t) => {
    const { guard, told } = start(t);

    for (const resident of [100, 335, 337, 500, 337, 336, 100]) guard.look(use({ resident }), true);
    assert.deepEqual(told, ['save', 'grow']);
  });

  it('ignores memory that is not on the heap', (t) => {
    const { guard, told } = start(t);

    for (const heap of [50, 112, 113, 112]) guard.look(use({ heap }), true);
    assert.deepEqual(told, ['save', 'grow']);
  });

  it('while memory is saved, collects the heap each time that it has grown since the last collection', (t) => {
    const { guard, told } = start(t);

    guard.look(use({ heap: 150 }), true);
    for (const heap of [166, 167, 250]) guard.look(use({ heap }), false);
    assert.deepEqual(told.splice(0), ['save', 'collect']);
    guard.look(use({ heap: 160 }), true);
    for (const heap of [176, 177]) guard.look(use({ heap }), false);
    assert.deepEqual(told.splice(0), ['as usual', 'collect']);
    guard.look(use({ heap: 300, resident: 336 }), false);
    assert.deepEqual(told, ['grow', 'as usual']);
  });

  it('collects the heap when heavy work begins on a heap that has grown and is not small', async (t) => {
    const { guard, told } = start(t);
    guard.look(use({ resident: 200, heap: 50 }), true);
    guard.look(use({ resident: 200, heap: 112 }), false);
    await guard.during(async () => undefined);
    assert.deepEqual(told.splice(0), ['save', 'grow']);

    guard.look(use({ resident: 200, heap: 113 }), false);
    await guard.during(async () => guard.look(use({ resident: 200, heap: 60 }), true));
    assert.deepEqual(told, ['save', 'collect', 'as usual', 'grow']);
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
    assert.equal(told[0], 'save');
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

  it('continues while either reason holds', async (t) => {
    const { guard, told } = start(t);

    await guard.during(async () => guard.look(use({ resident: 400 }), true));
    assert.deepEqual(told.splice(0), ['save', 'collect']);
    guard.look(use({ resident: 100 }), true);
    assert.deepEqual(told, ['grow', 'as usual']);
  });

  it('collects what heavy work has left, once, if the process is large', async (t) => {
    const { guard, told } = start(t);
    guard.look(use({ resident: 500, heap: 200 }), true);
    assert.deepEqual(told.splice(0), ['save']);
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
  let workedMs = 0;
  const control: HeapControl = {
    saveMemory: (saving) => void told.push(saving ? 'save' : 'grow'),
    collectSoon: (soon) => void told.push(soon ? 'collect' : 'as usual'),
    dropIdleCode: (drop) => void told.push(drop ? 'drop code' : 'keep code'),
  };
  const guard = new HeapGuard(control, () => workedMs);
  t.after(() => guard.close());
  return { guard, told, work: (ms: number) => void (workedMs += ms) };
}
