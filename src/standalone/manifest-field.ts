import type { Condition } from '../reconcile/ports.ts';

export type FieldPath = readonly (string | number)[];

/** Receives a problem found at a path; the path may lead to a field that does not exist. */
type ReportProblem = (path: FieldPath, message: string) => void;

/** A value in a manifest, with its path, so that a complaint can say where it is. */
export interface ManifestField {
  readonly value: unknown;
  readonly path: FieldPath;
  readonly report: ReportProblem;
}

const maxExcerptLength = 60;

/** The field of an object or the element of a list; its value is undefined if there is none. */
export function childField({ value, path, report }: ManifestField, key: string | number): ManifestField {
  const known = isContainer(value) && Object.hasOwn(value, key);
  return { value: known ? value[key] : undefined, path: [...path, key], report };
}

/** True if the field is missing, or has nothing after its colon: Kubernetes treats both alike. */
export function isAbsent({ value }: ManifestField): boolean {
  return value === undefined || value === null;
}

/** The string if it is acceptable; otherwise reports what was found and what is `allowed`, and returns undefined. */
export function readString(
  field: ManifestField,
  allowed: string,
  accepts: (text: string) => boolean,
): string | undefined {
  if (typeof field.value === 'string' && accepts(field.value)) return field.value;
  return reject(field, allowed);
}

/** The whole number if it is at least `minimum`; otherwise reports it and returns undefined. */
export function readInteger(field: ManifestField, minimum: number): number | undefined {
  const { value } = field;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= minimum) return value;
  return reject(field, minimum === 1 ? 'a positive whole number' : `a whole number of at least ${minimum}`);
}

/** The object; otherwise reports the value and returns undefined. */
export function readObject(field: ManifestField): Readonly<Record<string, unknown>> | undefined {
  const { value } = field;
  if (isContainer(value) && !Array.isArray(value)) return value;
  return reject(field, 'an object');
}

/** The elements of the list, each with its path; otherwise reports the value and returns undefined. */
export function readList(field: ManifestField): readonly ManifestField[] | undefined {
  if (Array.isArray(field.value)) return field.value.map((_, index) => childField(field, index));
  return reject(field, 'a list');
}

/** Reports that a field holds a value that is not allowed. */
function reject(field: ManifestField, allowed: string): undefined {
  const found = field.value === undefined ? 'is missing' : `is ${describeFound(field.value)}`;
  field.report(field.path, `${describePath(field.path)} ${found}; it must be ${allowed}`);
}

/** True for an object or a list. */
function isContainer(value: unknown): value is Readonly<Record<string | number, unknown>> {
  return typeof value === 'object' && value !== null;
}

function describePath(path: FieldPath): string {
  if (path.length === 0) return 'the document';
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`))
    .join('')
    .replace(/^\./, '');
}

/** Cuts a long text: the reader only has to recognise it, and a log line has a limit. */
function describeFound(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  if (typeof value !== 'string') return `the ${typeof value} ${JSON.stringify(value)}`;
  return value.length > maxExcerptLength
    ? `${JSON.stringify(value.slice(0, maxExcerptLength))}…`
    : JSON.stringify(value);
}

const rfc3339 = /^(\d{4})-(\d\d)-(\d\d)T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

/**
 * Reads `status.conditions`. A malformed condition is reported and left out; an absent list is an empty list.
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

/** Checks the day separately: Date.parse takes the 30th of February for the 2nd of March. */
function isTime(text: string): boolean {
  const [, year, month, day] = rfc3339.exec(text)?.map(Number) ?? [];
  if (year === undefined || month === undefined || day === undefined || Number.isNaN(Date.parse(text))) return false;
  return new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day;
}
