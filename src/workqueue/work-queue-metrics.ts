import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

export interface WorkQueueMetrics {
  readonly adds: Counter.Internal;
  readonly retries: Counter.Internal;
  readonly queueDuration: Histogram.Internal<'name'>;
  readonly workDuration: Histogram.Internal<'name'>;
}

/** client-go has ten powers of ten from ten nanoseconds on; nothing is measured below a millisecond here. */
const buckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 600];
/** The name of the queue in client-go's `name` label. */
const name = 'pipelines';

export interface WorkQueueCounts {
  /** The number of requests that wait for a free worker. */
  readonly depth: number;
  readonly failed: { readonly waiting: number; readonly running: number; readonly limit: number };
}

/**
 * The metrics of the work queue, with client-go's names, so that existing dashboards show them. @param counts read at each scrape
 */
export function createWorkQueueMetrics(registry: Registry, counts: () => WorkQueueCounts): WorkQueueMetrics {
  const common = { registers: [registry], labelNames: ['name'] as const };
  new Gauge({
    ...common,
    name: 'workqueue_depth',
    help: 'Requests that wait for a free worker.',
    collect() {
      this.labels(name).set(counts().depth);
    },
  });
  new Gauge({
    registers: [registry],
    name: 'tocsin_failed_requests',
    help: 'Requests whose last run failed: those that wait for a worker, those that run, and how many may run at once.',
    labelNames: ['state'],
    collect() {
      const { waiting, running, limit } = counts().failed;
      this.set({ state: 'waiting' }, waiting);
      this.set({ state: 'running' }, running);
      this.set({ state: 'limit' }, limit);
    },
  });
  const adds = new Counter({
    ...common,
    name: 'workqueue_adds_total',
    help: 'Requests added; one that is merged into a waiting one is not counted.',
  });
  const retries = new Counter({
    ...common,
    name: 'workqueue_retries_total',
    help: 'Requests added again because they failed.',
  });
  const queueDuration = new Histogram({
    ...common,
    buckets,
    name: 'workqueue_queue_duration_seconds',
    help: 'How long a request waited for a free worker.',
  });
  const workDuration = new Histogram({
    ...common,
    buckets,
    name: 'workqueue_work_duration_seconds',
    help: 'How long working on a request took.',
  });
  // Every series exists from the start.
  for (const counter of [adds, retries]) counter.inc({ name }, 0);
  for (const histogram of [queueDuration, workDuration]) histogram.zero({ name });
  return {
    adds: adds.labels(name),
    retries: retries.labels(name),
    queueDuration: queueDuration.labels(name),
    workDuration: workDuration.labels(name),
  };
}
