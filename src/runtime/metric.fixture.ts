import type { Registry } from 'prom-client';

/** The value of one series, such as `name{label="value"}`; undefined if it does not exist. */
export async function metric(registry: Registry, series: string): Promise<number | undefined> {
  const line = (await registry.metrics()).split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}
