import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { RecordingLogger } from '../../test/support/recording-logger.ts';
import { Shutdown } from './shutdown.ts';

function shutdownOf(drainTimeoutMs = 20_000) {
  const [clock, logger] = [new FakeClock(), new RecordingLogger()];
  return { clock, logger, shutdown: new Shutdown({ clock, logger, drainTimeoutMs: () => drainTimeoutMs }) };
}

describe('Shutdown', () => {
  it('has all of the drain timeout before it begins', () => {
    const { shutdown } = shutdownOf();
    assert.deepEqual([shutdown.hasBegun, shutdown.remainingMs, shutdown.receiverMs], [false, 20_000, 5000]);
  });

  it('keeps a little back for what is told to stop at its end, and never has less than nothing', () => {
    const { clock, shutdown, logger } = shutdownOf();
    shutdown.begin();
    assert.deepEqual([shutdown.hasBegun, shutdown.remainingMs], [true, 19_750]);
    clock.advance(10_000);
    assert.equal(shutdown.remainingMs, 9750);
    clock.advance(10_000);
    assert.equal(shutdown.remainingMs, 0);
    assert.deepEqual(logger.valuesOf('app.stopping', 'drain_timeout_ms'), [[20_000]]);
  });

  it('gives the queue what is left, and tells of what it could not finish', async () => {
    const { clock, shutdown, logger } = shutdownOf();
    shutdown.begin();
    clock.advance(5000);
    const given: number[] = [];
    for (const left of [0, 7]) await shutdown.drain({ stop: async (ms) => (given.push(ms), left) });
    assert.deepEqual(given, [14_750, 14_750]);
    assert.deepEqual(logger.valuesOf('app.drain_incomplete', 'requests'), [[7]]);
  });
});
