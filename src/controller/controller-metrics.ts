import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Condition } from '../reconcile/ports.ts';

/** controller-runtime's results; `terminal_error` and `cancelled` are our own. */
export type ReconcileResultLabel = 'success' | 'requeue_after' | 'error' | 'terminal_error' | 'cancelled';

export interface ControllerMetrics {
  reconciled(kind: string, result: ReconcileResultLabel, seconds: number): void;
  conditionChanged(kind: string, status: Condition['status']): void;
  /** Counts each time that a condition begins to be kept because an alert is still pushed as firing. */
  conditionHeld(kind: string): void;
  /** An object was annotated (`controller.action: annotate`). */
  annotated(kind: string): void;
  /** From the arrival of the first alert of a request to the start of its reconcile, seconds. */
  readonly alertToReconcile: Histogram;
}

const results: readonly ReconcileResultLabel[] = ['success', 'requeue_after', 'error', 'terminal_error', 'cancelled'];
const statuses: readonly Condition['status'][] = ['True', 'False', 'Unknown'];
const buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/**
 * The metrics of the reconciler; the general ones have controller-runtime's names, with the kind as the controller.
 * @param kinds the kinds that are known from the start; others may follow
 * @param pipelines the number of each kind, read at each scrape
 */
export function createControllerMetrics(
  registry: Registry,
  kinds: readonly string[],
  pipelines: () => ReadonlyMap<string, number>,
): ControllerMetrics {
  const registers = [registry];
  const total = new Counter({
    registers,
    name: 'controller_runtime_reconcile_total',
    help: 'Reconciles by result.',
    labelNames: ['controller', 'result'],
  });
  const errors = new Counter({
    registers,
    name: 'controller_runtime_reconcile_errors_total',
    help: 'Reconciles that failed.',
    labelNames: ['controller'],
  });
  const time = new Histogram({
    registers,
    buckets,
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'How long a reconcile took.',
    labelNames: ['controller'],
  });
  const changes = new Counter({
    registers,
    name: 'tocsin_condition_changes_total',
    help: 'Conditions whose status or reason changed, by the new status.',
    labelNames: ['kind', 'status'],
  });
  const holds = new Counter({
    registers,
    name: 'tocsin_condition_holds_total',
    help: 'Conditions kept, against the answers of Prometheus, because an alert was still pushed as firing.',
    labelNames: ['kind'],
  });
  const annotations = new Counter({
    registers,
    name: 'tocsin_annotations_total',
    help: 'Objects annotated so that their operator looks at them.',
    labelNames: ['kind'],
  });
  const alertToReconcile = new Histogram({
    registers,
    buckets,
    name: 'tocsin_alert_to_reconcile_seconds',
    help: 'From the arrival of an alert to the start of a reconcile that it caused.',
  });
  new Gauge({
    registers,
    name: 'tocsin_pipelines',
    help: 'Pipelines known, by kind.',
    labelNames: ['kind'],
    collect() {
      this.reset();
      for (const kind of kinds) this.set({ kind }, 0);
      for (const [kind, count] of pipelines()) this.set({ kind }, count);
    },
  });
  for (const kind of kinds) {
    const controller = kind.toLowerCase();
    for (const result of results) total.inc({ controller, result }, 0);
    errors.inc({ controller }, 0);
    time.zero({ controller });
    annotations.inc({ kind }, 0);
    holds.inc({ kind }, 0);
    for (const status of statuses) changes.inc({ kind, status }, 0);
  }
  return {
    reconciled(kind, result, seconds) {
      const controller = kind.toLowerCase();
      total.inc({ controller, result });
      time.observe({ controller }, seconds);
      if (result === 'error' || result === 'terminal_error') errors.inc({ controller });
    },
    conditionHeld: (kind) => holds.inc({ kind }),
    annotated: (kind) => annotations.inc({ kind }),
    conditionChanged: (kind, status) => changes.inc({ kind, status }),
    alertToReconcile,
  };
}
