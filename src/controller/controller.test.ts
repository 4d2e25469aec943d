import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { restTurns, sliceMs, SliceSchedule } from '../runtime/slices.ts';
import { Causes } from '../cause/causes.ts';
import { createWorkQueueMetrics } from '../workqueue/work-queue-metrics.ts';
import { WorkQueue } from '../workqueue/work-queue.ts';
import {
  alertCauses,
  changed,
  controllerBench,
  trace,
  unchanged,
  unhealthy,
  annotateDefaults,
  FakeAlerts,
  FakePipelines,
  FakeTransitions,
  kinds,
  metricOf,
  pipelineOf,
  type Run,
} from './controller.fixture.ts';
import { Controller, Reconciler, outcomeOfError, outcomeOfResult } from './controller.ts';
import { ReconcileReport } from './reconcile-report.ts';
import { createControllerMetrics } from './controller-metrics.ts';
import { ForbiddenError, PostponedError, SnapshotError, TerminalError } from '../reconcile/errors.ts';
import { FiringAlerts } from '../alert/firing-alerts.ts';
import {
  chosenByNobody,
  type Request,
  type Result,
  type ActionName,
  type Condition,
  type LoadedRules,
  type Pipeline,
} from '../reconcile/ports.ts';
import { createMergeWork } from './sweep.ts';
import { createAction } from './create-controller.ts';
import { healthRules } from '../health/health-rules.ts';
import { VerdictHolder } from './action/verdict-holder.ts';

const never = new Promise<Result>(() => undefined);

function snapshotError(retryAt: number): SnapshotError {
  return new SnapshotError('Prometheus is away', retryAt, { cause: undefined });
}

/** The start of each run, milliseconds after the clock's start. */
function times(runs: readonly Run[]): readonly number[] {
  const start = new FakeClock().now();
  return runs.map(({ at }) => at - start);
}

describe('controller, an event for very many requests', () => {
  /** Makes each request take a millisecond to add. */
  function slowly(requests: readonly Request[], clock: FakeClock): readonly Request[] {
    return Object.assign([...requests], {
      *[Symbol.iterator](): Generator<Request, undefined> {
        for (const request of requests) {
          clock.advance(1);
          yield request;
        }
        return undefined;
      },
    });
  }

  it('adds them in slices, and the first ones run meanwhile', async () => {
    const { clock, controller, runs, logger } = controllerBench(() => unchanged);
    const requests = Array.from({ length: 5 * sliceMs }, (_, n) => trace(`p${n}`));
    const added = controller.enqueue(slowly(requests, clock), alertCauses(clock.now()), 'e1', 'alert');
    const atOnce = runs.length + controller.depth;
    assert.ok(atOnce <= sliceMs + 1, `${atOnce} of ${requests.length} at once`);
    await added;
    await clock.advanceAsync(0);
    assert.deepEqual(new Set(runs.map(({ name }) => name)), new Set(requests.map(({ name }) => name)));
    assert.equal(runs.length, requests.length);
    assert.equal(logger.fieldsOf('sweep.finished')[0]?.['requests'], requests.length);
  });
});

describe('controller, a run that succeeds', () => {
  it('passes on the request and its causes, once, and is done', async () => {
    const { clock, controller, runs } = controllerBench(({ signal }) => {
      assert.equal(signal.aborted, false);
      return changed;
    });
    const causes = alertCauses(clock.now());
    void controller.enqueue([trace('a'), trace('b')], causes, 'e1', 'alert');
    await clock.advanceAsync(0);
    assert.deepEqual(
      runs.map(({ name }) => name),
      ['a', 'b'],
    );
    assert.equal(runs[0]?.causes, causes);
    assert.equal(runs[0]?.signal.aborted, true, 'what still hangs on the signal of an ended run is let go');
    assert.deepEqual([clock.pending(), controller.depth], [0, 0]);
  });

  it('resets the back-off of the key', async () => {
    const { clock, controller, runs } = controllerBench((_, earlier) => {
      if (earlier === 2) return unchanged;
      throw new Error('failed');
    });
    void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(1000);
    void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e2', 'alert');
    await clock.advanceAsync(15);
    assert.deepEqual(times(runs), [0, 5, 15, 1000, 1005, 1015]);
    await controller.stop(0);
  });
});

describe('controller, a run that asks for another', () => {
  it('runs again after that time, and only because of it', async () => {
    const { clock, controller, runs, logger } = controllerBench((_, earlier) =>
      earlier === 0 ? unhealthy : unchanged,
    );
    void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(299_999);
    assert.equal(runs.length, 1);
    await clock.advanceAsync(1);
    assert.deepEqual(times(runs), [0, 300_000]);
    const causes = runs[1]?.causes;
    assert.deepEqual([[...causes!.triggers], causes?.alertCount, causes?.requestIds.size], [['requeue'], 0, 0]);
    assert.equal(logger.fieldsOf('reconcile.started')[1]?.['priority'], 'resync');
    assert.equal(clock.pending(), 0);
  });

  it('serves all that are due in the same second with one snapshot, and none with an older one', async () => {
    const { clock, controller, runs } = controllerBench((_, earlier) => (earlier === 0 ? unhealthy : unchanged));
    clock.advance(250);
    void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(700);
    void controller.enqueue([trace('b')], alertCauses(clock.now()), 'e2', 'alert');
    await clock.advanceAsync(300_000);
    assert.deepEqual(times(runs), [250, 950, 300_250, 300_950]);
    assert.deepEqual(
      runs.slice(2).map(({ causes }) => causes.lastSeen - new FakeClock().now()),
      [300_000, 300_000],
    );
  });

  it('runs after requests for an alert, and after retries', async () => {
    const gate = Promise.withResolvers<Result>();
    const { clock, controller, runs } = controllerBench(({ name }, earlier) => {
      if (earlier > 0) return unchanged;
      if (name === 'requeued') return { ...unhealthy, requeueAfterMs: 100 };
      if (name === 'retried') throw snapshotError(clock.now() + 200);
      return name === 'blocker' ? gate.promise : unchanged;
    }, 1);
    const add = (name: string): void => void controller.enqueue([trace(name)], alertCauses(clock.now()), name, 'alert');
    for (const name of ['requeued', 'retried', 'blocker']) add(name);
    await clock.advanceAsync(500);
    add('alerted');
    gate.resolve(unchanged);
    await clock.advanceAsync(0);
    assert.deepEqual(
      runs.map(({ name }) => name),
      ['requeued', 'retried', 'blocker', 'alerted', 'retried', 'requeued'],
    );
  });

  it('resets the back-off of the key', async () => {
    const { clock, controller, runs } = controllerBench((_, earlier) => {
      if (earlier === 2) return unhealthy;
      throw new Error('failed');
    });
    void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(300_015 + 5);
    assert.deepEqual(times(runs), [0, 5, 15, 300_015, 300_020]);
    await controller.stop(0);
  });
});

