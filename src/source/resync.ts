import type { CancelTimer, Clock } from '../runtime/clock.ts';

export interface ResyncOptions {
  readonly clock: Clock;
  /** `controller.resync`, milliseconds; 0: never. */
  readonly periodMs: number;
  /** Has every pipeline looked at. */
  readonly sweep: () => void;
  /** 0 up to 1, not included: replicas that started together do not ask Prometheus together. */
  readonly random?: () => number;
}

/** Looks at every pipeline again from time to time, each period up to a tenth shorter or longer: it heals what no push will ever tell. */
export class Resync {
  readonly #options: ResyncOptions;
  #periodMs: number;
  #cancelTimer: CancelTimer | undefined;

  constructor(options: ResyncOptions) {
    this.#options = options;
    this.#periodMs = options.periodMs;
  }

  start(): void {
    const { clock, sweep, random = Math.random } = this.#options;
    if (this.#periodMs === 0) return;
    const delayMs = this.#periodMs * (0.9 + 0.2 * random());
    this.#cancelTimer = clock.setTimeout(() => {
      this.start();
      sweep();
    }, delayMs);
  }

  /** Begins a period of another length now. */
  restart(periodMs: number): void {
    if (periodMs === this.#periodMs) return;
    this.#periodMs = periodMs;
    this.close();
    this.start();
  }

  /** Leaves no timer behind. */
  close(): void {
    this.#cancelTimer?.();
  }
}
