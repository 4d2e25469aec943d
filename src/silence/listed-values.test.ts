import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RE2JS } from 're2js';
import { listedValues } from './listed-values.ts';

const cases: readonly (readonly [expression: string, values: readonly string[] | undefined])[] = [
  ['api', ['api']],
  ['api|web-2|web 3', ['api', 'web-2', 'web 3']],
  ['10\\.0\\.0\\.5:9100|host\\-1', ['10.0.0.5:9100', 'host-1']],
  ['a\\\\b', ['a\\b']],
  ['', undefined],
  ['a|', undefined],
  ['a||b', undefined],
  ['a\\|b', undefined],
  ['a.b', undefined],
  ['a\\d', undefined],
  ['(a|b)', undefined],
  ['a|b*', undefined],
  ['ä', undefined],
];

describe('listedValues()', () => {
  for (const [expression, values] of cases)
    it(`reads ${JSON.stringify(expression)}`, () => assert.deepEqual(listedValues(expression), values));

  it('gives just what the expression matches', () =>
    fc.assert(
      fc.property(texts(), fc.array(texts(), { maxLength: 10 }), (expression, others) => {
        const values = listedValues(expression);
        fc.pre(values !== undefined);
        const regexp = RE2JS.compile(`^(?:${expression})$`);
        for (const value of values) assert.ok(regexp.testExact(value), value);
        for (const other of others) assert.equal(regexp.testExact(other), values.includes(other), other);
      }),
    ));
});

function texts(): fc.Arbitrary<string> {
  const character = fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code));
  const piece = fc.oneof(
    fc.constantFrom('a', 'b', '|', '\\.', '.'),
    character,
    character.map((one) => `\\${one}`),
  );
  return fc.array(piece, { maxLength: 5 }).map((pieces) => pieces.join(''));
}
