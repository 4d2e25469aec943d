import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { largeBodyBytes, largeBodySlots, BodyReader, bodyPieces, bodyText, type Body } from './body-reader.ts';
import { charactersPerStep } from '../../text/json-scanner.ts';
import type { Refusal } from './answer.ts';
import { rawConnection, requestHead } from '../raw-connection.fixture.ts';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { decodeUtf8 } from '../../text/go/utf8.ts';
import { SliceSchedule, Slices } from '../../runtime/slices.ts';

const limit = 100_000;

/** The result of reading a body. */
type Outcome = { readonly body: Body } | { readonly error: Refusal };

/** A server that answers 200 with the size of the body, or the status of the error, and records each result. */
async function startReader(test: TestContext, maxBytes = limit) {
  const reader = new BodyReader(maxBytes, { hold: () => undefined, release: () => undefined });
  const outcomes: Outcome[] = [];
  const server = createServer(async (request, response) => {
    try {
      const body = await reader.read(request);
      outcomes.push({ body });
      response.end(String(body.bytes.length));
    } catch (error) {
      outcomes.push({ error: error as Refusal });
      response.writeHead((error as Refusal).status).end((error as Refusal).message);
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

/** Sends a body chunk by chunk, with its size in the head only if `declared`. */
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

  it('answers a smaller one when all of it has arrived, or its sender has ended', async (test) => {
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

  it('lets a sender over the limit read the answer', async (test) => {
    const { port } = await startReader(test);
    const { status } = await send(port, Array<Buffer>(19).fill(Buffer.alloc(10_000)));
    assert.equal(status, 413);
  });

  it('ends the connection of a sender that continues to twice the limit', async (test) => {
    const { port } = await startReader(test);
    const connection = await rawConnection(test, port);
    connection.send(requestHead('POST', '/', `Content-Length: ${10 * limit}`));
    await connection.received(/ 413 /);
    connection.send('x'.repeat(2 * limit + 1));
    assert.match(await connection.closed, / 413 /);
  });

  it('reports an upload that was cut off', async (test) => {
    const { port, outcome } = await startReader(test);
    const connection = await rawConnection(test, port);
    connection.send(`${requestHead('POST', '/', 'Content-Length: 100')}0123456789`);
    connection.socket.end();
    const ended = await outcome(0);
    assert.ok('error' in ended);
    assert.equal(ended.error.status, 400);
    assert.match(ended.error.message, /closed before the body was whole/);
  });

  it('keeps a limited number of large bodies in memory, and reads the next one when one is released', async (test) => {
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

  it('frees the place of a large body that was cut off', async (test) => {
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

const pieceBytes = 256 * 1024;

function slices(): Slices {
  return new Slices(new SliceSchedule(new FakeClock()), 'bodies');
}

/** Slices that are over whenever they are asked. */
class OverSlices extends Slices {
  breaths = 0;

  override get isOver(): boolean {
    return true;
  }

  override async yieldTurn(): Promise<void> {
    this.breaths++;
  }
}

async function characterBytes(body: string | Buffer): Promise<number> {
  return (await bodyText(Buffer.from(body as string), slices())).characterBytes;
}

describe('bodyText', () => {
  it('gives the text of a body, valid or broken, small or large', async () => {
    const bodies = ['', '[]', 'é中😀', 'é'.repeat(pieceBytes)].map((text) => Buffer.from(text));
    bodies.push(
      Buffer.from('61ff62', 'hex'),
      Buffer.concat([Buffer.alloc(3 * pieceBytes, 'a'), Buffer.from('ff', 'hex')]),
    );
    for (const body of bodies) assert.equal((await bodyText(body, slices())).text, decodeUtf8(body));
  });

  it('replaces broken bytes as Go does, wherever a piece ends', async () => {
    const special = fc.constantFrom(0xf0, 0x9f, 0x98, 0x80, 0xe4, 0xb8, 0xad, 0xc3, 0xa9, 0x61, 0xff, 0xed, 0xa0, 0xf4);
    const any = fc.uint8Array({ minLength: 1, maxLength: 12 }).map((bytes) => Buffer.from(bytes));
    const hostile = fc.array(special, { minLength: 1, maxLength: 12 }).map((bytes) => Buffer.from(bytes));
    const character = fc.constantFrom('é', '中', '😀').map((text) => Buffer.from(text));
    const middle = fc.oneof(any, hostile, character);
    await fc.assert(
      fc.asyncProperty(middle, middle, fc.nat(14), async (first, second, before) => {
        const body = Buffer.alloc(2 * pieceBytes + 40, 'a');
        first.copy(body, pieceBytes - before);
        second.copy(body, 2 * pieceBytes - before);
        // Makes sure that the body is broken.
        body[body.length - 1] = 0xff;
        const { text } = await bodyText(body, slices());
        assert.ok(text === decodeUtf8(body), `${first.toString('hex')} ${second.toString('hex')} ${before}`);
      }),
      { numRuns: 150 },
    );
  });

  it('replaces broken bytes of any kind from end to end', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 50 }), async (bytes) => {
        const body = Buffer.alloc(pieceBytes + 1000, Buffer.from(bytes));
        const { text } = await bodyText(body, slices());
        assert.ok(text === decodeUtf8(body));
      }),
      { numRuns: 20 },
    );
  });

  it('yields after each piece of a large body, if the slice is over', async () => {
    const broken = Buffer.alloc(3 * pieceBytes, 'a');
    broken[0] = 0xff;
    const over = new OverSlices(new SliceSchedule(new FakeClock()), 'bodies');
    await bodyText(broken, over);
    assert.equal(over.breaths, 3);
  });

  it('does not yield for a body of one piece', async () => {
    const over = new OverSlices(new SliceSchedule(new FakeClock()), 'bodies');
    await bodyText(Buffer.alloc(pieceBytes, 'a'), over);
    await bodyText(Buffer.from('ff', 'hex'), over);
    assert.equal(over.breaths, 0);
  });

  it('recognizes a body whose texts have one byte per character', async () => {
    for (const body of ['', '[{"labels":{"a":"b"}}]', '"\\u00e9\\n"', '"\\n"', 'u0100']) {
      assert.equal(await characterBytes(body), 1, body);
    }
  });

  it('counts two bytes per character once any is wider, or could be', async () => {
    const bodies = ['"é"', '"中"', '"\\u0100"', '"\\u00e9\\u4e2d"', '"\\ud83d\\ude00"', Buffer.from('ff', 'hex')];
    for (const body of bodies) assert.equal(await characterBytes(body), 2, String(body));
  });
});

describe('bodyPieces', () => {
  const joined = (body: Buffer): string => {
    const { text } = bodyPieces(body);
    assert.ok(typeof text === 'function');
    return [...text()].join('');
  };

  it('gives the same text as a whole, wherever its pieces end', () => {
    const middle = fc.uint8Array({ minLength: 1, maxLength: 12 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(middle, fc.nat(14), (bytes, before) => {
        const body = Buffer.alloc(2 * charactersPerStep + 40, 'a');
        bytes.copy(body, charactersPerStep - before);
        bytes.copy(body, 2 * charactersPerStep - before);
        assert.ok(joined(body) === decodeUtf8(body), `${bytes.toString('hex')} ${before}`);
      }),
      { numRuns: 150 },
    );
  });

  it('gives pieces that a reader takes in one step, as often as somebody asks', () => {
    const { text } = bodyPieces(Buffer.alloc(3 * charactersPerStep + 1, 'é'));
    assert.ok(typeof text === 'function');
    assert.ok([...text()].every(({ length }) => length <= charactersPerStep));
    assert.equal([...text()].join(''), [...text()].join(''));
  });

  it('treats every escape as a wide character', () => {
    const sizeIn = (body: string): number => bodyPieces(Buffer.from(body)).characterBytes;
    assert.deepEqual([`"\\u00e9"`, `"é"`, `"\\n"`, '"a"'].map(sizeIn), [2, 2, 1, 1]);
  });
});
