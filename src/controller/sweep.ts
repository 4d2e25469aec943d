import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { describeCauses, type Causes } from '../cause/causes.ts';

export type SweepOutcome = 'changed' | 'unchanged' | 'failed';

export interface SweepOptions {
  readonly eventId: string;
  readonly causes: Causes;
  /** How many requests there are to settle; 1 or more. */
  readonly requests: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** All requests of one event: counts how they end, and says so when the last one has. A later retry is no part of it. */
export class Sweep {
  readonly #options: SweepOptions;
  readonly #startedAt: number;
  readonly #settled: Record<SweepOutcome, number> = { changed: 0, unchanged: 0, failed: 0 };
  #open: number;
  #firstError: unknown;

  constructor(options: SweepOptions) {
    this.#options = options;
    this.#startedAt = options.clock.now();
    this.#open = options.requests;
  }

  get eventId(): string {
    return this.#options.eventId;
  }

  /** When the first alert of the event was received, milliseconds; Infinity if it is about none. */
  get firstAlertAt(): number {
    return this.#options.causes.firstSeen;
  }

  /** One request has ended. @param error why it failed, if it did; the first one is told */
  settle(outcome: SweepOutcome, error?: unknown): void {
    this.#settled[outcome]++;
    if (outcome === 'failed') this.#firstError ??= error;
    if (--this.#open > 0) return;
    const { eventId, causes, requests, clock, logger } = this.#options;
    logger.info('sweep.finished', 'all requests of an event are done', {
      event_id: eventId,
      requests,
      ...this.#settled,
      ...(this.#firstError !== undefined && { error: this.#firstError }),
      duration_ms: Math.max(0, clock.now() - this.#startedAt),
      ...describeCauses(causes),
    });
  }
}
