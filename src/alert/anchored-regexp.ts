import { RE2JS, RE2JSSyntaxException } from 're2js';
import { MatcherError } from './matcher-error.ts';
import { regexpSize } from './regexp-size.ts';

/** Over this an expression is refused: up to it, it compiles within some 50 ms. RE2's own limit is a minute away. */
const maxSize = 8000;

/** What a match may take, characters times instructions: tens of milliseconds. */
export const maxRegexpSteps = 2_000_000;

/**
 * A regular expression of RE2's syntax that has to match the whole text, as Alertmanager's have: `^(?:…)$`. Its engine
 * does not backtrack, so the time it takes grows with the text and the expression alone.
 */
export class AnchoredRegexp {
  readonly #regexp: RE2JS;
  readonly #maxLength: number;

  /** Throws {@link MatcherError} where RE2 refuses the expression, with Go's words, and where it is too large. */
  constructor(expression: string) {
    this.#regexp = compile(`^(?:${expression})$`);
    this.#maxLength = Math.floor(maxRegexpSteps / this.#regexp.programSize());
  }

  /**
   * Undefined for a text so long that the event loop would be held: from 250 characters on for the largest expression,
   * 200,000 for one such as `node.*`. No label that anybody looks for is that long.
   */
  test(text: string): boolean | undefined {
    return text.length <= this.#maxLength ? this.#regexp.testExact(text) : undefined;
  }
}

function compile(expression: string): RE2JS {
  if (!expression.isWellFormed()) throw new MatcherError(`error parsing regexp: invalid UTF-8: \`${expression}\``);
  if (regexpSize(expression) > maxSize)
    throw new MatcherError(`error parsing regexp: expression too large (over ${maxSize} instructions)`);
  try {
    return RE2JS.compile(expression);
  } catch (error) {
    if (error instanceof RE2JSSyntaxException) throw new MatcherError(error.message);
    throw error;
  }
}
