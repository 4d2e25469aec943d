import { fingerprint, type LabelSet } from '../alert/labels.ts';
import type { Fact } from '../history/fact.ts';
import type { Alert } from './schema.ts';

/** The fields of facts come from a file, so each is checked. */

type Fields = Readonly<Record<string, unknown>>;

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

export function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
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
    ...(typeof omitted !== 'number' && { fingerprint: fingerprint(labels) }),
    alertname: nameOf(labels),
    labels,
    ...(typeof omitted === 'number' && { omitted_labels: omitted }),
  };
}

/** Every label set in a fact. */
export function labelSetsOf(fact: Fact): readonly LabelSet[] {
  const alerts = [...objectsOf(fact['alerts']), ...objectsOf(fact['invalid_alerts'])].map(({ labels }) => labels);
  const others = [fact['labels'], objectOf(fact['decided_by'])?.['labels'], ...objectsOf(fact['firing_alerts'])];
  return [...alerts, ...others].map(labelsOf).filter((labels) => labels !== undefined);
}
