import type { CancelTimer } from '../runtime/clock.ts';
import type { Config } from '../config/config.ts';
import { configChange, type ConfigChange } from '../config/live-keys.ts';
import type { LoadedConfig } from '../config/load-config.ts';
import type { TenantConfig } from '../config/tenant-configs.ts';
import { maxNamedProblems } from '../receiver/intake/alert-intake.ts';
import type { AppOptions } from './app-options.ts';
import { createReloadMetrics, type ReloadMetrics, type RunningConfiguration } from './metrics.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** The shortest time between two reloads, however many are requested, milliseconds. */
const minReloadIntervalMs = 200;

/** `file`: the file has changed, and is followed. */
export type ReloadTrigger = 'signal' | 'http' | 'file';

/** The result of a reload. */
export type ReloadOutcome =
  /** `needRestart`: the keys whose new values need a restart. */
  | { readonly needRestart: readonly string[] }
  /** Nothing has changed. Each problem is one line. */
  | { readonly problems: readonly string[] };

/** A configuration that a reload applies, and the tenants of it. */
export interface SpinesChange extends ConfigChange {
  readonly tenants: readonly TenantConfig[];
}

/** A valid configuration that has not been applied yet. */
export interface PreparedConfig {
  readonly changed: readonly string[];
  readonly needRestart: readonly string[];
  /** Applies it, at once and completely. Must not throw. */
  apply(): void;
}

type GoodConfig = Exclude<LoadedConfig, { readonly problems: unknown }>;

interface ReloaderOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly metrics: ReloadMetrics;
  /** Reads file and flags again. */
  readonly load: () => LoadedConfig;
  /** Does everything that can fail; rejects with an error whose message is for the user. */
  readonly prepare: (next: GoodConfig) => Promise<PreparedConfig>;
  /** Is told the result of every reload. */
  readonly onOutcome?: (outcome: ReloadOutcome) => void;
}

/** The most problems on one line of the log. */
const maxLoggedProblems = 20;

/**
 * Reloads the configuration, one reload at a time and at most one every {@link minReloadIntervalMs}. A caller that asks in
 * between gets the result of the next reload, which begins after the call.
 */
export class Reloader {
  readonly #options: ReloaderOptions;
  readonly #triggers = new Set<ReloadTrigger>();
  #next: Promise<ReloadOutcome> | undefined;
  /** Settles when no reload is running. */
  #last: Promise<unknown> = Promise.resolve();
  #startedAt = Number.NEGATIVE_INFINITY;
  #endPause: (() => void) | undefined;
  /** Why the last reload was refused; '' if it was not. */
  #refusedFor = '';

  constructor(options: ReloaderOptions) {
    this.#options = options;
  }

  get running(): RunningConfiguration {
    return this.#options.metrics.running;
  }

  /** Never rejects. */
  reload(trigger: ReloadTrigger): Promise<ReloadOutcome> {
    this.#triggers.add(trigger);
    return (this.#next ??= this.#begin());
  }

  /** Leaves no timer behind: a reload that waits for its time is done at once. */
  close(): void {
    this.#endPause?.();
  }

  async #begin(): Promise<ReloadOutcome> {
    await this.#last;
    await this.#pause();
    this.#startedAt = this.#options.clock.now();
    const triggers = [...this.#triggers];
    this.#triggers.clear();
    this.#next = undefined;
    const run = this.#run(triggers);
    this.#last = run;
    const outcome = await run;
    this.#options.onOutcome?.(outcome);
    return outcome;
  }

  async #pause(): Promise<void> {
    const { clock } = this.#options;
    const sinceMs = clock.now() - this.#startedAt;
    if (sinceMs < 0 || sinceMs >= minReloadIntervalMs) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancelTimer: CancelTimer = clock.setTimeout(resolve, minReloadIntervalMs - sinceMs);
    this.#endPause = () => {
      cancelTimer();
      resolve();
    };
    await promise;
    this.#endPause = undefined;
  }

  async #run(triggers: readonly ReloadTrigger[]): Promise<ReloadOutcome> {
    const { load, prepare, metrics } = this.#options;
    try {
      const loaded = load();
      if ('problems' in loaded) return this.#failed(triggers, loaded.problems);
      const prepared = await prepare(loaded);
      prepared.apply();
      metrics.succeeded(loaded.text, this.#options.clock.now());
      this.#refusedFor = '';
      return this.#succeeded(triggers, prepared);
    } catch (error) {
      return this.#failed(triggers, [error instanceof Error ? error.message : String(error)]);
    }
  }

  #succeeded(triggers: readonly ReloadTrigger[], { changed, needRestart }: PreparedConfig): ReloadOutcome {
    const { logger } = this.#options;
    logger.info('config.reloaded', 'the configuration was read again', { triggers, changed });
    if (needRestart.length > 0)
      logger.warn('config.restart_needed', 'keys of the new configuration need a restart: the running values stay', {
        keys: needRestart,
      });
    return { needRestart };
  }

  #failed(triggers: readonly ReloadTrigger[], problems: readonly string[]): ReloadOutcome {
    const { logger, metrics } = this.#options;
    metrics.failed();
    const refusedFor = problems.join('\n');
    // A followed file is tried again and again, and says the same each time.
    const isKnown = refusedFor === this.#refusedFor && triggers.every((trigger) => trigger === 'file');
    this.#refusedFor = refusedFor;
    logger[isKnown ? 'debug' : 'error'](
      'config.reload_failed',
      'the new configuration is not good: nothing has changed',
      {
        triggers,
        problems: problems.slice(0, maxLoggedProblems),
        ...(problems.length > maxLoggedProblems && { more_problems: problems.length - maxLoggedProblems }),
      },
    );
    const more = problems.length - maxNamedProblems;
    return { problems: [...problems.slice(0, maxNamedProblems), ...(more > 0 ? [`and ${more} more`] : [])] };
  }
}

interface AppReloaderOptions
  extends Runtime, Pick<AppOptions, 'configText' | 'inFile' | 'loadConfig'>, Pick<ReloaderOptions, 'onOutcome'> {
  /** Gives the current configuration. */
  readonly config: () => Config;
  /** Does everything that can fail, and returns a function that applies it. Throws an error whose message is for the user. */
  readonly prepare: (change: SpinesChange) => () => void;
}

/** A reloader that finds what a new configuration changes. */
export function createReloader(options: AppReloaderOptions): Reloader {
  const { clock, config, configText: text = '', loadConfig, prepare, registry } = options;
  const { inFile = { folder: false, kubernetes: false } } = options;
  return new Reloader({
    ...options,
    metrics: createReloadMetrics(registry, text, clock.now()),
    load: loadConfig ?? (() => ({ config: config(), text, pipelinesFolderGiven: true, inFile })),
    prepare: (next) => {
      const change = configChange({ config: config(), inFile }, next);
      return Promise.resolve({ ...change, apply: prepare({ ...change, tenants: next.tenants ?? [] }) });
    },
  });
}
