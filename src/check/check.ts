import type { Clock } from '../runtime/clock.ts';

/** What one attempt of a check is given. */
export interface Attempt {
  readonly clock: Clock;
  /** Aborted when the time of the attempt is over: the attempt then counts as failed, whatever still runs. */
  readonly signal: AbortSignal;
}

/** What one attempt of a check found. */
export type Outcome =
  /** @property told what `--verbose` shows, line by line */
  | { readonly is: 'ok'; readonly told?: readonly string[] }
  /**
   * There is nothing to check. It counts as good.
   * @property isUnsettled it may still become known what there is to check: it is asked again while there is time
   */
  | { readonly is: 'skipped'; readonly text: string; readonly isUnsettled?: true }
  /** @property text what is wrong, where, and what to do */
  | { readonly is: 'problem'; readonly text: string };

export function ok(...told: readonly string[]): Outcome {
  return told.length === 0 ? { is: 'ok' } : { is: 'ok', told };
}

export function skipped(text: string): Outcome {
  return { is: 'skipped', text: oneLine(text) };
}

/** Skipped, unless what is not known yet becomes known in time. */
export function unsettled(text: string): Outcome {
  return { is: 'skipped', text: oneLine(text), isUnsettled: true };
}

/** @param text one line, or several: what others say in one cannot begin another */
export function problem(text: string | readonly string[]): Outcome {
  const lines = typeof text === 'string' ? [text] : text;
  return { is: 'problem', text: lines.map(oneLine).join('\n') };
}

function oneLine(text: string): string {
  return text.trimEnd().replaceAll(/\s*[\n\r\u2028\u2029]\s*/g, ' ');
}

/** One hop on the way of an alert. */
export interface Check {
  /** The anchor of its paragraph in `docs/checks.md`: lower case and dashes. Unique among all checks. */
  readonly id: string;
  /** What is true if the check is good, as in "can query the Kubernetes API". */
  readonly description: string;
  /** Further categories that have to be whole for this check alone. Default: those of its category do. */
  readonly needs?: readonly string[];
  /** A problem here stops the category, and every category that needs it. */
  readonly fatal?: true;
  /** A problem here is told, but does not fail the run. */
  readonly warning?: true;
  /** It may become true by itself, so `--wait` tries it again. */
  readonly retryable?: true;
  /** While it is tried again, its problem is shown instead of "waiting for check to complete". */
  readonly surfacesProblem?: true;
  /** A rejection is a problem with the error's message. */
  readonly run: (attempt: Attempt) => Promise<Outcome> | Outcome;
}

export interface Category {
  readonly name: string;
  /** The categories before it that have to be good. One that does not apply counts as good. */
  readonly needs: readonly string[];
  /** Why it cannot be known yet whether and how the category applies: asked again while there is time, before anything else. Never rejects. */
  readonly awaits?: () => Promise<string | undefined>;
  /** Why the category does not apply, asked when its turn comes; undefined if it applies. */
  readonly whyNot?: () => string | undefined | Promise<string | undefined>;
  /** In the order in which they run. */
  readonly checks: readonly Check[];
}

/** The last word about a check. */
export interface CheckResult {
  readonly check: Check;
  /** `not run`: a hop before it is broken. */
  readonly result: 'success' | 'warning' | 'error' | 'skipped' | 'not run';
  /** The problem, or why it was skipped or not run. */
  readonly text?: string;
  readonly told?: readonly string[];
}
