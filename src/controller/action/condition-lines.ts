import type { LogFields } from '../../runtime/logger.ts';
import { describeCauses } from '../../cause/causes.ts';
import type { Run, ConditionTransition } from '../../reconcile/ports.ts';
import { decidedBy, type Decision } from '../../reconcile/decision.ts';
import type { Verdict } from '../../health/flow-health.ts';

/** The fields of a line about a condition that stays as it is. */
export function unchangedFields({ request }: Run, { condition, decision }: Verdict): LogFields {
  const { type, status, reason, message } = condition;
  return { ...request, type, to: status, reason, message, ...decidedBy(decision) };
}

/** The fields of a line about a condition whose status or reason changes. */
export function transitionFields(
  { request, causes }: Run,
  { fromReason, reason, message, ...transition }: ConditionTransition,
  decision: Decision,
): LogFields {
  return {
    ...request,
    ...transition,
    from_reason: fromReason,
    reason,
    message,
    ...decidedBy(decision),
    ...describeCauses(causes),
  };
}
