import type { Condition } from '../reconcile/ports.ts';
import type { ManifestField } from './manifest-field.ts';
import { childField, isAbsent, readInteger, readList, readObject, readString } from './manifest-field.ts';

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

/**
 * Reads `status.conditions`. A malformed condition is reported and left out; absent conditions are none.
 * Times come out as metav1.Time writes them: UTC, whole seconds.
 */
export function readConditions(field: ManifestField): readonly Condition[] {
  if (isAbsent(field)) return [];
  const conditions = (readList(field) ?? []).map(readCondition);
  return conditions.filter((condition) => condition !== undefined);
}

function readCondition(field: ManifestField): Condition | undefined {
  if (readObject(field) === undefined) return undefined;
  const type = readString(childField(field, 'type'), 'a string that is not empty', isNotEmpty);
  const status = readStatus(childField(field, 'status'));
  const reason = readString(childField(field, 'reason'), 'a string that is not empty', isNotEmpty);
  const message = readMessage(childField(field, 'message'));
  const lastTransitionTime = readTime(childField(field, 'lastTransitionTime'));
  const generation = readObservedGeneration(childField(field, 'observedGeneration'));
  if (type === undefined || status === undefined || reason === undefined) return undefined;
  if (message === undefined || lastTransitionTime === undefined || generation === undefined) return undefined;
  return { type, status, reason, message, lastTransitionTime, ...generation };
}

function isNotEmpty(text: string): boolean {
  return text !== '';
}

function readStatus(field: ManifestField): Condition['status'] | undefined {
  const text = readString(field, 'one of "True", "False", "Unknown", in quotes', isStatus);
  return text !== undefined && isStatus(text) ? text : undefined;
}

function isStatus(text: string): text is Condition['status'] {
  return text === 'True' || text === 'False' || text === 'Unknown';
}

function readMessage(field: ManifestField): string | undefined {
  return isAbsent(field) ? '' : readString(field, 'a string', () => true);
}

function readObservedGeneration(field: ManifestField): { observedGeneration?: number } | undefined {
  if (isAbsent(field)) return {};
  const observedGeneration = readInteger(field, 0);
  return observedGeneration === undefined ? undefined : { observedGeneration };
}

function readTime(field: ManifestField): string | undefined {
  const text = readString(field, 'a time as in "2026-11-21T03:00:00Z", in quotes', isTime);
  if (text === undefined) return undefined;
  const seconds = Math.floor(Date.parse(text) / 1000);
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}

/** The day is checked apart: Date.parse takes the 30th of February for the 2nd of March. */
function isTime(text: string): boolean {
  const [, year, month, day] = rfc3339.exec(text)?.map(Number) ?? [];
  if (year === undefined || month === undefined || day === undefined || Number.isNaN(Date.parse(text))) return false;
  return new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day;
}
