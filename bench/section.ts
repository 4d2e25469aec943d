import type { Plot } from './plot.ts';
import type { Row } from './table.ts';

export interface SectionOptions {
  /** Fewer and shorter rounds, which show that it works, and the rough size of the figures. */
  readonly quick: boolean;
}

export interface SectionResult {
  readonly rows: readonly Row[];
  /** All measurements, for the JSON file. */
  readonly raw: unknown;
  /** The plots that `--plot` draws. */
  readonly plots?: readonly Plot[];
}

/** One part of the benchmark, which `npm run bench -- <name>` runs alone. */
export interface Section {
  readonly name: string;
  readonly title: string;
  run(options: SectionOptions): Promise<SectionResult>;
}
