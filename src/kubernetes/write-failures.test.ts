import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { RecordingLogger } from '../../test/support/recording-logger.ts';
import { ForbiddenError } from '../controller/forbidden-error.ts';
import { ApiError } from './api-error.ts';
import { WriteFailures, type Right } from './write-failures.ts';

const patch: Right = { verb: 'patch', resource: 'tracepipelines/status.x', manifest: 'role.yaml' };
const create: Right = { verb: 'create', resource: 'events.events.k8s.io', manifest: 'role.yaml' };

describe('WriteFailures', () => {
  it('tries a refused right again soon, then as long after as it has been refused for, at last every two minutes', () => {
    const { clock, refuse } = bench();
    const delays: number[] = [];
    for (let times = 0; times < 9; times++) {
      const delayMs = refuse(patch);
      delays.push(delayMs);
      clock.advance(delayMs);
    }
    assert.deepEqual(delays, [2000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 120_000, 120_000]);
  });

  it('knows one right from another, and one time of being refused from the next', () => {
    const { clock, refuse } = bench();
    refuse(patch);
    clock.advance(100_000);
    assert.deepEqual([refuse(patch), refuse(create)], [100_000, 2000]);
    clock.advance(300_000);
    assert.equal(refuse(patch), 2000);
  });

  it('tells of it at once, with the time of the next try, and again every two minutes', () => {
    const { clock, logger, refuse } = bench();
    for (let times = 0; times < 140; times++) {
      refuse(patch);
      clock.advance(1000);
    }
    assert.deepEqual(logger.valuesOf('write.forbidden', 'retry_in_ms'), [[2000], [120_000]]);
  });

  it('lets nobody wait less than two seconds nor more than two minutes, however the clock goes', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -1_000_000, max: 1_000_000 }), { maxLength: 30 }), (passed) => {
        const { clock, refuse } = bench();
        for (const ms of passed) {
          clock.advance(ms);
          const delayMs = refuse(patch);
          assert.ok(delayMs >= 2000 && delayMs <= 120_000, String(delayMs));
        }
      }),
    );
  });
});

/** `refuse` gives how long after it the next try is, milliseconds. */
function bench() {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const failures = new WriteFailures({ clock, logger });
  const refuse = (right: Right): number => {
    const error = failures.explain(new ApiError('no', { status: 403, reason: 'Forbidden' }), right);
    assert.ok(error instanceof ForbiddenError);
    return error.retryAt - clock.now();
  };
  return { clock, logger, refuse };
}
