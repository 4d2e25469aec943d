import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { Shutdown, Cleanups } from './shutdown.ts';

function shutdownOf(drainTimeoutMs = 20_000) {
  const [clock, logger] = [new FakeClock(), new RecordingLogger()];
  return { clock, logger, shutdown: new Shutdown({ clock, logger, drainTimeoutMs: () => drainTimeoutMs }) };
}

describe('Shutdown', () => {
  it('has all of the drain timeout before it begins', () => {
    const { shutdown } = shutdownOf();
    assert.deepEqual([shutdown.hasBegun, shutdown.remainingMs, shutdown.receiverMs], [false, 20_000, 5000]);
  });

  it('keeps a little time back to stop the rest at the end, and never has less than nothing', () => {
    const { clock, shutdown, logger } = shutdownOf();
    shutdown.begin();
    assert.deepEqual([shutdown.hasBegun, shutdown.remainingMs], [true, 19_750]);
    clock.advance(10_000);
    assert.equal(shutdown.remainingMs, 9750);
    clock.advance(10_000);
    assert.equal(shutdown.remainingMs, 0);
    assert.deepEqual(logger.valuesOf('app.stopping', 'drain_timeout_ms'), [[20_000]]);
  });

  it('gives the queue the remaining time, and reports what it could not finish', async () => {
    const { clock, shutdown, logger } = shutdownOf();
    shutdown.begin();
    clock.advance(5000);
    const given: number[] = [];
    for (const left of [0, 7]) await shutdown.drain({ stop: async (ms) => (given.push(ms), left) });
    assert.deepEqual(given, [14_750, 14_750]);
    assert.deepEqual(logger.valuesOf('app.drain_incomplete', 'requests'), [[7]]);
  });
});

describe('Shutdown with other replicas', () => {
  it('lets another one lead once the work is done, and takes alerts in for three seconds in all', async () => {
    const { clock, shutdown, logger } = shutdownOf();
    shutdown.begin();
    let [isDone, released, over] = [false, 0, false];
    const handOver = shutdown.handOver({ isDone: () => isDone, release: () => void (released = clock.monotonic()) });
    void handOver.then(() => (over = true));
    const startedAt = clock.monotonic();
    await clock.advanceAsync(100);
    assert.equal(released, 0);
    isDone = true;
    await clock.advanceAsync(20);
    assert.equal(released - startedAt, 120);
    await clock.advanceAsync(2879);
    assert.equal(over, false);
    await clock.advanceAsync(1);
    await handOver;
    assert.deepEqual(logger.valuesOf('app.lingering', 'linger_ms'), [[2880]]);
  });

  it('waits for work no longer than half a second, and lingers no longer than a quarter of its time', async () => {
    const { clock, shutdown } = shutdownOf(2250);
    shutdown.begin();
    const startedAt = clock.monotonic();
    let released = 0;
    const handOver = shutdown.handOver({ isDone: () => false, release: () => void (released = clock.monotonic()) });
    await clock.advanceAsync(500);
    assert.equal(released - startedAt, 500);
    await clock.advanceAsync(375);
    await handOver;
  });
});

describe('Cleanups', () => {
  it('closes in reverse order, one step after the other', async () => {
    const logger = new RecordingLogger();
    const cleanups = new Cleanups(logger);
    const steps: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      cleanups.add(name, async () => {
        steps.push(`${name} begins`);
        await new Promise((resolve) => setImmediate(resolve));
        steps.push(`${name} ends`);
      });
    }
    await cleanups.run();
    assert.deepEqual(steps, ['c begins', 'c ends', 'b begins', 'b ends', 'a begins', 'a ends']);
  });

  it('continues after a step that throws, and after one that rejects, and logs both', async () => {
    const logger = new RecordingLogger();
    const cleanups = new Cleanups(logger);
    const closed: string[] = [];
    cleanups.add('first', () => closed.push('first'));
    cleanups.add('rejecting', () => Promise.reject(new Error('no')));
    cleanups.add('throwing', () => {
      throw new Error('never');
    });
    cleanups.add('last', () => closed.push('last'));
    await cleanups.run();
    assert.deepEqual(closed, ['last', 'first']);
    assert.deepEqual(
      logger.lines.map(({ level, event, fields }) => [level, event, fields['part'], fields['error']]),
      [
        ['debug', 'app.closed', 'last', undefined],
        ['error', 'app.close_failed', 'throwing', new Error('never')],
        ['error', 'app.close_failed', 'rejecting', new Error('no')],
        ['debug', 'app.closed', 'first', undefined],
      ],
    );
  });

  it('closes each step once, however often it runs', async () => {
    const cleanups = new Cleanups(new RecordingLogger());
    let closed = 0;
    cleanups.add('it', () => closed++);
    await cleanups.run();
    await cleanups.run();
    assert.equal(closed, 1);
  });

  it('closes what is opened while it runs', async () => {
    const cleanups = new Cleanups(new RecordingLogger());
    const closed: string[] = [];
    cleanups.add('first', () => closed.push('first'));
    cleanups.add('last', () => {
      closed.push('last');
      cleanups.add('late', () => closed.push('late'));
    });
    await cleanups.run();
    assert.deepEqual(closed, ['last', 'late', 'first']);
  });
});
