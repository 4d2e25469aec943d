import type { CancelTimer } from '../runtime/clock.ts';
import { LineOnceAWhile } from '../runtime/limited-lines.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** Prometheus could not be asked: the time until the next try, milliseconds. */
const retryMs = 5000;

/** Timers by name, and work that is done again after a failure. All of it ends with {@link close}. */
export class Attempts {
  readonly #options: Pick<Runtime, 'clock' | 'logger'>;
  readonly #closed = new AbortController();
  readonly #timers = new Map<string, CancelTimer>();
  readonly #failureLine: LineOnceAWhile;

  constructor(options: Pick<Runtime, 'clock' | 'logger'>) {
    this.#options = options;
    this.#failureLine = new LineOnceAWhile(options.clock);
  }

  /** Aborted by {@link close}. */
  get signal(): AbortSignal {
    return this.#closed.signal;
  }

  close(): void {
    this.#closed.abort(new Error('Tocsin is shutting down'));
    for (const name of this.#timers.keys()) this.cancel(name);
  }

  /** Tries again after a failure. @param again how; default: as the first time */
  async attempt(name: string, task: () => Promise<void>, again?: () => void): Promise<void> {
    try {
      await task();
    } catch (error) {
      if (this.#closed.signal.aborted) return;
      this.#logFailure(error);
      this.setTimer(name, retryMs, again ?? (() => void this.attempt(name, task)));
    }
  }

  /** Takes the place of the timer of the same name. */
  setTimer(name: string, delayMs: number, due: () => void): void {
    if (this.#closed.signal.aborted) return;
    this.cancel(name);
    const cancel = this.#options.clock.setTimeout(() => {
      this.#timers.delete(name);
      due();
    }, delayMs);
    this.#timers.set(name, cancel);
  }

  has(name: string): boolean {
    return this.#timers.has(name);
  }

  cancel(name: string): void {
    this.#timers.get(name)?.();
    this.#timers.delete(name);
  }

  #logFailure(error: unknown): void {
    const { logger } = this.#options;
    if (!this.#failureLine.allows()) return;
    const message = 'it could not be found out what alerts wake; it is tried again';
    logger.warn('trigger.choice_failed', message, { error: String(error), retry_ms: retryMs });
  }
}
