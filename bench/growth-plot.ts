import type { Plot } from './plot.ts';
import type { Row } from './table.ts';

const columns = ['unchanged, ms', 'all changed and written, ms'];

/** How long a sweep takes, by the number of pipelines, which grows about tenfold with each step; both axes are logarithmic. */
export function growthPlot(name: string, title: string, rows: readonly Row[]): Plot {
  return {
    name,
    title,
    kind: 'line',
    x: { name: 'pipelines', values: rows.map((row) => row['pipelines']!) },
    y: { name: 'milliseconds of a sweep', scale: 'logarithmic' },
    series: columns.map((column) => ({ name: column, values: rows.map((row) => Number(row[column])) })),
  };
}
