import type { Logger } from '../runtime/logger.ts';

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
