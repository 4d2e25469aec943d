import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { largeBodyBytes, largeBodySlots } from '../../limits.ts';
import type { BodyError } from './body-error.ts';
import { BodyReader } from './body-reader.ts';
import type { Body } from './body-reading.ts';
import { rawConnection, requestHead } from '../../receiver/raw-connection.fixture.ts';

const limit = 100_000;

/** What became of a body. */
type Outcome = { readonly body: Body } | { readonly error: BodyError };

/** A server that answers 200 with the size of the body, or the status of the error; tells what became of each. */
async function startReader(test: TestContext, maxBytes = limit) {
  const reader = new BodyReader(maxBytes, { hold: () => undefined, release: () => undefined });
  const outcomes: Outcome[] = [];
  const server = createServer(async (request, response) => {
    try {
      const body = await reader.read(request);
      outcomes.push({ body });
      response.end(String(body.bytes.length));
    } catch (error) {
      outcomes.push({ error: error as BodyError });
      response.writeHead((error as BodyError).status).end((error as BodyError).message);
    }
    server.emit('outcome');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const outcome = async (index: number): Promise<Outcome> => {
    while (outcomes.length <= index) await once(server, 'outcome');
    return outcomes[index]!;
  };
  return { port: (server.address() as AddressInfo).port, outcomes, outcome };
}

interface Answer {
  readonly status: number | undefined;
  readonly text: string;
}

/** Sends a body chunk by chunk, without its size in the head unless `declared`. */
async function send(port: number, chunks: readonly Buffer[], declared = false): Promise<Answer> {
  const size = Buffer.concat(chunks).length;
  const headers = declared ? { 'Content-Length': size } : { 'Transfer-Encoding': 'chunked' };
  const request = httpRequest({ port, host: '127.0.0.1', method: 'POST', agent: false, headers });
  for (const chunk of chunks) request.write(chunk);
  request.end();
  const [response] = await once(request, 'response');
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode, text };
}

function pieces(size: number): Buffer[] {
  const whole = Buffer.alloc(size, 'abcdefghijklmnopqrstuvwxyz');
  return [whole.subarray(0, size / 3), whole.subarray(size / 3, size / 2), whole.subarray(size / 2)];
}

describe('BodyReader', () => {
  for (const declared of [true, false]) {
    const how = declared ? 'with its size declared' : 'in chunks';

    it(`reads a body that is exactly as large as the limit, ${how}`, async (test) => {
      const { port, outcome } = await startReader(test);
      assert.deepEqual(await send(port, pieces(limit), declared), { status: 200, text: String(limit) });
      const read = await outcome(0);
      assert.ok('body' in read && read.body.bytes.equals(Buffer.concat(pieces(limit))));
    });

    it(`refuses a body that is one byte over the limit, ${how}`, async (test) => {
      const { port } = await startReader(test);
      const { status, text } = await send(port, pieces(limit + 1), declared);
      assert.equal(status, 413);
      assert.match(text, /larger than receiver\.max_body_size \(100000 bytes\)/);
    });

    it(`reads an empty body, ${how}`, async (test) => {
      const { port } = await startReader(test);
      assert.deepEqual(await send(port, [], declared), { status: 200, text: '0' });
    });
  }

  it('refuses a body of more than twice the limit by its declared size alone', async (test) => {
    const { port } = await startReader(test);
    const connection = await rawConnection(test, port);
    connection.send(requestHead('POST', '/', `Content-Length: ${2 * limit + 1}`));
    assert.match(await connection.received(/receiver\.max_body_size/), /^HTTP\/1\.1 413 /);
  });

  it('answers a smaller one when all of it has come, or its sender has ended', async (test) => {
    const { port, outcomes, outcome } = await startReader(test);
    const connection = await rawConnection(test, port);
    connection.send(requestHead('POST', '/', `Content-Length: ${2 * limit}`));
    connection.send('x'.repeat(2 * limit - 1));
    assert.equal((await send(port, [Buffer.from('other')])).status, 200);
    assert.equal(outcomes.length, 1);
    connection.send('x');
    await connection.received(/^HTTP\/1\.1 413 /);
    const brokenOff = await rawConnection(test, port);
    brokenOff.send(`${requestHead('POST', '/', `Content-Length: ${2 * limit}`)}x`);
    brokenOff.socket.end();
    const ended = await outcome(2);
    assert.ok('error' in ended);
    assert.equal(ended.error.status, 413);
  });

  it('lets a sender that is over the limit read the answer', async (test) => {
    const { port } = await startReader(test);
    const { status } = await send(port, Array<Buffer>(19).fill(Buffer.alloc(10_000)));
    assert.equal(status, 413);
  });

  it('ends the connection of a sender that goes on to twice the limit', async (test) => {
    const { port } = await startReader(test);
    const connection = await rawConnection(test, port);
    connection.send(requestHead('POST', '/', `Content-Length: ${10 * limit}`));
    await connection.received(/ 413 /);
    connection.send('x'.repeat(2 * limit + 1));
    assert.match(await connection.closed, / 413 /);
  });

  it('tells of an upload that broke off', async (test) => {
    const { port, outcome } = await startReader(test);
    const connection = await rawConnection(test, port);
    connection.send(`${requestHead('POST', '/', 'Content-Length: 100')}0123456789`);
    connection.socket.end();
    const ended = await outcome(0);
    assert.ok('error' in ended);
    assert.equal(ended.error.status, 400);
    assert.match(ended.error.message, /closed before the body was whole/);
  });

  it('keeps only so many large bodies in memory, and reads the next one when one is released', async (test) => {
    const { port, outcomes, outcome } = await startReader(test, 4 * largeBodyBytes);
    const size = 2 * largeBodyBytes;
    const sent = Array.from({ length: largeBodySlots + 1 }, (_, n) => send(port, pieces(size), n % 2 === 0));
    const first = await outcome(largeBodySlots - 1);
    // A small body is read meanwhile.
    assert.deepEqual(await send(port, [Buffer.from('small')]), { status: 200, text: '5' });
    assert.equal(outcomes.length, largeBodySlots + 1);
    assert.ok('body' in first);
    first.body.release();
    assert.deepEqual(
      (await Promise.all(sent)).map(({ text }) => text),
      Array(largeBodySlots + 1).fill(String(size)),
    );
    const last = await outcome(largeBodySlots + 1);
    assert.ok('body' in last && last.body.bytes.equals(Buffer.concat(pieces(size))));
  });

  it('gives back the place of a large body that broke off', async (test) => {
    const { port, outcome } = await startReader(test, 4 * largeBodyBytes);
    const size = 2 * largeBodyBytes;
    for (let n = 0; n <= largeBodySlots; n++) {
      const connection = await rawConnection(test, port);
      connection.send(`${requestHead('POST', '/', `Content-Length: ${size}`)}${'x'.repeat(size - 1)}`);
      connection.socket.end();
      assert.ok('error' in (await outcome(n)));
    }
    assert.equal((await send(port, pieces(size))).status, 200);
  });
});
