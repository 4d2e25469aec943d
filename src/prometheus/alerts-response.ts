import { JsonError } from '../text/json-scanner.ts';
import { Allowance, type Selection, type SelectedList } from '../text/json-selection.ts';
import { JsonStream, TextTooLongError } from '../text/json-stream.ts';
import type { Slices } from '../runtime/slices.ts';
import type { PrometheusEndpoint } from './prometheus-endpoint.ts';
import { badShape, brokenText, errorStatus, partialAnswer, tooLarge } from './bad-answer.ts';
import { PrometheusError } from './prometheus-error.ts';
import type { LabelSet } from '../alert/labels.ts';

/** What Prometheus says about alerts at one moment. */
export interface PrometheusAlerts {
  /** The number of active alerts, pending ones included. */
  readonly alerts: number;
  /** The labels of the firing alerts; values and times are dropped to save memory. */
  readonly firing: readonly LabelSet[];
  /** The annotations of firing alerts, if somebody needs them; otherwise they are dropped as well. */
  readonly annotations?: ReadonlyMap<LabelSet, LabelSet>;
  /** The number of firing alerts without their annotations, because there was no room. Default: 0. */
  readonly withoutAnnotations?: number;
}

export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The memory that a firing alert takes, measured and rounded up, bytes: its object and its places in the lists; for each label, a
 * reference and a text without its characters.
 */
const alertBytes = 120;
const labelBytes = 40;
/** In addition for an alert name that no earlier alert had: a list of its own. */
const newAlertnameBytes = 80;
/** The memory that V8 also keeps for a set of names that no earlier alert had, for each name. */
const newNameBytes = 150;

/** V8 takes two bytes for each character of a text that has a wider one, else one byte. */
const widerThanAByte = /[^\0-\u00ff]/;

/** The alerts of an answer, as they arrive one by one: it counts and checks them, and keeps the labels of those that fire. */
export class FiringList implements SelectedList {
  readonly element: Selection;
  readonly elementBytes: number;
  readonly #endpoint: PrometheusEndpoint;
  readonly #maxBytes: number;
  readonly #state: string;
  readonly #wantsAnnotations: boolean;
  #firing: LabelSet[] = [];
  #annotations = new Map<LabelSet, LabelSet>();
  #withoutAnnotations = 0;
  #count = 0;
  #bytes = 0;
  #annotationBytes = 0;
  /** The sets of names seen so far, and the alert names. */
  #shapes = new Set<string>();
  #alertnames = new Set<string>();
  /** The first alert of an unexpected shape; a problem of the whole answer is reported before it. */
  #problem: PrometheusError | undefined;

  /** @param state of the alerts that are kept */
  constructor(endpoint: PrometheusEndpoint, maxBytes: number, state = 'firing', wantsAnnotations = false) {
    const texts = { everyMember: 'scalar' } as const;
    const annotations = wantsAnnotations ? { annotations: texts } : {};
    this.element = { members: { state: 'scalar', labels: texts, ...annotations } };
    this.#wantsAnnotations = wantsAnnotations;
    this.#state = state;
    this.#endpoint = endpoint;
    this.#maxBytes = maxBytes;
    this.elementBytes = maxBytes;
  }

  begin(): void {
    this.#firing = [];
    this.#annotations = new Map();
    this.#withoutAnnotations = 0;
    this.#count = 0;
    this.#bytes = 0;
    this.#annotationBytes = 0;
    this.#shapes = new Set();
    this.#alertnames = new Set();
    this.#problem = undefined;
  }

