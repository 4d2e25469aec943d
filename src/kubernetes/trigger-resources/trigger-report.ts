import { Counter, Gauge, type Registry } from 'prom-client';
import { LimitedLines, LineOnceAWhile } from '../../runtime/limited-lines.ts';
import type { LogFields } from '../../runtime/logger.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { ApiError } from '../api/api-error.ts';
import { statusWriteBurst, statusWritesPerSecond } from './status-queue.ts';
import type { TriggerObject } from './trigger-object.ts';
import type { RejectReason, Verdict } from './trigger-set.ts';

/** The most lines per second about triggers that are taken, refused or gone; further lines are at debug, and counted. */
const triggerLinesPerSecond = 50;

const manifest = 'k8s/components/triggers/cluster-role-triggers.yaml';

const states = ['accepted', 'rejected', 'pending'] as const;
const origins: readonly TriggerObject['origin'][] = ['AlertTrigger', 'ClusterAlertTrigger'];
const reasons: readonly RejectReason[] = [
  'InvalidTrigger',
  'TooManyTriggers',
  'NamespaceNotSelected',
  'NamespaceExcluded',
  'NamespaceOptedOut',
  'NamespacesUnknown',
];

type TriggerCount = readonly [origin: TriggerObject['origin'], state: (typeof states)[number]];

interface TriggerReportOptions extends Pick<Runtime, 'clock' | 'logger' | 'registry'> {
  /** The kind and the state of each trigger, read at each scrape. */
  readonly counts: () => Iterable<TriggerCount>;
  /** How many statuses wait to be written, read at each scrape. */
  readonly statusesWaiting: () => number;
  /** Why the targets of triggers in force are not resolved, a reason each, read at each scrape. */
  readonly unresolved: () => Iterable<string>;
}

/** Reports what became of the writes of a status. */
export interface StatusReport {
  written(): void;
  failed(key: string, error: unknown, retryMs: number): void;
  /** So many statuses wait, and the next one has waited for so long: more has changed than may be written. */
  delayed(waiting: number, waitedMs: number): void;
}

/** Tells in the log and in metrics which triggers are taken and which are not. */
export class TriggerReport implements StatusReport {
  readonly #options: TriggerReportOptions;
  readonly #lines: LimitedLines;
  readonly #failures: LineOnceAWhile;
  readonly #delays: LineOnceAWhile;
  readonly #metrics: TriggerMetrics;

  constructor(options: TriggerReportOptions) {
    this.#options = options;
    const { clock, logger } = options;
    const onOverflow = (fields: LogFields): void =>
      logger.info('trigger.lines_limited', 'more triggers came, went or changed than are written out at info', fields);
    this.#lines = new LimitedLines({ clock, logger, perSecond: () => triggerLinesPerSecond, onOverflow });
    this.#failures = new LineOnceAWhile(clock);
    this.#delays = new LineOnceAWhile(clock);
    this.#metrics = createTriggerMetrics(options);
  }

  compiled(): void {
    this.#metrics.compiled();
  }

