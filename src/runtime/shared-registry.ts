import { Counter, Histogram, Registry, type MetricObjectWithValues, type MetricValue } from 'prom-client';

type Values = MetricObjectWithValues<MetricValue<string>>;

/** A metric of the library, with the series that it keeps. */
interface Metric {
  readonly name: string;
  readonly collect?: unknown;
  hashMap: object;
  get(): Promise<Values>;
}

/**
 * The metrics of a process in which many spines register the same ones. Each spine has a part, and the page shows one metric of
 * each name. Counters and histograms of all parts count into the same series, so that a part costs nothing but the objects through
 * which it counts. Everything that is read at a scrape is read of every part, and put together as its `aggregator` says.
 *
 * With a label, each part keeps its own series, and the page shows them side by side.
 */
export class SharedRegistry extends Registry {
  readonly #label: string | undefined;
  readonly #together = new Map<string, TogetherMetric>();

  /** @param label that distinguishes the parts; undefined: they are summed */
  constructor(label?: string) {
    super();
    this.#label = label;
  }

  /** A registry for one part. Close it when the part has ended. */
  part(name: string): RegistryPart {
    return new RegistryPart((metric) => this.#add(metric, name));
  }

  /** Returns what takes the metric away again. */
  #add(metric: Metric, part: string): () => void {
    if (this.#label === undefined && countsAlone(metric)) {
      const first = this.getSingleMetric(metric.name) as unknown as Metric | undefined;
      if (first === undefined) this.registerMetric(metric as never);
      else share(metric, first);
      return () => undefined;
    }
    const together = this.#together.get(metric.name) ?? new TogetherMetric(metric, this.#label);
    if (!this.#together.has(metric.name)) {
      this.#together.set(metric.name, together);
      this.registerMetric(together as never);
    }
    together.parts.set(metric, part);
    return () => together.parts.delete(metric);
  }
}

/** Where one spine registers its metrics. */
export class RegistryPart extends Registry {
  readonly #add: (metric: Metric) => () => void;
  readonly #removals: (() => void)[] = [];

  constructor(add: (metric: Metric) => () => void) {
    super();
    this.#add = add;
  }

  override registerMetric(metric: never): void {
    super.registerMetric(metric);
    this.#removals.push(this.#add(metric));
  }

  close(): void {
    for (const remove of this.#removals) remove();
  }
}

/** Nobody sets it back, so that several may count into it. */
function countsAlone(metric: Metric): boolean {
  return metric.collect === undefined && (metric instanceof Counter || metric instanceof Histogram);
}

/** The library gives a histogram without labels its first series after it was registered: that one is dropped. */
function share(metric: Metric, first: Metric): void {
  if (metric instanceof Counter) metric.hashMap = first.hashMap;
  else Object.defineProperty(metric, 'hashMap', { get: () => first.hashMap, set: ignore });
}

function ignore(): void {
  // The series of the first one stay.
}

type Aggregator = Values['aggregator'];

/** One metric on the page, of all parts that have it. */
class TogetherMetric {
  readonly name: string;
  readonly parts = new Map<Metric, string>();
  readonly #first: Metric;
  readonly #label: string | undefined;

  constructor(first: Metric, label: string | undefined) {
    this.name = first.name;
    this.#first = first;
    this.#label = label;
  }

  /** As the library asks for a page. */
  get type(): unknown {
    return (this.#first as unknown as { readonly type: unknown }).type;
  }

  async get(): Promise<Values> {
    const { values: _values, ...description } = await this.#first.get();
    if (this.#label !== undefined) return { ...description, values: await this.#sideBySide(this.#label) };
    const sums = new Map<string, MetricValue<string>>();
    for (const metric of this.parts.keys()) {
      const { values, aggregator } = await metric.get();
      for (const value of values) {
        const key = keyOf(value);
        const before = sums.get(key);
        sums.set(
          key,
          before === undefined ? { ...value } : { ...value, value: joined(aggregator, before.value, value.value) },
        );
      }
    }
    return { ...description, values: [...sums.values()] };
  }

  async #sideBySide(label: string): Promise<MetricValue<string>[]> {
    const all: MetricValue<string>[] = [];
    for (const [metric, part] of this.parts) {
      const { values } = await metric.get();
      for (const value of values) all.push({ ...value, labels: { ...value.labels, [label]: part } });
    }
    return all;
  }
}

function keyOf({ labels, metricName = '' }: MetricValue<string> & { readonly metricName?: string }): string {
  return `${metricName} ${JSON.stringify(Object.entries(labels).toSorted())}`;
}

function joined(aggregator: Aggregator, one: number, other: number): number {
  if (aggregator === 'max') return Math.max(one, other);
  if (aggregator === 'min') return Math.min(one, other);
  return aggregator === 'first' ? one : one + other;
}
