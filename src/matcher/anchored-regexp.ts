import { RE2JS, RE2JSSyntaxException } from 're2js';

/** What is wrong with the text or the regular expression of a matcher; the message is for whoever wrote it. */
export class MatcherError extends Error {
  override readonly name = 'MatcherError';
  /** The limit that it is over, if nothing else is wrong. */
  readonly limit: 'filter_instructions' | undefined;

  constructor(message: string, limit?: 'filter_instructions') {
    super(message);
    this.limit = limit;
  }
}

/** What a match may take, characters times instructions: tens of milliseconds. */
export const maxRegexpSteps = 2_000_000;

/**
 * A regular expression of RE2's syntax that has to match the whole text, as Alertmanager's have: `^(?:…)$`. Its engine
 * does not backtrack, so the time it takes grows with the text and the expression alone.
 */
export class AnchoredRegexp {
  readonly #regexp: RE2JS;
  readonly #maxLength: number;

  /** Throws MatcherError as {@link compileRegexp} does. */
  constructor(expression: string) {
    this.#regexp = compileRegexp(`^(?:${expression})$`);
    this.#maxLength = Math.floor(maxRegexpSteps / this.#regexp.programSize());
  }

  /** What it takes, in instructions. */
  get instructions(): number {
    return this.#regexp.programSize();
  }

  /**
   * Undefined for a text so long that the event loop would be held: from 250 characters on for the largest expression,
   * 200,000 for one such as `node.*`. No label that anybody looks for is that long.
   */
  test(text: string): boolean | undefined {
    // Not testExact(): a search looks first, and within a tenth of the time, for texts that the expression cannot do without.
    return text.length <= this.#maxLength ? this.#regexp.test(text) : undefined;
  }
}

/** Over this an expression is refused: up to it, it compiles within some 50 ms. RE2's own limit is a minute away. */
const maxSize = 8000;

/** Throws {@link MatcherError} where RE2 refuses the expression, with Go's words, and where it is too large. */
export function compileRegexp(expression: string): RE2JS {
  if (!expression.isWellFormed()) throw new MatcherError(`error parsing regexp: invalid UTF-8: \`${expression}\``);
  if (regexpSize(expression) > maxSize)
    throw new MatcherError(`error parsing regexp: expression too large (over ${maxSize} instructions)`);
  try {
    return RE2JS.compile(expression);
  } catch (error) {
    if (error instanceof RE2JSSyntaxException) throw new MatcherError(inGoWords(error, expression));
    throw error;
  }
}

/** Go always names the part that is wrong: nothing for a backslash at the end, or all of it. */
function inGoWords({ error, input }: RE2JSSyntaxException, expression: string): string {
  const part = input ?? (error.startsWith('trailing backslash') ? '' : expression);
  return `error parsing regexp: ${error}: \`${part}\``;
}

/** What a class of Unicode, such as `\pL`, costs in comparison with a character: it has hundreds of ranges. */
const unicodeClassSize = 20;

/** One item of an expression. Its classes are items as a whole; what is quoted by `\Q` is one too. */
const item =
  /\\Q(?:(?!\\E).)*(?:\\E)?|\\[pP](?:\{[^}]*\}|.)?|\\.|\[\^?\]?(?:\[:[^\]:]*:\]|\\[pP](?:\{[^}]*\}|.)?|\\.|[^\]\\])*\]?|\(\?[a-zA-Z-]*\)|\{(\d+)(?:,(\d*))?\}|[^]/sy;

/**
 * About how large the programme of an expression of RE2's syntax gets, in instructions: at least as large as it is, but for
 * what RE2 refuses. It is known before the expression is compiled: `(\pL{1000}){1}` a thousand times would take half a minute.
 */
export function regexpSize(expression: string): number {
  /** What has been read of each group that is open, and of its last item, which a repetition would repeat. */
  const groups: { size: number; last: number }[] = [{ size: 0, last: 0 }];
  for (let at = 0; at < expression.length; at = item.lastIndex) {
    item.lastIndex = at;
    const [text, least, most] = item.exec(expression)!;
    // Flags for what follows, such as `(?i)`: no item, a repetition behind them is one of what stands before them.
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
