import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { healthRules } from '../../src/health/health-rules.ts';
import { freePort } from './free-port.ts';
import { startPrometheus, type PrometheusOptions, type PrometheusVersion } from './prometheus-server.ts';
import { checkBecomes, runCheck, type CheckRun } from './run-check.ts';
import type { ServerProcess } from './server-process.ts';
import { startTocsin, type TocsinProcess } from './tocsin-process.ts';

/** How often Prometheus sends again what fires. What is gone is noticed after a few of these. */
const resendDelay = '1s';

/** A rule of a rule file. */
type Rule = Readonly<Record<string, unknown>>;

/** One that fires all the time for the pipeline, and one that never does for each other alert of its kind. */
export const traceRules: readonly Rule[] = healthRules.alerts
  .filter(({ flavour }) => flavour === 'trace')
  .map(({ rule }) => ({ alert: `Trace${rule}`, expr: rule === 'GatewayThrottling' ? 'vector(1)' : 'vector(1) > 1' }));
export const watchdogRule: Rule = { alert: 'Watchdog', expr: 'vector(1)' };

export function ruleFile(...rules: readonly Rule[]): string {
  return stringify({ groups: rules.length === 0 ? [] : [{ name: 'checked', rules }] });
}

/** A real Prometheus that scrapes itself and sends to a Tocsin with one TracePipeline; both may be stopped and changed. */
export class CheckedChain {
  prometheus!: ServerProcess;
  tocsin!: TocsinProcess;
  readonly #version: PrometheusVersion;
  readonly #given: Partial<PrometheusOptions>;
  readonly #tocsinKeys: object;
  #folder = '';
  #ports = { prometheus: 0, tocsin: 0 };

  /** @param tocsinKeys more keys of its configuration */
  constructor(version: PrometheusVersion, given: Partial<PrometheusOptions> = {}, tocsinKeys: object = {}) {
    this.#version = version;
    this.#given = given;
    this.#tocsinKeys = tocsinKeys;
  }

  async start(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'tocsin-chain-'));
    this.#ports = { prometheus: await freePort(), tocsin: await freePort() };
    const manifest = 'apiVersion: telemetry.kyma-project.io/v1beta1\nkind: TracePipeline\nmetadata: {name: backend}\n';
    await writeFile(join(this.#folder, 'backend.yaml'), manifest);
    await Promise.all([this.startPrometheus(), this.startTocsin()]);
  }

  async startPrometheus(): Promise<void> {
    const { prometheus, tocsin } = this.#ports;
    this.prometheus = await startPrometheus({
      version: this.#version,
      port: prometheus,
      rules: ruleFile(...traceRules, watchdogRule),
      resendDelay,
      scrapeTargets: [`127.0.0.1:${prometheus}`],
      ...this.#given,
      alertmanagers: [`127.0.0.1:${tocsin}`, ...(this.#given.alertmanagers ?? [])],
    });
  }

  async startTocsin(storagePath?: string): Promise<void> {
    const receiver = { watchdog: { matcher: 'alertname="Watchdog"', after: '4s' } };
    const prometheus = { url: `http://127.0.0.1:${this.#ports.prometheus}`, check_interval: '1s' };
    const pipelines = { folder: this.#folder };
    this.tocsin = await startTocsin({
      port: this.#ports.tocsin,
      config: stringify({ receiver, prometheus, pipelines, ...this.#tocsinKeys }),
      ...(storagePath !== undefined && { storagePath }),
    });
  }

  async stop(): Promise<void> {
    await Promise.all([this.tocsin?.stop(), this.prometheus?.stop()]);
    await rm(this.#folder, { recursive: true, force: true });
  }

  check(...args: readonly string[]): Promise<CheckRun> {
    return runCheck('--url', this.tocsin.url, ...args);
  }

  /** Waits until this check alone is bad and says this; without one, until all are good. */
  async becomes(bad = '', says = /^/): Promise<CheckRun> {
    return checkBecomes(
      ['--url', this.tocsin.url, '--prometheus.url', this.prometheus.url],
      (run) => run.bad.join() === bad && says.test(run.said),
      40_000,
    );
  }

  /** Changes the configuration of Prometheus, and has it read that. */
  async configure(change: (configuration: PrometheusConfiguration) => void): Promise<void> {
    const file = join(this.prometheus.folder, 'prometheus.yml');
    const configuration = parse(await readFile(file, 'utf8')) as PrometheusConfiguration;
    change(configuration);
    await writeFile(file, stringify(configuration));
    await this.reload();
  }

  async setRules(...rules: readonly Rule[]): Promise<void> {
    await writeFile(join(this.prometheus.folder, 'rules.yml'), ruleFile(...rules));
    await this.reload();
  }

  async reload(): Promise<void> {
    await fetch(`${this.prometheus.url}/-/reload`, { method: 'POST' });
  }
}

/** The part of `prometheus.yml` that tests change. */
interface PrometheusConfiguration {
  global: Record<string, unknown>;
  rule_files: string[];
  alerting: {
    alert_relabel_configs: object[];
    alertmanagers: { static_configs: { targets: string[] }[]; path_prefix?: string }[];
  };
}
