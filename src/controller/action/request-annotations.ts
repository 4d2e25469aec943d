import { causeText, type Causes } from '../../cause/causes.ts';

/** `controller.annotate` of the configuration. */
export interface AnnotateConfig {
  readonly requested_at_key: string;
  /** Null: the time of the newest cause. Some operators want a word instead. */
  readonly requested_at_value: string | null;
  /** Null: the cause is not written. */
  readonly cause_key: string | null;
}

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
