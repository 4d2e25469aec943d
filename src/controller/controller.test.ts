import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { restTurns, sliceMs, SliceSchedule } from '../runtime/slices.ts';
import { Causes } from '../cause/causes.ts';
import { createWorkQueueMetrics } from '../workqueue/work-queue-metrics.ts';
import { WorkQueue } from '../workqueue/work-queue.ts';
import { alertCauses, changed, controllerBench, trace, unchanged, unhealthy, type Run } from './controller.fixture.ts';
import { Controller } from './controller.ts';
import { ReconcileReport } from './reconcile-report.ts';
import { createControllerMetrics } from './controller-metrics.ts';
import { ForbiddenError, PostponedError, SnapshotError, TerminalError } from '../reconcile/errors.ts';
import type { Request, Result } from '../reconcile/ports.ts';
import { createMergeWork } from './sweep.ts';

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
    assert.deepEqual([line?.level, line?.fields], ['warn', { ...trace('slow'), deadline_s: 60 }]);

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
    controller.concurrency = 3;
    await look();
    controller.concurrency = 1;
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
          concurrency: 1,
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
