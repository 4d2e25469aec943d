import { formatDateTime } from '../text/go/date-time.ts';
import type { Silence } from './silence.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import { LineLimiter } from '../runtime/line-limiter.ts';

export interface SilenceLinesOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** `log.alert_lines_per_second`. */
  readonly perSecond: number;
}

const messages = {
  'silence.scheduled': 'a silence is to start',
  'silence.started': 'a silence starts: what it matches wakes no reconcile',
  'silence.changed': 'a silence was changed',
  'silence.ended': 'a silence has ended',
  'silence.cancelled': 'a silence was removed before it started',
} as const;

export type SilenceEvent = keyof typeof messages;

const maxMatchers = 20;
const maxCharacters = 256;

/** The log lines about single silences: a bounded number a second at info, the rest at debug, counted. */
export class SilenceLines {
  readonly #logger: Logger;
  readonly #limiter: LineLimiter;

  constructor({ clock, logger, perSecond }: SilenceLinesOptions) {
    this.#logger = logger;
    const onOverflow = (lines: number): void =>
      logger.info('silence.lines_limited', 'more lines about single silences were written at debug only', {
        lines,
        limit: 'log.alert_lines_per_second',
        per_second: this.#limiter.perSecond,
      });
    this.#limiter = new LineLimiter({ clock, perSecond, onOverflow });
  }

  /** @param requestId the request that did it; undefined for what time does */
  write(event: SilenceEvent, silence: Silence, requestId?: string): void {
    const level = this.#limiter.allows() ? 'info' : 'debug';
    if (!this.#logger.enables(level)) return;
    const { id, createdBy, comment, matchers, startsAt, endsAt } = silence;
    this.#logger[level](event, messages[event], {
      request_id: requestId,
      silence: id,
      created_by: createdBy.slice(0, maxCharacters),
      comment: comment.slice(0, maxCharacters),
      matchers: matchers.slice(0, maxMatchers).map((matcher) => matcher.toString().slice(0, maxCharacters)),
      ...(matchers.length > maxMatchers && { more_matchers: matchers.length - maxMatchers }),
      starts_at: formatDateTime(startsAt),
      ends_at: formatDateTime(endsAt),
    });
  }

  /** Another bound, from now on. */
  set perSecond(lines: number) {
    this.#limiter.perSecond = lines;
  }

  /** At the end: says what is still to be said. */
  close(): void {
    this.#limiter.flush();
  }
}
