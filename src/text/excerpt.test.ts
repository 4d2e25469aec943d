import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { excerpt } from './excerpt.ts';

describe('excerpt', () => {
  it('leaves an ordinary text alone', () => {
    assert.equal(excerpt('invalid parameter "type"'), 'invalid parameter "type"');
  });

  it('puts a text on one line and takes out what would steer a terminal', () => {
    assert.equal(excerpt('\n<html>\r\n\t<b>\u001b[31mno\u0007\u202e!'), '<html> <b> [31mno !');
  });

  it('cuts after 200 characters, not in the middle of one', () => {
    assert.equal(excerpt('a'.repeat(200)), 'a'.repeat(200));
    assert.equal(excerpt('🔔'.repeat(201)), `${'🔔'.repeat(199)}…`);
    assert.equal(excerpt(`${' '.repeat(5000)}late`), '…');
  });

  it('is short, on one line and well-formed whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 3000 }), fc.nat(3), (text, repeats) => {
        const short = excerpt(`${text}\ud800`.repeat(repeats));
        assert.ok(Array.from(short).length <= 200 && short.isWellFormed());
        assert.doesNotMatch(short, /[\p{Cc}\p{Cf}\n\u2028]/u);
      }),
    );
  });
});
