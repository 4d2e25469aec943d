import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { HeapGuard } from './heap-guard.ts';

const MiB = 1024 * 1024;

describe('HeapGuard', () => {
  it('saves memory while heavy work is under way, however many there are, and no longer', async (t) => {
    const { guard, told } = start(t);
    const first = Promise.withResolvers<void>();
    const second = Promise.withResolvers<void>();
    const work = [guard.during(() => first.promise), guard.during(() => second.promise)];

    assert.deepEqual(told, [true]);
    first.resolve();
    await work[0];
    assert.deepEqual(told, [true]);
    second.resolve();
    await work[1];
    assert.deepEqual(told, [true, false]);
  });

  it('ends with heavy work that fails, and gives its error', async (t) => {
    const { guard, told } = start(t);

    await assert.rejects(
      guard.during(() => Promise.reject(new Error('broken'))),
      /broken/,
    );
    assert.deepEqual(told, [true, false]);
  });

  it('saves memory while the heap is large, and tells V8 only of changes', (t) => {
    const { guard, told } = start(t);

    for (const size of [100, 287, 289, 400, 289, 288, 100]) guard.look(size * MiB);
    assert.deepEqual(told, [true, false]);
  });

  it('goes on while either is the case', async (t) => {
    const { guard, told } = start(t);

    await guard.during(async () => guard.look(400 * MiB));
    assert.deepEqual(told, [true]);
    guard.look(100 * MiB);
    assert.deepEqual(told, [true, false]);
  });
});

function start(t: TestContext) {
  const told: boolean[] = [];
  const guard = new HeapGuard((saving) => told.push(saving));
  t.after(() => guard.close());
  return { guard, told };
}
