import type { Range } from './problem.ts';

/** How a text is written in YAML. */
export type ScalarStyle = 'plain' | 'single' | 'double' | 'literal' | 'folded';

/** The offset in the source of each unit of a scalar's text, and of its end. */
export type ScalarOffsets = (index: number) => number;

interface WrittenScalar {
  readonly source: string;
  readonly range: Range;
  readonly style: ScalarStyle;
  readonly text: string;
}

/**
 * Finds where the parts of a text stand in the source of its YAML: a file may stand in a value of another one, and a problem in it
 * has to be shown where its author sees it. What cannot be found is at the nearest part that can.
 */
export function scalarOffsets(scalar: WrittenScalar): ScalarOffsets {
  const offsets = scalar.style === 'literal' ? literalOffsets(scalar) : alignedOffsets(scalar);
  const last = offsets.length - 1;
  return (index) => offsets[Math.max(0, Math.min(index, last))] ?? scalar.range.start;
}

/** Each line of a literal block is a line of the source, further right by the indentation. */
function literalOffsets({ source, range, text }: WrittenScalar): readonly number[] {
  const offsets: number[] = [];
  const lines = text.split('\n');
  let start = source.indexOf('\n', range.start) + 1;
  const indentation = indentationOf(source.slice(start, range.end).split('\n'), lines);
  for (const [index, line] of lines.entries()) {
    const end = lineEnd(source, start, range.end);
    const first = Math.min(start + indentation, end);
    for (let column = 0; column <= line.length; column++) offsets.push(Math.min(first + column, end));
    // The last line of the text is behind its last line feed.
    if (index < lines.length - 1) start = Math.min(end + 1, range.end);
  }
  return offsets;
}

function lineEnd(source: string, start: number, limit: number): number {
  const end = source.indexOf('\n', start);
  return end === -1 || end > limit ? limit : end;
}

function indentationOf(written: readonly string[], lines: readonly string[]): number {
  const index = lines.findIndex((line) => line.trim() !== '');
  const line = written[index]?.replace(/\r$/, '') ?? '';
  return Math.max(0, line.length - (lines[index]?.replace(/\r$/, '').length ?? 0));
}

/** Walks through the text and its source together. Blanks and line feeds differ between them, everything else has to follow. */
function alignedOffsets({ source, range, style, text }: WrittenScalar): readonly number[] {
  const offsets: number[] = [];
  let at = contentStart(source, range, style);
  for (const unit of text.split('')) {
    at = nextUnit(source, range.end, at, unit);
    offsets.push(Math.min(at, range.end));
    at += writtenLength(source, at, style);
  }
  offsets.push(Math.min(at, range.end));
  return offsets;
}

function contentStart(source: string, { start, end }: Range, style: ScalarStyle): number {
  if (style === 'plain') return start;
  return style === 'folded' ? Math.min(source.indexOf('\n', start) + 1, end) : start + 1;
}

/** Skips the blanks of a fold in front of a unit that is no blank, and backslashes at the end of a line. */
function nextUnit(source: string, end: number, from: number, unit: string): number {
  let at = from;
  const isBlank = /\s/.test(unit);
  while (at < end && source[at] !== unit) {
    if (source[at] === '\\' && /^\\\r?\n/.test(source.slice(at, at + 3))) at++;
    else if (!isBlank && /\s/.test(source[at] ?? '')) at++;
    else break;
  }
  return at;
}

const escapeLengths: Readonly<Record<string, number>> = { x: 4, u: 6, U: 10 };

function writtenLength(source: string, at: number, style: ScalarStyle): number {
  if (style === 'double' && source[at] === '\\') return escapeLengths[source[at + 1] ?? ''] ?? 2;
  return style === 'single' && source.startsWith("''", at) ? 2 : 1;
}
