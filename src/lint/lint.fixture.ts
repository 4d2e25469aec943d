import { lintTexts } from './lint.ts';
import type { Problem } from './problem.ts';
import type { Disk } from './rule.ts';

/** A disk on which every pattern matches. */
export const fullDisk: Disk = { matches: () => 'some' };

/** The problems of one text. */
export function problemsOf(text: string, name = 'file.yml', disk = fullDisk): readonly Problem[] {
  return lintTexts([{ name, text }], disk)[0]!.problems;
}

/** The problems of one text as `LINE:COLUMN code`. */
export function placesOf(text: string, name = 'file.yml', disk = fullDisk): readonly string[] {
  return problemsOf(text, name, disk).map(({ line, column, code }) => `${line}:${column} ${code}`);
}
