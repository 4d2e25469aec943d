import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { FailedRequests } from '../../workqueue/work-queue.ts';

/** How often at most the log tells that requests whose last run failed hold their half of the workers, milliseconds. */
export const heldLineMs = 60_000;

/** Tells, at most once in {@link heldLineMs}, that requests which failed last wait for their half of the workers. */
export class HeldLine {
  readonly #options: { readonly clock: Clock; readonly logger: Logger };
  #loggedAt = Number.NEGATIVE_INFINITY;

  constructor(options: { readonly clock: Clock; readonly logger: Logger }) {
    this.#options = options;
  }

  write({ waiting, running, limit }: FailedRequests): void {
    const { clock, logger } = this.#options;
    const now = clock.now();
    if (Math.abs(now - this.#loggedAt) < heldLineMs) return;
    this.#loggedAt = now;
    const message = 'requests whose last run failed hold their half of the workers: further ones wait, others do not';
    logger.warn('requests.held', message, { waiting, running, limit });
  }
}
