import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { eventually } from '../../runtime/eventually.fixture.ts';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { RecordingLogger } from '../../runtime/logger.fixture.ts';
import { listChunkLength, openLists, slowReaderMs, ListAnswers } from './list-answers.ts';
import { sliceMs, SliceSchedule } from '../../runtime/slices.ts';
import type { SlicedText } from './alert-lists.ts';
import { metric } from '../../runtime/metric.fixture.ts';
import { testMetrics } from '../routes.fixture.ts';

interface Started {
  readonly url: string;
  readonly clock: FakeClock;
  readonly logger: RecordingLogger;
  readonly responses: readonly ServerResponse[];
  limited(): Promise<number | undefined>;
  /** A connection that sends a request and does not read. */
  stall(): Promise<Socket>;
}

/** Answers every request with a separate text. */
async function start(test: TestContext, texts: () => SlicedText): Promise<Started> {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const { registry, metrics } = testMetrics();
  const answers = new ListAnswers({ clock, schedule: new SliceSchedule(clock), logger, metrics });
  const responses: ServerResponse[] = [];
  const server = createServer((_, response) => {
    responses.push(response);
    answers.send(response, texts()).catch((error: Error) => response.writeHead(400).end(error.message));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const sockets: Socket[] = [];
  test.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
    server.closeAllConnections();
  });
  return {
    url: `http://127.0.0.1:${port}`,
    clock,
    logger,
    responses,
    limited: () => metric(registry, 'tocsin_limit_reached_total{limit="open_lists"}'),
    async stall() {
      const socket = connect(port, '127.0.0.1')
        .on('error', () => undefined)
        .pause();
      sockets.push(socket);
      await once(socket, 'connect');
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      return socket;
    },
  };
}

/** Endless, or short. */
function* text(isEndless: boolean): SlicedText {
  yield chunk;
  if (isEndless) for (;;) yield chunk;
}

const chunk = 'x'.repeat(listChunkLength);

describe('ListAnswers', () => {
  it('writes a long text piece by piece, and cuts no character', async (test) => {
    const long = `x${'🙂'.repeat(40 * listChunkLength)}`;
    const { url, responses, stall } = await start(test, function* texts() {
      yield long;
      yield 'end';
    });
    const answer = await (await fetch(url)).text();
    assert.equal(answer === `${long}end`, true);
    await stall();
    await eventually(
      () => responses[1]?.writableNeedDrain,
      (waits) => waits === true,
    );
    assert.ok(responses[1]!.writableLength < 8 * listChunkLength, `${responses[1]!.writableLength}`);
  });

  it('yields within a long piece that is read as fast as it is written', async () => {
    const [clock, { metrics }] = [new FakeClock(), testMetrics()];
    let turns = 0;
    const schedule = new SliceSchedule(clock, (run) => {
      turns++;
      setImmediate(run);
    });
    const answers = new ListAnswers({ clock, schedule, logger: new RecordingLogger(), metrics });
    let length = 0;
    const take = (part: string): boolean => {
      length += part.length;
      clock.advance(sliceMs / 2);
      return true;
    };
    const reader = { destroyed: false, headersSent: true, write: take, end: take };
    const long = 'x'.repeat(40 * listChunkLength);
    await answers.send(
      reader as unknown as ServerResponse,
      (function* texts() {
        yield long;
      })(),
    );
    assert.equal(length, long.length);
    assert.ok(turns >= 18, `${turns} turns`);
  });

  it('leaves the answer to its caller if the text throws before it gives anything, however long that took', async (test) => {
    const { url, clock } = await start(test, function* texts() {
      clock.advance(1000);
      yield;
      clock.advance(1000);
      yield;
      throw new Error('no such thing');
    });
    const response = await fetch(url);
    assert.deepEqual([response.status, await response.text()], [400, 'no such thing']);
  });

  it('gives the length of a short text', async (test) => {
    const { url } = await start(test, function* texts() {
      yield '[';
      yield undefined;
      yield 'é]';
    });
    const response = await fetch(url);
    assert.deepEqual([response.headers.get('content-length'), await response.text()], ['4', '[é]']);
    assert.equal(response.headers.get('cache-control'), 'no-store');
  });

  it('writes a long text in order, piece by piece', async (test) => {
    const { url } = await start(test, function* texts() {
      for (let index = 0; index < 100_000; index++) yield `${index},`;
    });
    const response = await fetch(url);
    assert.equal(response.headers.get('content-length'), null);
    assert.equal(await response.text(), Array.from({ length: 100_000 }, (_, index) => `${index},`).join(''));
  });

  it('yields in between', async (test) => {
    const { url } = await start(test, function* texts() {
      for (let index = 0; index < 50; index++) yield chunk;
    });
    let turns = 0;
    let counting = true;
    const count = (): void => {
      turns++;
      if (counting) setImmediate(count);
    };
    count();
    await (await fetch(url)).text();
    counting = false;
    assert.ok(turns >= 50, `${turns}`);
  });

  it('produces no more of a text than is read', async (test) => {
    let made = 0;
    let ended = false;
    const { stall } = await start(test, function* texts() {
      try {
        for (;;) {
          made++;
          yield chunk;
        }
      } finally {
        ended = true;
      }
    });
    const socket = await stall();
    let before = -1;
    await eventually(
      async () => {
        const grown = made - before;
        before = made;
        for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
        return grown;
      },
      (grown) => made > 0 && grown === 0,
    );
    assert.ok(made > 0 && made < 500, `${made} chunks`);
    assert.equal(ended, false);
    socket.destroy();
    await eventually(
      () => ended,
      (value) => value,
    );
  });

  it('ends slow readers when others wait, and none before', async (test) => {
    let asked = 0;
    const { url, stall, clock, limited, logger } = await start(test, () => text(++asked <= openLists));
    await Promise.all(Array.from({ length: openLists }, stall));
    await eventually(
      () => clock.pending(),
      (timers) => timers === openLists,
    );
    clock.advance(slowReaderMs * 10);
    assert.equal(await limited(), 0);
    const waiting = fetch(url);
    await eventually(
      () => asked,
      (count) => count === openLists + 1,
    );
    clock.advance(slowReaderMs);
    assert.equal(await (await waiting).text(), chunk);
    assert.ok((await limited())! >= 1);
    assert.equal(logger.fieldsOf('list.ended')[0]?.['limit'], 'open_lists');
  });
});
