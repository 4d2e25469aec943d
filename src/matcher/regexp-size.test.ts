import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RE2JS } from 're2js';
import { regexpSize } from './regexp-size.ts';

const items =
  'a . \\d [a-z] [^]a] []] [\\]a] [[:alpha:]] \\pL \\p{Greek} [\\pL\\pN] \\Q(\\E \\Q)\\E ( (?: ) | * + ? {3} {2,5} {4,} ' +
  '{1,2 (?i) \\( \\x{61} 😀 [( (?P<n> ^ $ \\b {30} K ü (?i: [ \\Q';

describe('regexpSize', () => {
  it('multiplies what is repeated', () => {
    assert.ok(regexpSize('((ab){10}c){10}') > 200);
    assert.ok(regexpSize('x{1000}'.repeat(100)) >= 100_000);
    assert.ok(regexpSize('a(bc)*d') < 20);
  });

  it('is at least about the size of the programme, whatever the expression', () =>
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...items.split(' ')), { maxLength: 12 }), (parts) => {
        const expression = `^(?:${parts.join('')})$`;
        let size: number;
        try {
          size = RE2JS.compile(expression).programSize();
        } catch {
          return;
        }
        assert.ok(size <= 2 * regexpSize(expression), expression);
      }),
      { numRuns: 1000 },
    ));
});
