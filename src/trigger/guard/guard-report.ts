import { Counter, Gauge, type Registry } from 'prom-client';
import { describeBriefly, type Causes } from '../../cause/causes.ts';
import { LimitedLines, LineOnceAWhile } from '../../runtime/limited-lines.ts';
import type { LogFields } from '../../runtime/logger.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { formatDateTime } from '../../text/go/date-time.ts';
import { maxGuardedPairs, maxParkedAlerts, type Pair } from './guard-state.ts';

/** Why a parked run is not made. */
export type DropReason = 'trigger_gone' | 'trigger_changed' | 'suspended' | 'observed' | 'object_gone';

const dropReasons: readonly DropReason[] = ['trigger_gone', 'trigger_changed', 'suspended', 'observed', 'object_gone'];

interface GuardReportOptions extends Pick<Runtime, 'clock' | 'logger' | 'registry'> {
  /** `log.alert_lines_per_second`. */
  readonly perSecond: () => number;
  readonly counts: () => { readonly parked: number; readonly pairs: number; readonly isUnsaved: boolean };
}

/** What the guard says: its lines of the log and its metrics. */
export class GuardReport {
  readonly #options: GuardReportOptions;
  readonly #limiter: LimitedLines;
  readonly #forgotLine: LineOnceAWhile;
  readonly #metrics: GuardMetrics;

  constructor(options: GuardReportOptions) {
    const { clock, logger } = options;
    this.#options = options;
    this.#metrics = createGuardMetrics(options);
    this.#forgotLine = new LineOnceAWhile(clock);
    const onOverflow = ({ lines, per_second }: LogFields): void =>
      logger.info('trigger.lines_limited', 'more lines about runs that wait for a budget were written at debug only', {
        lines,
        limit: 'log.alert_lines_per_second',
        per_second,
      });
    this.#limiter = new LimitedLines({ ...options, onOverflow });
  }

  /** @param retryAt milliseconds since the epoch */
  throttled(pair: Pair, causes: Causes, because: 'min_interval' | 'budget', retryAt: number): void {
    this.#metrics.throttled.inc();
    this.#line('trigger.throttled', 'a trigger has done enough to an object: the run waits for its slot', pair, {
      because,
      retry_at: formatDateTime(retryAt),
      ...describeBriefly(causes),
    });
  }

  released(pair: Pair, waitedMs: number): void {
    this.#metrics.released.inc();
    this.#line('trigger.released', 'the slot of a run that waited has come', pair, {
      waited_ms: Math.round(waitedMs),
      ...describeBriefly(pair.parked!.causes),
    });
  }

  dropped(pair: Pair, because: DropReason): void {
    this.#metrics.dropped.inc({ because });
    this.#line('trigger.parked_dropped', 'a run that waited is not made', pair, {
      because,
      ...describeBriefly(pair.parked!.causes),
    });
  }

  /** @param names of alerts that a parked run can no longer name */
  namesLost(pair: Pair, names: readonly string[]): void {
    this.#metrics.limited.inc({ limit: 'parked_alerts' }, names.length);
    this.#line('trigger.parked_alerts_full', 'a run that waits counts further alerts without their names', pair, {
      limit: maxParkedAlerts,
      alertnames: names,
    });
  }

  forgot(pairs: number): void {
    this.#metrics.limited.inc({ limit: 'guarded_objects' }, pairs);
    if (!this.#forgotLine.allows()) return;
    const message = 'triggers act on so many objects that some budgets are forgotten: they are full again';
    this.#options.logger.warn('trigger.budgets_forgotten', message, { limit: maxGuardedPairs, forgotten: pairs });
  }

  /** @param leftOut records for which the lease has no room */
  notShared(leftOut: number): void {
    if (leftOut === 0) return;
    this.#metrics.limited.inc({ limit: 'shared_objects' }, leftOut);
    if (!this.#forgotLine.allows()) return;
    const message =
      'budgets of triggers have no room in the lease: for the next leader, those used longest ago are full again';
    this.#options.logger.warn('trigger.budgets_not_shared', message, { records: leftOut });
  }

  /** What another leader has left of the budgets cannot be read, or not all of it. */
  unreadable(): void {
    const message =
      'what the former leader left of the budgets of triggers could not be read: they are as this replica knows them';
    this.#options.logger.warn('triggers.not_taken_over', message);
  }

  restored(parked: number, pairs: number): void {
    if (pairs === 0) return;
    const message = 'the budgets of triggers are as they were before the restart';
    this.#options.logger.info('triggers.loaded', message, { objects: pairs, parked });
  }

  /** At the end of the process. */
  closed(parked: number, isUnsaved: boolean): void {
    if (parked === 0) return;
    const message = isUnsaved
      ? 'runs that wait for a budget are lost'
      : 'the next start makes the runs that wait for a budget';
    this.#options.logger[isUnsaved ? 'error' : 'info']('triggers.parked_kept', message, { parked, lost: isUnsaved });
  }

  #line(event: string, message: string, { trigger, request }: Pair, fields: LogFields): void {
    const level = this.#limiter.allows() ? 'info' : 'debug';
    const { logger } = this.#options;
    if (logger.enables(level, event)) logger[level](event, message, { trigger, ...request, ...fields });
  }
}

