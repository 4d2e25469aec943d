import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileRegexp } from './compile-regexp.ts';

describe('compileRegexp', () => {
  // As Go's regexp/syntax says it.
  for (const [expression, message] of [
    ['[', 'missing closing ]: `[`'],
    ['a)', 'unexpected ): `a)`'],
    ['\\', 'trailing backslash at end of expression: ``'],
    ['a**', 'invalid nested repetition operator: `**`'],
  ] as const)
    it(`says what is wrong with ${expression}`, () =>
      assert.throws(() => compileRegexp(expression), {
        name: 'MatcherError',
        message: `error parsing regexp: ${message}`,
      }));
});
