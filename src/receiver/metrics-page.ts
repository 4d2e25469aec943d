import type { IncomingMessage, ServerResponse } from 'node:http';
import { Registry, type MetricObjectWithValues, type MetricValue, type OpenMetricsContentType } from 'prom-client';
import type { SliceSchedule } from '../runtime/slices.ts';

type Format = 'text' | 'OpenMetrics';

interface Rendered {
  readonly type: string;
  readonly bytes: Buffer;
}

/**
 * `GET /metrics`: OpenMetrics 1.0.0 for a scraper that prefers it, else the text format of Prometheus. A page takes milliseconds,
 * and thousands of requests may arrive at once. So a page waits for its turn in the schedule, and all requests before that turn
 * get the same page: none of its values is older than the request.
 */
export class MetricsPage {
  readonly #registry: Registry;
  readonly #schedule: SliceSchedule;
  /** The pages that have not been started. */
  readonly #next = new Map<Format, Promise<Rendered>>();

  constructor(registry: Registry, schedule: SliceSchedule) {
    this.#registry = registry;
    this.#schedule = schedule;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { type, bytes } = await this.#page(prefersOpenMetrics(request.headers.accept) ? 'OpenMetrics' : 'text');
    response.writeHead(200, { 'Content-Type': type, 'Content-Length': bytes.length, Vary: 'Accept' }).end(bytes);
  }

  #page(format: Format): Promise<Rendered> {
    const waiting = this.#next.get(format);
    if (waiting !== undefined) return waiting;
    const page = this.#render(format);
    this.#next.set(format, page);
    return page;
  }

  async #render(format: Format): Promise<Rendered> {
    await this.#schedule.next('metrics');
    this.#next.delete(format);
    const shown = format === 'OpenMetrics' ? await openMetrics(this.#registry) : this.#registry;
    return { type: shown.contentType, bytes: Buffer.from(await shown.metrics()) };
  }
}

/** Decides by the weights of an Accept header. Without a header, and with equal weights, the text format wins. */
export function prefersOpenMetrics(accept = ''): boolean {
  let [open, text] = [0, 0];
  for (const part of accept.toLowerCase().split(',')) {
    const [type = '', ...parameters] = part.split(';').map((word) => word.trim());
    const weight = weightOf(parameters);
    if (type === 'application/openmetrics-text' && isOurVersion(parameters)) open = Math.max(open, weight);
    else if (['text/plain', 'text/*', '*/*'].includes(type)) text = Math.max(text, weight);
  }
  return open > text;
}

function weightOf(parameters: readonly string[]): number {
  const text = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2) ?? '1';
  return /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(text) ? Number(text) : 0;
}

function isOurVersion(parameters: readonly string[]): boolean {
  const version = parameters.find((parameter) => parameter.startsWith('version='));
  return version === undefined || /^version="?1\.0\.0"?$/.test(version);
}

/**
 * The current values, in a separate registry. When the library writes OpenMetrics, it removes `_total` from a counter's name for
 * good, so the metrics themselves must not go through it.
 */
async function openMetrics(registry: Registry): Promise<Registry<OpenMetricsContentType>> {
  const copy = new Registry<OpenMetricsContentType>();
  copy.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  for (const metric of await registry.getMetricsAsJSON()) copy.registerMetric(snapshot(metric) as never);
  return copy;
}

type Snapshot = MetricObjectWithValues<MetricValue<string>>;

function snapshot(metric: object): Snapshot & { get(): Snapshot } {
  const { values, ...rest } = metric as Snapshot;
  const copy = { ...rest, values: values.map(withCanonicalBound), get: () => copy };
  return copy;
}

/** OpenMetrics writes the bound of a bucket as a float, `1.0`. JavaScript has no such number, so the bound becomes text. */
function withCanonicalBound(value: MetricValue<string>): MetricValue<string> {
  const { le } = value.labels;
  return typeof le === 'number' && Number.isInteger(le)
    ? { ...value, labels: { ...value.labels, le: `${le}.0` } }
    : value;
}
