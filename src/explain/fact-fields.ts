import { fingerprint, type LabelSet } from '../alert/labels.ts';
import type { Fact } from '../history/fact.ts';
import { Alert, Cause, Transition, type PipelineName } from './schema.ts';

/** The fields of facts come from a file, so each is checked. */

type Fields = Readonly<Record<string, unknown>>;

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

export function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

export function countOf(value: unknown): number | undefined {
  return Number.isSafeInteger(value) ? (value as number) : undefined;
}

export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

export function objectOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

export function objectsOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(objectOf).filter((item) => item !== undefined) : [];
}

export function labelsOf(value: unknown): LabelSet | undefined {
  const labels = objectOf(value);
  return labels !== undefined && Object.values(labels).every((text) => typeof text === 'string')
    ? (labels as LabelSet)
    : undefined;
}

export function count(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}

export function nameOf(labels: LabelSet): string {
  return Object.hasOwn(labels, 'alertname') ? labels['alertname']! : '(no alertname)';
}

/** An alert of which only the labels are known. */
export function alertOfLabels(value: unknown, omitted?: unknown): Alert {
  const labels = labelsOf(value) ?? {};
  return {
    ...(countOf(omitted) === undefined ? { fingerprint: fingerprint(labels) } : { omitted_labels: countOf(omitted) }),
    alertname: nameOf(labels),
    labels,
  };
}

/** The pipeline that a fact is about; undefined if it is about none. */
export function pipelineIn({ kind, group, namespace, name }: Fields): PipelineName | undefined {
  if (typeof kind !== 'string' || typeof name !== 'string') return undefined;
  return {
    kind,
    ...(typeof group === 'string' && { group }),
    ...(typeof namespace === 'string' && { namespace }),
    name,
  };
}

/** The transition of `condition.changed` or `condition.observed`; undefined of any other fact. */
export function transitionIn(fact: Fields): Transition | undefined {
  const { event, type, from, to, from_reason, reason, message } = fact;
  if (event !== 'condition.changed' && event !== 'condition.observed') return undefined;
  const observed = event === 'condition.observed' ? { observed: true } : {};
  return Transition.safeParse({ type, from, to, from_reason, reason, message, ...observed }).data;
}

/** The alerts that `causes.named` names. */
export function causesIn(fact: Fields | undefined): readonly Cause[] {
  return objectsOf(fact?.['alerts'])
    .map(causeOf)
    .filter((cause) => cause !== undefined);
}

const causeStatuses: ReadonlySet<unknown> = new Set(Cause.shape.status.options);

/** Not by its schema, which takes ten times as long: a thousand runs may name a hundred thousand. */
function causeOf(value: Fields): Cause | undefined {
  const {
    alertname,
    status,
    fingerprint: id,
    count: times,
    changed_at: changed,
    first_seen: first,
    last_seen: last,
  } = value;
  const labels = labelsOf(value['labels']);
  const isSeen = isTime(first) && isTime(last) && Number.isSafeInteger(times) && (times as number) > 0;
  if (!isSeen || labels === undefined || typeof alertname !== 'string' || !causeStatuses.has(status)) return undefined;
  return {
    ...(typeof id === 'string' && { fingerprint: id }),
    alertname,
    labels,
    status: status as Cause['status'],
    ...(isTime(changed) && { changed_at: changed }),
    first_seen: first,
    last_seen: last,
    count: times as number,
  };
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value);
}

/** Every label set in a fact. */
export function labelSetsOf(fact: Fact): readonly LabelSet[] {
  const alerts = [...objectsOf(fact['alerts']), ...objectsOf(fact['invalid_alerts'])].map(({ labels }) => labels);
  const others = [fact['labels'], objectOf(fact['decided_by'])?.['labels'], ...objectsOf(fact['firing_alerts'])];
  return [...alerts, ...others].map(labelsOf).filter((labels) => labels !== undefined);
}
