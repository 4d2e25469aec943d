import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { systemClock } from './clock.ts';

const dayMs = 24 * 60 * 60 * 1000;
/** The longest delay that Node accepts. */
const longestTimerMs = 2 ** 31 - 1;

/** Sets a timer on the mocked machine clock. @returns how often it has fired so far, and its cancel function */
function setTimer(test: TestContext, delayMs: number): { readonly fired: () => number; readonly cancel: () => void } {
  let fired = 0;
  const cancel = systemClock.setTimeout(() => fired++, delayMs);
  test.after(cancel);
  return { fired: () => fired, cancel };
}

describe('systemClock', () => {
  it('gives the time of the machine', (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: 1_234 });
    assert.equal(systemClock.now(), 1_234);
  });

  it('fires once, when its time has come', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { fired } = setTimer(t, 1_000);
    t.mock.timers.tick(999);
    assert.equal(fired(), 0);
    t.mock.timers.tick(1);
    assert.equal(fired(), 1);
    t.mock.timers.tick(10_000);
    assert.equal(fired(), 1);
  });

  for (const [days, delayMs] of [
    [24, 24 * dayMs],
    [25, 25 * dayMs],
    [100, 100 * dayMs],
    ['24.8', longestTimerMs],
    ['24.8 and a millisecond', longestTimerMs + 1],
  ] as const) {
    it(`waits for exactly ${days} days`, (t) => {
      t.mock.timers.enable({ apis: ['setTimeout'] });
      const { fired } = setTimer(t, delayMs);
      tickInSteps(t, delayMs - 1);
      assert.equal(fired(), 0);
      t.mock.timers.tick(1);
      assert.equal(fired(), 1);
    });
  }

  it('never asks Node for a longer delay than it accepts', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const delays: number[] = [];
    const { setTimeout: mocked } = globalThis;
    t.mock.method(globalThis, 'setTimeout', (callback: () => void, delayMs: number) => {
      delays.push(delayMs);
      return mocked(callback, delayMs);
    });
    const { fired } = setTimer(t, 60 * dayMs);
    tickInSteps(t, 60 * dayMs);
    assert.equal(fired(), 1);
    assert.deepEqual(delays, [longestTimerMs, longestTimerMs, 60 * dayMs - 2 * longestTimerMs]);
  });

  it('fires in the next turn for a delay of 0 or less, not at once', async () => {
    for (const delayMs of [0, -5_000]) {
      const late = await new Promise<boolean>((resolve) => {
        let returned = false;
        systemClock.setTimeout(() => resolve(returned), delayMs);
        returned = true;
      });
      assert.ok(late, `${delayMs}`);
    }
  });

  it('does not fire once it is cancelled, at any stage of a long delay', (t) => {
    for (const elapsedMs of [0, dayMs, 26 * dayMs, 51 * dayMs]) {
      t.mock.timers.enable({ apis: ['setTimeout'] });
      const { fired, cancel } = setTimer(t, 60 * dayMs);
      tickInSteps(t, elapsedMs);
      cancel();
      tickInSteps(t, 100 * dayMs);
      assert.equal(fired(), 0);
      t.mock.timers.reset();
    }
  });

  it('lets a timer be cancelled twice, and after it fired', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { fired, cancel } = setTimer(t, 10);
    t.mock.timers.tick(10);
    cancel();
    cancel();
    assert.equal(fired(), 1);
  });
});

/** A mocked timer that sets another one counts from the end of the tick that fires it, so no tick goes beyond such a moment. */
function tickInSteps(test: TestContext, ms: number): void {
  for (let elapsed = 0; elapsed < ms;) {
    const nextArm = (Math.floor(elapsed / longestTimerMs) + 1) * longestTimerMs;
    const step = Math.min(nextArm, ms) - elapsed;
    test.mock.timers.tick(step);
    elapsed += step;
  }
}
