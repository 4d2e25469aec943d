import { hostname, networkInterfaces } from 'node:os';
import type { AlertStore } from '../alert/alert-store.ts';
import type { Config } from '../config/config.ts';
import { DriftCheck, type DriftSettings } from '../drift/drift-check.ts';
import type { OwnAddresses } from '../drift/own-addresses.ts';
import { Problems, type Finding, type Problem } from '../drift/problems.ts';
import { PrometheusCheck } from '../drift/prometheus-check.ts';
import { Watchdog, type WatchdogState } from '../drift/watchdog.ts';
import type { LoadedRules, Pipelines } from '../reconcile/ports.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { AppOptions } from './app-options.ts';
import type { CurrentAlertSource } from './current-alert-source.ts';
import type { ReloadOutcome } from './reloader.ts';

export interface AlertPathOptions extends Runtime, Pick<AppOptions, 'listenAddress' | 'web' | 'apiPrefixes'> {
  readonly store: AlertStore;
  readonly alerts: CurrentAlertSource;
  readonly pipelines: Pipelines;
  /** Gives the current configuration. */
  readonly config: () => Config;
  /** Called when a verdict may differ, because Prometheus has other rules. */
  readonly onRulesChanged: () => void;
}

/** Watches the way of the alerts from the rules of Prometheus to here, and knows what is wrong on it. */
export class AlertPath {
  readonly #options: AlertPathOptions;
  readonly #problems: Problems;
  readonly #watchdog: Watchdog;
  readonly #prometheus: PrometheusCheck;
  /** The port on which it listens. */
  #port = 0;

  constructor(options: AlertPathOptions) {
    const { config, alerts, onRulesChanged } = options;
    this.#options = options;
    this.#problems = new Problems(options);
    const problems = this.#problems;
    this.#watchdog = new Watchdog({ ...options, problems, config: () => config().receiver.watchdog });
    this.#prometheus = new PrometheusCheck({
      ...options,
      problems,
      facts: () => alerts.prometheus?.facts(),
      drift: new DriftCheck({
        ...options,
        settings: () => driftSettings(config()),
        firing: () => alerts.prometheus?.look() ?? Promise.reject(new Error('there is no Prometheus')),
        pending: async () => alerts.prometheus?.pending(),
      }),
      scope: () => ({ action: config().controller.action, select: config().source.select }),
      own: () => this.own,
      intervalMs: () => config().prometheus.check_interval,
      onRulesChanged: () => void (this.requiredRules() !== undefined && onRulesChanged()),
    });
  }

  /** In the order in which they were found. */
  get problems(): readonly Problem[] {
    return this.#problems.list;
  }

  watchdog(): Promise<WatchdogState | undefined> {
    return this.#watchdog.state();
  }

  /** The rules without which no pipeline is healthy; undefined if none are required. */
  readonly requiredRules = (): LoadedRules | undefined => {
    const { url, require_rules: required } = this.#options.config().prometheus;
    return required && url !== null ? this.#prometheus : undefined;
  };

  /** @param messages one sentence for each Alertmanager that cannot be told which pipelines are not healthy */
  notTold(messages: readonly string[]): void {
    const finding = messages.length === 0 ? undefined : { count: messages.length, message: messages.join('; ') };
    this.#problems.tell('alertmanager_not_told', finding);
  }

  /** @param port on which it listens */
  start(port: number): void {
    this.#port = port;
    this.#watchdog.start();
    this.#prometheus.start();
  }

  /** @param changed the keys of the configuration that have another value now */
  reconfigure(changed: readonly string[]): void {
    this.#watchdog.reconfigure();
    if (changed.some((key) => key.startsWith('prometheus.'))) this.#prometheus.restart();
  }

  /** Tells what the last reload of the configuration has left undone. */
  configRead(outcome: ReloadOutcome): void {
    const problems = 'problems' in outcome ? outcome.problems : [];
    const keys = 'needRestart' in outcome ? outcome.needRestart : [];
    this.#problems.tell(
      'config_refused',
      findingOf(problems, 'the configuration file is not good, and the one read before still runs'),
    );
    if ('needRestart' in outcome)
      this.#problems.tell(
        'config_needs_restart',
        findingOf(keys, 'the running Tocsin does not have the values of the file for keys that need a restart'),
      );
  }

  close(): void {
    this.#watchdog.close();
    this.#prometheus.close();
  }

  /** Where this Tocsin may be known. */
  get own(): OwnAddresses {
    const { config, listenAddress, web, apiPrefixes } = this.#options;
    const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
    return {
      advertisedUrls: config().receiver.advertised_urls,
      externalUrl: web?.externalUrl,
      host: listenAddress.host,
      port: this.#port,
      routePrefix: web?.routePrefix ?? '',
      ...(apiPrefixes && { apiPrefixes }),
      machine: [hostname(), ...addresses.filter(({ internal }) => !internal).map(({ address }) => address)],
    };
  }
}

function findingOf(lines: readonly string[], what: string): Finding | undefined {
  return lines.length === 0 ? undefined : { count: lines.length, message: `${what}: ${lines.join('; ')}` };
}

function driftSettings({ prometheus, receiver }: Config): DriftSettings {
  return {
    ignoredLabels: prometheus.ignored_labels,
    checkIntervalMs: prometheus.check_interval,
    resolveTimeoutMs: receiver.resolve_timeout,
    webhookResolveTimeoutMs: receiver.webhook_resolve_timeout,
  };
}