  /** Throws PrometheusError if the firing alerts take more memory than they may. */
  accept(alert: unknown, { isSpent }: Allowance): void {
    if (isSpent) throw this.#tooLarge();
    const path = `data.alerts[${this.#count++}]`;
    if (this.#problem !== undefined) return;
    this.#problem = problemOf(alert, path, this.#endpoint);
    if (this.#problem !== undefined) return;
    const { labels, state, annotations } = alert as CheckedAlert;
    if (state !== this.#state) return;
    this.#bytes += this.#sizeOf(labels);
    if (this.#bytes > this.#maxBytes) throw this.#tooLarge();
    const kept = tidyLabels(labels);
    this.#firing.push(kept);
    if (this.#wantsAnnotations && isJsonObject(annotations)) this.#annotate(kept, annotations);
  }

  /** Annotations may take a quarter of the limit more. They only make messages better, so what has no room is left out. */
  #annotate(labels: LabelSet, found: JsonObject): void {
    const texts = Object.entries(found).filter((entry): entry is [string, string] => typeof entry[1] === 'string');
    if (texts.length === 0) return;
    const annotations = Object.fromEntries(texts);
    this.#annotationBytes += this.#sizeOf(annotations);
    if (this.#annotationBytes > this.#maxBytes / 4) this.#withoutAnnotations++;
    else this.#annotations.set(labels, annotations);
  }

  /** Throws PrometheusError if any alert was of an unexpected shape. */
  alerts(): PrometheusAlerts {
    if (this.#problem !== undefined) throw this.#problem;
    const count = { alerts: this.#count, firing: this.#firing };
    if (!this.#wantsAnnotations) return count;
    return { ...count, annotations: this.#annotations, withoutAnnotations: this.#withoutAnnotations };
  }

  #sizeOf(labels: LabelSet): number {
    let shape = '';
    let bytes = alertBytes;
    let count = 0;
    for (const name in labels) {
      shape += `${name}\0`;
      bytes += labelBytes + textBytes(labels[name]!);
      count++;
    }
    if (isNew(this.#alertnames, labels['alertname'] ?? '')) bytes += newAlertnameBytes;
    return isNew(this.#shapes, shape) ? bytes + newNameBytes * count + 2 * textBytes(shape) : bytes;
  }

  #tooLarge(): PrometheusError {
    return new PrometheusError(
      'too_large',
      `The labels of the alerts that fire in Prometheus at ${this.#endpoint.address} take more than ${this.#maxBytes} bytes of memory, the limit prometheus.max_firing_size: raise it, or let fewer alerts fire.`,
    );
  }
}

function textBytes(text: string): number {
  return widerThanAByte.test(text) ? 2 * text.length : text.length;
}

function isNew(seen: Set<string>, text: string): boolean {
  if (seen.has(text)) return false;
  seen.add(text);
  return true;
}

interface CheckedAlert {
  readonly labels: LabelSet;
  readonly state: string;
  /** Not checked: an alert fires whatever is written about it. */
  readonly annotations?: unknown;
}

/** Undefined if there is no problem: then the value is a {@link CheckedAlert}. */
function problemOf(alert: unknown, path: string, endpoint: PrometheusEndpoint): PrometheusError | undefined {
  if (!isJsonObject(alert)) return badShape(path, 'an object', alert, endpoint);
  const { state, labels } = alert;
  if (typeof state !== 'string') return badShape(`${path}.state`, 'a string', state, endpoint);
  if (!isJsonObject(labels)) return badShape(`${path}.labels`, 'an object', labels, endpoint);
  for (const name of Object.keys(labels)) {
    const value = labels[name];
    if (typeof value === 'string') continue;
    return badShape(`${path}.labels[${JSON.stringify(name)}]`, 'a string', value, endpoint);
  }
  return undefined;
}

/** The labels as they were read, but without empty values: an empty label is an absent label. */
function tidyLabels(labels: LabelSet): LabelSet {
  for (const name in labels) {
    if (labels[name] === '') return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ''));
  }
  return labels;
}

/** The body of a 200 while it arrives, and what is needed to say what is wrong with it. */
export interface PrometheusResponse {
  readonly body: AsyncIterable<Uint8Array> | null;
  readonly contentType: string | null;
  readonly endpoint: PrometheusEndpoint;
  /** The longest answer, after decompression: `prometheus.max_response_size`. */
  readonly maxResponseBytes: number;
}

export interface AlertsResponse extends PrometheusResponse {
  /** The memory limit for the labels of all firing alerts: `prometheus.max_firing_size`. */
  readonly maxFiringBytes: number;
  /** The state of the alerts whose labels are kept. Default: firing. */
  readonly state?: 'firing' | 'pending' | undefined;
  /** Whether the annotations of these alerts are kept. Default: no. */
  readonly annotations?: boolean | undefined;
}

/** The limit for those parts of the envelope that go into a message: the error, its type, the warnings. */
export const envelopeBytes = 256 * 1024;

/**
 * Reads the answer of `GET /api/v1/alerts` while it arrives. Members that nobody needs are skipped, so that memory is bounded by what
 * is kept and not by the answer. One alert of an unexpected shape rejects the whole answer: half an answer must not look like fewer
 * alerts. So do warnings, by which Thanos reports missing alerts (`infos` do not report any).
 * A state that is neither pending nor firing counts as not firing.
 * Rejects with PrometheusError (not_json, bad_json, error_status, partial, bad_shape, too_large), or with the body's own error.
 */
export async function readAlertsResponse(response: AlertsResponse, slices: Slices): Promise<PrometheusAlerts> {
  const { endpoint, maxFiringBytes, state, annotations } = response;
  const list = new FiringList(endpoint, maxFiringBytes, state, annotations);
  const { alerts: found } = await readPrometheusData(
    response,
    { alerts: { list } },
    () => new Allowance(envelopeBytes),
    slices,
  );
  // Go writes a list that was never filled as null.
  if (found !== null && !Array.isArray(found)) throw badShape('data.alerts', 'a list', found, endpoint);
  return list.alerts();
}

/**
 * Reads the selected members of `data` of any answer of Prometheus's API.
 * @param allowance for them and for the envelope, which may take {@link envelopeBytes}; what does not fit is left out
 */
export async function readPrometheusData(
  response: PrometheusResponse,
  members: Readonly<Record<string, Selection>>,
  allowance: () => Allowance,
  slices: Slices,
): Promise<JsonObject> {
  const { body, endpoint, maxResponseBytes } = response;
  const stream = new JsonStream(body, maxResponseBytes, slices);
  const envelope = await stream.select(envelopeSelection(members), allowance).catch((error: unknown) => {
    if (error instanceof TextTooLongError) throw tooLarge(response);
    if (error instanceof JsonError) throw brokenText(error, stream.head, response);
    throw error;
  });
  return dataOf(envelope, endpoint);
}

function envelopeSelection(members: Readonly<Record<string, Selection>>): Selection {
  return {
    members: {
      status: 'scalar',
      errorType: 'scalar',
      error: 'scalar',
      warnings: { everyElement: 'scalar' },
      data: { members },
    },
  };
}

/** The `data` of an answer. {@link FiringList} checks the elements of the list of alerts. */
function dataOf(envelope: unknown, endpoint: PrometheusEndpoint): JsonObject {
  if (!isJsonObject(envelope)) throw badShape('the answer', 'an object', envelope, endpoint);
  if (envelope['status'] === 'error') throw errorStatus(envelope, endpoint);
  if (envelope['status'] !== 'success') throw badShape('status', '"success" or "error"', envelope['status'], endpoint);
  refuseWarnings(envelope['warnings'] ?? [], endpoint);
  const data = envelope['data'];
  if (!isJsonObject(data)) throw badShape('data', 'an object', data, endpoint);
  return data;
}

function refuseWarnings(warnings: unknown, endpoint: PrometheusEndpoint): void {
  if (!Array.isArray(warnings)) throw badShape('warnings', 'a list', warnings, endpoint);
  if (warnings.length === 0) return;
  throw partialAnswer(warnings, endpoint);
}