describe('controller, a run without a snapshot', () => {
  it('runs again when the next query is due, for the same causes', async () => {
    const { clock, controller, runs } = controllerBench((_, earlier) => {
      if (earlier > 0) return unchanged;
      throw snapshotError(clock.now() + 7000);
    });
    const causes = alertCauses(clock.now());
    void controller.enqueue([trace('a'), trace('b')], causes, 'e1', 'alert');
    await clock.advanceAsync(6999);
    assert.equal(runs.length, 2);
    await clock.advanceAsync(1);
    assert.deepEqual(times(runs), [0, 0, 7000, 7000]);
    assert.equal(runs[2]?.causes, causes);
  });

  it('never waits longer than 30 s, nor less than nothing', async () => {
    const { clock, controller, runs } = controllerBench((_, earlier) => {
      if (earlier === 0) throw snapshotError(clock.now() + 1_000_000);
      if (earlier === 1) throw snapshotError(clock.now() - 1_000_000);
      return unchanged;
    });
    void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(60_000);
    assert.deepEqual(times(runs), [0, 30_000, 30_000]);
  });

  it('does not count as a failure of the key', async () => {
    const { clock, controller, runs } = controllerBench((_, earlier) => {
      throw earlier < 8 ? snapshotError(clock.now() + 1000) : new Error('failed');
    });
    void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(8005);
    assert.deepEqual(times(runs).slice(7), [7000, 8000, 8005]);
    await controller.stop(0);
  });
});

describe('controller, a run that fails', () => {
  it('runs again with the back-off of the key, which doubles', async () => {
    const { clock, controller, runs } = controllerBench(({ name }) => {
      if (name === 'good') return unchanged;
      throw new Error('failed');
    });
    const causes = alertCauses(clock.now());
    void controller.enqueue([trace('bad'), trace('good')], causes, 'e1', 'alert');
    await clock.advanceAsync(155);
    const bad = runs.filter(({ name }) => name === 'bad');
    assert.deepEqual(times(bad), [0, 5, 15, 35, 75, 155]);
    assert.equal(bad.at(-1)?.causes, causes);
    assert.equal(runs.length, bad.length + 1);
    await controller.stop(0);
  });

  it('does the same if it rejects, whatever it throws', async () => {
    const { clock, controller, runs, logger } = controllerBench((_, earlier) =>
      earlier === 0 ? Promise.reject<Result>(undefined) : unchanged,
    );
    void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(5);
    assert.deepEqual(times(runs), [0, 5]);
    assert.deepEqual(logger.linesOf('reconcile.unsettled'), []);
    assert.equal(logger.linesOf('reconcile.failed').length, 1);
  });

  it('is not run again after a terminal error, until something happens', async () => {
    const { clock, controller, runs } = controllerBench((_, earlier) => {
      throw earlier === 1 ? new TerminalError('hopeless') : new Error('failed');
    });
    void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(3_600_000);
    assert.deepEqual([times(runs), clock.pending()], [[0, 5], 0]);
    void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e2', 'alert');
    await clock.advanceAsync(5);
    assert.deepEqual(times(runs).slice(2), [3_600_000, 3_600_005]);
    await controller.stop(0);
  });

  it('does not delay a request for an alert', async () => {
    const { clock, controller, runs } = controllerBench((_, earlier) => {
      if (earlier > 10) return unchanged;
      throw new Error('failed');
    });
    void controller.enqueue([trace('a')], alertCauses(clock.now(), 'r1', 'First'), 'e1', 'alert');
    await clock.advanceAsync(6000);
    assert.equal(runs.length, 11, 'the next retry is due at 10235 ms');

    void controller.enqueue([trace('a')], alertCauses(clock.now(), 'r2', 'Second'), 'e2', 'alert');
    await clock.advanceAsync(0);

    assert.deepEqual(times(runs).slice(11), [6000]);
    assert.deepEqual([...runs[11]!.causes.requestIds], ['r1', 'r2']);
    await clock.advanceAsync(60_000);
    assert.deepEqual([runs.length, clock.pending()], [12, 0], 'the retry is no longer due');
  });

  it('is tried again before other alerts if it is for the platform', async () => {
    const gate = Promise.withResolvers<Result>();
    const { clock, controller, runs, logger, urgent } = controllerBench(({ name }, earlier) => {
      if (name === 'p' && earlier === 0) throw new Error('failed');
      return name === 'a' ? gate.promise : unchanged;
    }, 1);
    const causes = new Causes('platform');
    causes.addAlert('P', { labels: { alertname: 'P' } }, 'firing', clock.now());
    const request = { requests: [trace('p')], causes, chosenBy: chosenByNobody };
    await controller.enqueueChosen([request], { id: 'e1', causes });
    await clock.advanceAsync(0);
    void controller.enqueue([trace('a'), trace('b'), trace('c')], alertCauses(clock.now()), 'e2', 'alert');
    await clock.advanceAsync(10);
    gate.resolve(unchanged);
    await clock.advanceAsync(0);
    assert.deepEqual(
      runs.map(({ name }) => name),
      ['p', 'a', 'p', 'b', 'c'],
    );
    assert.deepEqual(
      runs.map(({ signal }) => urgent.has(signal)),
      [true, false, true, false, false],
      'whom its calls go before',
    );
    assert.deepEqual(
      logger.fieldsOf('reconcile.started').map(({ name, priority, lane }) => [name, priority, lane]),
      [
        ['p', 'platform', 'platform'],
        ['a', 'alert', undefined],
        ['p', 'platform', 'platform'],
        ['b', 'alert', undefined],
        ['c', 'alert', undefined],
      ],
    );
    await controller.stop(0);
  });

  it('keeps no other pipeline waiting', async () => {
    const { clock, controller, runs } = controllerBench(({ name }) => {
      if (name === 'hangs') return never;
      if (name === 'throws') throw new Error('failed');
      if (name === 'rejects') return Promise.reject(new Error('failed'));
      return unchanged;
    }, 2);
    const good = Array.from({ length: 20 }, (_, index) => `good${index}`);
    void controller.enqueue(
      ['hangs', 'throws', 'rejects', ...good].map(trace),
      alertCauses(clock.now()),
      'e1',
      'alert',
    );
    await clock.advanceAsync(4);
    assert.deepEqual(
      runs.map(({ name }) => name),
      ['hangs', 'throws', 'rejects', ...good],
    );
  });
});

