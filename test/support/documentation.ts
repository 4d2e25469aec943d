import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The folder of the project, without a trailing slash. */
export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** A page of the documentation, or another file, by its path in the project. */
export function read(file: string): string {
  return readFileSync(`${root}/${file}`, 'utf8');
}

/** The text between a heading of level two and the next one. */
export function section(file: string, heading: string): string {
  const [, after] = read(file).split(`\n## ${heading}\n`);
  if (after === undefined) throw new Error(`${file} has no section "${heading}"`);
  return after.split('\n## ')[0] ?? '';
}

/** The lines of the `sh` blocks in a section, in order: what a reader would type. A line that ends in `\` continues. */
export function commands(file: string, heading: string): readonly string[] {
  return blocks(section(file, heading), 'sh').flatMap(linesOf);
}

/** The first block of a language in a section, or in the whole page. */
export function block(file: string, language: string, heading?: string): string {
  const [first] = blocks(heading === undefined ? read(file) : section(file, heading), language);
  if (first === undefined) throw new Error(`${file} has no block of "${language}" below "${heading ?? 'its title'}"`);
  return first;
}

/** Every block of a language; '' stands for blocks without a language. */
export function blocks(text: string, language: string): readonly string[] {
  return [...text.matchAll(/^```(\w*)\n([^]*?)^```$/gm)]
    .filter(([, found]) => found === language)
    .map(([, , content = '']) => content);
}

export function linesOf(shellBlock: string): readonly string[] {
  return shellBlock.trim().replaceAll('\\\n', ' ').split('\n');
}

/** The rows of all tables in a text, without the header rows: the cells of each. */
export function tableRows(text: string): readonly (readonly string[])[] {
  return [...text.matchAll(/^\|(.*)\|$/gm)]
    .map(([, row = '']) => row.split(/(?<!\\)\|/).map((cell) => cell.trim()))
    .filter((cells, index, all) => !isRule(cells) && !isRule(all[index + 1] ?? []));
}

/** The texts in backticks. */
export function codeIn(text: string): readonly string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);
}

function isRule(cells: readonly string[]): boolean {
  return cells.length > 0 && cells.every((cell) => /^:?-+:?$/.test(cell));
}
