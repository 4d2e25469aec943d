/** A row of a dashboard: a heading and the panels below it. */
export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

/** A panel: a graph over time, or the newest value in large letters. */
export interface Panel {
  readonly title: string;
  /** What it shows, and what to think of it. */
  readonly description: string;
  /** As Grafana names units. */
  readonly unit: 'short' | 'cps' | 's' | 'bytes' | 'bool_yes_no' | 'percentunit';
  readonly queries: readonly Query[];
  readonly isValue?: boolean;
  /** For a value: from here on it is shown in red; below, in green. Undefined: it is neither good nor bad. */
  readonly badFrom?: number;
  /** For a value: below this it is shown in red. */
  readonly badBelow?: number;
}

export interface Query {
  readonly expr: string;
  /** Labels stand in double braces. */
  readonly legend: string;
}

/** The Tocsin, and the Prometheus, that the variables of the dashboard choose. */
export const tocsin = 'instance=~"$instance"';
export const prometheus = 'instance=~"$prometheus"';

/** How often a counter rises a second, summed by these labels; without any, altogether. */
export function rate(metric: string, selector: string, ...by: readonly string[]): string {
  const grouping = by.length === 0 ? '' : ` by (${by.join(', ')})`;
  return `sum${grouping} (rate(${metric}{${selector}}[$__rate_interval]))`;
}

/** A quantile of a histogram, of all instances together. */
export function quantile(of: number, histogram: string, selector: string): string {
  return `histogram_quantile(${of}, ${rate(`${histogram}_bucket`, selector, 'le')})`;
}
