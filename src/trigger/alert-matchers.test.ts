import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Matcher } from '../matcher/matcher.ts';
import { instructionsOf, matches, matchesAll, maxTriedLength } from './alert-matchers.ts';

const long = 'a'.repeat(maxTriedLength + 1);

describe('matches', () => {
  it('tries no regular expression on a longer value, negated or not, and tells it', () => {
    const told: string[] = [];
    for (const type of ['=~', '!~'] as const)
      assert.equal(
        matches(new Matcher('x', 'b.*', type), { x: long }, ({ name }) => told.push(name)),
        false,
      );
    assert.deepEqual(told, ['x', 'x']);
    assert.equal(matches(new Matcher('x', 'a.*', '=~'), { x: long.slice(1) }), true);
  });

  it('compares a value of any length', () => {
    assert.equal(matches(new Matcher('x', long, '='), { x: long }), true);
    assert.equal(matches(new Matcher('x', 'b', '!='), { x: long }), true);
  });

  it('treats a missing label as an empty one, and no inherited property as a label', () => {
    assert.equal(matches(new Matcher('x', '', '='), {}), true);
    assert.equal(matches(new Matcher('constructor', '', '='), {}), true);
  });
});

describe('matchesAll', () => {
  it('needs every matcher, and none of none', () => {
    const two = [new Matcher('a', '1', '='), new Matcher('b', '2', '=')];
    assert.equal(matchesAll(two, { a: '1', b: '2' }), true);
    assert.equal(matchesAll(two, { a: '1' }), false);
    assert.equal(matchesAll([], {}), true);
  });
});

describe('instructionsOf', () => {
  it('counts regular expressions, but no equality and no list of names', () => {
    const names = Array.from({ length: 200 }, (_, index) => `gateway-${index}`).join('|');
    assert.equal(instructionsOf([new Matcher('a', '.*.*', '='), new Matcher('b', names, '=~')]), 0);
    const [one, other] = [new Matcher('a', 'Postgres.*', '=~'), new Matcher('b', 'x+', '!~')];
    assert.equal(instructionsOf([one, other]), one.instructions + other.instructions);
    assert.ok(one.instructions < 20);
  });
});