describe('controller, a run past its deadline', () => {
  it('is aborted, and holds its slot and its key until it has ended', async () => {
    const { clock, controller, runs, logger } = controllerBench(({ name, signal }, earlier) => {
      if (name !== 'slow' || earlier > 0) return unchanged;
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => clock.setTimeout(() => reject(signal.reason), 2000));
      });
    }, 1);
    void controller.enqueue([trace('slow'), trace('other')], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(59_999);
    assert.deepEqual([runs[0]?.signal.aborted, logger.linesOf('reconcile.overdue')], [false, []]);

    await clock.advanceAsync(1);
    assert.equal(runs[0]?.signal.aborted, true);
    assert.match(String(runs[0]?.signal.reason), /longer than its deadline of 60 s/);
    const [line] = logger.linesOf('reconcile.overdue');
    assert.deepEqual(
      [line?.level, line?.fields],
      ['warn', { run: logger.fieldsOf('reconcile.started')[0]?.['run'], ...trace('slow'), deadline_s: 60 }],
    );

    void controller.enqueue([trace('slow')], alertCauses(clock.now()), 'e2', 'alert');
    await clock.advanceAsync(1999);
    assert.equal(runs.length, 1, 'neither the slot nor the key is free');
    await clock.advanceAsync(1);
    assert.deepEqual(
      runs.map(({ name }) => name),
      ['slow', 'other', 'slow'],
    );
    assert.match(String(logger.fieldsOf('reconcile.failed')[0]?.['error']), /deadline of 60 s/);
    assert.equal(logger.linesOf('reconcile.overdue').length, 1);
  });

  it('is retried after as long as it took: it holds a worker for at most half of the time', async () => {
    const { clock, controller, runs } = controllerBench(({ signal }, earlier) => {
      if (earlier > 0) return unchanged;
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    });
    void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(120_000);
    assert.deepEqual(times(runs), [0, 120_000]);
    assert.equal(clock.pending(), 0);
  });

  it('counts as done if it still succeeds', async () => {
    const { clock, controller, runs, logger } = controllerBench(
      () => new Promise((resolve) => clock.setTimeout(() => resolve(changed), 61_000)),
    );
    void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(120_000);
    assert.deepEqual([runs.length, clock.pending()], [1, 0]);
    assert.equal(logger.fieldsOf('reconcile.finished')[0]?.['duration_ms'], 61_000);
  });
});

describe('controller, while a key is being worked on', () => {
  it('runs it exactly once more, however often it is added, for all causes together', async () => {
    const gate = Promise.withResolvers<Result>();
    const { clock, controller, runs } = controllerBench((_, earlier) => (earlier === 0 ? gate.promise : unchanged));
    void controller.enqueue([trace('a')], Causes.of('start', clock.now()), 'e0', 'resync');
    await clock.advanceAsync(10);
    for (const id of ['r1', 'r2', 'r3'])
      void controller.enqueue([trace('a')], alertCauses(clock.now(), id), id, 'alert');
    await clock.advanceAsync(10);
    assert.equal(runs.length, 1);
    gate.resolve(unchanged);
    await clock.advanceAsync(10);
    assert.equal(runs.length, 2);
    assert.deepEqual([...runs[1]!.causes.requestIds], ['r1', 'r2', 'r3']);
  });

  it('starts a manual request before one for an alert, and that before the periodic looks', async () => {
    const gate = Promise.withResolvers<Result>();
    const { clock, controller, runs } = controllerBench(
      ({ name }) => (name === 'blocker' ? gate.promise : unchanged),
      1,
    );
    void controller.enqueue([trace('blocker')], alertCauses(clock.now()), 'e0', 'alert');
    await clock.advanceAsync(0);
    for (const priority of ['resync', 'alert', 'manual'] as const)
      void controller.enqueue([trace(priority)], Causes.of('start', clock.now()), priority, priority);
    assert.equal(controller.depth, 3);
    gate.resolve(unchanged);
    await clock.advanceAsync(0);
    assert.deepEqual(
      runs.map(({ name }) => name),
      ['blocker', 'manual', 'alert', 'resync'],
    );
  });
});

describe('controller, the number of simultaneous runs', () => {
  it('is as configured, and changes at once; current runs go on', async () => {
    const gates = new Map<string, (result: Result) => void>();
    const { clock, controller, runs } = controllerBench(
      ({ name }) => new Promise((resolve) => gates.set(name, resolve)),
      1,
    );
    void controller.enqueue(['a', 'b', 'c', 'd'].map(trace), alertCauses(clock.now()), 'e1', 'alert');
    const begun: number[] = [];
    const look = async (): Promise<void> => {
      await clock.advanceAsync(0);
      begun.push(runs.length);
    };
    await look();
    controller.workers = { any: 3, reserved: 0 };
    await look();
    controller.workers = { any: 1, reserved: 0 };
    gates.get('a')!(unchanged);
    gates.get('b')!(unchanged);
    await look();
    gates.get('c')!(unchanged);
    await look();
    gates.get('d')!(unchanged);
    await controller.stop(0);
    assert.deepEqual(begun, [1, 3, 3, 4]);
  });

  it('yields the event loop when a sweep has held it for a slice', async () => {
    const { clock, controller, runs } = controllerBench(async () => {
      await Promise.resolve();
      clock.advance(sliceMs);
      return unchanged;
    }, 1);
    await controller.enqueue(['a', 'b', 'c'].map(trace), alertCauses(clock.now()), 'e1', 'alert');
    let [turns, turnsOfOne] = [0, 0];
    for (; runs.length < 3; turns++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (runs.length === 1) turnsOfOne++;
    }
    await controller.stop(0);
    assert.equal(turnsOfOne, 1);
    assert.ok(turns > restTurns, `${turns} turns`);
  });
});

