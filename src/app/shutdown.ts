import type { Clock } from '../runtime/clock.ts';
import type { Controller } from '../controller/controller.ts';
import type { Logger } from '../runtime/logger.ts';

/** How much of the drain timeout the requests under way get; what is left of it is for the queue. */
const receiverShare = 0.25;

/** Kept back from the drain timeout for what is told to stop at its end, milliseconds. */
const closingMs = 250;

export interface ShutdownOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** `controller.drain_timeout` as it is now, milliseconds. */
  readonly drainTimeoutMs: () => number;
}

/** One deadline for all that ends, one thing after the other, when the process does. */
export class Shutdown {
  readonly #options: ShutdownOptions;
  #stopBy = Number.POSITIVE_INFINITY;

  constructor(options: ShutdownOptions) {
    this.#options = options;
  }

  get hasBegun(): boolean {
    return this.#stopBy !== Number.POSITIVE_INFINITY;
  }

  /** Milliseconds; before it has begun, all that there would be. */
  get remainingMs(): number {
    // Never more than all of it, even if the clock is set back meanwhile.
    return Math.max(0, Math.min(this.#stopBy - this.#options.clock.now(), this.#options.drainTimeoutMs()));
  }

  /** What the requests under way may take of it, milliseconds. */
  get receiverMs(): number {
    return receiverShare * this.remainingMs;
  }

  begin(): void {
    const { clock, logger, drainTimeoutMs } = this.#options;
    this.#stopBy = clock.now() + drainTimeoutMs() - closingMs;
    logger.info('app.stopping', 'shutting down', { drain_timeout_ms: drainTimeoutMs() });
  }

  /** Lets the queue run dry, as far as there is time. */
  async drain(controller: Pick<Controller, 'stop'>): Promise<void> {
    const left = await controller.stop(this.remainingMs);
    if (left === 0) return;
    this.#options.logger.warn(
      'app.drain_incomplete',
      'requests were given up at shutdown; the next start looks at every pipeline',
      { requests: left },
    );
  }
}
