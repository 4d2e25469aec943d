import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readLabelSelector } from './label-selector.ts';

function isTaken(found: unknown): boolean {
  return 'value' in readLabelSelector(found);
}

describe('readLabelSelector', () => {
  const good = [
    'a',
    '!a',
    '! a',
    'a=b',
    'a==b',
    'a!=b',
    'a =  b , c',
    'a=',
    'a=,b',
    'a!=',
    'in in (in, notin)',
    'x in (a)',
    'x in(a,b)',
    ' x notin ( a , b ) ',
    'x in ()',
    'x in (,a)',
    'x in (a,)',
    'x>5,y < 6',
    'app.kubernetes.io/name=web-1_2.3',
    `${'p'.repeat(253)}/${'n'.repeat(63)}=${'v'.repeat(63)}`,
    'a,b in (c),!d,e!=f',
  ];
  for (const found of good) it(`takes ${found.slice(0, 60)}`, () => assert.ok(isTaken(found)));

  const wrong = [
    '',
    ' ',
    ',',
    'a,',
    ',a',
    'x in (1',
    'x in 1)',
    'x in 1',
    'x in (1))',
    'x in (a b)',
    'xin (a)(b)',
    'x is (a)',
    'a b',
    'a = b c',
    'a===b',
    'a=!b',
    '!a=b',
    '!!a',
    'a>b',
    'a>',
    'a>-5',
    'A/b=c',
    'a/=b',
    '/b',
    'a/b/c',
    '-a',
    'a-',
    'a=-b',
    'a=b/c',
    'a=ü',
    'a\u00a0=b',
    `a=${'v'.repeat(64)}`,
    'n'.repeat(64),
    `${'p'.repeat(254)}/n`,
    5,
    null,
    {},
    'a,'.repeat(500) + 'aa',
  ];
  for (const found of wrong) it(`refuses ${JSON.stringify(found).slice(0, 60)}`, () => assert.ok(!isTaken(found)));

  it('never throws, and is never slow', () => {
    const text = fc.string({
      unit: fc.constantFrom('a', '-', '.', '/', ',', ' ', '(', ')', '=', '!', '<', '5', ' in ', '\n'),
      maxLength: 1100,
    });
    fc.assert(fc.property(fc.oneof(fc.anything(), text), (found) => void readLabelSelector(found)));
    for (const piece of ['a', 'a.', 'a-', 'a,', 'x in (', 'x in (a,', ' ', 'a.a/', 'a=', '!'])
      assert.equal(typeof isTaken(`${piece.repeat(1000 / piece.length - 1)}$`), 'boolean');
  });
});