  judged({ key, generation }: TriggerObject, verdict: Verdict): void {
    if (verdict.accepted) {
      const { mode, suspend } = verdict.trigger;
      const fields = { mode, ...(suspend !== undefined && { suspended: suspend.reason }), notes: verdict.notes };
      return this.#write('info', 'trigger.accepted', 'a trigger is in force', { trigger: key, generation, ...fields });
    }
    const { reason, message } = verdict;
    this.#metrics.rejected(reason);
    // A namespace that is not taken is as the admin wants it.
    const level = reason === 'InvalidTrigger' || reason === 'TooManyTriggers' ? 'warn' : 'info';
    this.#write(level, 'trigger.rejected', 'a trigger does nothing until it is mended; its status says the same', {
      trigger: key,
      generation,
      reason,
      problem: message,
    });
  }

  removed({ key }: TriggerObject): void {
    this.#write('info', 'trigger.removed', 'a trigger was deleted', { trigger: key });
  }

  written(): void {
    this.#metrics.status('written');
  }

  failed(key: string, error: unknown, retryMs: number): void {
    this.#metrics.status('failed');
    const lacksRight = error instanceof ApiError && error.missingRight !== undefined;
    const fields = { trigger: key, error, retry_in_ms: retryMs, ...(lacksRight && { manifest }) };
    const level = this.#failures.allows() ? 'warn' : 'debug';
    this.#options.logger[level](
      'trigger.status_failed',
      'the status of a trigger could not be written; the trigger is not concerned',
      fields,
    );
  }

  delayed(waiting: number, waitedMs: number): void {
    if (!this.#delays.allows()) return;
    this.#options.logger.warn(
      'trigger.status_delayed',
      'more statuses of triggers change than are written; each is written once, with what is true then',
      {
        waiting,
        waited_ms: waitedMs,
        per_second: statusWritesPerSecond,
        burst: statusWriteBurst,
      },
    );
  }

  #write(level: 'info' | 'warn', event: string, message: string, fields: LogFields): void {
    this.#options.logger[this.#lines.allows() ? level : 'debug'](event, message, fields);
  }
}

interface TriggerMetrics {
  compiled(): void;
  rejected(reason: RejectReason): void;
  status(result: 'written' | 'failed'): void;
}

function createTriggerMetrics(options: TriggerReportOptions): TriggerMetrics {
  const { registry } = options;
  const compilations = compiledCounter(registry);
  const rejections = rejectedCounter(registry);
  const writes = statusCounter(registry);
  createGauges(options);
  return {
    compiled: () => compilations.inc(),
    rejected: (reason) => rejections.inc({ reason }),
    status: (result) => writes.inc({ result }),
  };
}

function compiledCounter(registry: Registry): Counter {
  return new Counter({
    registers: [registry],
    name: 'tocsin_triggers_compiled_total',
    help: 'How often the spec of an AlertTrigger or a ClusterAlertTrigger was read: once for each change of one.',
  });
}

function rejectedCounter(registry: Registry): Counter<'reason'> {
  const counter = new Counter({
    registers: [registry],
    name: 'tocsin_triggers_rejected_total',
    help: 'How often a trigger of the cluster was found not to be usable, by reason, as in its condition Accepted.',
    labelNames: ['reason'] as const,
  });
  for (const reason of reasons) counter.inc({ reason }, 0);
  return counter;
}

function statusCounter(registry: Registry): Counter<'result'> {
  const counter = new Counter({
    registers: [registry],
    name: 'tocsin_trigger_status_writes_total',
    help: 'Writes of the status of triggers, by what became of them.',
    labelNames: ['result'] as const,
  });
  for (const result of ['written', 'failed'] as const) counter.inc({ result }, 0);
  return counter;
}

function createGauges({ registry, counts, statusesWaiting, unresolved }: TriggerReportOptions): void {
  new Gauge({
    registers: [registry],
    name: 'tocsin_triggers',
    help: 'Triggers of the cluster, by kind and by whether they are in force.',
    labelNames: ['kind', 'state'] as const,
    collect() {
      const found = new Map<string, number>();
      for (const [kind, state] of counts()) found.set(`${kind} ${state}`, (found.get(`${kind} ${state}`) ?? 0) + 1);
      for (const kind of origins)
        for (const state of states) this.set({ kind, state }, found.get(`${kind} ${state}`) ?? 0);
    },
  });
  new Gauge({
    registers: [registry],
    name: 'tocsin_trigger_statuses_waiting',
    help: 'Statuses of triggers that wait to be written: the writes of all triggers together are limited.',
    collect() {
      this.set(statusesWaiting());
    },
  });
  new Gauge({
    registers: [registry],
    name: 'tocsin_triggers_unresolved',
    help: 'Triggers in force that cannot find or write all of their objects, by reason, as in their condition TargetsResolved.',
    labelNames: ['reason'] as const,
    collect() {
      this.reset();
      this.set({ reason: 'Forbidden' }, 0);
      for (const reason of unresolved()) this.inc({ reason });
    },
  });
}
