import type { LogFields } from '../logger.ts';
import { describeCauses } from '../workqueue/describe-causes.ts';
import type { Run } from './action.ts';
import type { DesiredCondition } from './conditions.ts';
import type { ConditionTransition } from './ports.ts';

/** The fields of a line about a condition that stays as it is. */
export function unchangedFields({ request }: Run, { type, status, reason, message }: DesiredCondition): LogFields {
  return { ...request, type, to: status, reason, message };
}

/** The fields of a line about a condition whose status or reason changes. */
export function transitionFields({ request, causes }: Run, transition: ConditionTransition): LogFields {
  const { type, from, to, fromReason, reason, message } = transition;
  return { ...request, type, from, to, from_reason: fromReason, reason, message, ...describeCauses(causes) };
}
