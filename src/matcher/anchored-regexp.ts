import type { RE2JS } from 're2js';
import { compileRegexp } from './compile-regexp.ts';

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
