import { RE2JS, RE2JSSyntaxException } from 're2js';
import { MatcherError } from './matcher-error.ts';

/**
 * A regular expression of RE2's syntax that has to match the whole text, as Alertmanager's have: `^(?:…)$`. Its engine
 * does not backtrack, so the time it takes grows with the text and the expression alone.
 */
export class AnchoredRegexp {
  readonly #regexp: RE2JS;

  /** Throws {@link MatcherError} where RE2 refuses the expression, with Go's words. */
  constructor(expression: string) {
    this.#regexp = compile(`^(?:${expression})$`);
  }

  test(text: string): boolean {
    return this.#regexp.testExact(text);
  }
}

function compile(expression: string): RE2JS {
  try {
    return RE2JS.compile(expression);
  } catch (error) {
    if (error instanceof RE2JSSyntaxException) throw new MatcherError(error.message);
    throw error;
  }
}
