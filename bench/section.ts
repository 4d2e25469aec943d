import type { Plot } from './plot.ts';
import type { Row } from './table.ts';

export interface SectionOptions {
  /** Fewer and shorter rounds: shows that it works, and the size of the figures. */
  readonly quick: boolean;
}

export interface SectionResult {
  readonly rows: readonly Row[];
  /** Everything that was measured, for the JSON file. */
  readonly raw: unknown;
  /** What of it `--plot` draws. */
  readonly plots?: readonly Plot[];
}

/** One part of the benchmark, run by itself with `npm run bench -- <name>`. */
export interface Section {
  readonly name: string;
  readonly title: string;
  run(options: SectionOptions): Promise<SectionResult>;
}
