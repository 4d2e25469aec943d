import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { RecordingLogger } from '../../runtime/logger.fixture.ts';
import { heldLineMs, HeldLine } from './held-line.ts';

describe('HeldLine', () => {
  it('tells once a minute how many wait, how many run and how many may', () => {
    const [clock, logger] = [new FakeClock(), new RecordingLogger()];
    const line = new HeldLine({ clock, logger });
    for (const waiting of [1, 2]) line.write({ waiting, running: 2, limit: 2 });
    clock.advance(heldLineMs - 1);
    line.write({ waiting: 3, running: 2, limit: 2 });
    clock.advance(1);
    line.write({ waiting: 4, running: 1, limit: 2 });
    assert.deepEqual(logger.valuesOf('requests.held', 'waiting', 'running', 'limit'), [
      [1, 2, 2],
      [4, 1, 2],
    ]);
    assert.equal(logger.linesOf('requests.held')[0]?.level, 'warn');
  });

  it('tells again when the clock was set back for long', () => {
    const [clock, logger] = [new FakeClock(), new RecordingLogger()];
    const line = new HeldLine({ clock, logger });
    line.write({ waiting: 1, running: 2, limit: 2 });
    clock.advance(-3_600_000);
    line.write({ waiting: 1, running: 2, limit: 2 });
    assert.equal(logger.linesOf('requests.held').length, 2);
  });
});
