import type { AlertStore } from '../../alert/alert-store.ts';
import type { OnUndecided } from '../../matcher/matcher.ts';
import type { Silences } from '../../silence/silences.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Config } from '../../config/config.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { SliceSchedule } from '../../runtime/slice-schedule.ts';
import { AlertLists } from './alert-lists.ts';
import { ReadHandler } from './read-handler.ts';
import type { ReceiverMetrics } from '../intake/receiver-metrics.ts';

export interface ReadOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly schedule: SliceSchedule;
  readonly logger: Logger;
  readonly metrics: ReceiverMetrics;
  readonly store: AlertStore;
  readonly silences: Silences;
  /** Told of what a filter cannot decide. */
  readonly onUndecided: OnUndecided;
  /** Of Tocsin. */
  readonly version: string;
  /** The configuration that holds when it is called. */
  readonly current: () => Config;
}

/** What answers the GETs, put together. */
export function createReadHandler(options: ReadOptions): ReadHandler {
  const { config, clock, version, silences, current } = options;
  const { group_by: groupBy } = config.receiver;
  return new ReadHandler({
    ...options,
    lists: new AlertLists({ ...options, silencedBy: (alert, now) => silences.silencedBy(alert, now), groupBy }),
    status: {
      version,
      startedAt: clock.now(),
      groupBy,
      get resolveTimeoutMs() {
        return current().receiver.resolve_timeout;
      },
    },
  });
}
