import { Counter, Gauge } from 'prom-client';
import { requestKey } from '../reconcile/ports.ts';
import { MinuteLines } from '../runtime/limited-lines.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { AlertmanagerError, alertmanagerErrorKinds, type AlertmanagerErrorKind } from './alertmanager-client.ts';
import type { Batch, Notification, VerdictAlerts } from './verdict-alerts.ts';

export interface NotifyReportOptions extends Pick<Runtime, 'clock' | 'logger' | 'registry'> {
  readonly alerts: Pick<VerdictAlerts, 'firing' | 'ended' | 'bytes'>;
  /** Called with one sentence for each Alertmanager that cannot be told at present, whenever another one fails or works again. */
  readonly onFailing: (messages: readonly string[]) => void;
}

interface Failing {
  readonly kind: AlertmanagerErrorKind;
  readonly lines: MinuteLines;
  readonly message: string;
}

/** Reports to the log and to the metrics what the Alertmanagers were told. */
export class NotifyReport {
  readonly #options: NotifyReportOptions;
  readonly #metrics: ReturnType<typeof createNotifyMetrics>;
  /** One line a minute for each Alertmanager that fails, and one for what has no room. */
  readonly #lines: MinuteLines;
  readonly #failing = new Map<string, Failing>();

  constructor(options: NotifyReportOptions) {
    this.#options = options;
    this.#metrics = createNotifyMetrics(options);
    this.#lines = new MinuteLines(options.clock, options.logger);
  }

  sent(address: string, { notifications, news }: Batch, durationMs: number): void {
    const { logger } = this.#options;
    this.#metrics.requests.inc({ result: 'success' });
    this.#metrics.sent.inc(notifications.length);
    const fields = { alertmanager: address, ...countsOf(notifications), news, duration_ms: Math.round(durationMs) };
    if (news > 0) logger.info('notify.sent', 'an Alertmanager was told of pipelines', fields);
    else logger.debug('notify.sent', 'an Alertmanager was told of pipelines', fields);
  }

  /** True from a failure until an Alertmanager has taken everything. */
  isFailing(address: string): boolean {
    return this.#failing.has(address);
  }

  /** An Alertmanager has taken everything. Says so if it has failed before. */
  recovered(address: string): void {
    if (!this.#failing.has(address)) return;
    this.#options.logger.info('notify.recovered', 'an Alertmanager can be told again', { alertmanager: address });
    this.forget(address);
  }

  failed(address: string, { notifications, news }: Batch, error: unknown): void {
    this.#metrics.requests.inc({ result: kindOf(error) });
    const fields = { alertmanager: address, ...countsOf(notifications), news, error };
    this.#began(address, error).warn(
      'notify.failed',
      'an Alertmanager could not be told of pipelines: it is tried again',
      () => fields,
    );
  }

  /** An Alertmanager does not take an alert, although it was sent alone. */
  refused(address: string, { request, reason }: Notification, error: unknown): void {
    this.#metrics.requests.inc({ result: kindOf(error) });
    this.#began(address, error).warn(
      'notify.refused',
      'an Alertmanager does not take an alert about a pipeline: it gets the others, and this one again with the next repetition',
      () => ({ alertmanager: address, pipeline: requestKey(request), reason, error }),
    );
  }

  /** There was no room for an alert. */
  limited(pipeline: string): void {
    this.#metrics.dropped.inc();
    this.#lines.warn(
      'notify.limited',
      'there is no room for one more alert about a pipeline, so no Alertmanager is told of it: raise notify.max_size',
      () => ({ pipeline, limit: 'notify.max_size', bytes: this.#options.alerts.bytes }),
    );
  }

  /** An Alertmanager is configured no longer. */
  forget(address: string): void {
    if (!this.#failing.delete(address)) return;
    this.#tellFailing();
  }

  /** The message stays while the kind of the failure does: what is wrong is told once, and what is wrong then when that changes. */
  #began(address: string, error: unknown): MinuteLines {
    const known = this.#failing.get(address);
    const kind = kindOf(error);
    if (known?.kind === kind) return known.lines;
    const lines = known?.lines ?? new MinuteLines(this.#options.clock, this.#options.logger);
    this.#failing.set(address, { kind, lines, message: error instanceof Error ? error.message : String(error) });
    this.#tellFailing();
    return lines;
  }

  #tellFailing(): void {
    this.#options.onFailing([...this.#failing.values()].map(({ message }) => message));
  }
}

function kindOf(error: unknown): AlertmanagerErrorKind {
  return error instanceof AlertmanagerError ? error.kind : 'network';
}

function countsOf(notifications: Batch['notifications']): { readonly firing: number; readonly resolved: number } {
  const firing = notifications.filter((each) => each.firing).length;
  return { firing, resolved: notifications.length - firing };
}

function createNotifyMetrics({ registry, alerts }: NotifyReportOptions): {
  readonly requests: Counter<'result'>;
  readonly sent: Counter;
  readonly dropped: Counter;
} {
  const registers = [registry];
  new Gauge({
    registers,
    name: 'tocsin_notify_alerts',
    help: 'Alerts about pipelines that are kept for the Alertmanagers.',
    labelNames: ['state'],
    collect() {
      this.set({ state: 'firing' }, alerts.firing);
      this.set({ state: 'resolved' }, alerts.ended);
    },
  });
  new Gauge({
    registers,
    name: 'tocsin_notify_size_bytes',
    help: 'What the alerts about pipelines take, estimated.',
    collect() {
      this.set(alerts.bytes);
    },
  });
  const requests = new Counter({
    registers,
    name: 'tocsin_notify_requests_total',
    help: 'Requests to Alertmanagers about pipelines, by result.',
    labelNames: ['result'],
  });
  for (const result of ['success', ...alertmanagerErrorKinds]) requests.inc({ result }, 0);
  return {
    requests,
    sent: new Counter({
      registers,
      name: 'tocsin_notify_alerts_sent_total',
      help: 'Alerts about pipelines that Alertmanagers accepted, repetitions included.',
    }),
    dropped: new Counter({
      registers,
      name: 'tocsin_notify_alerts_dropped_total',
      help: 'Alerts about pipelines that no Alertmanager was told of, because of notify.max_size.',
    }),
  };
}
