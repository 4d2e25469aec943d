import type { AlertStore } from '../alert/alert-store.ts';
import type { Config } from '../config/config.ts';
import { Problems, type Problem } from '../drift/problems.ts';
import { Watchdog } from '../drift/watchdog.ts';
import type { Runtime } from '../runtime/runtime.ts';

export interface AlertPathOptions extends Runtime {
  readonly store: AlertStore;
  /** Gives the current configuration. */
  readonly config: () => Config;
}

/** Watches the way of the alerts from the rules of Prometheus to here, and knows what is wrong on it. */
export class AlertPath {
  readonly #problems: Problems;
  readonly #watchdog: Watchdog;

  constructor(options: AlertPathOptions) {
    const { config } = options;
    this.#problems = new Problems(options);
    this.#watchdog = new Watchdog({ ...options, problems: this.#problems, config: () => config().receiver.watchdog });
  }

  /** In the order in which they were found. */
  get problems(): readonly Problem[] {
    return this.#problems.list;
  }

  start(): void {
    this.#watchdog.start();
  }

  /** Call it when the configuration has changed. */
  reconfigure(): void {
    this.#watchdog.reconfigure();
  }

  close(): void {
    this.#watchdog.close();
  }
}
