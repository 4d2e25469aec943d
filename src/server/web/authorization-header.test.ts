import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parseAuthorization } from './authorization-header.ts';

describe('parseAuthorization', () => {
  it('reads what a client makes of any user without a colon and any password', () => {
    const user = fc.string({ unit: 'grapheme' }).filter((name) => !name.includes(':'));
    fc.assert(
      fc.property(
        user,
        fc.string({ unit: 'grapheme' }),
        fc.constantFrom('Basic', 'basic', 'BASIC'),
        (name, password, scheme) => {
          const header = `${scheme} ${Buffer.from(`${name}:${password}`).toString('base64')}`;
          assert.deepEqual(parseAuthorization(header), { scheme: 'basic', user: name, password });
        },
      ),
    );
  });

  it('reads any bearer token', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[\x21-\x7e]+$/), (token) =>
        assert.deepEqual(parseAuthorization(`Bearer ${token}`), { scheme: 'bearer', token }),
      ),
    );
  });

  const refused = [
    '',
    'Basic',
    'Basic ',
    'Basic !',
    'Basic YWJj',
    'Bearer',
    'Bearer a b',
    'Digest x',
    'YTpi',
    'Basic YTpi YTpi',
  ];
  for (const header of refused) {
    it(`refuses ${JSON.stringify(header)}`, () => assert.equal(parseAuthorization(header), undefined));
  }

  it('never throws', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (header) => void parseAuthorization(`Basic ${header}`)));
  });
});
