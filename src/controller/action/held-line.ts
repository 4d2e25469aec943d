import { LineOnceAWhile } from '../../runtime/limited-lines.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { FailedRequests } from '../../workqueue/work-queue.ts';

/** How often at most the log tells that requests whose last run failed hold their half of the workers, milliseconds. */
export const heldLineMs = 60_000;

/** Tells, at most once in {@link heldLineMs}, that requests which failed last wait for their half of the workers. */
export class HeldLine {
  readonly #logger: Logger;
  readonly #line: LineOnceAWhile;

  constructor(options: { readonly clock: Clock; readonly logger: Logger }) {
    this.#logger = options.logger;
    this.#line = new LineOnceAWhile(options.clock, heldLineMs);
  }

  write({ waiting, running, limit }: FailedRequests): void {
    if (!this.#line.allows()) return;
    const message = 'requests whose last run failed hold their half of the workers: further ones wait, others do not';
    this.#logger.warn('requests.held', message, { waiting, running, limit });
  }
}
