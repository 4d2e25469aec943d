import { styleText } from 'node:util';
import { showText } from '../config/settings/show-value.ts';
import type { Clock } from '../runtime/clock.ts';

export const outputFormats = ['table', 'wide', 'json', 'yaml'] as const;

export type OutputFormat = (typeof outputFormats)[number];

export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  /** The width of a terminal, characters. */
  readonly columns?: number;
}

/** The width of a table in columns; `-o wide` has no limit. */
const tableColumns = 100;

/** Colours are for terminals only, and not for those who do not want them (https://no-color.org). */
export function isColoured({ isTTY }: OutputStream, environment: OutputOptions['environment']): boolean {
  return isTTY === true && !environment['NO_COLOR'] && environment['TERM'] !== 'dumb';
}

export type Colour = 'bold' | 'dim' | 'green' | 'red' | 'yellow';

interface OutputOptions {
  readonly format: OutputFormat;
  readonly stdout: OutputStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
}

/** A row of a story: its label and its text. */
export type Row = readonly [label: string, text: string | undefined];

/** The only place that writes answers. It removes from foreign text whatever controls a terminal. */
export class Output {
  readonly #stdout: OutputStream;
  readonly #clock: Clock;
  readonly #isColoured: boolean;
  readonly format: OutputFormat;

  constructor({ format, stdout, environment, clock }: OutputOptions) {
    this.format = format;
    this.#stdout = stdout;
    this.#clock = clock;
    this.#isColoured = isColoured(stdout, environment);
  }

  get isWide(): boolean {
    return this.format === 'wide';
  }

  /** Prints the objects themselves, if JSON or YAML was asked for. False if a story was asked for. */
  async object(value: unknown): Promise<boolean> {
    if (this.format === 'json') this.#stdout.write(`${JSON.stringify(value, null, 2)}\n`);
    else if (this.format === 'yaml') this.#stdout.write((await import('yaml')).stringify(value));
    else return false;
    return true;
  }

  /** As {@link object}, for one of many that come one by one: a line of JSON, or a document of YAML. */
  async item(value: unknown): Promise<boolean> {
    if (this.format === 'json') this.#stdout.write(`${JSON.stringify(value)}\n`);
    else if (this.format === 'yaml') this.#stdout.write(`---\n${(await import('yaml')).stringify(value)}`);
    else return false;
    return true;
  }

  /** Prints one line, indented this far. A line that is too long continues below. */
  line(text = '', indent = 0): void {
    const lines = this.#wrapped(showText(text), indent, indent).join('\n');
    this.#stdout.write(`${' '.repeat(indent)}${lines}`.trimEnd().concat('\n'));
  }

  /**
   * Prints a heading, parts of it in colour. A heading that is too long is cut.
   * @param rest stands behind it, or below it if it is too long for that, and is never cut
   */
  heading(parts: readonly (readonly [text: string, colour?: Colour])[], rest = ''): void {
    let room = this.isWide ? Number.POSITIVE_INFINITY : tableColumns;
    const shown = parts.map(([text, colour]) => {
      const plain = cut(showText(text), room);
      room -= plain.length;
      return this.#painted(plain, colour);
    });
    const behind = `  ${showText(rest)}`;
    const isBelow = rest !== '' && behind.length > room;
    this.#stdout.write(`${`${shown.join('')}${isBelow ? '' : behind}`.trimEnd()}\n`);
    if (isBelow) this.line(rest, 6);
  }

  /** Prints labels in one column and texts in the other; a row without text is left out. */
  rows(rows: readonly Row[]): void {
    const width = 13;
    for (const [label, text] of rows) {
      if (text === undefined || text === '') continue;
      const [first = '', ...rest] = this.#wrapped(showText(text), width + 2, width + 2);
      this.#stdout.write(`  ${this.#painted(label.padEnd(width), 'dim')}${first}\n`);
      for (const line of rest) this.#stdout.write(`${line}\n`);
    }
  }

  /** Prints columns as wide as their content; the last one continues below. */
  table(rows: readonly (readonly string[])[], indent = 2): void {
    const shown = rows.map((row) => row.map((cell) => showText(cell)));
    const widths = (shown[0] ?? []).map((_, column) => Math.max(...shown.map((row) => row[column]?.length ?? 0)));
    for (const row of shown) {
      const before = row.slice(0, -1).map((cell, column) => cell.padEnd(widths[column]! + 2));
      const start = `${' '.repeat(indent)}${before.join('')}`;
      // Where names leave little room, what is told of them begins further left.
      const [first = '', ...rest] = this.#wrapped(row.at(-1) ?? '', start.length, Math.min(start.length, 50));
      for (const line of [`${start}${first}`, ...rest]) this.#stdout.write(`${line.trimEnd()}\n`);
    }
  }

  /** A hop of a way: what, when, and what is told of it. */
  step(hop: string, time: string, told: string, colour: Colour): void {
    const [first = '', ...rest] = this.#wrapped(showText(told), 23, 23);
    this.#stdout.write(`${this.#painted(hop.padEnd(11), colour)}${time.padStart(9)}   ${first}\n`);
    for (const line of rest) this.#stdout.write(`${line}\n`);
  }

  /** For example `3m ago`, or `in 5m`. */
  ago(time: string): string {
    const ms = this.#clock.now() - Date.parse(time);
    const text = roughly(Math.abs(ms));
    return ms >= 0 ? `${text} ago` : `in ${text}`;
  }

  #painted(text: string, colour: Colour | undefined): string {
    return this.#isColoured && colour !== undefined && text !== ''
      ? styleText(colour, text, { validateStream: false })
      : text;
  }

  #wrapped(text: string, used: number, indent: number): string[] {
    if (this.isWide) return [text];
    const lines: string[] = [];
    let line = '';
    const room = (): number => tableColumns - (lines.length === 0 ? used : indent);
    for (const word of text
      .split(' ')
      .flatMap((whole) => pieces(whole, Math.max(20, tableColumns - Math.max(used, indent))))) {
      if (line !== '' && line.length + 1 + word.length > room()) {
        lines.push(line);
        line = word;
      } else line = line === '' ? word : `${line} ${word}`;
    }
    const [first, ...rest] = [...lines, line];
    return [first, ...rest.map((each) => ' '.repeat(indent) + each)];
  }
}

/** Cuts a word that is longer than a line into pieces. */
function pieces(word: string, length: number): readonly string[] {
  return word.length <= length ? [word] : (word.match(new RegExp(`.{1,${length}}`, 'gsu')) ?? []);
}

function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  return length === 0 ? '' : `${text.slice(0, length - 1)}…`;
}

/** One unit is enough: `850ms`, `12s`, `3m`, `5h`, `2d`. */
export function roughly(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  if (ms < 90_000) return `${Math.round(ms / 1000)}s`;
  if (ms < 5_400_000) return `${Math.round(ms / 60_000)}m`;
  return ms < 172_800_000 ? `${Math.round(ms / 3_600_000)}h` : `${Math.round(ms / 86_400_000)}d`;
}
