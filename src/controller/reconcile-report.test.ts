import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../runtime/clock.fixture.ts';
import type { RecordingLogger } from '../runtime/logger.fixture.ts';
import type { LogFields } from '../runtime/logger.ts';
import { Causes } from '../cause/causes.ts';
import type { Priority } from '../workqueue/dirty-requests.ts';
import { alertCauses, changed, controllerBench, trace, unchanged, unhealthy } from './controller.fixture.ts';
import type { Result } from '../reconcile/ports.ts';
import { NoRuleError, SnapshotError, TerminalError } from '../reconcile/errors.ts';

/** The level and the event of each line about a reconcile. */
function story(logger: RecordingLogger): readonly string[] {
  const lines = logger.lines.filter(({ event }) => event.startsWith('reconcile.'));
  return lines.map(({ level, event }) => `${level} ${event}`);
}

function fail(message: string): never {
  throw new Error(message);
}

describe('reconcile report, levels', () => {
  const levels: readonly (readonly [Priority, string])[] = [
    ['manual', 'info'],
    ['alert', 'info'],
    ['retry', 'debug'],
    ['resync', 'debug'],
  ];
  for (const [priority, level] of levels) {
    it(`logs a run of priority ${priority} at ${level}`, async () => {
      const { clock, controller, logger } = controllerBench(() => unchanged);
      void controller.enqueue([trace('a')], Causes.of('start', clock.now()), 'e1', priority);
      await clock.advanceAsync(0);
      const finished = priority === 'retry' ? 'info' : level;
      assert.deepEqual(story(logger), [`${level} reconcile.started`, `${finished} reconcile.finished`]);
      assert.equal(logger.linesOf('sweep.finished')[0]?.level, 'info');
    });
  }

  it('warns of the first failure, is silent about failing retries, and reports the one that succeeded', async () => {
    const { clock, controller, logger } = controllerBench((_, earlier) =>
      earlier < 3 ? fail('disk full') : unchanged,
    );
    void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(1000);
    assert.deepEqual(story(logger), [
      'info reconcile.started',
      'warn reconcile.failed',
      'debug reconcile.started',
      'debug reconcile.failed',
      'debug reconcile.started',
      'debug reconcile.failed',
      'debug reconcile.started',
      'info reconcile.finished',
    ]);
  });

  it('gives the time of the retry in whole milliseconds', async () => {
    const { clock, controller, logger } = controllerBench(
      () => fail('disk full'),
      1,
      () => 0.123,
    );
    void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(20);
    assert.deepEqual(logger.valuesOf('reconcile.failed', 'retry_in_ms'), [[5], [10], [20]]);
  });

  it('warns again when a new alert finds it failing', async () => {
    const { clock, controller, logger } = controllerBench(() => fail('disk full'));
    for (const id of ['r1', 'r2']) {
      void controller.enqueue([trace('a')], alertCauses(clock.now(), id), id, 'alert');
      await clock.advanceAsync(1);
    }
    assert.equal(logger.lines.filter(({ level }) => level === 'warn').length, 2);
    await controller.stop(0);
  });

  it('leaves the warning to the query when Prometheus cannot be asked and no alert waits for it', async () => {
    const failing = controllerBench(() => {
      throw new SnapshotError('refused', failing.clock.now() + 1000, {});
    });
    void failing.controller.enqueue([trace('a')], Causes.of('start', failing.clock.now()), 'e1', 'resync');
    void failing.controller.enqueue([trace('b')], alertCauses(failing.clock.now()), 'e2', 'alert');
    await failing.clock.advanceAsync(0);
    assert.deepEqual(story(failing.logger).toSorted(), [
      'debug reconcile.failed',
      'debug reconcile.started',
      'info reconcile.started',
      'warn reconcile.failed',
    ]);
  });

  it('warns of the failure of a periodic look too', async () => {
    const { clock, controller, logger } = controllerBench(() => fail('disk full'));
    void controller.enqueue([trace('a')], Causes.of('resync', clock.now()), 'e1', 'resync');
    await clock.advanceAsync(0);
    assert.deepEqual(story(logger), ['debug reconcile.started', 'warn reconcile.failed']);
    await controller.stop(0);
  });
});

