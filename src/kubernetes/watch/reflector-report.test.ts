import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { RecordingLogger } from '../../runtime/logger.fixture.ts';
import { ApiError } from '../api/api-error.ts';
import { createReflectorMetrics, ReflectorReport } from './reflector-report.ts';

describe('ReflectorReport', () => {
  it('tells a failure that lasts once a minute, also after the clock was set back', () => {
    const clock = new FakeClock();
    const logger = new RecordingLogger();
    const metrics = createReflectorMetrics(new Registry());
    const report = new ReflectorReport({
      clock,
      logger,
      metrics,
      watched: { group: 'example.org', resource: 'widgets' },
    });
    const fail = (passedMs: number): string | undefined => {
      clock.advance(passedMs);
      report.failed(new ApiError('it is away', { reason: 'refused' }), {});
      return logger.lines.at(-1)?.level;
    };
    assert.deepEqual([0, 59_999, 1, 1, -24 * 3_600_000, 59_999, 1].map(fail), [
      'warn',
      'debug',
      'warn',
      'debug',
      'warn',
      'debug',
      'warn',
    ]);
  });
});
