import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { filePattern } from './file-pattern.ts';

describe('filePattern', () => {
  // From the tests of Go's path/filepath.
  const cases: readonly (readonly [pattern: string, path: string, matches: boolean])[] = [
    ['abc', 'abc', true],
    ['*', 'abc', true],
    ['*c', 'abc', true],
    ['a*', 'a', true],
    ['a*', 'ab/c', false],
    ['a*/b', 'abc/b', true],
    ['a*/b', 'a/c/b', false],
    ['a*b*c*d*e*/f', 'axbxcxdxe/f', true],
    ['ab[c]', 'abc', true],
    ['ab[b-d]', 'abc', true],
    ['ab[e-g]', 'abc', false],
    ['ab[^c]', 'abc', false],
    ['ab[^e-g]', 'abc', true],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'ab', false],
    ['a?b', 'a☺b', true],
    ['a?b', 'a/b', false],
    ['[\\]a]', ']', true],
    ['[\\-x]', '-', true],
    ['rules/*.yml', '/etc/rules/a.yml', false],
    ['/etc/rules/*.yml', '/etc/rules/a.yml', true],
    ['a.b', 'axb', false],
    ['[', '[', true],
  ];
  for (const [pattern, path, matches] of cases)
    it(`${pattern} ${matches ? 'matches' : 'does not match'} ${path}`, () =>
      assert.equal(filePattern(pattern).test(path), matches));

  it('never throws, and a path without special characters matches itself alone', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => void filePattern(text).test(text)));
    const plain = fc.string({ unit: fc.constantFrom(...'ab/._-') });
    fc.assert(fc.property(plain, plain, (a, b) => filePattern(a).test(b) === (a === b)));
  });
});