describe('reconcile report, lines', () => {
  it('logs what started, why, and the result', async () => {
    const { clock, controller, logger } = controllerBench(
      () => new Promise((resolve) => clock.setTimeout(() => resolve(changed), 30)),
    );
    void controller.enqueue([trace('a')], alertCauses(clock.now() - 12), 'e1', 'alert');
    await clock.advanceAsync(30);
    const about = { run: 'run', ...trace('a'), priority: 'alert' };
    const why = { causes: ['InstanceDown firing'], alerts: 1, request_ids: ['r1'], causes_id: 'e1', event_ids: ['e1'] };
    assert.deepEqual(logger.lines, [
      {
        level: 'info',
        event: 'reconcile.started',
        msg: 'a reconcile starts',
        fields: { ...about, since_alert_ms: 12, ...why },
      },
      {
        level: 'info',
        event: 'reconcile.finished',
        msg: 'a reconcile is done',
        fields: { ...about, result: 'changed', duration_ms: 30, since_alert_ms: 42, ...why },
      },
      {
        level: 'info',
        event: 'sweep.finished',
        msg: 'all requests of an event are done',
        fields: {
          event_id: 'e1',
          requests: 1,
          changed: 1,
          unchanged: 0,
          failed: 0,
          duration_ms: 30,
          causes: why.causes,
          alerts: 1,
          request_ids: ['r1'],
        },
      },
    ]);
  });

  it('reports when it is run again, and which alerts Prometheus does not report', async () => {
    const result: Result = { ...unhealthy, notInPrometheus: ['InstanceDown'] };
    const { clock, controller, logger } = controllerBench(() => result);
    void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(0);
    const [fields] = logger.fieldsOf('reconcile.finished');
    assert.deepEqual([fields?.['not_in_prometheus'], fields?.['requeue_after_ms']], [['InstanceDown'], 300_000]);
    await controller.stop(0);
  });

  it('names the basis of the verdict', async () => {
    const result: Result = { ...unhealthy, decision: { by: 'alert', labels: { alertname: 'A', pod: 'p' } } };
    const { clock, controller, logger } = controllerBench(() => result);
    void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(0);
    assert.deepEqual(logger.valuesOf('reconcile.finished', 'decided_by'), [
      [{ alertname: 'A', labels: { alertname: 'A', pod: 'p' } }],
    ]);
    await controller.stop(0);
  });

  it('reports what failed and when it is tried again', async () => {
    const error = new SnapshotError('Prometheus is away', 0, { cause: undefined, queryId: 'q1' });
    const { clock, controller, logger } = controllerBench(({ at }) => {
      throw Object.assign(error, { retryAt: at + 4000 });
    });
    void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(0);
    assert.deepEqual(logger.linesOf('reconcile.failed'), [
      {
        level: 'warn',
        event: 'reconcile.failed',
        msg: 'a reconcile failed',
        fields: {
          run: 'run',
          ...trace('a'),
          priority: 'alert',
          result: 'error',
          because: 'prometheus_failed',
          query_id: 'q1',
          error,
          retry_in_ms: 4000,
          duration_ms: 0,
          since_alert_ms: 0,
          causes: ['InstanceDown firing'],
          alerts: 1,
          request_ids: ['r1'],
          causes_id: 'e1',
          event_ids: ['e1'],
        },
      },
    ]);
    await controller.stop(0);
  });

  it('gives no time since an alert if there was none, and no event if there is none', async () => {
    const { clock, controller, logger } = controllerBench((_, earlier) => (earlier === 0 ? unhealthy : unchanged));
    void controller.enqueue([trace('a')], Causes.of('start', clock.now()), 'e1', 'resync');
    await clock.advanceAsync(300_000);
    const [, requeued] = logger.fieldsOf('reconcile.started');
    const about = { run: 'run', ...trace('a'), priority: 'resync' };
    assert.deepEqual(requeued, { ...about, since_alert_ms: undefined, causes: ['requeue'] });
  });

  const reasons: readonly (readonly [Result, string | undefined])[] = [
    [changed, undefined],
    [unchanged, 'unchanged'],
    [{ outcome: 'gone', notInPrometheus: [] }, 'pipeline_gone'],
    [{ ...unchanged, hasNoRule: true }, 'no_rule'],
    [{ ...unchanged, foreignConditions: ['Available'] }, 'foreign_condition'],
    [{ ...unchanged, heldForMs: 1000, notInPrometheus: ['A'] }, 'held'],
    [{ ...unchanged, notInPrometheus: ['A'] }, 'not_in_prometheus'],
    [
      { ...unchanged, decision: { by: 'condition', type: 'ConfigurationGenerated', status: 'False', reason: 'X' } },
      'configuration_not_generated',
    ],
  ];
  for (const [result, because] of reasons)
    it(`explains why no condition changed: ${because}`, async () => {
      const { clock, controller, logger } = controllerBench(() => result);
      void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e1', 'alert');
      await clock.advanceAsync(0);
      assert.deepEqual(logger.valuesOf('reconcile.finished', 'because'), [[because]]);
    });

  it('reports whether Prometheus, a missing rule or the write failed', async () => {
    const errors = [
      [new SnapshotError('away', new FakeClock().now() + 4000, { cause: undefined }), 'prometheus_failed'],
      [new NoRuleError('no rules'), 'no_rule'],
      [new TerminalError('no status subresource'), 'write_failed'],
      [new Error('disk full'), 'write_failed'],
    ] as const;
    for (const [error, because] of errors) {
      const { clock, controller, logger } = controllerBench(() => Promise.reject(error));
      void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e1', 'alert');
      await clock.advanceAsync(0);
      assert.deepEqual(logger.valuesOf('reconcile.failed', 'because'), [[because]]);
      await controller.stop(0);
    }
  });

  it('refers to its events in a retry, and logs the alerts of several events together once', async () => {
    const { clock, controller, logger } = controllerBench((_, earlier) =>
      earlier === 0 ? fail('disk full') : changed,
    );
    void controller.enqueue([trace('a'), trace('b')], alertCauses(clock.now(), 'r1', 'A'), 'e1', 'alert');
    await clock.advanceAsync(0);
    void controller.enqueue([trace('a'), trace('b')], alertCauses(clock.now(), 'r2', 'B'), 'e2', 'alert');
    await clock.advanceAsync(10_000);
    const [named, ...others] = logger.fieldsOf('causes.named') as [LogFields, ...LogFields[]];
    assert.deepEqual(others, []);
    assert.deepEqual(named['event_ids'], ['e1', 'e2']);
    assert.deepEqual(
      (named['alerts'] as readonly { readonly alertname: string }[]).map(({ alertname }) => alertname),
      ['A', 'B'],
    );
    assert.deepEqual(logger.valuesOf('reconcile.finished', 'event_ids', 'causes_id'), [
      [['e1', 'e2'], named['causes_id']],
      [['e1', 'e2'], named['causes_id']],
    ]);
  });

  it('refers to the event in runs that come before a later look: the alerts are not listed again for each of them', async () => {
    const { clock, controller, logger } = controllerBench(() => unhealthy);
    const requests = [trace('a'), trace('b')];
    void controller.enqueue(requests, alertCauses(clock.now(), 'r1', 'A'), 'e1', 'alert');
    await clock.advanceAsync(1000);
    void controller.enqueue(requests, alertCauses(clock.now(), 'r2', 'B'), 'e2', 'alert');
    await clock.advanceAsync(1000);
    assert.deepEqual(logger.linesOf('causes.named'), []);
    assert.deepEqual(
      logger.fieldsOf('reconcile.finished').map((fields) => fields['causes_id']),
      ['e1', 'e1', 'e2', 'e2'],
    );
  });
});

