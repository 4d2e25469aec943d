import { Counter, Gauge, type Registry } from 'prom-client';
import type { SilenceLimit } from './silence-rules.ts';
import type { SilenceState, Silence } from './silence.ts';
import { formatDateTime } from '../text/go/date-time.ts';
import type { LogFields, Logger } from '../runtime/logger.ts';
import { LimitedLines } from '../runtime/limited-lines.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** The limits at which a silence that has ended gives up its place. */
export const roomLimits = ['max_silences', 'silences_memory'] as const;
export type RoomLimit = (typeof roomLimits)[number];

export interface SilenceMetrics {
  readonly notStored: Counter;
  limitReached(limit: SilenceLimit): void;
  /** A silence that had ended made room for another. */
  forgotten(limit: RoomLimit): void;
}

/**
 * @param limitReached counts a limit of silences among those of all requests
 * @param count the number of silences, read at each scrape
 */
export function createSilenceMetrics(
  registry: Registry,
  limitReached: (limit: SilenceLimit) => void,
  count: () => Readonly<Record<SilenceState, number>>,
): SilenceMetrics {
  const registers = [registry];
  new Gauge({
    registers,
    name: 'tocsin_silences',
    help: 'Silences, by state; those that have ended are remembered for a while.',
    labelNames: ['state'],
    collect() {
      const counts = count();
      for (const state of ['active', 'pending', 'expired'] as const) this.set({ state }, counts[state]);
    },
  });
  const notStored = new Counter({
    registers,
    name: 'tocsin_silences_not_stored_total',
    help: 'Changes of silences that were refused because they could not be written to the storage.',
  });
  const forgotten = new Counter({
    registers,
    name: 'tocsin_silences_forgotten_total',
    help: 'Silences that had ended and were forgotten before receiver.silence_retention, to make room for others, by the limit.',
    labelNames: ['limit'],
  });
  for (const limit of roomLimits) forgotten.inc({ limit }, 0);
  return { notStored, limitReached, forgotten: (limit) => forgotten.inc({ limit }) };
}

interface SilenceLinesOptions extends Pick<Runtime, 'clock' | 'logger'> {
  /** `log.alert_lines_per_second`. */
  readonly perSecond: () => number;
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

/** The log lines about single silences: a bounded number a second at info, and the rest at debug and counted. */
export class SilenceLines {
  readonly #logger: Logger;
  readonly #limiter: LimitedLines;

  constructor({ clock, logger, perSecond }: SilenceLinesOptions) {
    this.#logger = logger;
    const onOverflow = ({ lines, per_second }: LogFields): void =>
      logger.info('silence.lines_limited', 'more lines about single silences were written at debug only', {
        lines,
        limit: 'log.alert_lines_per_second',
        per_second,
      });
    this.#limiter = new LimitedLines({ clock, logger, perSecond, onOverflow });
  }

  /** @param requestId the request that did it; undefined if time did */
  write(event: SilenceEvent, silence: Silence, requestId?: string): void {
    const level = this.#limiter.allows() ? 'info' : 'debug';
    if (!this.#logger.enables(level, event)) return;
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
}
