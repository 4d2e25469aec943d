import type { Latencies, Spread } from './statistics.ts';

export type Row = Readonly<Record<string, string | number>>;

/** A table in Markdown. Its columns are those of the first row; numbers are aligned to the right. */
export function table(rows: readonly Row[]): string {
  const [head] = rows;
  if (head === undefined) return '';
  const columns = Object.keys(head);
  const cells = [columns, ...rows.map((row) => columns.map((column) => String(row[column] ?? '')))];
  const widths = columns.map((_, column) => Math.max(3, ...cells.map((row) => row[column]!.length)));
  const right = columns.map((column) => typeof head[column] === 'number' || /^[\d<]/.test(String(head[column])));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => (right[column] ? cell.padStart(widths[column]!) : cell.padEnd(widths[column]!))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (right[column] ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width))).join(' | ')} |`;
  return [line(cells[0]!), rule, ...cells.slice(1).map(line)].join('\n');
}

/** `98k (91–104)`: the median, minimum and maximum of the rounds, in thousands. */
export function thousands({ median, min, max }: Spread): string {
  const k = (value: number): string => (value / 1000).toFixed(value < 10_000 ? 1 : 0);
  return `${k(median)}k (${k(min)}–${k(max)})`;
}

export function ratio({ median, min, max }: Spread): string {
  return `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`;
}

/** Milliseconds: `p50 / p99 / max`, or with p99.9 before the last. */
export function milliseconds({ p50, p99, p999, max }: Latencies, withP999 = false): string {
  return (withP999 ? [p50, p99, p999, max] : [p50, p99, max]).map((value) => value.toFixed(1)).join(' / ');
}

export function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(0)} MiB`;
}
