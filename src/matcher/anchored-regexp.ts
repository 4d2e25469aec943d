import { RE2JS, RE2JSSyntaxException } from 're2js';

/** The text or the regular expression of a matcher is wrong. The message is for its author. */
export class MatcherError extends Error {
  override readonly name = 'MatcherError';
  /** The limit that the matcher exceeds; undefined if something else is wrong. */
  readonly limit: 'filter_instructions' | undefined;

  constructor(message: string, limit?: 'filter_instructions') {
    super(message);
    this.limit = limit;
  }
}

/** An expression is larger than what is compiled here. RE2 itself may take it. */
export class RegexpTooLargeError extends MatcherError {}

/** The limit on the cost of one match, characters times instructions: tens of milliseconds. */
export const maxRegexpSteps = 2_000_000;

/**
 * A regular expression in RE2's syntax that has to match the whole text, as in Alertmanager: `^(?:…)$`. Its engine does not
 * backtrack: its time depends only on the lengths of the text and the expression.
 */
export class AnchoredRegexp {
  readonly #regexp: RE2JS;
  readonly #maxLength: number;

  /** Throws MatcherError, as {@link compileRegexp} does. */
  constructor(expression: string) {
    this.#regexp = compileRegexp(`^(?:${expression})$`);
    this.#maxLength = Math.floor(maxRegexpSteps / this.#regexp.programSize());
  }

  /** The size of the compiled expression, in instructions. */
  get instructions(): number {
    return this.#regexp.programSize();
  }

  /**
   * Undefined if the text is so long that the match would hold the event loop: over 250 characters for the largest expression,
   * over 200,000 for one such as `node.*`. No label that anybody searches for is that long.
   */
  test(text: string): boolean | undefined {
    // Not testExact(): test() first searches for texts that the expression needs, in a tenth of the time.
    return text.length <= this.#maxLength ? this.#regexp.test(text) : undefined;
  }
}

/** A larger expression is refused. One of this size compiles within some 50 ms; one at RE2's own limit takes a minute. */
export const maxRegexpSize = 8000;

/** Throws {@link MatcherError} if RE2 refuses the expression, in Go's words, or if the expression is too large. */
export function compileRegexp(expression: string): RE2JS {
  if (!expression.isWellFormed()) throw new MatcherError(`error parsing regexp: invalid UTF-8: \`${expression}\``);
  if (regexpSize(expression) > maxRegexpSize)
    throw new RegexpTooLargeError(`error parsing regexp: expression too large (over ${maxRegexpSize} instructions)`);
  try {
    return RE2JS.compile(expression);
  } catch (error) {
    if (error instanceof RE2JSSyntaxException) throw new MatcherError(inGoWords(error, expression));
    throw error;
  }
}

/** Go always quotes the wrong part: nothing if the last character is a backslash, sometimes the whole expression. */
function inGoWords({ error, input }: RE2JSSyntaxException, expression: string): string {
  const part = input ?? (error.startsWith('trailing backslash') ? '' : expression);
  return `error parsing regexp: ${error}: \`${part}\``;
}

/** The size of a Unicode class such as `\pL`, in characters: it has hundreds of ranges. */
const unicodeClassSize = 20;

/** One item of an expression. A class in brackets is one item, and so is a text quoted by `\Q`. */
const item =
  /\\Q(?:(?!\\E).)*(?:\\E)?|\\[pP](?:\{[^}]*\}|.)?|\\.|\[\^?\]?(?:\[:[^\]:]*:\]|\\[pP](?:\{[^}]*\}|.)?|\\.|[^\]\\])*\]?|\(\?[a-zA-Z-]*\)|\{(\d+)(?:,(\d*))?\}|[^]/sy;

/**
 * Estimates the size of the program that RE2 compiles from an expression, in instructions. The estimate is never too low, except
 * where RE2 refuses the expression. It is known before the expression is compiled: a thousand times `(\pL{1000}){1}` would take
 * half a minute to compile.
 */
export function regexpSize(expression: string): number {
  /** For each open group, the size so far and the size of its last item, which a repetition would repeat. */
  const groups: { size: number; last: number }[] = [{ size: 0, last: 0 }];
  for (let at = 0; at < expression.length; at = item.lastIndex) {
    item.lastIndex = at;
    const [text, least, most] = item.exec(expression)!;
    // Flags for what follows, such as `(?i)`, are no item: a repetition behind them repeats the item before them.
    if (text.startsWith('(?')) continue;
    const group = groups.at(-1)!;
    if (least !== undefined) group.last *= Math.max(Number(least) + 1, Number(most ?? 0));
    else if (text === '*' || text === '+' || text === '?') group.last += 2;
    else if (text === '(') groups.push({ size: 2, last: 0 });
    else if (text === ')' && groups.length > 1) closeGroup(groups);
    else {
      group.size += group.last;
      group.last = itemSize(text);
    }
  }
  while (groups.length > 1) closeGroup(groups);
  return groups[0]!.size + groups[0]!.last;
}

function closeGroup(groups: { size: number; last: number }[]): void {
  const { size, last } = groups.pop()!;
  const outer = groups.at(-1)!;
  outer.size += outer.last;
  outer.last = size + last;
}

function itemSize(text: string): number {
  const unicodeClasses = text.match(/\\p/gi)?.length ?? 0;
  return text.length + unicodeClasses * unicodeClassSize;
}

/** Characters that stand for themselves, among them punctuation with a backslash, but not `|`. */
const list = /^(?:[\w:/@, -]|\\[!-/:-@[-`{}~])+(?:\|(?:[\w:/@, -]|\\[!-/:-@[-`{}~])+)*$/;

/**
 * The values that a regular expression matches, if it only lists them, as most expressions of people and dashboards do:
 * `api|worker`, `10\.0\.0\.5:9100`. Undefined for any other expression.
 */
export function listedValues(expression: string): readonly string[] | undefined {
  return list.test(expression) ? expression.replaceAll(/\\(.)/g, '$1').split('|') : undefined;
}
