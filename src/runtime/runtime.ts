import type { Registry } from 'prom-client';
import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';
import type { SliceSchedule } from './slices.ts';

/**
 * The things of which an app has exactly one, and which it passes to its parts. A part declares what it needs: `Pick<Runtime,
 * 'clock' | 'logger'>`.
 */
export interface Runtime {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly schedule: SliceSchedule;
  /** Of the metrics. */
  readonly registry: Registry;
}