describe('reconcile report, the time since the alert', () => {
  const histogram = 'tocsin_alert_to_reconcile_seconds';
  const since = (logger: RecordingLogger): readonly unknown[] =>
    logger.fieldsOf('reconcile.started').map((fields) => fields['since_alert_ms']);

  it('counts from the first alert of an event to the start of its reconcile', async () => {
    const { clock, controller, logger, metric } = controllerBench(() => unchanged);
    const causes = Causes.union(alertCauses(clock.now() - 500), alertCauses(clock.now() - 20, 'r2', 'Other'));
    void controller.enqueue([trace('a'), trace('b')], causes, 'e1', 'alert');
    await clock.advanceAsync(0);
    assert.deepEqual(since(logger), [500, 500]);
    assert.deepEqual([await metric(`${histogram}_count`), await metric(`${histogram}_sum`)], [2, 1]);
  });

  it('does not count a run that no alert requested', async () => {
    const { clock, controller, metric } = controllerBench(() => unchanged);
    void controller.enqueue([trace('a')], Causes.of('start', clock.now()), 'e1', 'resync');
    void controller.enqueue([trace('b')], Causes.of('pipeline', clock.now()), 'e2', 'alert');
    await clock.advanceAsync(0);
    assert.equal(await metric(`${histogram}_count`), 0);
  });

  it('does not count the same alert again when its reconcile is retried', async () => {
    const { clock, controller, logger, metric } = controllerBench((_, earlier) =>
      earlier === 0 ? fail('once') : unchanged,
    );
    void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(5);
    assert.deepEqual(since(logger), [0, 5]);
    assert.equal(await metric(`${histogram}_count`), 1);
  });

  it('counts from the alert, not from a look at an unhealthy pipeline with which it is merged', async () => {
    const { clock, controller, logger, metric } = controllerBench(() => unhealthy);
    void controller.enqueue([trace('a')], Causes.of('start', clock.now()), 'e0', 'resync');
    await clock.advanceAsync(1990);
    void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(0);
    assert.deepEqual(since(logger), [undefined, 0]);
    assert.deepEqual([await metric(`${histogram}_count`), await metric(`${histogram}_sum`)], [1, 0]);
    await controller.stop(0);
  });

  it('counts from the alert, not from a periodic look that waited before it', async () => {
    const gate = Promise.withResolvers<Result>();
    const { clock, controller, logger, metric } = controllerBench(
      ({ name }) => (name === 'blocker' ? gate.promise : unchanged),
      1,
    );
    void controller.enqueue([trace('blocker'), trace('a')], Causes.of('resync', clock.now()), 'e0', 'resync');
    await clock.advanceAsync(4000);
    void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(1000);
    gate.resolve(unchanged);
    await clock.advanceAsync(0);
    assert.deepEqual(since(logger), [undefined, 1000]);
    assert.deepEqual([await metric(`${histogram}_count`), await metric(`${histogram}_sum`)], [1, 1]);
  });

  it('counts a new alert from its own arrival, even if the same run is a retry for an older one', async () => {
    const { clock, controller, logger, metric } = controllerBench((_, earlier) =>
      earlier === 0 ? fail('once') : unchanged,
    );
    void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(4);
    void controller.enqueue([trace('a')], alertCauses(clock.now(), 'r2', 'Other'), 'e2', 'alert');
    await clock.advanceAsync(0);
    assert.deepEqual(since(logger), [0, 4], 'the line is about both');
    assert.deepEqual([await metric(`${histogram}_count`), await metric(`${histogram}_sum`)], [2, 0]);
  });

  it('never counts less than nothing after the clock was set back', async () => {
    const { clock, controller, logger, metric } = controllerBench(
      () => new Promise((resolve) => clock.setTimeout(() => resolve(unchanged), 0)),
    );
    void controller.enqueue([trace('a')], alertCauses(clock.now() + 3_600_000), 'e1', 'alert');
    await clock.advanceAsync(0);
    assert.deepEqual(since(logger), [0]);
    assert.equal(await metric(`${histogram}_sum`), 0);
  });

  it('still counts from the first alert if there were more than are named', async () => {
    const { clock, controller, logger } = controllerBench(() => unchanged);
    const causes = new Causes();
    for (let age = 150; age > 0; age--) {
      causes.addAlert(`${age}`, { labels: { alertname: `${age}` } }, 'firing', clock.now() - age);
    }
    void controller.enqueue([trace('a')], causes, 'e1', 'alert');
    await clock.advanceAsync(0);
    assert.deepEqual(since(logger), [150]);
  });
});

