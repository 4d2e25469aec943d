import type { Controller } from '../controller/controller.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** How much of the drain timeout the requests under way get; what is left of it is for the queue. */
const receiverShare = 0.25;

/** Kept back from the drain timeout for what is told to stop at its end, milliseconds. */
const closingMs = 250;

interface ShutdownOptions extends Pick<Runtime, 'clock' | 'logger'> {
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

/** What was opened, to be closed in reverse order; each step has a name for the log. */
export class Cleanups {
  readonly #logger: Logger;
  readonly #steps: { readonly name: string; readonly close: () => unknown }[] = [];

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** To be called right after something was opened. */
  add(name: string, close: () => unknown): void {
    this.#steps.push({ name, close });
  }

  /** Closes all, the last one opened first. One that fails is logged and keeps none of the others from being closed. */
  async run(): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step.close();
        this.#logger.debug('app.closed', 'a part has been closed', { part: step.name });
      } catch (error) {
        this.#logger.error('app.close_failed', 'a part could not be closed properly', { part: step.name, error });
      }
    }
  }
}
