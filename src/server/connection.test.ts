import assert from 'node:assert/strict';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { describe, it } from 'node:test';
import { Connection } from './connection.ts';

const limits = { maxHeaders: 100, maxHeaderBytes: 16_384 };

/** A connection on which heads have arrived, and their responses. */
function begun(count: number) {
  const socket = new Socket();
  const connection = new Connection(socket, limits, false);
  const responses = Array.from({ length: count }, () => {
    const request = new IncomingMessage(socket);
    const response = new ServerResponse(request);
    connection.begin(request, response);
    return response;
  });
  return { connection, responses };
}

describe('Connection', () => {
  it('counts the answers that it is owed', () => {
    const { connection, responses } = begun(2);
    assert.equal(connection.owedAnswers, 2);
    connection.end(responses[0]!);
    assert.equal(connection.owedAnswers, 1);
    connection.end(responses[1]!);
    assert.equal(connection.owedAnswers, 0);
  });

  it('announces the close in every answer that has not begun', () => {
    const { connection, responses } = begun(3);
    const [waiting, begunAnswer, closed] = responses as [ServerResponse, ServerResponse, ServerResponse];
    begunAnswer.writeHead(200);
    connection.end(closed);
    connection.announceClose();
    const announced = [waiting, begunAnswer, closed].map((response) => response.getHeader('connection'));
    assert.deepEqual(announced, ['close', undefined, undefined]);
  });
});
