import assert from 'node:assert/strict';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { remoteOf, senderOf, readRequestId, type Sender } from './sender.ts';

interface Peer {
  readonly remoteAddress?: string;
  readonly remotePort?: number;
}

function sender(socket: Peer, headers: IncomingHttpHeaders = {}): Sender {
  return senderOf({ socket, headers } as unknown as IncomingMessage);
}

describe('senderOf', () => {
  it('gives the id of the request, the address and the user agent', () => {
    const headers = { 'x-request-id': 'r1', 'user-agent': 'Prometheus/3.5.0' };
    assert.deepEqual(sender({ remoteAddress: '10.0.0.7', remotePort: 40_000 }, headers), {
      requestId: 'r1',
      remote: '10.0.0.7:40000',
      userAgent: 'Prometheus/3.5.0',
    });
  });

  it('puts brackets around an IPv6 address', () => {
    assert.equal(sender({ remoteAddress: '::1', remotePort: 40_000 }).remote, '[::1]:40000');
  });

  it('shows an IPv4 sender on a socket for both families by its IPv4 address', () => {
    assert.equal(sender({ remoteAddress: '::ffff:10.0.0.7', remotePort: 38_408 }).remote, '10.0.0.7:38408');
    assert.equal(remoteOf({ remoteAddress: '::FFFF:10.0.0.7', remotePort: 38_408 }), '10.0.0.7:38408');
    assert.equal(remoteOf({ remoteAddress: 'fd00::7', remotePort: 38_408 }), '[fd00::7]:38408');
  });

  it('reports that the connection is gone already', () => {
    assert.equal(sender({}).remote, 'unknown:0');
  });

  it('makes an id and has no user agent if neither was sent', () => {
    const { requestId, userAgent } = sender({});
    assert.match(requestId, /^[0-9a-f]{16}$/);
    assert.equal(userAgent, undefined);
  });

  it('keeps 100 characters of a user agent', () => {
    assert.equal(sender({}, { 'user-agent': `${'a'.repeat(100)}b` }).userAgent, 'a'.repeat(100));
  });
});

function requestWith(id: string | undefined): IncomingMessage {
  return { headers: id === undefined ? {} : { 'x-request-id': id } } as unknown as IncomingMessage;
}

const made = /^[0-9a-f]{16}$/;

describe('readRequestId', () => {
  for (const id of ['a', 'x'.repeat(128), '7f3c-41.2_a', 'Root=1-67:ab/c+d@e']) {
    it(`keeps ${id.slice(0, 30)}`, () => assert.equal(readRequestId(requestWith(id)), id));
  }

  for (const id of [undefined, '', 'x'.repeat(129), 'two words', 'a, b', 'a\nb', 'a\n', '"quoted"', 'é', '{}']) {
    it(`makes a new one for ${JSON.stringify(id)?.slice(0, 30) ?? 'no header'}`, () => {
      assert.match(readRequestId(requestWith(id)), made);
    });
  }

  it('makes a different one each time', () => {
    const ids = Array.from({ length: 100 }, () => readRequestId(requestWith(undefined)));
    assert.equal(new Set(ids).size, 100);
  });

  it('gives nothing that could disturb a log line, whatever is sent', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (id) => {
        const given = readRequestId(requestWith(id));
        assert.ok(given === id || made.test(given));
        assert.match(given, /^[\w.:/+=@-]{1,128}$/);
      }),
    );
  });
});
