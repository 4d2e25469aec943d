import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isNestedTooDeeply, maxYamlNesting } from './yaml-nesting.ts';

/** The longest run of such words in a line. */
function longestRun(text: string): number {
  const lines = text.split('\n').map((line) => {
    let [run, longest] = [0, 0];
    for (const word of line.split(/[ \t\r]+/).filter(Boolean)) {
      run = /^(?:[-?:]|[!&].*)$/s.test(word) ? run + 1 : 0;
      longest = Math.max(longest, run);
    }
    return longest;
  });
  return Math.max(...lines);
}

describe('isNestedTooDeeply', () => {
  it('agrees with a count of the words, line by line', () => {
    const words = fc.constantFrom('-', '?', ':', '&a', '!', '!!x', 'x', '-x', 'a:', '#', '\n', '\r\n');
    const blanks = fc.constantFrom(' ', '\t', '  ', '');
    const pieces = fc.array(fc.tuple(words, blanks, fc.nat({ max: maxYamlNesting })), { maxLength: 12 });
    fc.assert(
      fc.property(pieces, (all) => {
        const text = all.map(([word, blank, times]) => (word + blank).repeat(times)).join('');
        assert.equal(isNestedTooDeeply(text), longestRun(text) > maxYamlNesting);
      }),
    );
  });

  it('accepts exactly as many as are allowed', () => {
    assert.equal(isNestedTooDeeply('- '.repeat(maxYamlNesting)), false);
    assert.equal(isNestedTooDeeply('- '.repeat(maxYamlNesting + 1)), true);
    assert.equal(isNestedTooDeeply('-\n'.repeat(maxYamlNesting + 1)), false);
  });
});
