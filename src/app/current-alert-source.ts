import type { FiringAlerts } from '../alert/firing-alerts.ts';
import { AlertStore } from '../alert/alert-store.ts';
import type { Config } from '../config/config.ts';
import type { AlertSnapshot, AlertSource, PushedAlerts } from '../reconcile/ports.ts';
import type { GuardFor } from '../outbound/address-guard.ts';
import { createSharedSnapshot } from '../prometheus/create-shared-snapshot.ts';
import type { SharedSnapshot } from '../prometheus/shared-snapshot.ts';
import { createPrometheusMetrics, type PrometheusMetrics } from '../prometheus/replica-report.ts';
import { StoredAlertSource } from '../standalone/stored-alert-source.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { UrgentSignals } from '../runtime/deadline.ts';

export interface CurrentAlertSourceOptions extends Runtime {
  /** Gives the current configuration. */
  readonly config: () => Config;
  readonly store: AlertStore;
  /** The signals of callers that wait for no query of others. */
  readonly urgent?: UrgentSignals;
  readonly version: string;
  /** Judges the addresses that are connected to. Default: all are good. */
  readonly guardFor?: GuardFor | undefined;
}

/**
 * The source that decides which alerts fire: Prometheus if it is configured, else the received alerts. It can be replaced while
 * reconciles run.
 */
export class CurrentAlertSource implements AlertSource {
  /** Whether somebody needs the annotations of the alerts. */
  wantsAnnotations = false;
  readonly #options: CurrentAlertSourceOptions;
  readonly #stored: StoredAlertSource;
  #source: AlertSource;
  /** The same as the source, if that is Prometheus. */
  #snapshot: SharedSnapshot | undefined;
  /** They exist from the start, at 0, so that an alerting rule finds them however late a Prometheus is configured. */
  readonly #metrics: PrometheusMetrics;

  constructor(options: CurrentAlertSourceOptions) {
    this.#options = options;
    this.#stored = new StoredAlertSource(options.store, options.schedule);
    this.#metrics = createPrometheusMetrics(options.registry);
    this.#source = this.#create();
  }

  get pulls(): boolean {
    return this.#source.pulls;
  }

  get pushed(): PushedAlerts | undefined {
    const graceMs = this.#options.config().prometheus.heal_grace;
    if (!this.pulls || graceMs === 0) return undefined;
    return { graceMs, snapshot: (notBefore, signal) => this.#stored.snapshot(notBefore, [], signal) };
  }

  snapshot(notBefore: number, requestIds: readonly string[], signal: AbortSignal): Promise<AlertSnapshot> {
    return this.#source.snapshot(notBefore, requestIds, signal);
  }

  /** What fires, as it was known last; undefined if nothing is known yet. */
  async latest(): Promise<FiringAlerts | undefined> {
    return this.#snapshot === undefined ? this.#stored.latest() : this.#snapshot.latest;
  }

  /** What fires now; counts nowhere. Rejects if it cannot be had. */
  async look(): Promise<FiringAlerts> {
    return this.#snapshot === undefined ? this.#stored.latest() : (await this.#snapshot.look()).firing;
  }

  /** What can be asked of Prometheus itself; undefined without one. */
  get prometheus(): Pick<SharedSnapshot, 'look' | 'pending' | 'facts'> | undefined {
    return this.#snapshot;
  }

  /** Call it when `prometheus` of the configuration has changed. Callers that have asked the earlier source get its answer. */
  reconfigure(): void {
    const earlier = this.#snapshot;
    this.#source = this.#create();
    earlier?.retire();
  }

  close(): void {
    this.#snapshot?.close();
  }

  #create(): AlertSource {
    const config = this.#options.config().prometheus;
    const { url: urls } = config;
    this.#snapshot = undefined;
    if (urls === null) return this.#stored;
    this.#snapshot = createSharedSnapshot({
      ...this.#options,
      metrics: this.#metrics,
      config,
      urls,
      wantsAnnotations: () => this.wantsAnnotations,
    });
    return this.#snapshot;
  }
}

/** The store of the received alerts. */
export function createAlertStore(config: () => Config): AlertStore {
  return new AlertStore(() => {
    const { max_alerts: maxAlerts, max_alerts_size: maxBytes, resolve_timeout: resolveTimeoutMs } = config().receiver;
    return { maxAlerts, maxBytes, resolveTimeoutMs };
  });
}
