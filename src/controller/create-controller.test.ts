import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import type { Config } from '../config/config.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import {
  alertCauses,
  annotateDefaults,
  FakeAlerts,
  FakePipelines,
  kinds,
  metricOf,
  pipelineOf,
  trace,
} from './controller.fixture.ts';
import { createController, createAction } from './create-controller.ts';
import { SnapshotError } from '../reconcile/errors.ts';
import { createControllerMetrics } from './controller-metrics.ts';
import { VerdictHolder } from './action/verdict-holder.ts';

const lanes: Config['lanes'] = { platform: [], reserved_workers: 1 };
const config: Config['controller'] = {
  action: 'condition',
  max_concurrent_reconciles: 2,
  annotate: annotateDefaults,
  requeue_after: 120_000,
  resync: 600_000,
  drain_timeout: 20_000,
};

function bench(changes: Partial<Config['controller']> = {}, names: readonly string[] = ['a', 'b', 'c', 'd', 'e']) {
  const [clock, logger, registry, alerts] = [new FakeClock(), new RecordingLogger(), new Registry(), new FakeAlerts()];
  const pipelines = new FakePipelines(...names.map((name) => pipelineOf('TracePipeline', name)));
  const { controller, prepare } = createController({
    config: { controller: { ...config, ...changes }, lanes },
    clock,
    schedule: new SliceSchedule(clock),
    logger,
    registry,
    pipelines,
    alerts,
    kinds,
  });
  const sweep = (): void => void controller.enqueue(pipelines.list(), alertCauses(clock.now()), 'e1', 'alert');
  return { clock, logger, registry, alerts, pipelines, controller, prepare, sweep };
}

describe('createController', () => {
  it('gives no verdict another grace because of a new configuration', async () => {
    const { clock, logger, alerts, pipelines, prepare, sweep } = bench({}, ['a']);
    const dropped = { alertname: 'TraceGatewayAllDataDropped', pipeline_name: 'a' };
    const answer = async (...firing: readonly (typeof dropped)[]): Promise<void> => {
      alerts.answer = () => firing;
      sweep();
      await clock.advanceAsync(0);
    };
    alerts.push(60_000, dropped);
    await answer(dropped);
    await answer();
    await clock.advanceAsync(59_000);
    prepare({ controller: { ...config, requeue_after: 300_000 }, lanes })();
    await answer();
    assert.equal(pipelines.get(pipelineOf('TracePipeline', 'a'))?.conditions[0]?.status, 'False');
    await clock.advanceAsync(1000);
    await answer();
    assert.equal(pipelines.get(pipelineOf('TracePipeline', 'a'))?.conditions[0]?.status, 'True');
    assert.equal(logger.linesOf('condition.held').length, 1);
  });

  it('reconciles every pipeline of a sweep, and writes nothing the second time', async () => {
    const { clock, pipelines, logger, sweep } = bench();
    sweep();
    await clock.advanceAsync(0);
    assert.deepEqual(
      pipelines.writes.map(({ name }) => name),
      ['a', 'b', 'c', 'd', 'e'],
    );
    sweep();
    await clock.advanceAsync(0);
    assert.equal(pipelines.writes.length, 5);
    assert.deepEqual(logger.valuesOf('sweep.finished', 'requests', 'changed', 'unchanged', 'failed'), [
      [5, 5, 0, 0],
      [5, 0, 5, 0],
    ]);
    assert.equal(clock.pending(), 0);
  });

  it('runs as many at once as configured, and shows how many wait', async () => {
    const { clock, alerts, controller, registry, sweep } = bench();
    const gate = Promise.withResolvers<never[]>();
    alerts.answer = () => gate.promise;
    sweep();
    await clock.advanceAsync(0);
    assert.deepEqual([alerts.asked.length, controller.depth], [2, 3]);
    assert.equal(await metricOf(registry, 'workqueue_depth', { name: 'pipelines' }), 3);
    gate.resolve([]);
    await clock.advanceAsync(0);
    assert.equal(await metricOf(registry, 'workqueue_depth', { name: 'pipelines' }), 0);
  });

  it('looks again at an unhealthy pipeline after requeue_after', async () => {
    const { clock, alerts, controller, sweep } = bench({}, ['a']);
    alerts.answer = () => [{ alertname: 'TraceGatewayThrottling' }];
    sweep();
    await clock.advanceAsync(119_999);
    assert.equal(alerts.asked.length, 1);
    await clock.advanceAsync(1);
    assert.equal(alerts.asked.length, 2);
    await controller.stop(0);
  });

  it('uses the configured action', async () => {
    const { clock, pipelines, logger, sweep } = bench({ action: 'log' });
    sweep();
    await clock.advanceAsync(0);
    assert.deepEqual(pipelines.writes, []);
    assert.equal(logger.linesOf('condition.observed').length, 5);
  });

  it('tries again after a failed snapshot for all together, and ends with its answer', async () => {
    const { clock, alerts, pipelines, logger, sweep } = bench({ max_concurrent_reconciles: 4 });
    let away = true;
    alerts.answer = () => {
      if (away) throw new SnapshotError('Prometheus is away', clock.now() + 1000, { cause: undefined });
      return [];
    };
    sweep();
    await clock.advanceAsync(999);
    away = false;
    assert.equal(alerts.asked.length, 5);
    await clock.advanceAsync(1);
    const statuses = pipelines.list().map((request) => pipelines.get(request)?.conditions[0]?.status);
    assert.deepEqual(statuses, ['True', 'True', 'True', 'True', 'True']);
    assert.deepEqual([pipelines.writes.length, clock.pending()], [10, 0]);
    assert.deepEqual(logger.valuesOf('sweep.finished', 'requests', 'failed'), [[5, 5]]);
  });
});

