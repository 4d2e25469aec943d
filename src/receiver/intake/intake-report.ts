import type { WebhookHead } from '../../alert/postable/read-webhook.ts';
import { DebugField, type LogFields } from '../../runtime/logger.ts';
import type { AlertIntake } from './alert-intake.ts';
import type { AlertLines, AlertTransition, Suppressed } from './alert-lines.ts';
import { LimitedLines } from '../../runtime/limited-lines.ts';
import type { ReceiverMetrics } from './receiver-metrics.ts';
import type { Sender } from '../../server/request/request-head.ts';
import type { Runtime } from '../../runtime/runtime.ts';

interface IntakeReportOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly metrics: ReceiverMetrics;
  readonly lines: AlertLines;
  /** The most lines about refused requests in one second; `log.alert_lines_per_second`. */
  readonly perSecond: () => number;
}

/** Reports the result of each POST to the log and the metrics. */
export class IntakeReport {
  readonly #options: IntakeReportOptions;
  readonly #limiter: LimitedLines;

  constructor(options: IntakeReportOptions) {
    this.#options = options;
    const { clock, logger, perSecond } = options;
    const onOverflow = (fields: LogFields): void =>
      logger.warn('alerts.rejections_limited', 'more requests were refused than are written out', fields);
    this.#limiter = new LimitedLines({ clock, logger, perSecond, onOverflow });
  }

  /** Holds the alerts that begin or end with a batch until {@link received}. */
  transitions(sender: Sender): Transitions {
    return new Transitions(this.#options.lines, sender.requestId);
  }

  /** A batch has been stored and answered. */
  received(
    sender: Sender,
    intake: AlertIntake,
    transitions: Transitions,
    bodyBytes: number,
    webhook?: WebhookHead,
  ): void {
    const { logger, metrics } = this.#options;
    const { received, firing, resolved, invalid, notStored, notUpdated } = intake;
    metrics.receivedFiring.inc(firing);
    metrics.receivedResolved.inc(resolved);
    logger.info('alerts.received', 'alerts came in', {
      ...senderFields(sender),
      alerts: received,
      firing,
      resolved,
      invalid,
      new: intake.new,
      bytes: bodyBytes,
      ...(intake.suppressed.count > 0 && { suppressed: intake.suppressed.count }),
      ...(webhook !== undefined && { door: 'webhook', group_key: webhook.groupKey, receiver: webhook.receiver }),
      verdicts: intake.told.field,
    });
    if (webhook !== undefined && webhook.truncatedAlerts > 0) this.#truncated(sender, webhook);
    if (invalid > 0) this.#invalid(sender, intake);
    if (notStored + notUpdated > 0) this.#limited(sender, intake);
    transitions.write();
    this.suppressed(intake.suppressed, sender);
  }

  /** @param sender undefined for expired alerts, which have none */
  suppressed(suppressed: Suppressed, sender?: Sender): void {
    if (suppressed.count === 0) return;
    this.#options.metrics.suppressed.inc(suppressed.count);
    this.#options.logger.debug('alerts.suppressed', 'silenced alerts wake no reconcile', {
      ...(sender !== undefined && senderFields(sender)),
      ...suppressed.fields,
    });
  }

  /** A request was refused as a whole: nothing of it was stored. */
  rejected(sender: Sender, status: number, error: unknown): void {
    const { logger } = this.#options;
    const fields = { ...senderFields(sender), status, reason: (error as Error).message };
    if (status === 500)
      logger.error('alerts.failed', 'a defect: the alerts could not be taken in', {
        ...fields,
        stack: (error as Error).stack,
      });
    else if (this.#limiter.allows())
      logger.warn('alerts.rejected', 'a request was refused, nothing of it is stored', fields);
  }

  #invalid(sender: Sender, { invalid, problems, invalidAlerts }: AlertIntake): void {
    const { logger, metrics } = this.#options;
    metrics.invalid.inc(invalid);
    if (problems.some((problem) => problem.includes('max_labels_per_alert')))
      metrics.limitReached('max_labels_per_alert');
    if (!this.#limiter.allows()) return;
    logger.warn('alerts.invalid', 'some alerts are invalid; the others of the request are stored', {
      ...senderFields(sender),
      invalid,
      problems: problems.slice(0, 10),
      invalid_alerts: new DebugField(() => invalidAlerts),
    });
  }

  #truncated(sender: Sender, { truncatedAlerts, groupKey, receiver }: WebhookHead): void {
    this.#options.metrics.truncated.inc(truncatedAlerts);
    if (!this.#limiter.allows()) return;
    this.#options.logger.warn(
      'alerts.truncated',
      'an Alertmanager did not send all alerts of a group: every pipeline is looked at; raise max_alerts of its webhook',
      { ...senderFields(sender), truncated_alerts: truncatedAlerts, group_key: groupKey, receiver },
    );
  }

  #limited(sender: Sender, { notStored, notUpdated }: AlertIntake): void {
    this.#options.metrics.limited.inc(notStored + notUpdated);
    this.#options.metrics.limitReached('max_alerts');
    if (!this.#limiter.allows()) return;
    this.#options.logger.warn(
      'alerts.limited',
      'the alert store is full; what could not be stored wakes a reconcile all the same',
      {
        ...senderFields(sender),
        not_stored: notStored,
        not_updated: notUpdated,
        limit: 'receiver.max_alerts, receiver.max_alerts_size',
      },
    );
  }
}

function senderFields({ requestId, remote, userAgent }: Sender): LogFields {
  return { request_id: requestId, remote, user_agent: userAgent };
}

/** The most transitions of one batch that are kept until the batch's own line is written. */
const maxKept = 1000;

/**
 * The alerts that began or ended with one batch. Their lines follow that of the batch, so that the log reads in order. Those of a
 * very large batch are written as they come.
 */
export class Transitions {
  readonly #lines: AlertLines;
  readonly #requestId: string;
  readonly #kept: AlertTransition[] = [];

  constructor(lines: AlertLines, requestId: string) {
    this.#lines = lines;
    this.#requestId = requestId;
  }

  add(transition: AlertTransition): void {
    if (this.#kept.length < maxKept) this.#kept.push(transition);
    else this.#lines.write(transition.event, transition.alert, this.#requestId);
  }

  write(): void {
    this.#lines.writeAll(this.#kept, this.#requestId);
  }
}
