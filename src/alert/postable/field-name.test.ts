import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { fieldName, type FieldName } from './field-name.ts';

const fields: readonly FieldName[] = ['labels', 'annotations', 'startsAt', 'endsAt', 'generatorURL'];

describe('fieldName', () => {
  it('finds each field in any letter case, with any s', () => {
    fc.assert(
      fc.property(fc.constantFrom(...fields), fc.infiniteStream(fc.nat({ max: 2 })), (field, styles) => {
        const name = field.replaceAll(/./g, (letter) => styled(letter, styles.next().value as number));
        assert.equal(fieldName(name), field);
      }),
    );
  });

  it('finds none in other names', () => {
    const others = [
      '',
      'label',
      'labels ',
      ' labels',
      'starts_at',
      'status',
      'generatorURLs',
      'constructor',
      '__proto__',
    ];
    // A dotted capital I, a Cyrillic a and t, and the Kelvin sign, which is a k in Go.
    const lookalikes = ['annotat\u0130ons', 'l\u0430bels', 'startsA\u0442', 'labels\u212a'];
    for (const name of [...others, ...lookalikes]) assert.equal(fieldName(name), undefined, name);
  });
});

function styled(letter: string, style: number): string {
  if (style === 2 && letter === 's') return 'ſ';
  return style === 0 ? letter.toLowerCase() : letter.toUpperCase();
}
