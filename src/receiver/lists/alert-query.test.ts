import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Matcher } from '../../matcher/matcher.ts';
import { filterInstructions, parseMatchers } from './alert-query.ts';

function parse(texts: readonly string[]): { readonly matchers: readonly Matcher[]; readonly steps: number } {
  const parsing = parseMatchers(texts);
  for (let steps = 0; ; steps++) {
    const step = parsing.next();
    if (step.done === true) return { matchers: step.value, steps };
  }
}

describe('parseMatchers', () => {
  it('parses one matcher per step', () => {
    const { matchers, steps } = parse(['a=b', 'c=~"d.*"']);
    assert.deepEqual([matchers.map(String), steps], [['a="b"', 'c=~"d.*"'], 2]);
  });

  it('refuses expressions that are large together, and goes no further than necessary', () => {
    const half = `a=~"${'x{1000}'.repeat(Math.ceil(filterInstructions / 2000))}"`;
    assert.equal(parse([half]).matchers.length, 1);
    assert.throws(() => parse([half, half, 'no matcher']), {
      name: 'MatcherError',
      message: /expressions of all filters together are too large \(over 8000 instructions\)/,
    });
  });
});
