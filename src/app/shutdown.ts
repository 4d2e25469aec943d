import type { Controller } from '../controller/controller.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** The share of the drain timeout for current requests; the queue gets the rest. */
const receiverShare = 0.25;

/** The part of the drain timeout that is kept back to stop what still runs at its end, milliseconds. */
const closingMs = 250;

/** With other replicas, the queue gets no more than this, so that the next one leads soon: it looks at everything anyway. Milliseconds. */
const handoverMs = 500;

/**
 * With other replicas, how long one that was told to end still takes alerts in, milliseconds: a sender may not know yet that it goes. A
 * Service needs about a second for that, and a push that is refused meanwhile would come again after a minute only.
 */
const lingerMs = 3000;

/** The part of the drain timeout that this may take. */
const lingerShare = 0.25;

/** The time between two looks at whether the work is done, milliseconds. */
const lookMs = 20;

interface ShutdownOptions extends Pick<Runtime, 'clock' | 'logger'> {
  /** The current `controller.drain_timeout`, milliseconds. */
  readonly drainTimeoutMs: () => number;
}

/** One deadline for all parts, which end one after the other when the process ends. */
export class Shutdown {
  readonly #options: ShutdownOptions;
  #stopBy = Number.POSITIVE_INFINITY;

  constructor(options: ShutdownOptions) {
    this.#options = options;
  }

  get hasBegun(): boolean {
    return this.#stopBy !== Number.POSITIVE_INFINITY;
  }

  /** Milliseconds; before the shutdown, the whole drain timeout. */
  get remainingMs(): number {
    // Never more than the whole timeout, even if the clock is set back meanwhile.
    return Math.max(0, Math.min(this.#stopBy - this.#options.clock.now(), this.#options.drainTimeoutMs()));
  }

  /** The part of it for current requests, milliseconds. */
  get receiverMs(): number {
    return receiverShare * this.remainingMs;
  }

  begin(): void {
    const { clock, logger, drainTimeoutMs } = this.#options;
    this.#stopBy = clock.now() + drainTimeoutMs() - closingMs;
    logger.info('app.stopping', 'shutting down', { drain_timeout_ms: drainTimeoutMs() });
  }

  /**
   * Another replica leads as soon as what was there is done, while this one goes on to receive, and tells that one.
   * @param isDone true once what this replica has to finish is finished
   */
  async handOver(given: { readonly isDone: () => boolean; readonly release: () => unknown }): Promise<void> {
    const { clock, logger } = this.#options;
    const startedAt = clock.monotonic();
    const takenMs = (): number => clock.monotonic() - startedAt;
    const rest = (ms: number): Promise<void> => new Promise((resolve) => void clock.setTimeout(resolve, ms));
    while (!given.isDone() && takenMs() < Math.min(handoverMs, this.remainingMs)) await rest(lookMs);
    await given.release();
    const leftMs = Math.min(lingerMs - takenMs(), lingerShare * this.remainingMs);
    if (leftMs <= 0) return;
    logger.info('app.lingering', 'another replica may lead now; alerts are still taken in, until all senders know', {
      linger_ms: Math.round(leftMs),
    });
    await rest(leftMs);
  }

  /** Lets the queue finish, as far as time allows. @param hasSuccessor whether another replica leads after this one */
  async drain(controller: Pick<Controller, 'stop'>, hasSuccessor = false): Promise<void> {
    const left = await controller.stop(Math.min(this.remainingMs, hasSuccessor ? handoverMs : this.remainingMs));
    if (left === 0) return;
    this.#options.logger.warn(
      'app.drain_incomplete',
      'requests were given up at shutdown; the next start, or the next leader, looks at every pipeline',
      { requests: left },
    );
  }
}

/** Closes what was opened, in reverse order; each step has a name for the log. */
export class Cleanups {
  readonly #logger: Logger;
  readonly #steps: { readonly name: string; readonly close: () => unknown }[] = [];

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Call it right after something was opened. */
  add(name: string, close: () => unknown): void {
    this.#steps.push({ name, close });
  }

  /** Closes everything, in reverse order. A step that fails is logged and does not prevent the others. */
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
