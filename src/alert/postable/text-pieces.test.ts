import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { TextPieces } from './text-pieces.ts';

describe('TextPieces', () => {
  it('takes a text apart from its beginning to its end', () => {
    const pieces = new TextPieces('[{"a":"b"},"2026","url";', 1);
    assert.deepEqual(pieces.objectBefore(',"'), { text: '{"a":"b"}', from: 1, end: 10 });
    assert.equal(pieces.charactersBefore(4, '","'), '2026');
    assert.equal(pieces.upTo('";'), 'url');
    assert.equal(pieces.isAtEnd, true);
  });

  it('passes over a brace that does not end the object, or is not followed by what is to follow', () => {
    assert.equal(new TextPieces('{"a":"}","b":"c"}}', 0).objectBefore('}')?.text, '{"a":"}","b":"c"}');
    assert.equal(new TextPieces('{"a":"b"}{"c":"d"};', 0).objectBefore(';')?.text, '{"a":"b"}{"c":"d"}');
  });

  it('stays where it is if what is to come does not', () => {
    const pieces = new TextPieces('ab"c', 0);
    assert.equal(pieces.pass('b'), false);
    assert.equal(pieces.objectBefore(''), undefined);
    assert.equal(pieces.charactersBefore(1, 'x'), undefined);
    assert.equal(pieces.upTo('"x'), undefined);
    assert.equal(pieces.upTo('"c'), 'ab');
    assert.equal(pieces.upTo('"'), undefined);
  });
});
