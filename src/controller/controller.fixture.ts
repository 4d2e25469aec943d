import { Registry } from 'prom-client';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { FiringAlerts } from '../alert/firing-alerts.ts';
import type { LabelSet } from '../alert/labels.ts';
import { Causes } from '../cause/causes.ts';
import { type CauseStatus } from '../cause/cause.ts';
import { RateLimiter } from '../workqueue/fair-lanes.ts';
import {
  requestKey,
  type Request,
  type Decision,
  type AlertSnapshot,
  type AlertSource,
  type Annotator,
  type Condition,
  type ConditionChange,
  type ConditionTransition,
  type Pipeline,
  type Pipelines,
  type PushedAlerts,
  type TransitionRecorder,
  type Result,
} from '../reconcile/ports.ts';
import { createWorkQueueMetrics } from '../workqueue/work-queue-metrics.ts';
import { WorkQueue } from '../workqueue/work-queue.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import { Controller } from './controller.ts';
import { createControllerMetrics } from './controller-metrics.ts';
import { ReconcileReport } from './reconcile-report.ts';
import type { AnnotateConfig } from './action/annotate-action.ts';
import { createMergeWork } from './sweep.ts';
import { UrgentSignals } from '../runtime/deadline.ts';

export const kinds = ['TracePipeline', 'MetricPipeline', 'LogPipeline'];

export function trace(name: string): Request {
  return { kind: 'TracePipeline', name };
}

/** Causes with one alert, as the receiver makes them, with the request id `id`. */
export function alertCauses(at: number, id = 'r1', alertname = 'InstanceDown', status: CauseStatus = 'firing'): Causes {
  const causes = new Causes();
  causes.addAlert(alertname, { labels: { alertname } }, status, at);
  causes.addRequestId(id);
  return causes;
}

export const unchanged: Result = { outcome: 'unchanged', notInPrometheus: [] };
export const changed: Result = { outcome: 'changed', notInPrometheus: [] };
export const unhealthy: Result = { outcome: 'changed', notInPrometheus: [], requeueAfterMs: 300_000 };

/** One call of the reconciler. */
export interface Run {
  readonly name: string;
  readonly at: number;
  readonly causes: Causes;
  readonly signal: AbortSignal;
}

export interface ControllerBench {
  readonly clock: FakeClock;
  readonly logger: RecordingLogger;
  readonly urgent: UrgentSignals;
  readonly registry: Registry;
  readonly controller: Controller;
  /** Every call of the reconciler, in order. */
  readonly runs: readonly Run[];
  /** The value of a metric with exactly these labels; undefined if it does not exist. */
  metric(name: string, labels?: Readonly<Record<string, string>>): Promise<number | undefined>;
}

/** A controller with the real queue, a clock that stands still, and a reconciler that the test controls. */
export function controllerBench(
  reconcile: (run: Run, earlierRuns: number) => Promise<Result> | Result,
  concurrency = 4,
  // No jitter: the delays are exact.
  random = (): number => 0,
): ControllerBench {
  const [clock, logger, registry] = [new FakeClock(), new RecordingLogger(), new Registry()];
  const runs: Run[] = [];
  const metrics = createControllerMetrics(registry, kinds, () => new Map());
  const urgent = new UrgentSignals();
  const controller: Controller = new Controller({
    urgent,
    clock,
    schedule: new SliceSchedule(clock),
    logger,
    report: new ReconcileReport({ clock, logger, metrics }),
    newRunId: () => 'run',
    reconciler: {
      // Not async, so that a synchronous throw of the test stays synchronous.
      reconcile: (request, causes, signal) => {
        const run = { name: request.name, at: clock.now(), causes, signal };
        runs.push(run);
        return reconcile(run, runs.filter(({ name }) => name === run.name).length - 1) as Promise<Result>;
      },
    },
    createQueue: (work) =>
      new WorkQueue({
        clock,
        work,
        workers: { any: concurrency, reserved: 0 },
        merge: createMergeWork(),
        metrics: createWorkQueueMetrics(registry, () => controller),
        rateLimiter: new RateLimiter({ random }),
      }),
  });
  return {
    clock,
    logger,
    registry,
    urgent,
    controller,
    runs,
    metric: (name, labels) => metricOf(registry, name, labels),
  };
}