describe('createController, metrics', () => {
  it('starts every series of a closed set of labels at 0, under the names that dashboards know', async () => {
    const { registry } = bench({}, []);
    const page = await registry.metrics();
    for (const controller of ['tracepipeline', 'metricpipeline', 'logpipeline']) {
      for (const result of ['success', 'requeue_after', 'error', 'terminal_error', 'cancelled']) {
        assert.ok(page.includes(`controller_runtime_reconcile_total{controller="${controller}",result="${result}"} 0`));
      }
      assert.ok(page.includes(`controller_runtime_reconcile_errors_total{controller="${controller}"} 0`));
      assert.ok(page.includes(`controller_runtime_reconcile_time_seconds_count{controller="${controller}"} 0`));
    }
    for (const kind of kinds) {
      for (const status of ['True', 'False', 'Unknown']) {
        assert.ok(page.includes(`tocsin_condition_changes_total{kind="${kind}",status="${status}"} 0`));
      }
    }
    assert.ok(page.includes('tocsin_alert_to_reconcile_seconds_count 0'));
  });

  it('counts the existing pipelines at each scrape', async () => {
    const { registry, pipelines } = bench();
    const count = (kind: string): Promise<number | undefined> => metricOf(registry, 'tocsin_pipelines', { kind });
    assert.deepEqual(await Promise.all(kinds.map(count)), [5, 0, 0]);
    pipelines.remove(trace('a'));
    pipelines.put(pipelineOf('LogPipeline', 'f'));
    assert.deepEqual(await Promise.all(kinds.map(count)), [4, 0, 1]);
  });

  it('counts a change of condition by its new status', async () => {
    const { clock, alerts, registry, controller, sweep } = bench({}, ['a', 'b']);
    sweep();
    await clock.advanceAsync(0);
    alerts.answer = () => [{ alertname: 'TraceGatewayThrottling' }];
    sweep();
    await clock.advanceAsync(0);
    const count = (status: string): Promise<number | undefined> =>
      metricOf(registry, 'tocsin_condition_changes_total', { kind: 'TracePipeline', status });
    assert.deepEqual(await Promise.all(['True', 'False', 'Unknown'].map(count)), [2, 2, 0]);
    await controller.stop(0);
  });
});

describe('createAction', () => {
  it('says what to do if the pipelines are in a folder, where nobody watches annotations', () => {
    const metrics = createControllerMetrics(new Registry(), kinds, () => new Map());
    const pipelines = new FakePipelines();
    const common = {
      clock: new FakeClock(),
      logger: new RecordingLogger(),
      metrics,
      alerts: new FakeAlerts(),
      pipelines,
    };
    const annotating = { action: 'annotate', requeue_after: 1, annotate: annotateDefaults } as const;
    assert.throws(
      () => createAction({ ...common, holder: new VerdictHolder(common), config: annotating }),
      /controller\.action is annotate, which needs pipelines in Kubernetes.*--kubeconfig/,
    );
  });
});
