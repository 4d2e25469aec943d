import type { IdentifiedLabels, PostableAlert } from '../alert.ts';
import { labelKey, labelSetOf, type LabelSet, type LabelText } from '../labels.ts';

/** The fields of an alert once they have their types. */
export interface AlertFields extends Omit<PostableAlert, 'key' | 'keyHash' | 'known' | 'invalid'> {
  readonly annotations: LabelSet;
}

const noLabels: LabelSet = Object.freeze({});

/** The annotations of an alert without any: one object for all such alerts. */
export const noAnnotations = noLabels;

/**
 * Makes a postable alert out of checked fields.
 * @param fields labels may still have empty values, which mean absent labels in Prometheus' data model
 * @param maxLabels the most labels, counted with the empty ones, and the most annotations; more make the alert invalid
 */
export function postableAlert(fields: AlertFields, maxLabels: number): PostableAlert {
  const labels = withoutEmptyValues(fields.labels);
  const given = labels === fields.labels ? 0 : count(fields.labels);
  const invalid =
    invalidity('label', labels, given, maxLabels) ?? invalidity('annotation', fields.annotations, 0, maxLabels);
  return {
    key: invalid === undefined ? labelKey(labels) : '',
    labels,
    annotations: fields.annotations,
    startsAt: fields.startsAt,
    endsAt: fields.endsAt,
    generatorURL: fields.generatorURL,
    invalid,
  };
}

function withoutEmptyValues(labels: LabelSet): LabelSet {
  for (const name in labels) {
    if (labels[name] === '') return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ''));
  }
  return labels;
}

/**
 * Checks the numbers first: of a set that is too large, only one entry too many has been kept, so the rest of the set does not
 * matter.
 * @param given the number of labels before empty ones were removed; 0 if none were
 */
function invalidity(what: 'label' | 'annotation', set: LabelSet, given: number, maxLabels: number): string | undefined {
  let unnamed = false;
  let left = 0;
  for (const name in set) {
    left++;
    if (name === '') unnamed = true;
  }
  if (Math.max(left, given) > maxLabels)
    return `more than ${maxLabels} ${what}s, the limit receiver.max_labels_per_alert`;
  if (unnamed) return what === 'label' ? 'invalid label set: invalid name ""' : 'invalid annotations: invalid name ""';
  return left === 0 && what === 'label' ? 'at least one label pair required' : undefined;
}

function count(set: LabelSet): number {
  return Object.keys(set).length;
}

/** An alert whose labels have not been parsed: their text is known to be a key. */
export class TextAlert implements PostableAlert {
  readonly key: string;
  readonly keyHash: number;
  readonly annotations: LabelText;
  readonly startsAt: number;
  readonly endsAt: number;
  readonly generatorURL: string;
  readonly invalid = undefined;
  readonly known: IdentifiedLabels | undefined;

  /** @param identity a key, or an alert that is stored under it */
  constructor(
    identity: string | IdentifiedLabels,
    keyHash: number,
    annotations: LabelText,
    startsAt: number,
    endsAt: number,
    generatorURL: string,
  ) {
    this.key = typeof identity === 'string' ? identity : identity.key;
    this.known = typeof identity === 'string' ? undefined : identity;
    this.keyHash = keyHash;
    this.annotations = annotations;
    this.startsAt = startsAt;
    this.endsAt = endsAt;
    this.generatorURL = generatorURL;
  }

  get labels(): LabelSet {
    return this.known?.labels ?? labelSetOf(this.key);
  }
}

/** The stored parts of an alert. */
export interface KnownAlert extends IdentifiedLabels {
  readonly annotations: LabelText;
}

/** The stored alerts by their keys; see labelKey. */
export interface KnownAlerts {
  /** @param keyHash the key's {@link TextHash} */
  find(key: string, keyHash: number): KnownAlert | undefined;
}

export const nothingKnown: KnownAlerts = { find: () => undefined };

/** Codes of go-openapi's validation errors, which Alertmanager's clients see in a 422. */
type ValidationCode = 601 | 602;

/** A batch that is refused as a whole: none of it is stored. */
export class BatchError extends Error {
  /** 400: JSON or the schema's types do not allow it. 422: a required field is missing, or has the wrong format. */
  readonly status: 400 | 422;
  /** The `code` of the answer's body: the status itself for a 400, go-openapi's own number for a 422. */
  readonly code: 400 | ValidationCode;

  private constructor(status: 400 | 422, code: 400 | ValidationCode, message: string) {
    super(message);
    this.name = 'BatchError';
    this.status = status;
    this.code = code;
  }

  /** The body cannot be read as a list of alerts; `reason` says where and why. */
  static unreadable(reason: string): BatchError {
    return new BatchError(400, 400, `parsing alerts body from "" failed, because ${reason}`);
  }

  /** A webhook payload is wrong, so sending it again does not help; `reason` names the path of the wrong field. */
  static badPayload(reason: string): BatchError {
    return new BatchError(400, 400, `the webhook payload cannot be read: ${reason}`);
  }

  /** A required field is missing. @param path such as `3.labels` */
  static required(path: string): BatchError {
    return new BatchError(422, 602, `${path} in body is required`);
  }

  /** A `generatorURL` is not a URI. */
  static notUri(path: string, found: string): BatchError {
    return new BatchError(422, 601, `${path} in body must be of type uri: ${JSON.stringify(shorten(found))}`);
  }
}

function shorten(text: string): string {
  return text.length <= 200 ? text : `${text.slice(0, 200)}…`;
}
