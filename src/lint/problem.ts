import { LineCounter } from 'yaml';
import type { LintCode, Severity } from './codes.ts';

/** A part of a file. Offsets count UTF-16 units from its start; `end` is behind the last one. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Replaces a part of a file. */
export interface Edit extends Range {
  readonly text: string;
}

/** A change that is safe: the file means what its author wanted. */
export interface Fix {
  /** What the change does, as in `quote "#monitoring"`. */
  readonly does: string;
  readonly edits: readonly Edit[];
}

/** Renames a key, and leaves the quotes around it: JSON needs them. Undefined if the key is written with escapes. */
export function renameKey(key: string, { start, end }: Range, name: string): Fix | undefined {
  const quotes = (end - start - key.length) / 2;
  if (quotes !== 0 && quotes !== 1) return undefined;
  return { does: `renames it to ${name}`, edits: [{ start: start + quotes, end: end - quotes, text: name }] };
}

/** What a rule found, at offsets of the file. */
export interface Finding {
  readonly code: LintCode;
  readonly range: Range;
  readonly message: string;
  /** What to do. */
  readonly hint: string;
  readonly fix?: Fix | undefined;
  /** If it differs from the severity of the code. */
  readonly severity?: Severity | undefined;
}

/** A position in a file: line and column from 1 up, the column in UTF-16 units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A finding as it is shown: `tocsin lint -o json` gives a list of these. */
export interface Problem extends Position {
  readonly file: string;
  readonly endLine: number;
  readonly endColumn: number;
  readonly code: LintCode;
  readonly severity: Severity;
  readonly message: string;
  readonly hint: string;
  readonly fix?: ProblemFix | undefined;
}

export interface ProblemFix {
  readonly does: string;
  readonly edits: readonly (Position & {
    readonly endLine: number;
    readonly endColumn: number;
    readonly text: string;
  })[];
}

/** Turns the offsets of a text into lines and columns. An offset that is not in the text becomes the nearest one that is. */
export class Positions {
  readonly #lines = new LineCounter();
  readonly #length: number;

  constructor(text: string) {
    this.#length = text.length;
    this.#lines.addNewLine(0);
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) this.#lines.addNewLine(at + 1);
  }

  at(offset: number): Position {
    const { line, col } = this.#lines.linePos(Math.max(0, Math.min(offset, this.#length)));
    return { line, column: col };
  }

  range({ start, end }: Range): Position & { readonly endLine: number; readonly endColumn: number } {
    const last = this.at(Math.max(start, end));
    return { ...this.at(start), endLine: last.line, endColumn: last.column };
  }
}

const ranks: Readonly<Record<Severity, number>> = { error: 0, warning: 1, info: 2 };

/** True if `severity` is as bad as `limit`, or worse. */
export function isAtLeast(severity: Severity, limit: Severity): boolean {
  return ranks[severity] <= ranks[limit];
}
