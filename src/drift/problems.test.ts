import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { metric } from '../runtime/metric.fixture.ts';
import { Problems } from './problems.ts';

const gauge = 'tocsin_problems{problem="watchdog_absent"}';

function bench() {
  const [clock, logger, registry] = [new FakeClock(), new RecordingLogger(), new Registry()];
  return { clock, logger, registry, problems: new Problems({ clock, logger, registry }) };
}

describe('Problems', () => {
  it('has none at first, and a gauge for each name, at 0', async () => {
    const { problems, registry, logger } = bench();
    assert.deepEqual(problems.list, []);
    assert.equal(await metric(registry, gauge), 0);
    problems.tell('watchdog_absent', undefined);
    assert.deepEqual(logger.lines, []);
  });

  it('tells a problem once, when it changes, and when it is solved', async () => {
    const { clock, logger, registry, problems } = bench();
    const since = clock.now();
    problems.tell('watchdog_absent', { count: 1, message: 'it is away', fields: { address: 'here' } });
    clock.advance(1000);
    problems.tell('watchdog_absent', { count: 1, message: 'it is away' });
    problems.tell('watchdog_absent', { count: 2, message: 'both are away' });
    assert.equal(await metric(registry, gauge), 2);
    const [problem] = problems.list;
    assert.deepEqual([problem?.since, problem?.message, problem?.severity], [since, 'both are away', 'warning']);
    problems.tell('watchdog_absent', undefined);
    assert.deepEqual(
      logger.lines.map(({ level, event, fields }) => [level, event, fields['problem']]),
      [
        ['warn', 'problem.found', 'watchdog_absent'],
        ['info', 'problem.changed', 'watchdog_absent'],
        ['info', 'problem.solved', 'watchdog_absent'],
      ],
    );
    assert.deepEqual(logger.valuesOf('problem.found', 'message', 'address'), [['it is away', 'here']]);
    assert.deepEqual(logger.valuesOf('problem.solved', 'lasted_ms'), [[1000]]);
    assert.deepEqual(problems.list, []);
    assert.equal(await metric(registry, gauge), 0);
  });
});
