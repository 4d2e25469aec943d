import type { Clock } from '../../runtime/clock.ts';
import { eventPeriodMs } from '../../limits.ts';
import type { Logger } from '../../runtime/logger.ts';
import { ApiError } from '../api/api-error.ts';
import type { EventSeries } from './event-series.ts';
import type { WriteMetrics } from './write-metrics.ts';

export interface EventReportOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Pick<WriteMetrics, 'event'>;
}

const manifest = 'k8s/base/cluster-role-writer.yaml';

/** Tells what became of Events: all of them to the metrics, those that are lost to the log as well, in a line a minute at most. */
export class EventReport {
  readonly #options: EventReportOptions;
  #lost = { failed: 0, dropped: 0 };
  /** Of the last one lost: why. */
  #cause: Readonly<Record<string, unknown>> = {};
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(options: EventReportOptions) {
    this.#options = options;
  }

  written(result: 'created' | 'updated'): void {
    this.#options.metrics.event(result);
  }

  failed(error: unknown, { event }: EventSeries): void {
    this.#options.metrics.event('failed');
    this.#lost.failed++;
    const lacksRight = error instanceof ApiError && error.missingRight !== undefined;
    const { namespace } = event.metadata;
    this.#cause = { error, namespace, reason: event.reason, ...(lacksRight && { manifest }) };
    this.#tell();
  }

  /** Too many waited, or the process ends. */
  dropped(): void {
    this.#options.metrics.event('dropped');
    this.#lost.dropped++;
    this.#tell();
  }

  /** No more will come: what was not told for want of a minute is told now. */
  end(): void {
    if (this.#lost.failed + this.#lost.dropped === 0) return;
    this.#toldAt = Number.NEGATIVE_INFINITY;
    this.#tell();
  }

  /** How many were lost since the last line. */
  #tell(): void {
    const { clock, logger } = this.#options;
    const now = clock.now();
    if (Math.abs(now - this.#toldAt) < eventPeriodMs) return;
    logger.warn('events.lost', 'Kubernetes Events could not be written; conditions are not concerned', {
      ...this.#lost,
      ...this.#cause,
    });
    this.#lost = { failed: 0, dropped: 0 };
    this.#cause = {};
    this.#toldAt = now;
  }
}
