import type { Condition } from '../../reconcile/ports.ts';
import type { NeedState, PolicyRule, TriggerState } from '../../trigger/ports.ts';
import type { Trigger } from '../../trigger/trigger.ts';
import type { LastFired, TriggerCounts, TriggerObject, TriggerStatus } from './trigger-object.ts';
import type { Verdict } from './trigger-set.ts';

/** All that is known of one trigger. */
export interface KnownTrigger {
  readonly object: TriggerObject;
  readonly verdict: Verdict;
  /** Of a trigger in force. */
  readonly state: TriggerState | undefined;
  readonly lastFired: LastFired | undefined;
  readonly counts: TriggerCounts;
}

type Finding = Pick<Condition, 'status' | 'reason' | 'message'>;

/** The limit of the CRD for a message, characters; a status is read by people. */
const maxMessageLength = 4096;

/** What a trigger's status has to say. Its transition times are those of `written` where the status of a condition stays. */
export function desiredStatus(known: KnownTrigger, written: TriggerStatus, now: number): TriggerStatus {
  const { object, verdict, lastFired, counts } = known;
  const findings = findingsOf(known, now);
  const conditions = [...findings].map(([type, finding]) =>
    asCondition(type, finding, object.generation, written, now),
  );
  return {
    observedGeneration: object.generation,
    conditions,
    clamped: verdict.accepted ? verdict.notes : [],
    ...(lastFired !== undefined && { lastFired }),
    counts,
  };
}

/** True if what is wanted says something else of whether the trigger is accepted and ready, or is about another spec. */
export function differsInReadiness(written: TriggerStatus, wanted: TriggerStatus): boolean {
  if (written.observedGeneration !== wanted.observedGeneration) return true;
  return ['Accepted', 'Ready'].some((type) => {
    const before = written.conditions.find((condition) => condition.type === type);
    const after = wanted.conditions.find((condition) => condition.type === type);
    return before?.status !== after?.status || before?.reason !== after?.reason;
  });
}

/** RFC 3339 with whole seconds, as Kubernetes writes times. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

function asCondition(
  type: string,
  finding: Finding,
  generation: number,
  written: TriggerStatus,
  now: number,
): Condition {
  const before = written.conditions.find((condition) => condition.type === type);
  const isSame = before !== undefined && before.status === finding.status && before.lastTransitionTime !== '';
  const lastTransitionTime = isSame ? before.lastTransitionTime : timeText(now);
  const { status, reason, message } = finding;
  return {
    type,
    status,
    reason,
    message: message.slice(0, maxMessageLength),
    lastTransitionTime,
    observedGeneration: generation,
  };
}

function findingsOf({ verdict, state }: KnownTrigger, now: number): ReadonlyMap<string, Finding> {
  const accepted = acceptedOf(verdict);
  const resolved = resolvedOf(verdict, state);
  const findings = new Map([
    ['Accepted', accepted],
    ['TargetsResolved', resolved],
    ['Ready', readyOf(accepted, resolved)],
  ]);
  if (!verdict.accepted) return findings;
  const suppressed = suppressedOf(verdict.trigger, state, now);
  if (suppressed !== undefined) findings.set('Suppressed', suppressed);
  const throttled = throttledOf(state);
  if (throttled !== undefined) findings.set('Throttled', throttled);
  return findings;
}

function acceptedOf(verdict: Verdict): Finding {
  if (!verdict.accepted) return { status: 'False', reason: verdict.reason, message: verdict.message };
  return { status: 'True', reason: 'Valid', message: ['the trigger is in force', ...verdict.notes].join('; ') };
}

function resolvedOf({ accepted }: Verdict, state: TriggerState | undefined): Finding {
  if (!accepted)
    return {
      status: 'Unknown',
      reason: 'NotAccepted',
      message: 'the trigger is not accepted, so its targets are not looked for',
    };
  const { unavailable = [], isPending = true, refused = [], notes = [] } = state ?? {};
  const [first] = unavailable;
  const message = [...unavailable.map(describeNeed), ...refused, ...notes].join('; ');
  if (first !== undefined) return { status: 'False', reason: first.reason, message };
  if (refused.length > 0) return { status: 'False', reason: 'NotAllowed', message };
  if (isPending) return { status: 'Unknown', reason: 'Pending', message: 'the targets are being looked for' };
  return {
    status: 'True',
    reason: 'Resolved',
    message: message === '' ? 'every target can be found and written' : message,
  };
}

function describeNeed({ message, missingRule }: Extract<NeedState, { state: 'unavailable' }>): string {
  return missingRule === undefined ? message : `${message}; grant ${describeRule(missingRule)}`;
}

/** As it stands in a ClusterRole, on one line. */
function describeRule({ apiGroups, resources, verbs }: PolicyRule): string {
  return `{ apiGroups: ${yamlList(apiGroups)}, resources: ${yamlList(resources)}, verbs: ${yamlList(verbs)} }`;
}

function yamlList(texts: readonly string[]): string {
  return `[${texts.map((text) => (text === '' ? "''" : text)).join(', ')}]`;
}

function readyOf(accepted: Finding, resolved: Finding): Finding {
  if (accepted.status !== 'True') return accepted;
  if (resolved.status !== 'True') return resolved;
  return { status: 'True', reason: 'Ready', message: accepted.message };
}

function suppressedOf({ mode, suspend }: Trigger, state: TriggerState | undefined, now: number): Finding | undefined {
  if (suspend !== undefined && (suspend.until === undefined || suspend.until > now)) {
    const end = suspend.until === undefined ? '' : ` until ${timeText(suspend.until)}`;
    return { status: 'True', reason: 'Suspended', message: `it wakes nothing${end}: ${suspend.reason}` };
  }
  if (state?.inhibitedBy !== undefined)
    return { status: 'True', reason: 'Inhibited', message: `alerts wake nothing while ${state.inhibitedBy} fires` };
  if (mode === 'observe')
    return { status: 'True', reason: 'Observing', message: 'it decides and tells, and does nothing to any object' };
  return undefined;
}

function throttledOf(state: TriggerState | undefined): Finding | undefined {
  if (state?.throttled === undefined) return undefined;
  const { runs, until } = state.throttled;
  const message = `${runs} ${runs === 1 ? 'run waits' : 'runs wait'} for minInterval or budget, until ${timeText(until)} at the latest`;
  return { status: 'True', reason: 'Waiting', message };
}
