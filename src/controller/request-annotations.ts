import type { Causes } from '../workqueue/causes.ts';
import { causeTexts } from '../workqueue/describe-causes.ts';

/** `controller.annotate` of the configuration. */
export interface AnnotateConfig {
  readonly requested_at_key: string;
  /** Null: the time of the newest cause. Some operators want a word instead. */
  readonly requested_at_value: string | null;
  /** Null: the cause is not written. */
  readonly cause_key: string | null;
}

/** The longest text of a cause, characters. */
const maxCauseLength = 256;

/**
 * The annotations that ask another operator to look at its object: when it was asked, RFC 3339 with milliseconds, so that
 * two requests differ, and for which alerts. The time is that of the newest cause, so that a retry asks for nothing new.
 */
export function requestAnnotations(causes: Causes, config: AnnotateConfig): Readonly<Record<string, string>> {
  const requestedAt = config.requested_at_value ?? new Date(causes.lastSeen).toISOString();
  return {
    [config.requested_at_key]: requestedAt,
    ...(config.cause_key !== null && { [config.cause_key]: causeText(causes) }),
  };
}

/**
 * `InstanceDown firing, DiskFull resolved ×2`, the newest alert first. Names and statuses alone: whoever may read the
 * object need not be allowed to read what else an alert's labels and annotations say.
 */
export function causeText(causes: Causes): string {
  const text = causeTexts(causes).join(', ').toWellFormed();
  const line = text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ');
  if (line.length <= maxCauseLength) return line;
  // A pair of surrogates must not be cut in two.
  return `${line.slice(0, maxCauseLength - 1).replace(/[\uD800-\uDBFF]$/, '')}…`;
}
