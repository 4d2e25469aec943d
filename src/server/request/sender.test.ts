import assert from 'node:assert/strict';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { describe, it } from 'node:test';
import { remoteOf, senderOf, type Sender } from './sender.ts';

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

  it('puts an IPv6 address into brackets', () => {
    assert.equal(sender({ remoteAddress: '::1', remotePort: 40_000 }).remote, '[::1]:40000');
  });

  it('names an IPv4 sender of a socket for both families by its IPv4 address', () => {
    assert.equal(sender({ remoteAddress: '::ffff:10.0.0.7', remotePort: 38_408 }).remote, '10.0.0.7:38408');
    assert.equal(remoteOf({ remoteAddress: '::FFFF:10.0.0.7', remotePort: 38_408 }), '10.0.0.7:38408');
    assert.equal(remoteOf({ remoteAddress: 'fd00::7', remotePort: 38_408 }), '[fd00::7]:38408');
  });

  it('says so if the connection is gone already', () => {
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
