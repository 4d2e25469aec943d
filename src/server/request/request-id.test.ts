import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { newId, requestId } from './request-id.ts';

function requestWith(id: string | undefined): IncomingMessage {
  return { headers: id === undefined ? {} : { 'x-request-id': id } } as unknown as IncomingMessage;
}

const made = /^[0-9a-f]{16}$/;

describe('requestId', () => {
  for (const id of ['a', 'x'.repeat(128), '7f3c-41.2_a', 'Root=1-67:ab/c+d@e']) {
    it(`keeps ${id.slice(0, 30)}`, () => assert.equal(requestId(requestWith(id)), id));
  }

  for (const id of [undefined, '', 'x'.repeat(129), 'two words', 'a, b', 'a\nb', 'a\n', '"quoted"', 'é', '{}']) {
    it(`makes a new one for ${JSON.stringify(id)?.slice(0, 30) ?? 'no header'}`, () => {
      assert.match(requestId(requestWith(id)), made);
    });
  }

  it('makes another one each time', () => {
    const ids = Array.from({ length: 100 }, () => requestId(requestWith(undefined)));
    assert.equal(new Set(ids).size, 100);
  });

  it('gives nothing that could disturb a log line, whatever is sent', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (id) => {
        const given = requestId(requestWith(id));
        assert.ok(given === id || made.test(given));
        assert.match(given, /^[\w.:/+=@-]{1,128}$/);
      }),
    );
  });
});

describe('newId', () => {
  it('has two hexadecimal digits a byte', () => {
    assert.match(newId(1), /^[0-9a-f]{2}$/);
    assert.match(newId(16), /^[0-9a-f]{32}$/);
  });
});
