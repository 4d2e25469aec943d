import assert from 'node:assert/strict';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { OpenResponses } from './open-responses.ts';

function newResponse(socket: Socket): ServerResponse {
  return new ServerResponse(new IncomingMessage(socket));
}

describe('OpenResponses', () => {
  it('counts the answers that are owed on each connection', () => {
    const open = new OpenResponses();
    const [a, b] = [new Socket(), new Socket()];
    const first = newResponse(a);
    assert.deepEqual([open.add(a, first), open.add(a, newResponse(a)), open.add(b, newResponse(b))], [1, 2, 1]);
    first.emit('close');
    assert.equal(open.add(a, newResponse(a)), 2);
  });

  it('knows a connection until its last answer is closed', () => {
    const open = new OpenResponses();
    const socket = new Socket();
    const responses = [newResponse(socket), newResponse(socket)];
    assert.equal(open.has(socket), false);
    for (const response of responses) open.add(socket, response);
    responses[0]!.emit('close');
    assert.equal(open.has(socket), true);
    responses[1]!.emit('close');
    assert.equal(open.has(socket), false);
    assert.equal(open.add(socket, newResponse(socket)), 1);
  });

  it('announces the close in every answer that has not begun', () => {
    const open = new OpenResponses();
    const [a, b] = [new Socket(), new Socket()];
    const [waiting, begun, other, closed] = [newResponse(a), newResponse(a), newResponse(b), newResponse(b)];
    open.add(a, begun);
    open.add(a, waiting);
    open.add(b, other);
    open.add(b, closed);
    begun.writeHead(200);
    closed.emit('close');
    open.announceClose();
    const announced = [waiting, begun, other, closed].map((response) => response.getHeader('connection'));
    assert.deepEqual(announced, ['close', undefined, 'close', undefined]);
  });
});
