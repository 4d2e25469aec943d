import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { HeapGuard, type MemoryUse } from './heap-guard.ts';

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

  it('saves memory while the process is large, and tells V8 only of changes', (t) => {
    const { guard, told } = start(t);

    for (const size of [100, 335, 337, 500, 337, 336, 100]) guard.look(use({ resident: size }));
    assert.deepEqual(told, [true, false]);
  });

  it("does not do so for what is not V8's", (t) => {
    const { guard, told } = start(t);

    for (const size of [50, 112, 113, 112]) guard.look(use({ heap: size }));
    assert.deepEqual(told, [true, false]);
  });

  it('goes on while either is the case', async (t) => {
    const { guard, told } = start(t);

    await guard.during(async () => guard.look(use({ resident: 400 })));
    assert.deepEqual(told, [true]);
    guard.look(use({ resident: 100 }));
    assert.deepEqual(told, [true, false]);
  });
});

/** MiB; what is not given is large. */
function use({ resident = 500, heap = 200 }): MemoryUse {
  return { resident: resident * MiB, heap: heap * MiB };
}

function start(t: TestContext) {
  const told: boolean[] = [];
  const guard = new HeapGuard((saving) => told.push(saving));
  t.after(() => guard.close());
  return { guard, told };
}
