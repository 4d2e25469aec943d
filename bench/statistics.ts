/** Several rounds of one measurement. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  return { median: percentile(sorted, 0.5), min: sorted[0] ?? Number.NaN, max: sorted.at(-1) ?? Number.NaN };
}

/** The median, and between which values that of endless rounds is with 95 % certainty, whatever their distribution. */
export function medianWithin(values: readonly number[]): { median: number; low: number; high: number } {
  const sorted = values.toSorted((a, b) => a - b);
  // The ranks of a binomial distribution, which is nearly a normal one from ten values on.
  const ranks = 0.98 * Math.sqrt(sorted.length);
  const at = (index: number): number => sorted[Math.min(sorted.length - 1, Math.max(0, index))] ?? Number.NaN;
  const low = at(Math.floor(sorted.length / 2 - ranks));
  return { median: percentile(sorted, 0.5), low, high: at(Math.ceil(sorted.length / 2 + ranks)) };
}

/** Nearest rank. @param sorted in ascending order @param share 0.99 for p99 */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export interface Latencies {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

export function latencies(values: readonly number[]): Latencies {
  const sorted = values.toSorted((a, b) => a - b);
  return {
    p50: percentile(sorted, 0.5),
    p99: percentile(sorted, 0.99),
    p999: percentile(sorted, 0.999),
    max: sorted.at(-1) ?? Number.NaN,
  };
}

/** The time in milliseconds, and the value. */
export type Sample = readonly [atMs: number, value: number];

/** The slope of the line that fits the samples best (least squares). */
export function slopePerHour(samples: readonly Sample[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanAt, meanValue] = [mean(samples.map(([at]) => at)), mean(samples.map(([, value]) => value))];
  const spreadOfTimes = samples.reduce((sum, [at]) => sum + (at - meanAt) ** 2, 0);
  const together = samples.reduce((sum, [at, value]) => sum + (at - meanAt) * (value - meanValue), 0);
  return (together / spreadOfTimes) * 3_600_000;
}
