import type { Allowance, SelectedList } from '../text/json-selection.ts';
import type { LabelSet } from '../alert/labels.ts';
import type { PrometheusEndpoint } from './prometheus-endpoint.ts';
import { PrometheusError } from './prometheus-error.ts';

/** What Prometheus says about alerts at one moment. */
export interface PrometheusAlerts {
  /** How many are active, the pending ones too. */
  readonly alerts: number;
  /** The labels of those that fire; annotations, values and times are let go of, to hold no memory. */
  readonly firing: readonly LabelSet[];
}

export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The answer is JSON, but not what Prometheus writes. */
export function badShape(
  path: string,
  expected: string,
  found: unknown,
  endpoint: PrometheusEndpoint,
): PrometheusError {
  return new PrometheusError(
    'bad_shape',
    `Prometheus at ${endpoint.address} answered with JSON of another shape (${endpoint.quote(path)} is ${shapeOf(found, endpoint)}, not ${expected}): is prometheus.url right, and is that a Prometheus?`,
  );
}

/** What stands in a place, for a message: what it is, and of a text its beginning. */
export function shapeOf(value: unknown, endpoint: PrometheusEndpoint): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return `"${endpoint.quote(value)}"`;
  return typeof value === 'object' ? 'an object' : JSON.stringify(value);
}

/** What the labels of an alert take in memory, on the high side, bytes: the object, and for each label two references and its text. */
const labelsBytes = 64;
const labelBytes = 64;
const characterBytes = 2;
/** What V8 keeps besides of a set of names that no alert before had, for each name. */
const newNameBytes = 150;

/** The alerts of an answer as they come one by one: counted, checked, and of those that fire the labels kept. */
export class FiringList implements SelectedList {
  readonly element = { members: { state: 'scalar', labels: { everyMember: 'scalar' } } } as const;
  readonly elementBytes: number;
  readonly #endpoint: PrometheusEndpoint;
  readonly #maxBytes: number;
  #firing: LabelSet[] = [];
  #count = 0;
  #bytes = 0;
  /** The sets of names that have occurred. */
  #shapes = new Set<string>();
  /** The first alert of an unexpected shape; what the answer says as a whole is told before it. */
  #problem: PrometheusError | undefined;

  constructor(endpoint: PrometheusEndpoint, maxBytes: number) {
    this.#endpoint = endpoint;
    this.#maxBytes = maxBytes;
    this.elementBytes = maxBytes;
  }

  begin(): void {
    this.#firing = [];
    this.#count = 0;
    this.#bytes = 0;
    this.#shapes = new Set();
    this.#problem = undefined;
  }

  /** Throws PrometheusError if those that fire take more than they may. */
  accept(alert: unknown, { isSpent }: Allowance): void {
    if (isSpent) throw this.#tooLarge();
    const path = `data.alerts[${this.#count++}]`;
    if (this.#problem !== undefined) return;
    this.#problem = problemOf(alert, path, this.#endpoint);
    if (this.#problem !== undefined) return;
    const { labels, state } = alert as CheckedAlert;
    if (state !== 'firing') return;
    this.#bytes += this.#sizeOf(labels);
    if (this.#bytes > this.#maxBytes) throw this.#tooLarge();
    this.#firing.push(tidyLabels(labels));
  }

  /** Throws PrometheusError if one of them was of an unexpected shape. */
  alerts(): PrometheusAlerts {
    if (this.#problem !== undefined) throw this.#problem;
    return { alerts: this.#count, firing: this.#firing };
  }

  #sizeOf(labels: LabelSet): number {
    let shape = '';
    let bytes = labelsBytes;
    let count = 0;
    for (const name in labels) {
      shape += `${name}\0`;
      bytes += labelBytes + characterBytes * labels[name]!.length;
      count++;
    }
    if (this.#shapes.has(shape)) return bytes;
    this.#shapes.add(shape);
    return bytes + newNameBytes * count + 2 * characterBytes * shape.length;
  }

  #tooLarge(): PrometheusError {
    return new PrometheusError(
      'too_large',
      `The labels of the alerts that fire in Prometheus at ${this.#endpoint.address} take more than ${this.#maxBytes} bytes of memory, the limit prometheus.max_firing_size: raise it, or let fewer alerts fire.`,
    );
  }
}

interface CheckedAlert {
  readonly labels: LabelSet;
  readonly state: string;
}

/** Undefined if there is none: then it is a {@link CheckedAlert}. */
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

/** The labels as they were read, unless there are empty values in them: an empty label is an absent one. */
function tidyLabels(labels: LabelSet): LabelSet {
  for (const name in labels) {
    if (labels[name] === '') return Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ''));
  }
  return labels;
}
