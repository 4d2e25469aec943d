import type { Alert } from '../../alert/alert.ts';
import type { Logger, LogFields } from '../../runtime/logger.ts';
import { briefLabels } from '../../cause/alert-cause.ts';
import type { Lane } from '../../cause/causes.ts';
import { LimitedLines } from '../../runtime/limited-lines.ts';
import type { Silence } from '../../silence/silence.ts';
import type { Runtime } from '../../runtime/runtime.ts';

interface AlertLinesOptions extends Pick<Runtime, 'clock' | 'logger'> {
  /** `log.alert_lines_per_second`. */
  readonly perSecond: () => number;
}

/** The fingerprint of an alert with more characters of labels takes too long to compute. */
const maxHashedCharacters = 64 * 1024;

const messages = {
  'alert.new': 'an alert fires',
  'alert.resolved': 'an alert is resolved',
  'alert.expired': 'an alert was not sent again in time: it counts as resolved',
} as const;

/** An alert that began or ended with a batch. */
export interface AlertTransition {
  readonly event: 'alert.new' | 'alert.resolved';
  readonly alert: Alert;
}

/** The log lines about single alerts: a bounded number a second at info, and the rest at debug and counted. */
export class AlertLines {
  readonly #logger: Logger;
  readonly #limiter: LimitedLines;

  constructor({ clock, logger, perSecond }: AlertLinesOptions) {
    this.#logger = logger;
    const onOverflow = ({ lines, per_second }: LogFields): void =>
      logger.info('alert.lines_limited', 'more lines about single alerts were written at debug only', {
        lines,
        limit: 'log.alert_lines_per_second',
        per_second,
      });
    this.#limiter = new LimitedLines({ clock, logger, perSecond, onOverflow });
  }

  /** The lines of one moment. If one is left out, the rest would be too, and asking costs as much as storing an alert. */
  writeAll(transitions: readonly AlertTransition[], requestId: string): void {
    let next = 0;
    for (const { event, alert } of transitions) {
      next++;
      if (!this.write(event, alert, requestId)) break;
    }
    if (next < transitions.length) this.#limiter.leaveOut(transitions.length - next);
  }

  /**
   * False if the line is left out.
   * @param requestId the request with the alert; undefined for an expiry, which has none
   * @param lane of an expiry: no line about a request tells it
   */
  write(event: keyof typeof messages, alert: Alert, requestId?: string, lane: Lane = 'user'): boolean {
    const level = this.#limiter.allows() ? 'info' : 'debug';
    if (!this.#logger.enables(level, event)) return false;
    const { labels, omitted } = briefLabels(alert);
    this.#logger[level](event, messages[event], {
      request_id: requestId,
      fingerprint: alert.key.length <= maxHashedCharacters ? alert.fingerprint : undefined,
      alertname: labels['alertname'],
      labels,
      ...(omitted > 0 && { omitted_labels: omitted }),
      ...(lane === 'platform' && { lane }),
    });
    return true;
  }
}

/** The most silences, and the most names of alerts, on one line. */
const maxNamed = 20;

/** The longest name, characters. */
const maxCharacters = 256;

/** Alerts that would have woken a reconcile without a silence. */
export class Suppressed {
  count = 0;
  readonly #silences: string[] = [];
  readonly #alertnames: string[] = [];

  add({ alertname: name = '(no alertname)' }: Alert, silences: readonly Silence[]): void {
    this.count++;
    for (const { id } of silences) addName(this.#silences, id);
    addName(this.#alertnames, name.slice(0, maxCharacters));
  }

  get fields(): LogFields {
    return { suppressed: this.count, silences: this.#silences, alertnames: this.#alertnames };
  }
}

/** There are few names: a set for each POST would cost more than searching through them. */
function addName(names: string[], name: string): void {
  if (names.length < maxNamed && !names.includes(name)) names.push(name);
}
