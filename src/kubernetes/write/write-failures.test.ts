import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { RecordingLogger } from '../../runtime/logger.fixture.ts';
import { ForbiddenError } from '../../reconcile/errors.ts';
import { ApiError } from '../api/api-error.ts';
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

describe('WriteFailures, a refusal that names no right', () => {
  it('is told for each object and reason, and again every two minutes', () => {
    const { clock, logger, deny } = bench();
    for (const [object, message] of [
      ['/a', 'no'],
      ['/a', 'no'],
      ['/b', 'no'],
      ['/a', 'never'],
    ] as const)
      deny(object, message);
    clock.advance(120_000);
    deny('/a', 'never');
    assert.deepEqual(
      logger.fieldsOf('write.refused').map(({ object, error }) => [object, (error as Error).message]),
      [
        ['/a', 'no'],
        ['/b', 'no'],
        ['/a', 'never'],
        ['/a', 'never'],
      ],
    );
  });

  it('is tried again ever later for that object alone', () => {
    const { clock, deny } = bench();
    deny('/a', 'no');
    clock.advance(50_000);
    assert.deepEqual([deny('/a', 'another reason'), deny('/b', 'no')], [50_000, 2000]);
  });

  it('is ten lines a second at most, and then only counted', async () => {
    const { clock, logger, deny } = bench();
    for (let object = 0; object < 5000; object++) deny(`/${object}`, 'no');
    await clock.advanceAsync(1000);
    assert.equal(logger.linesOf('write.refused').length, 10);
    assert.deepEqual(logger.valuesOf('write.refusals_limited', 'lines', 'per_second'), [[4990, 10]]);
    assert.equal(clock.pending(), 0);
  });
});

/** `refuse` returns the delay before the next try, in milliseconds. */
function bench() {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const failures = new WriteFailures({ clock, logger });
  const refuse = (right: Right): number => {
    const options = { status: 403, reason: 'Forbidden', missingRight: right };
    const error = failures.explain(new ApiError('no', options), right, '/apis/x/tracepipelines/a');
    assert.ok(error instanceof ForbiddenError);
    return error.retryAt - clock.now();
  };
  /** A refusal that names no right. */
  const deny = (object: string, message: string): number => {
    const error = failures.explain(new ApiError(message, { status: 403, reason: 'Forbidden' }), patch, object);
    assert.ok(error instanceof ForbiddenError);
    return error.retryAt - clock.now();
  };
  return { clock, logger, failures, refuse, deny };
}
