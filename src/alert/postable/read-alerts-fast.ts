import { fieldName } from './field-name.ts';
import type { LabelSet } from '../label-set.ts';
import { noAnnotations, postableAlert, type PostableAlert } from './postable-alert.ts';
import { isRequestUri } from '../../text/go/url.ts';
import { isTrustworthy, isUsualLabelSet, usualTime } from './usual-field.ts';

/**
 * Reads the bodies that real senders send, at the speed of JSON.parse: an array of alerts with fields as the schema has
 * them. It gives undefined for everything that is unusual, right or wrong, and leaves that to {@link readAlerts}. One thing
 * it cannot see: of members with the same name JSON.parse shows the last one only, so that the others may be anything.
 * @param text well-formed Unicode
 */
export function readAlertsFast(text: string, maxLabels: number): PostableAlert[] | undefined {
  // Lone surrogates can only come from escapes; sorting them out is not for the fast way.
  if (text.includes('\\ud') || text.includes('\\uD')) return undefined;
  const body = parseOrUndefined(text);
  if (!Array.isArray(body)) return undefined;
  const alerts: PostableAlert[] = [];
  for (const value of body as unknown[]) {
    const alert = usualAlert(value, maxLabels);
    if (alert === undefined) return undefined;
    alerts.push(alert);
  }
  return alerts;
}

function parseOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The fields of an alert while they are being read. */
interface Draft {
  labels: LabelSet | undefined;
  annotations: LabelSet;
  startsAt: number | undefined;
  endsAt: number | undefined;
  generatorURL: string;
}

function usualAlert(value: unknown, maxLabels: number): PostableAlert | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const draft: Draft = {
    labels: undefined,
    annotations: noAnnotations,
    startsAt: undefined,
    endsAt: undefined,
    generatorURL: '',
  };
  for (const name in value) if (!readField(draft, name, (value as Record<string, unknown>)[name])) return undefined;
  const { labels, annotations, startsAt, endsAt, generatorURL } = draft;
  if (labels === undefined) return undefined;
  return postableAlert({ labels, annotations, startsAt, endsAt, generatorURL }, maxLabels);
}

/** False if the field is unusual. */
function readField(draft: Draft, name: string, field: unknown): boolean {
  switch (name) {
    case 'labels':
      return isUsualLabelSet(field) && ((draft.labels = field), true);
    case 'annotations':
      return isUsualLabelSet(field) && ((draft.annotations = field), true);
    case 'startsAt':
      return (draft.startsAt = usualTime(field)) !== undefined;
    case 'endsAt':
      return (draft.endsAt = usualTime(field)) !== undefined;
    case 'generatorURL':
      return typeof field === 'string' && (field === '' || isRequestUri(field)) && ((draft.generatorURL = field), true);
    default:
      return typeof field === 'string' && isTrustworthy(name) && fieldName(name) === undefined;
  }
}