describe('reconcile report, metrics', () => {
  it('counts every result under its own label, and errors apart', async () => {
    const outcomes: Readonly<Record<string, (now: number) => Result>> = {
      success: () => changed,
      requeue: () => unhealthy,
      snapshot: (now) => {
        throw new SnapshotError('Prometheus is away', now + 5000, { cause: undefined });
      },
      error: () => fail('failed'),
      terminal: () => {
        throw new TerminalError('hopeless');
      },
    };
    const { clock, controller, metric } = controllerBench(({ name, at }) => outcomes[name]!(at));
    void controller.enqueue(Object.keys(outcomes).map(trace), alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(1);
    const total = (result: string): Promise<number | undefined> =>
      metric('controller_runtime_reconcile_total', { controller: 'tracepipeline', result });
    assert.deepEqual(
      await Promise.all(['success', 'requeue_after', 'error', 'terminal_error', 'cancelled'].map(total)),
      [1, 1, 2, 1, 0],
    );
    assert.equal(await metric('controller_runtime_reconcile_errors_total', { controller: 'tracepipeline' }), 3);
    await controller.stop(0);
  });

  it('measures how long a reconcile took, in seconds', async () => {
    const { clock, controller, metric } = controllerBench(
      () => new Promise((resolve) => clock.setTimeout(() => resolve(unchanged), 1500)),
    );
    void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(1500);
    const name = 'controller_runtime_reconcile_time_seconds';
    const labels = { controller: 'tracepipeline' };
    assert.deepEqual([await metric(`${name}_sum`, labels), await metric(`${name}_count`, labels)], [1.5, 1]);
  });
});
