import type { CancelTimer, Clock } from '../clock.ts';

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
  #cancelTimer: CancelTimer | undefined;

  constructor(options: ResyncOptions) {
    this.#options = options;
  }

  start(): void {
    const { clock, periodMs, sweep, random = Math.random } = this.#options;
    if (periodMs === 0) return;
    const delayMs = periodMs * (0.9 + 0.2 * random());
    this.#cancelTimer = clock.setTimeout(() => {
      this.start();
      sweep();
    }, delayMs);
  }

  /** Leaves no timer behind. */
  close(): void {
    this.#cancelTimer?.();
  }
}
