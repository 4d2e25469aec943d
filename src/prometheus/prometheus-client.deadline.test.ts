import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { inspect } from 'node:util';
import { fetch as undiciFetch } from 'undici';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { startRawServer, type RawServer } from './raw-server.fixture.ts';
import { watchedFetch } from './watched-fetch.fixture.ts';
import { HttpConfig } from '../config/http-config.ts';
import { createPrometheusClient, type PrometheusClientOptions } from './prometheus-client.ts';
import { PrometheusError } from './prometheus-error.ts';
import { SliceSchedule } from '../runtime/slices.ts';

const timeoutMs = 10_000;
const closers: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function serve(answer: (socket: Socket) => void): Promise<RawServer> {
  const server = await startRawServer(answer);
  closers.push(server.close);
  return server;
}

interface QueryOptions extends Partial<PrometheusClientOptions> {
  readonly clock: FakeClock;
}

async function query(url: string, options: QueryOptions, signal = new AbortController().signal): Promise<unknown> {
  const schedule = new SliceSchedule(options.clock);
  const base = {
    url,
    timeoutMs,
    maxResponseBytes: 1024,
    maxFiringBytes: 1 << 20,
    version: '1.2.3',
    httpConfig: HttpConfig.parse({}),
    schedule,
  };
  try {
    return await createPrometheusClient({ ...base, ...options }).query(signal);
  } finally {
    assert.equal(options.clock.pending(), 0, 'a timer was left behind');
  }
}

async function failureOf(asked: Promise<unknown>): Promise<PrometheusError> {
  const error = await asked.catch((reason: unknown) => reason);
  assert.ok(error instanceof PrometheusError, inspect(error));
  return error;
}

const head = (status: string): string => `HTTP/1.1 ${status}\r\nContent-Length: 99\r\n\r\n`;

describe('a query that takes too long', { timeout: 120_000 }, () => {
  it('gives up on a server that never answers', async () => {
    const server = await serve(() => undefined);
    const clock = new FakeClock();
    const asked = failureOf(query(server.url, { clock }));
    await server.requested();
    clock.advance(timeoutMs);
    const { kind, message } = await asked;
    assert.equal(kind, 'timeout');
    assert.match(message, /did not answer within 10 s/);
    await server.disconnected();
  });

  it('gives up on a connection that is never made', async () => {
    const clock = new FakeClock();
    const fetch: typeof undiciFetch = (_, init) =>
      new Promise((_resolve, reject) => {
        const abort = (): void => reject(new Error('aborted'));
        if (init!.signal!.aborted) abort();
        else init!.signal!.addEventListener('abort', abort);
      });
    const asked = failureOf(query('http://192.0.2.1:9090', { clock, fetch }));
    clock.advance(timeoutMs);
    assert.equal((await asked).kind, 'timeout');
  });

  it('gives up on a body that does not come', async () => {
    const server = await serve((socket) => socket.write(head('200 OK')));
    const clock = new FakeClock();
    const { fetch, headers } = watchedFetch();
    const asked = failureOf(query(server.url, { clock, fetch }));
    await headers;
    clock.advance(timeoutMs);
    const { kind, message } = await asked;
    assert.equal(kind, 'timeout');
    assert.match(message, /began to answer but did not finish within 10 s/);
    await server.disconnected();
  });

  it('gives up on a body that drips, however regularly', async () => {
    const server = await serve((socket) => socket.write(head('200 OK')));
    const clock = new FakeClock();
    const { fetch, nextPiece } = watchedFetch();
    const asked = failureOf(query(server.url, { clock, fetch }));
    const socket = await server.requested();
    for (let drip = 0; drip < 5; drip++) {
      socket.write(' ');
      await nextPiece();
      clock.advance(timeoutMs / 5);
    }
    assert.equal((await asked).kind, 'timeout');
    await server.disconnected();
  });

  it('reports the status of an error whose text does not come', async () => {
    const server = await serve((socket) => socket.write(head('503 Service Unavailable')));
    const clock = new FakeClock();
    const asked = failureOf(query(server.url, { clock, fetch: fetchThen(() => clock.advance(timeoutMs)) }));
    assert.match((await asked).message, /answered 503 without a reason/);
    await server.disconnected();
  });
});

function fetchThen(act: () => void): typeof undiciFetch {
  return async (input, init) => {
    const response = await undiciFetch(input, init);
    setImmediate(act);
    return response;
  };
}

describe('a query whose caller gives up', { timeout: 120_000 }, () => {
  const phases = [
    ['before the answer', () => undefined],
    ['within the body', (socket: Socket) => void socket.write(head('200 OK'))],
    ['within the text of an error', (socket: Socket) => void socket.write(head('503 X'))],
  ] as const;
  for (const [when, answer] of phases) {
    it(`rejects with the caller's reason ${when}`, async () => {
      const server = await serve(answer);
      const caller = new AbortController();
      const reason = new Error('shutting down');
      const act = (): void => caller.abort(reason);
      const asked = query(server.url, { clock: new FakeClock(), fetch: fetchThen(act) }, caller.signal);
      if (when === 'before the answer') void server.requested().then(act);
      await assert.rejects(asked, (error) => error === reason);
      await server.disconnected();
    });
  }
});
