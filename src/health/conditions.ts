import type { Condition, ConditionTransition } from '../reconcile/ports.ts';

/** A condition as it should be; when it became so is for {@link setCondition} to say. */
export type DesiredCondition = Required<Omit<Condition, 'lastTransitionTime'>>;

export interface ConditionUpdate {
  readonly conditions: readonly Condition[];
  /** Absent if neither status nor reason changed. */
  readonly transition?: ConditionTransition;
}

/**
 * The conditions with the desired one among them, as apimachinery's meta.SetStatusCondition: a new one goes to the end,
 * `lastTransitionTime` moves only when the status changes, and other conditions stay what and where they are.
 * Should there be several of the type, the first is updated and the rest are removed: a type stands once in a status.
 * @param nowMs when the status, if it changes, changed; written in whole seconds
 * @returns undefined if there is nothing to write
 */
export function setCondition(
  current: readonly Condition[],
  desired: DesiredCondition,
  nowMs: number,
): ConditionUpdate | undefined {
  const existing = current.find(({ type }) => type === desired.type);
  const rest = current.filter((condition) => condition === existing || condition.type !== desired.type);
  if (existing !== undefined && rest.length === current.length && equals(existing, desired)) return undefined;

  const updated = { ...existing, ...desired, lastTransitionTime: transitionTime(existing, desired, nowMs) };
  const conditions =
    existing === undefined
      ? [...current, updated]
      : rest.map((condition) => (condition === existing ? updated : condition));
  const transition = transitionOf(existing, desired);
  return transition === undefined ? { conditions } : { conditions, transition };
}

function equals(existing: Condition, desired: DesiredCondition): boolean {
  return (
    existing.status === desired.status &&
    existing.reason === desired.reason &&
    existing.message === desired.message &&
    existing.observedGeneration === desired.observedGeneration
  );
}

function transitionTime(existing: Condition | undefined, desired: DesiredCondition, nowMs: number): string {
  // An entry that somebody wrote by hand may lack its time, which Kubernetes requires.
  const kept = existing?.status === desired.status ? existing.lastTransitionTime : '';
  return kept || inWholeSeconds(nowMs);
}

function transitionOf(existing: Condition | undefined, desired: DesiredCondition): ConditionTransition | undefined {
  const { type, status: to, reason, message } = desired;
  if (existing?.status === to && existing.reason === reason) return undefined;
  return { type, from: existing?.status ?? '', to, fromReason: existing?.reason ?? '', reason, message };
}

/** RFC 3339 in UTC, as Kubernetes writes a time: `2026-11-21T03:08:54Z`. */
function inWholeSeconds(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