interface GuardMetrics {
  readonly throttled: Counter;
  readonly released: Counter;
  readonly dropped: Counter<'because'>;
  readonly limited: Counter<'limit'>;
}

function createGuardMetrics({ registry, counts }: GuardReportOptions): GuardMetrics {
  const registers = [registry];
  const throttled = new Counter({
    registers,
    name: 'tocsin_trigger_throttled_total',
    help: 'Runs that had to wait, because their trigger had done enough to the object.',
  });
  const released = new Counter({
    registers,
    name: 'tocsin_trigger_released_total',
    help: 'Runs that had waited for a trigger and whose slot came.',
  });
  const dropped = new Counter({
    registers,
    name: 'tocsin_trigger_parked_dropped_total',
    help: 'Runs that waited for a trigger and were not made, because it or its object is gone or has changed.',
    labelNames: ['because'],
  });
  for (const because of dropReasons) dropped.inc({ because }, 0);
  const limited = new Counter({
    registers,
    name: 'tocsin_trigger_guard_limit_total',
    help: 'What the guard of triggers had to forget, by the limit: names of alerts of a run that waits, budgets of objects.',
    labelNames: ['limit'],
  });
  for (const limit of ['parked_alerts', 'guarded_objects']) limited.inc({ limit }, 0);
  new Gauge({
    registers,
    name: 'tocsin_trigger_parked_runs',
    help: 'Runs that wait until their trigger may act on the object again.',
    collect() {
      this.set(counts().parked);
    },
  });
  new Gauge({
    registers,
    name: 'tocsin_trigger_guarded_objects',
    help: 'Pairs of trigger and object whose last runs are remembered; at most 100,000.',
    collect() {
      this.set(counts().pairs);
    },
  });
  new Gauge({
    registers,
    name: 'tocsin_trigger_budgets_unsaved',
    help: 'Whether the budgets of triggers are in memory only, because the storage fails.',
    collect() {
      this.set(Number(counts().isUnsaved));
    },
  });
  return { throttled, released, dropped, limited };
}

/** The metrics of storms. */
export interface StormMetrics {
  readonly storms: Counter;
  readonly paced: Counter;
  readonly dropped: Counter;
}

/** @param waiting the number of runs that wait, read at each scrape */
export function createStormMetrics(registry: Registry, waiting: () => number): StormMetrics {
  const registers = [registry];
  const storms = new Counter({
    registers,
    name: 'tocsin_trigger_storms_total',
    help: 'Storms: events that concerned more than storm.share of more than storm.objects objects of triggers.',
  });
  const paced = new Counter({
    registers,
    name: 'tocsin_trigger_storm_runs_total',
    help: 'Runs that waited because of a storm and went out at storm.rate, or at once by hand.',
  });
  const dropped = new Counter({
    registers,
    name: 'tocsin_trigger_storm_dropped_total',
    help: 'Runs that waited because of a storm and were not made, because their triggers had changed or were gone.',
  });
  new Gauge({
    registers,
    name: 'tocsin_trigger_storm_waiting',
    help: 'Runs that wait because of a storm.',
    collect() {
      this.set(waiting());
    },
  });
  return { storms, paced, dropped };
}
