import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, request as httpsRequest } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { KubeApiServer } from './kube-api-server.ts';

/** What the proxy does with a request instead of forwarding it, or with its answer. */
export type Fault =
  /** Answers with this status, as the API server would. */
  | { readonly kind: 'status'; readonly status: number; readonly retryAfterSeconds?: number }
  /** Answers with a list that has this many bytes of empty lists in a member that nobody reads. */
  | { readonly kind: 'empty lists'; readonly bytes: number }
  /** Accepts the request and never answers. */
  | { readonly kind: 'silence' }
  /** Forwards the answer after this delay, in milliseconds. */
  | { readonly kind: 'delay'; readonly delayMs: number }
  /** Ends the answer in good order after this many bytes, or resets the connection there. */
  | { readonly kind: 'cut'; readonly bytes: number; readonly how: 'end' | 'reset' };

export interface SeenCall {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly watch: boolean;
  /** What has come of the body so far: all of it once the API server answers. */
  body: string;
}

/** A proxy between Tocsin and the API server that a test controls. */
export interface FaultProxy {
  /** `https://127.0.0.1:<port>`, with the certificate of the API server itself. */
  readonly url: string;
  /** Every request so far. */
  readonly calls: SeenCall[];
  /** Called for every request; undefined forwards it unchanged. */
  fault: (call: SeenCall) => Fault | undefined;
  /** Called when the API server has begun to answer a request, before the answer is forwarded. */
  answered: (call: SeenCall, status: number) => void;
  /** How many watches are open through it, and how many connections. */
  watches(): number;
  connections(): number;
  /** From now on no byte comes through the open watches, and neither side notices: a network that swallows packets. */
  freezeWatches(): void;
  /** Resets the connections of requests that were not answered: a network that works again does not keep them. */
  endSilence(): void;
  /** Writes this text into every watch and resets its connection. */
  breakWatches(text: string): void;
  close(): Promise<void>;
}

/** Starts a proxy in front of the API server, on a free port. */
export async function startFaultProxy(server: KubeApiServer): Promise<FaultProxy> {
  const proxy = new Proxy(server);
  await proxy.listen();
  return proxy;
}

interface OpenWatch {
  readonly upstream: IncomingMessage;
  readonly response: ServerResponse;
}

class Proxy implements FaultProxy {
  readonly calls: SeenCall[] = [];
  fault: FaultProxy['fault'] = () => undefined;
  answered: FaultProxy['answered'] = () => undefined;
  readonly #target: KubeApiServer;
  readonly #server;
  readonly #sockets = new Set<Duplex>();
  readonly #watches = new Set<OpenWatch>();
  readonly #silent = new Set<ServerResponse>();

  constructor(target: KubeApiServer) {
    this.#target = target;
    const file = (name: string) => readFileSync(join(target.folder, name));
    this.#server = createServer({ cert: file('tls.crt'), key: file('tls.key') }, (request, response) =>
      this.#take(request, response),
    );
    this.#server.on('secureConnection', (socket: Duplex) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  watches(): number {
    return this.#watches.size;
  }

  connections(): number {
    return this.#sockets.size;
  }

  freezeWatches(): void {
    for (const { upstream, response } of this.#watches) {
      upstream.unpipe(response);
      upstream.resume();
      upstream.removeAllListeners('end');
    }
  }

  endSilence(): void {
    for (const response of this.#silent) response.destroy();
    this.#silent.clear();
  }

  breakWatches(text: string): void {
    for (const { upstream, response } of this.#watches) {
      upstream.unpipe(response);
      response.write(text, () => response.destroy());
    }
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    for (const { upstream } of this.#watches) upstream.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '' } = request;
    const call = { method, url, watch: url.includes('watch=true'), body: '' };
    this.calls.push(call);
    response.on('error', () => undefined);
    const fault = this.fault(call);
    if (fault?.kind === 'silence') return void this.#silent.add(response);
    if (fault?.kind === 'status') return refuse(response, fault);
    if (fault?.kind === 'empty lists') return void answerEmptyLists(response, fault.bytes);
    this.#forward(request, response, call, fault);
  }

  #forward(request: IncomingMessage, response: ServerResponse, call: SeenCall, fault: Fault | undefined): void {
    const { watch } = call;
    const { port, caFile } = this.#target;
    const headers = { ...request.headers, host: `127.0.0.1:${port}` };
    const options = { host: '127.0.0.1', port, ca: readFileSync(caFile), method: request.method, path: request.url };
    const outgoing = httpsRequest({ ...options, headers, agent: false }, (upstream) => {
      this.answered(call, upstream.statusCode ?? 0);
      const answer = () => {
        response.writeHead(upstream.statusCode ?? 502, upstream.headers);
        response.flushHeaders();
        if (watch) this.#watch(upstream, response);
        if (fault?.kind === 'cut') cut(upstream, response, fault);
        else upstream.pipe(response);
      };
      upstream.on('error', () => response.destroy());
      if (fault?.kind === 'delay') setTimeout(answer, fault.delayMs);
      else answer();
    });
    outgoing.on('error', () => response.destroy());
    response.on('close', () => outgoing.destroy());
    request.on('data', (chunk: Buffer) => (call.body += chunk.toString('latin1')));
    request.pipe(outgoing);
  }

  #watch(upstream: IncomingMessage, response: ServerResponse): void {
    const watch = { upstream, response };
    this.#watches.add(watch);
    response.on('close', () => this.#watches.delete(watch));
  }
}

/** Writes piece by piece, as fast as the client reads. */
async function answerEmptyLists(response: ServerResponse, bytes: number): Promise<void> {
  const piece = '[],'.repeat(64 * 1024);
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.write('{"metadata":{"resourceVersion":"1"},"items":[],"nobody-reads-this":[');
  for (let written = 0; written < bytes && !response.destroyed; written += piece.length)
    if (!response.write(piece)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
  response.end('[]]}');
}

function refuse(response: ServerResponse, { status, retryAfterSeconds }: Fault & { readonly kind: 'status' }): void {
  const reason = status === 410 ? 'Expired' : status === 429 ? 'TooManyRequests' : 'InternalError';
  const retry = retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) };
  response.writeHead(status, { 'content-type': 'application/json', ...retry });
  response.end(
    JSON.stringify({
      kind: 'Status',
      apiVersion: 'v1',
      status: 'Failure',
      code: status,
      reason,
      message: 'a test says so',
    }),
  );
}

function cut(
  upstream: IncomingMessage,
  response: ServerResponse,
  { bytes, how }: Fault & { readonly kind: 'cut' },
): void {
  let left = bytes;
  upstream.on('data', (chunk: Buffer) => {
    if (left <= 0) return;
    const part = chunk.subarray(0, left);
    left -= part.length;
    if (left > 0) response.write(part);
    else if (how === 'end') response.end(part);
    else response.write(part, () => response.destroy());
  });
  upstream.on('end', () => left > 0 && response.end());
}
