import type { Registry } from 'prom-client';
import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';
import type { SliceSchedule } from './slice-schedule.ts';

/** What an app has one of, and hands on to its parts. A part says what it needs: `Pick<Runtime, 'clock' | 'logger'>`. */
export interface Runtime {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly schedule: SliceSchedule;
  /** Of the metrics. */
  readonly registry: Registry;
}
