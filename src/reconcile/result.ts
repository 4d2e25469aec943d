import type { Decision } from './decision.ts';

/** How a reconcile went that came through. */
export interface Result {
  /** `gone`: there is no such pipeline any more. */
  readonly outcome: 'changed' | 'unchanged' | 'gone';
  /** Look again after this long, whatever happens, milliseconds; undefined: not until something happens. */
  readonly requeueAfterMs?: number;
  /** What the verdict rests on; undefined where the action gives none. */
  readonly decision?: Decision;
  /** How long the verdict has been kept only because an alert is still pushed as firing, milliseconds; undefined: it is not. */
  readonly heldForMs?: number;
  /** Names of alerts that were pushed as firing and that Prometheus does not report. */
  readonly notInPrometheus: readonly string[];
}