describe('controller, a defect in the report', () => {
  it('is logged, and the work goes on', async () => {
    const [clock, logger, registry] = [new FakeClock(), new RecordingLogger(), new Registry()];
    const metrics = createControllerMetrics(registry, [], () => new Map());
    const report = new ReconcileReport({ clock, logger, metrics });
    report.started = ({ request }) => {
      if (request.name === 'a') throw new Error('defect');
    };
    const controller: Controller = new Controller({
      clock,
      schedule: new SliceSchedule(clock),
      logger,
      report,
      reconciler: { reconcile: () => Promise.resolve(unchanged) },
      createQueue: (work) =>
        new WorkQueue({
          clock,
          work,
          workers: { any: 1, reserved: 0 },
          merge: createMergeWork(),
          metrics: createWorkQueueMetrics(registry, () => controller),
        }),
    });
    void controller.enqueue([trace('a'), trace('b')], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(0);
    assert.deepEqual(
      logger.linesOf('reconcile.unsettled').map(({ level, fields }) => [level, fields['name']]),
      [['error', 'a']],
    );
    assert.deepEqual(logger.valuesOf('reconcile.finished', 'name'), [['b']]);
  });
});

describe('controller, a failure that says when to try again', () => {
  it('tries again minutes after a missing right, and warns of it only at the end of the sweep', async () => {
    const { controller, runs, clock, logger } = controllerBench(() => {
      throw new ForbiddenError('patch is forbidden', clock.now(), { cause: undefined });
    });
    void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(119_999);
    assert.equal(runs.length, 1);
    await clock.advanceAsync(1);
    assert.equal(runs.length, 2);
    assert.deepEqual(
      logger.lines.filter(({ level }) => level === 'warn'),
      [],
    );
    const [failed] = logger.fieldsOf('reconcile.failed');
    assert.deepEqual([failed?.['result'], failed?.['retry_in_ms']], ['error', 120_000]);
    const [swept] = logger.fieldsOf('sweep.finished');
    assert.deepEqual([swept?.['failed'], String(swept?.['error'])], [1, 'ForbiddenError: patch is forbidden']);
    await controller.stop(0);
  });

  it('waits no longer than the failure allows, even after the clock was set back', async () => {
    const { controller, runs, clock } = controllerBench(() => {
      throw new PostponedError('come again', { retryAt: clock.now() + 1_000_000, maxDelayMs: 5000 });
    });
    void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(5000);
    assert.equal(runs.length, 2);
    await controller.stop(0);
  });
});

const ruleMessage = (flavour: string, reason: string): string | undefined =>
  healthRules.alerts.find((rule) => rule.flavour === flavour && rule.reason === reason)?.message;
const throttling = { alertname: 'TraceGatewayThrottling' };
const allDropped = { alertname: 'TraceGatewayAllDataDropped' };
const healthyCondition: Condition = {
  type: 'TelemetryFlowHealthy',
  status: 'True',
  ...healthRules.healthy,
  lastTransitionTime: '2026-11-20T00:00:00Z',
  observedGeneration: 1,
};
const noneFires = { because: 'no alert of this pipeline fires' };
const notGenerated: Condition = {
  type: 'ConfigurationGenerated',
  status: 'False',
  reason: 'EndpointInvalid',
  message: 'no endpoint',
  lastTransitionTime: '2026-11-20T00:00:00Z',
};

interface Bench {
  readonly clock: FakeClock;
  readonly logger: RecordingLogger;
  readonly registry: Registry;
  readonly pipelines: FakePipelines;
  readonly alerts: FakeAlerts;
  readonly transitions: FakeTransitions;
  /** The rules that Prometheus has, of which a pipeline needs one; 'unknown', or undefined if none is needed. */
  rules: readonly string[] | 'unknown' | undefined;
  reconcile(pipeline: Pipeline, causes?: Causes, signal?: AbortSignal): Promise<Result>;
}

function bench(pipelines: readonly Pipeline[], action: ActionName = 'condition'): Bench {
  const [clock, logger, registry] = [new FakeClock(), new RecordingLogger(), new Registry()];
  const [home, alerts, transitions] = [new FakePipelines(...pipelines), new FakeAlerts(), new FakeTransitions()];
  const metrics = createControllerMetrics(registry, kinds, () => new Map());
  const config = { action, requeue_after: 300_000, annotate: annotateDefaults };
  let rules: Bench['rules'];
  const loaded: LoadedRules = {
    asAlerts: async () =>
      rules === undefined || rules === 'unknown'
        ? undefined
        : FiringAlerts.of(rules.map((alertname) => ({ alertname }))),
  };
  const requiredRules = (): LoadedRules | undefined => (rules === undefined ? undefined : loaded);
  const common = { clock, logger, metrics, pipelines: home, alerts, transitions, annotator: home, config };
  const options = { ...common, requiredRules };
  const holder = new VerdictHolder(options);
  const reconciler = new Reconciler({ pipelines: home, action: createAction({ ...options, holder }) });
  return {
    clock,
    logger,
    registry,
    pipelines: home,
    alerts,
    transitions,
    get rules() {
      return rules;
    },
    set rules(next) {
      rules = next;
    },
    reconcile: ({ kind, name }, causes = alertCauses(clock.now()), signal = new AbortController().signal) =>
      reconciler.reconcile({ kind, name }, causes, signal, 'run'),
  };
}

function snapshotFailure(clock: FakeClock, isLasting = true): () => never {
  return () => {
    throw new SnapshotError('Prometheus refused the connection', clock.now() + 1000, { cause: undefined, isLasting });
  };
}

describe('reconciler, step by step', () => {
  it('asks nothing and writes nothing for a deleted pipeline', async () => {
    const { reconcile, alerts, pipelines, logger } = bench([]);
    assert.deepEqual(await reconcile(pipelineOf('TracePipeline', 'gone')), { outcome: 'gone', notInPrometheus: [] });
    assert.deepEqual([alerts.asked, pipelines.writes, logger.lines], [[], [], []]);
  });

  it('asks for a snapshot not older than the newest cause, in the name of all request ids', async () => {
    const pipeline = pipelineOf('TracePipeline', 'cls');
    const { reconcile, alerts, clock } = bench([pipeline]);
    const causes = Causes.union(alertCauses(clock.now() - 70, 'r1'), alertCauses(clock.now() - 3, 'r2', 'Other'));

    await reconcile(pipeline, causes);

    assert.deepEqual(alerts.asked, [{ notBefore: clock.now() - 3, requestIds: ['r1', 'r2'] }]);
  });

  it('writes the meaning of the alerts, and asks to be run again while that is not healthy', async () => {
    const pipeline = pipelineOf('TracePipeline', 'cls', { generation: 7 });
    const { reconcile, alerts, pipelines } = bench([pipeline]);
    alerts.answer = () => [throttling];

    const result = await reconcile(pipeline);

    assert.deepEqual(result, {
      outcome: 'changed',
      requeueAfterMs: 300_000,
      decision: { by: 'alert', labels: throttling },
      notInPrometheus: ['InstanceDown'],
    });
    const written = {
      type: 'TelemetryFlowHealthy',
      status: 'False',
      reason: 'GatewayThrottling',
      message: ruleMessage('trace', 'GatewayThrottling'),
      lastTransitionTime: '2026-11-21T03:00:00Z',
      observedGeneration: 7,
    };
    assert.deepEqual(pipelines.writes, [{ name: 'cls', conditions: [written] }]);
  });

  it('does not ask to be run again when all is well', async () => {
    const pipeline = pipelineOf('TracePipeline', 'cls');
    const { reconcile, clock } = bench([pipeline]);
    const result = await reconcile(pipeline, Causes.of('resync', clock.now()));
    assert.deepEqual(result, { outcome: 'changed', decision: { by: 'no alert' }, notInPrometheus: [] });
  });

  it('takes silence for health only if an alert could break it, where rules are required', async () => {
    const pipeline = pipelineOf('TracePipeline', 'cls');
    const made = bench([pipeline]);
    const reasons: unknown[] = [];
    const look = async (rules: Bench['rules']): Promise<void> => {
      made.rules = rules;
      const { decision, requeueAfterMs } = await made.reconcile(pipeline);
      const { status, reason } = made.pipelines.get(pipeline)!.conditions[0]!;
      reasons.push([status, reason, decision?.by, requeueAfterMs]);
    };
    await look(undefined);
    await look([]);
    await look(['InstanceDown', 'MetricGatewayThrottling']);
    await look('unknown');
    await look(['TraceGatewayThrottling']);
    made.alerts.answer = () => [throttling];
    await look([]);
    assert.deepEqual(reasons, [
      ['True', 'FlowHealthy', 'no alert', undefined],
      ['Unknown', 'NoAlertingRule', 'no rule', 300_000],
      ['Unknown', 'NoAlertingRule', 'no rule', 300_000],
      ['Unknown', 'AlertingRulesUnknown', 'unknown rules', 300_000],
      ['True', 'FlowHealthy', 'no alert', undefined],
      ['False', 'GatewayThrottling', 'alert', 300_000],
    ]);
    assert.deepEqual(made.logger.fieldsOf('condition.changed')[1]?.['decided_by'], {
      because: 'Prometheus has no alerting rule for this pipeline (prometheus.require_rules)',
    });
  });

  it('writes nothing if the condition is as desired', async () => {
    const pipeline = pipelineOf('TracePipeline', 'cls', { conditions: [healthyCondition] });
    const { reconcile, pipelines, logger, clock } = bench([pipeline]);

    const result = await reconcile(pipeline, Causes.of('resync', clock.now()));

    assert.deepEqual(result, { outcome: 'unchanged', decision: { by: 'no alert' }, notInPrometheus: [] });
    assert.equal(pipelines.updates, 0);
    const { type, reason, message } = healthyCondition;
    assert.deepEqual(logger.lines, [
      {
        level: 'debug',
        event: 'condition.unchanged',
        msg: 'the condition is as it should be',
        fields: { run: 'run', ...trace('cls'), type, to: 'True', reason, message, decided_by: noneFires },
      },
    ]);
  });

  it('stays unhealthy without a write, and still asks to be run again', async () => {
    const pipeline = pipelineOf('TracePipeline', 'cls');
    const { reconcile, alerts, pipelines } = bench([pipeline]);
    alerts.answer = () => [throttling];
    await reconcile(pipeline);
    const again = await reconcile(pipeline);
    assert.deepEqual([again.outcome, again.requeueAfterMs, pipelines.writes.length], ['unchanged', 300_000, 1]);
  });

  it('reads the pipeline again each time', async () => {
    const pipeline = pipelineOf('TracePipeline', 'cls');
    const { reconcile, pipelines, clock } = bench([pipeline]);
    await reconcile(pipeline, Causes.of('start', clock.now()));
    pipelines.put({ ...pipelines.get(pipeline)!, generation: 2 });

    const result = await reconcile(pipeline, Causes.of('pipeline', clock.now()));

    assert.equal(result.outcome, 'changed');
    assert.equal(pipelines.writes.at(-1)?.conditions[0]?.observedGeneration, 2);
  });

  it('has nothing to do for a kind without health rules, and asks nothing', async () => {
    const pipeline = pipelineOf('Kettle', 'cls');
    const { reconcile, alerts, pipelines } = bench([pipeline]);
    alerts.answer = () => assert.fail('asked');
    assert.deepEqual(await reconcile(pipeline), { outcome: 'unchanged', hasNoRule: true, notInPrometheus: [] });
    assert.deepEqual(pipelines.writes, []);
  });
});

describe('reconciler, configuration not generated', () => {
  it('reports that without asking for a snapshot', async () => {
    const pipeline = pipelineOf('MetricPipeline', 'cls', { conditions: [notGenerated] });
    const { reconcile, alerts, pipelines } = bench([pipeline]);
    alerts.answer = () => assert.fail('asked');

    const result = await reconcile(pipeline);

    const { type, status, reason: why } = notGenerated;
    const decision = { by: 'condition', type, status, reason: why };
    assert.deepEqual(result, { outcome: 'changed', requeueAfterMs: 300_000, decision, notInPrometheus: [] });
    assert.equal(alerts.asked.length, 0);
    const [kept, written] = pipelines.writes[0]?.conditions ?? [];
    assert.deepEqual(kept, notGenerated);
    const { reason, message } = healthRules.notGenerated.metric;
    assert.deepEqual([written?.status, written?.reason, written?.message], ['False', reason, message]);
  });

  it('asks again once the configuration is generated', async () => {
    const pipeline = pipelineOf('MetricPipeline', 'cls', { conditions: [{ ...notGenerated, status: 'True' }] });
    const { reconcile, alerts, pipelines } = bench([pipeline]);
    await reconcile(pipeline);
    assert.equal(alerts.asked.length, 1);
    assert.equal(pipelines.writes[0]?.conditions[1]?.status, 'True');
  });
});

describe('reconciler, when the alerts are not available', () => {
  const flavours: readonly (readonly [what: string, reason: string, pipeline: Pipeline])[] = [
    ['a TracePipeline', 'GatewayProbingFailed', pipelineOf('TracePipeline', 'cls')],
    ['a MetricPipeline', 'GatewayProbingFailed', pipelineOf('MetricPipeline', 'cls')],
    ['an OTLP LogPipeline', 'AgentProbingFailed', pipelineOf('LogPipeline', 'cls')],
    [
      'an OTLP LogPipeline with otlp input alone',
      'GatewayProbingFailed',
      pipelineOf('LogPipeline', 'cls', { spec: { input: { otlp: {} }, output: { otlp: {} } } }),
    ],
    [
      'a Fluent Bit LogPipeline',
      'AgentProbingFailed',
      pipelineOf('LogPipeline', 'cls', { spec: { output: { http: {} } } }),
    ],
  ];
  for (const [what, reason, pipeline] of flavours) {
    it(`writes Unknown, ${reason}, for ${what}, and rejects so that it is tried again`, async () => {
      const { reconcile, alerts, pipelines, clock } = bench([pipeline]);
      alerts.answer = snapshotFailure(clock);

      await assert.rejects(reconcile(pipeline), { name: 'SnapshotError', retryAt: clock.now() + 1000 });

      const component = reason === 'AgentProbingFailed' ? 'agent' : 'gateway';
      const [written] = pipelines.writes[0]?.conditions ?? [];
      assert.deepEqual(
        [written?.status, written?.reason, written?.message],
        ['Unknown', reason, healthRules.probingFailed[component].message],
      );
    });
  }

  it('writes Unknown once, however often it fails', async () => {
    const pipeline = pipelineOf('TracePipeline', 'cls');
    const { reconcile, alerts, pipelines, clock, logger } = bench([pipeline]);
    alerts.answer = snapshotFailure(clock);
    for (let time = 0; time < 3; time++) {
      await assert.rejects(reconcile(pipeline), SnapshotError);
      clock.advance(1000);
    }
    assert.equal(pipelines.writes.length, 1);
    assert.deepEqual(
      [logger.linesOf('condition.changed').length, logger.linesOf('condition.unchanged').length],
      [1, 2],
    );
  });

  it('keeps an existing verdict while the failure may be over in a moment', async () => {
    for (const condition of [healthyCondition, { ...healthyCondition, status: 'False' as const }]) {
      const pipeline = pipelineOf('TracePipeline', 'cls', { conditions: [condition] });
      const { reconcile, alerts, pipelines, clock, logger } = bench([pipeline]);
      alerts.answer = snapshotFailure(clock, false);
      await assert.rejects(reconcile(pipeline), { name: 'SnapshotError', retryAt: clock.now() + 1000 });
      assert.deepEqual([pipelines.writes, logger.linesOf('condition.changed')], [[], []]);
      alerts.answer = snapshotFailure(clock, true);
      await assert.rejects(reconcile(pipeline), SnapshotError);
      assert.equal(pipelines.writes[0]?.conditions[0]?.status, 'Unknown');
    }
  });

  it('writes Unknown at once if there is no verdict yet', async () => {
    const pipeline = pipelineOf('TracePipeline', 'cls');
    const { reconcile, alerts, pipelines, clock } = bench([pipeline]);
    alerts.answer = snapshotFailure(clock, false);
    await assert.rejects(reconcile(pipeline), SnapshotError);
    assert.equal(pipelines.writes[0]?.conditions[0]?.status, 'Unknown');
  });

  it('leaves Unknown again', async () => {
    const pipeline = pipelineOf('TracePipeline', 'cls', { conditions: [healthyCondition] });
    const { reconcile, alerts, pipelines, clock, logger } = bench([pipeline]);
    alerts.answer = snapshotFailure(clock);
    await assert.rejects(reconcile(pipeline), SnapshotError);
    clock.advance(60_000);
    alerts.answer = () => [];
    await reconcile(pipeline);
    assert.equal(pipelines.writes[1]?.conditions[0]?.lastTransitionTime, '2026-11-21T03:01:00Z');
    const changes = logger.fieldsOf('condition.changed').map(({ from, to }) => [from, to]);
    assert.deepEqual(changes, [
      ['True', 'Unknown'],
      ['Unknown', 'True'],
    ]);
  });

  it('rejects with the reason why Unknown could not be written, if that failed', async () => {
    const pipeline = pipelineOf('TracePipeline', 'cls');
    const { reconcile, alerts, pipelines, clock, logger } = bench([pipeline]);
    alerts.answer = snapshotFailure(clock);
    pipelines.beforeWrite = () => Promise.reject(new Error('no space left'));
    await assert.rejects(reconcile(pipeline), /no space left/);
    assert.deepEqual(logger.lines, []);
  });

  it('writes nothing about the pipeline if it was only aborted', async () => {
    const pipeline = pipelineOf('TracePipeline', 'cls');
    const { reconcile, alerts, pipelines, logger } = bench([pipeline]);
    const stop = new AbortController();
    alerts.answer = async (signal) => {
      stop.abort(new Error('the deadline'));
      signal.throwIfAborted();
      return [];
    };
    await assert.rejects(reconcile(pipeline, undefined, stop.signal), /the deadline/);
    assert.deepEqual([pipelines.writes, logger.lines], [[], []]);
  });
});

describe('reconciler, transitions', () => {
  it('reports a new condition with an empty from', async () => {
    const pipeline = pipelineOf('TracePipeline', 'cls');
    const { reconcile, alerts, logger, clock } = bench([pipeline]);
    alerts.answer = () => [throttling];

    await reconcile(pipeline, alertCauses(clock.now(), 'r1', 'TraceGatewayThrottling'));

    assert.deepEqual(logger.lines, [
      {
        level: 'info',
        event: 'condition.changed',
        msg: 'the condition changed',
        fields: {
          run: 'run',
          ...trace('cls'),
          type: 'TelemetryFlowHealthy',
          from: '',
          to: 'False',
          from_reason: '',
          reason: 'GatewayThrottling',
          message: ruleMessage('trace', 'GatewayThrottling'),
          decided_by: { alertname: 'TraceGatewayThrottling', labels: throttling },
          causes: ['TraceGatewayThrottling firing'],
          alerts: 1,
          request_ids: ['r1'],
        },
      },
    ]);
  });

  it('names what decided, whatever caused the run', async () => {
    const pipeline = pipelineOf('TracePipeline', 'cls', { conditions: [healthyCondition] });
    const { reconcile, alerts, logger, clock, transitions } = bench([pipeline]);
    const woken = Causes.union(
      alertCauses(clock.now(), 'r1', 'LogFluentBitBufferInUse'),
      alertCauses(clock.now(), 'r2', 'LogFluentBitNoLogsDelivered'),
    );
    const [worst, lesser] = [{ ...allDropped, pipeline_name: 'cls' }, throttling];
    for (const answer of [() => [lesser, worst], snapshotFailure(clock), () => []]) {
      alerts.answer = answer;
      await reconcile(pipeline, woken).catch((error: unknown) => assert.ok(error instanceof SnapshotError));
    }
    assert.deepEqual(logger.valuesOf('condition.changed', 'to', 'decided_by'), [
      ['False', { alertname: 'TraceGatewayAllDataDropped', labels: worst }],
      ['Unknown', { because: 'Prometheus could not be asked: Prometheus refused the connection' }],
      ['True', noneFires],
    ]);
    assert.deepEqual(
      transitions.recorded.map(({ decision }) => decision.by),
      ['alert', 'failed query', 'no alert'],
    );
  });

  it('names the alert that decided without labels of the size of a body', async () => {
    const pipeline = pipelineOf('TracePipeline', 'cls');
    const { reconcile, alerts, logger } = bench([pipeline]);
    alerts.answer = () => [{ ...throttling, dump: 'x'.repeat(1_000_000) }];
    await reconcile(pipeline);
    assert.deepEqual(logger.valuesOf('condition.changed', 'decided_by'), [
      [{ alertname: 'TraceGatewayThrottling', labels: throttling, omitted_labels: 1 }],
    ]);
  });

  it('reports another reason with the same status, and keeps lastTransitionTime', async () => {
    const pipeline = pipelineOf('TracePipeline', 'cls');
    const { reconcile, alerts, pipelines, logger, clock, registry } = bench([pipeline]);
    alerts.answer = () => [throttling];
    await reconcile(pipeline);
    clock.advance(90_000);
    alerts.answer = () => [throttling, allDropped];

    await reconcile(pipeline);

    const line = logger.fieldsOf('condition.changed')[1];
    assert.deepEqual(
      [line?.['from'], line?.['to'], line?.['from_reason'], line?.['reason'], line?.['message']],
      [
        'False',
        'False',
        'GatewayThrottling',
        'GatewayAllTelemetryDataDropped',
        ruleMessage('trace', 'GatewayAllTelemetryDataDropped'),
      ],
    );
    assert.equal(pipelines.writes[1]?.conditions[0]?.lastTransitionTime, '2026-11-21T03:00:00Z');
    const labels = { kind: 'TracePipeline', status: 'False' };
    assert.equal(await metricOf(registry, 'tocsin_condition_changes_total', labels), 2);
  });

  it('writes another message without reporting a transition', async () => {
    const pipeline = pipelineOf('TracePipeline', 'cls', { conditions: [{ ...healthyCondition, message: 'all well' }] });
    const { reconcile, pipelines, logger, registry } = bench([pipeline]);
    assert.equal((await reconcile(pipeline)).outcome, 'changed');
    assert.equal(pipelines.writes[0]?.conditions[0]?.message, healthRules.healthy.message);
    assert.deepEqual(logger.linesOf('condition.changed'), []);
    const labels = { kind: 'TracePipeline', status: 'True' };
    assert.equal(await metricOf(registry, 'tocsin_condition_changes_total', labels), 0);
  });

  it('reports nothing, and counts nothing, if the write fails', async () => {
    const pipeline = pipelineOf('TracePipeline', 'cls');
    const { reconcile, pipelines, logger, registry } = bench([pipeline]);
    pipelines.beforeWrite = () => Promise.reject(new Error('no space left'));
    await assert.rejects(reconcile(pipeline), /no space left/);
    assert.deepEqual(logger.lines, []);
    const labels = { kind: 'TracePipeline', status: 'True' };
    assert.equal(await metricOf(registry, 'tocsin_condition_changes_total', labels), 0);
  });

  it('passes its signal to the write', async () => {
    const pipeline = pipelineOf('TracePipeline', 'cls');
    const { reconcile, pipelines } = bench([pipeline]);
    const { signal } = new AbortController();
    pipelines.beforeWrite = (given) => assert.equal(given, signal);
    await reconcile(pipeline, undefined, signal);
    assert.equal(pipelines.writes.length, 1);
  });

  it('reports the change that was made, not the intended one', async () => {
    const pipeline = pipelineOf('TracePipeline', 'cls', { conditions: [healthyCondition] });
    const { reconcile, alerts, pipelines, logger } = bench([pipeline]);
    alerts.answer = () => [allDropped];
    const other: Condition = { ...healthyCondition, status: 'Unknown', reason: 'GatewayProbingFailed', message: '' };
    pipelines.beforeWrite = () => pipelines.put({ ...pipeline, conditions: [other, notGenerated] });

    assert.equal((await reconcile(pipeline)).outcome, 'changed');

    const [line] = logger.fieldsOf('condition.changed');
    assert.deepEqual([line?.['from'], line?.['from_reason']], ['Unknown', 'GatewayProbingFailed']);
    assert.equal(pipelines.writes[0]?.conditions.length, 2);
  });

  it('reports no change if another writer made it first', async () => {
    const pipeline = pipelineOf('TracePipeline', 'cls');
    const { reconcile, pipelines, logger, registry } = bench([pipeline]);
    pipelines.beforeWrite = () => pipelines.put({ ...pipeline, conditions: [healthyCondition] });

    assert.equal((await reconcile(pipeline)).outcome, 'unchanged');

    assert.deepEqual(pipelines.writes, []);
    assert.deepEqual(
      logger.lines.map(({ event }) => event),
      ['condition.unchanged'],
    );
    const labels = { kind: 'TracePipeline', status: 'True' };
    assert.equal(await metricOf(registry, 'tocsin_condition_changes_total', labels), 0);
  });

  it('reports no change if the pipeline was deleted meanwhile', async () => {
    const pipeline = pipelineOf('TracePipeline', 'cls');
    const { reconcile, pipelines, logger } = bench([pipeline]);
    pipelines.beforeWrite = () => pipelines.remove(pipeline);
    assert.equal((await reconcile(pipeline)).outcome, 'unchanged');
    assert.deepEqual(logger.linesOf('condition.changed'), []);
  });
});

describe('reconciler, action log', () => {
  it('writes nothing, and logs what would change', async () => {
    const pipeline = pipelineOf('TracePipeline', 'cls', { conditions: [healthyCondition] });
    const { reconcile, alerts, pipelines, logger, registry } = bench([pipeline], 'log');
    alerts.answer = () => [throttling];

    const result = await reconcile(pipeline);

    assert.equal(result.requeueAfterMs, 300_000);
    assert.deepEqual(pipelines.writes, []);
    assert.deepEqual(
      logger.lines.map(({ level, event }) => [level, event]),
      [['info', 'condition.observed']],
    );
    assert.deepEqual(logger.lines[0]?.fields, {
      run: 'run',
      ...trace('cls'),
      type: 'TelemetryFlowHealthy',
      from: 'True',
      to: 'False',
      from_reason: 'FlowHealthy',
      reason: 'GatewayThrottling',
      message: ruleMessage('trace', 'GatewayThrottling'),
      decided_by: { alertname: 'TraceGatewayThrottling', labels: throttling },
      causes: ['InstanceDown firing'],
      alerts: 1,
      request_ids: ['r1'],
    });
    const labels = { kind: 'TracePipeline', status: 'False' };
    assert.equal(await metricOf(registry, 'tocsin_condition_changes_total', labels), 0);
  });

  it('writes nothing if the alerts are not available either, and still rejects', async () => {
    const pipeline = pipelineOf('TracePipeline', 'cls');
    const { reconcile, alerts, pipelines, logger, clock } = bench([pipeline], 'log');
    alerts.answer = snapshotFailure(clock);
    await assert.rejects(reconcile(pipeline), SnapshotError);
    assert.deepEqual(pipelines.writes, []);
    assert.equal(logger.fieldsOf('condition.observed')[0]?.['to'], 'Unknown');
  });
});

describe('reconciler, an alert that Prometheus does not report', () => {
  const pipeline = pipelineOf('TracePipeline', 'cls', { conditions: [healthyCondition] });

  it('names an alert that was pushed as firing', async () => {
    const { reconcile } = bench([pipeline]);
    assert.deepEqual((await reconcile(pipeline)).notInPrometheus, ['InstanceDown']);
  });

  it('names several once each, and one without a name too', async () => {
    const { reconcile, alerts, clock } = bench([pipeline]);
    alerts.answer = () => [{ alertname: 'Known', job: 'api' }];
    const causes = new Causes();
    const pushed = [
      { alertname: 'Gone', job: 'a' },
      { alertname: 'Gone', job: 'b' },
      { job: 'c' },
      { alertname: 'Known', job: 'api', region: 'eu' },
      { alertname: 'Known', job: 'web' },
    ];
    for (const labels of pushed) causes.addAlert(JSON.stringify(labels), { labels }, 'firing', clock.now());
    assert.deepEqual((await reconcile(pipeline, causes)).notInPrometheus, ['Gone', '(no alertname)', 'Known']);
  });

  for (const status of ['resolved', 'expired'] as const) {
    it(`does not name an alert that is ${status}`, async () => {
      const { reconcile, clock } = bench([pipeline]);
      const causes = alertCauses(clock.now(), 'r1', 'InstanceDown', status);
      assert.deepEqual((await reconcile(pipeline, causes)).notInPrometheus, []);
    });
  }

  it('names none if the pushed alerts decide themselves', async () => {
    const { reconcile, alerts } = bench([pipeline]);
    alerts.pulls = false;
    assert.deepEqual((await reconcile(pipeline)).notInPrometheus, []);
  });
});

describe('reconciler, the recorder of transitions', () => {
  it('gets each transition that was written, with the pipeline', async () => {
    const pipeline = pipelineOf('TracePipeline', 'cls', { conditions: [healthyCondition], uid: 'u1' });
    const { reconcile, alerts, transitions } = bench([pipeline]);
    alerts.answer = () => [throttling];
    await reconcile(pipeline);
    await reconcile(pipeline);
    const [told, ...more] = transitions.recorded;
    assert.deepEqual([told?.pipeline, more], [pipeline, []]);
    assert.deepEqual([told?.transition.fromReason, told?.transition.reason], ['FlowHealthy', 'GatewayThrottling']);
  });

  it('gets none that was not written', async () => {
    const pipeline = pipelineOf('TracePipeline', 'cls', { conditions: [{ ...healthyCondition, message: 'old' }] });
    const { reconcile, pipelines, transitions, alerts } = bench([pipeline]);
    await reconcile(pipeline);
    alerts.answer = () => [throttling];
    pipelines.beforeWrite = () => Promise.reject(new Error('no'));
    await assert.rejects(reconcile(pipeline));
    assert.deepEqual([pipelines.writes.length, transitions.recorded], [1, []]);
  });

  it('gets none with action log', async () => {
    const pipeline = pipelineOf('TracePipeline', 'cls');
    const { reconcile, transitions } = bench([pipeline], 'log');
    await reconcile(pipeline);
    assert.deepEqual(transitions.recorded, []);
  });
});

const cause = new Error('refused');
const snapshotErrorOfReconciler = new SnapshotError('Prometheus is away', 1234, { cause });
const terminalError = new TerminalError('hopeless', { cause });

describe('outcomeOfResult', () => {
  it('is a success without, and a requeue with, a time of the next look, even 0', () => {
    const result = { outcome: 'changed', notInPrometheus: [] } as const;
    assert.deepEqual(outcomeOfResult(result), { kind: 'success', result });
    const requeued = { ...result, requeueAfterMs: 0 };
    assert.deepEqual(outcomeOfResult(requeued), { kind: 'requeue_after', result: requeued, requeueAfterMs: 0 });
  });
});

describe('outcomeOfError', () => {
  it('distinguishes the kinds of error', () => {
    assert.deepEqual(outcomeOfError(snapshotErrorOfReconciler, false), {
      kind: 'postponed',
      error: snapshotErrorOfReconciler,
    });
    assert.deepEqual(outcomeOfError(terminalError, false), { kind: 'terminal_error', error: terminalError });
    assert.deepEqual(outcomeOfError(cause, false), { kind: 'error', error: cause });
    assert.deepEqual(outcomeOfError('text', false), { kind: 'error', error: 'text' });
  });

  it('attributes every failure to the shutdown once that has begun', () => {
    for (const error of [snapshotErrorOfReconciler, terminalError, cause, undefined]) {
      assert.deepEqual(outcomeOfError(error, true), { kind: 'cancelled', error });
    }
  });

  it('keeps names and causes of the errors', () => {
    assert.deepEqual(
      [snapshotErrorOfReconciler, terminalError].map((error) => [error.name, error.message, error.cause]),
      [
        ['SnapshotError', 'Prometheus is away', cause],
        ['TerminalError', 'hopeless', cause],
      ],
    );
  });
});
