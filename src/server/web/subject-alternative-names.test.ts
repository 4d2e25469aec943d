import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { subjectAlternativeNames } from './subject-alternative-names.ts';

describe('subjectAlternativeNames', () => {
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ['', []],
    ['DNS:a.example, DNS:b.example', ['a.example', 'b.example']],
    ['IP Address:127.0.0.1, IP Address:2001:DB8:0:0:0:0:0:1', ['127.0.0.1', '2001:db8::1']],
    ['URI:spiffe://a/b, email:a@example.com', ['spiffe://a/b', 'a@example.com']],
    ['DNS:"a.example, DNS:evil.example"', ['a.example, DNS:evil.example']],
    ['othername:<unsupported>, DNS:a', ['a']],
    ['DirName:"CN = x, DNS:evil", DNS:a', ['a']],
    ['DNS:"a\\"b", DNS:c', ['a"b', 'c']],
  ];
  for (const [text, names] of rows) {
    it(`reads ${JSON.stringify(text)}`, () => assert.deepEqual(subjectAlternativeNames(text), names));
  }

  it('never takes a part of a quoted name for a name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary-ascii' }), (name) =>
        assert.deepEqual(subjectAlternativeNames(`URI:${JSON.stringify(`${name}, DNS:evil`)}, DNS:a`), [
          `${name}, DNS:evil`,
          'a',
        ]),
      ),
    );
  });
});