export async function metricOf(
  registry: Registry,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<number | undefined> {
  const metrics = await registry.getMetricsAsJSON();
  const values = metrics.flatMap((metric) => metric.values as readonly MetricValue[]);
  const own = metrics.find((metric) => metric.name === name)?.values as readonly MetricValue[] | undefined;
  const candidates = own?.some((value) => value.metricName === undefined)
    ? own
    : values.filter((value) => value.metricName === name);
  return candidates.find((value) => sameLabels(value.labels, labels))?.value;
}

interface MetricValue {
  readonly value: number;
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, unknown>>;
}

function sameLabels(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

export const annotateDefaults: AnnotateConfig = {
  requested_at_key: 'tocsin.dev/requested-at',
  requested_at_value: null,
  cause_key: 'tocsin.dev/cause',
};

/** Keeps the transitions that it gets. */
export class FakeTransitions implements TransitionRecorder {
  readonly recorded: {
    readonly pipeline: Pipeline;
    readonly transition: ConditionTransition;
    readonly decision: Decision;
  }[] = [];

  record(pipeline: Pipeline, transition: ConditionTransition, decision: Decision): void {
    this.recorded.push({ pipeline, transition, decision });
  }
}

/** Pipelines in memory. Every write is recorded; `beforeWrite` may fail it, or change the pipeline as another writer would. */
export class FakePipelines implements Pipelines, Annotator {
  /** The number of attempts to write, whether there was something to write or not. */
  updates = 0;
  readonly writes: { readonly name: string; readonly conditions: readonly Condition[] }[] = [];
  readonly annotations: { readonly name: string; readonly annotations: Readonly<Record<string, string>> }[] = [];
  beforeWrite: (signal: AbortSignal) => Promise<void> | void = () => undefined;
  readonly #pipelines = new Map<string, Pipeline>();

  constructor(...pipelines: readonly Pipeline[]) {
    for (const pipeline of pipelines) this.put(pipeline);
  }

  put(pipeline: Pipeline): void {
    this.#pipelines.set(requestKey(pipeline), pipeline);
  }

  remove(request: Request): void {
    this.#pipelines.delete(requestKey(request));
  }

  list(): readonly Request[] {
    return [...this.#pipelines.values()].map(({ kind, name }) => ({ kind, name }));
  }

  get(request: Request): Pipeline | undefined {
    return this.#pipelines.get(requestKey(request));
  }

  async updateConditions(request: Request, change: ConditionChange, signal: AbortSignal): Promise<boolean> {
    this.updates++;
    await this.beforeWrite(signal);
    const pipeline = this.get(request);
    const conditions = pipeline === undefined ? undefined : change(pipeline.conditions);
    if (pipeline === undefined || conditions === undefined) return false;
    this.writes.push({ name: request.name, conditions });
    this.put({ ...pipeline, conditions });
    return true;
  }

  async annotate(
    request: Request,
    annotations: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<boolean> {
    await this.beforeWrite(signal);
    if (this.get(request) === undefined) return false;
    this.annotations.push({ name: request.name, annotations });
    return true;
  }
}

/** An alert source with the answers of the test. It records the questions. */
export class FakeAlerts implements AlertSource {
  pulls = true;
  /** Set by {@link push}; until then no pushed alert keeps a verdict. */
  pushed: PushedAlerts | undefined;
  answer: (signal: AbortSignal) => Promise<readonly LabelSet[]> | readonly LabelSet[] = () => [];
  readonly asked: { readonly notBefore: number; readonly requestIds: readonly string[] }[] = [];

  /** Sets the alerts that are pushed as firing. */
  push(graceMs: number, ...pushed: readonly LabelSet[]): void {
    const snapshot = (takenAt: number): Promise<AlertSnapshot> =>
      Promise.resolve({ takenAt, firing: FiringAlerts.of(pushed) });
    this.pushed = { graceMs, snapshot };
  }

  async snapshot(notBefore: number, requestIds: readonly string[], signal: AbortSignal): Promise<AlertSnapshot> {
    this.asked.push({ notBefore, requestIds });
    return { takenAt: notBefore, firing: FiringAlerts.of(await this.answer(signal)) };
  }
}

export function pipelineOf(kind: string, name: string, changes: Partial<Pipeline> = {}): Pipeline {
  const apiVersion = 'telemetry.kyma-project.io/v1beta1';
  return { apiVersion, kind, name, generation: 1, spec: { output: { otlp: {} } }, conditions: [], ...changes };
}
