import type { NamedAlert } from '../../alert/firing-alerts.ts';
import { kindName, requestKey, decidedBy, type Decision, type Run } from '../../reconcile/ports.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { reasonOf } from '../../trigger/firing-condition.ts';
import type { ControllerMetrics } from '../controller-metrics.ts';

/** The time until the next look at a condition that is kept because of a push, milliseconds. */
const heldLookMs = 5000;

/** The most conditions of which it is remembered since when they are kept; the oldest is forgotten, and may begin another grace. */
const maxHeld = 10_000;

interface PushedHolderOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly metrics: Pick<ControllerMetrics, 'conditionHeld'>;
}

/** A condition that stays because an alert is still pushed as firing. */
export interface HeldCondition {
  readonly decision: Decision;
  readonly heldForMs: number;
  readonly requeueAfterMs: number;
}

/**
 * Keeps the condition of a trigger while the alert that it names is still pushed as firing although Prometheus no longer reports it,
 * for at most `prometheus.heal_grace`: a Prometheus that has just started reports nothing at first.
 */
export class PushedHolder {
  readonly #options: PushedHolderOptions;
  /** Since when the answers contradict the push, by object and type; by the monotonic clock, milliseconds. */
  readonly #since = new Map<string, number>();

  constructor(options: PushedHolderOptions) {
    this.#options = options;
  }

  /** True if a better condition than the present one needs a look at what is pushed. */
  mustLook({ pipeline }: Run, type: string, answered: { readonly status: string; readonly reason: string }): boolean {
    const present = pipeline.conditions.find((condition) => condition.type === type);
    return present?.status === 'False' && (answered.status === 'True' || answered.reason !== present.reason);
  }

  /**
   * Returns the hold, or undefined if the condition may change.
   * @param pushed the worst alert of each trigger that is pushed as firing for the object
   */
  hold(run: Run, type: string, pushed: readonly NamedAlert[], graceMs: number): HeldCondition | undefined {
    const { clock } = this.#options;
    const key = `${requestKey(run.request)} ${type}`;
    const present = run.pipeline.conditions.find((condition) => condition.type === type);
    const alert = pushed.find(({ labels }) => reasonOf(labels['alertname'] ?? '') === present?.reason);
    if (alert === undefined) {
      this.#since.delete(key);
      return undefined;
    }
    const since = this.#since.get(key);
    if (since === undefined) this.#begin(run, type, alert, key, graceMs);
    const forMs = clock.monotonic() - (since ?? clock.monotonic());
    // A time that is over is kept: if the write fails, the next run must not begin another grace.
    if (forMs >= graceMs) return undefined;
    const decision = { by: 'push', labels: alert.labels } as const;
    return { decision, heldForMs: forMs, requeueAfterMs: Math.min(heldLookMs, graceMs - forMs) };
  }

  /** The condition is as the answers say. */
  release({ request }: Run, type: string): void {
    this.#since.delete(`${requestKey(request)} ${type}`);
  }

  #begin({ id, request }: Run, type: string, { labels }: NamedAlert, key: string, graceMs: number): void {
    const { clock, logger, metrics } = this.#options;
    this.#since.set(key, clock.monotonic());
    if (this.#since.size > maxHeld) this.#since.delete(this.#since.keys().next().value!);
    metrics.conditionHeld(kindName(request));
    const message = 'the condition gets no better than this: a push contradicts what Prometheus reports';
    const decision = decidedBy({ by: 'push', labels });
    logger.info('condition.held', message, { run: id, ...request, type, ...decision, grace_ms: graceMs });
  }
}
