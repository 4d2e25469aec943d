import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AnchoredRegexp } from '../matcher/anchored-regexp.ts';
import { sliceMs } from '../runtime/slices.ts';
import type { WebMetrics } from './web/gate-report.ts';
import { takesSameClients, type TlsSettings, type WebSettings } from './web/web-settings.ts';
import { answerString, answerNotAllowed, answerNotFound, answerRedirect } from './request/answer.ts';
import { BrokenRequests } from './broken-requests.ts';
import { connectionLimit, type ServerLimits } from './create-server.ts';
import type { Connections } from './connections.ts';
import { ConnectionServer, type ConnectionLimits } from './connection-server.ts';
import { withCors, type BrowserGuard } from './web/browser-guard.ts';
import type { Gate } from './web/gate.ts';
import { turnAway } from './web/turn-away.ts';
import { Listener } from './listener.ts';
import type { HttpMetrics } from './request/http-metrics.ts';
import { headProblem, readTarget } from './request/request-head.ts';
import { labelOf, type RouteTable } from './routes.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** The limits that can change while the server runs; milliseconds. */
export interface LiveLimits extends ConnectionLimits {
  readonly maxConnections: number;
}

export interface ReceiverServerOptions
  extends ServerLimits, LiveLimits, Pick<Runtime, 'clock' | 'logger' | 'schedule'> {
  readonly metrics: HttpMetrics;
  /** All open connections, with the budget for the memory that they hold. */
  readonly connections: Connections;
  readonly routes: RouteTable;
  /** `--web.cors.origin`. */
  readonly corsOrigin?: AnchoredRegexp | undefined;
  /** The prefix of every path: '' or `/prefix`. */
  readonly routePrefix: string;
  readonly webMetrics: WebMetrics;
  /** Undefined: plain HTTP. */
  readonly tls?: TlsSettings | undefined;
  /** Undefined: web pages of everybody may use it. */
  readonly guard?: BrowserGuard | undefined;
  /** Undefined: everybody may come in. */
  readonly gate?: Gate | undefined;
}

/**
 * The most requests that a connection may send without waiting for answers. Hardly any client sends even two. But a thousand fit
 * into one packet, and their answers would not fit into memory.
 */
const maxPipelinedRequests = 16;

/** The HTTP server: its limits, its start and its end. Its protocol can change while it runs. */
export class ReceiverServer {
  readonly #options: ReceiverServerOptions;
  readonly #listener: Listener;
  readonly #broken: BrokenRequests;
  readonly #answer: RequestListener;
  /** The earlier servers that still have connections. */
  readonly #older = new Set<ConnectionServer>();
  /** Requests whose connection is owed another answer, in order of arrival. */
  readonly #pipelined: (() => void)[] = [];
  #isAdmitting = false;
  #present: ConnectionServer;
  #limits: LiveLimits;

  constructor(options: ReceiverServerOptions) {
    this.#options = options;
    this.#limits = options;
    this.#answer = withCors(options.corsOrigin, options.routes);
    for (const route of options.routes.list)
      for (const method of route.counted ?? []) options.metrics.expect(labelOf(route), method);
    this.#broken = new BrokenRequests({ ...options, headers: () => this.#headers });
    this.#present = this.#create(options.tls);
    this.#listener = new Listener({
      accept: (socket) => this.#present.accept(socket),
      dropped: (maxConnections) => this.#broken.dropped(maxConnections),
      failed: (error) => this.#broken.notAccepted(error),
    });
    this.limits = options;
  }

  /** Changes the limits, for everything that arrives from now on. */
  set limits(limits: LiveLimits) {
    this.#limits = limits;
    this.#listener.maxConnections = connectionLimit(limits.maxConnections);
    for (const server of this.#all) server.limits = limits;
  }

  /**
   * Returns a function that applies other TLS settings, for every request from then on. Connections whose client would now be
   * checked differently end after their current answer. Throws if the settings cannot be used.
   */
  prepareTls(tls: TlsSettings | undefined): () => void {
    const next = this.#create(tls);
    return () => {
      const present = this.#present;
      if (takesSameClients(present.tls, tls)) return present.renew(tls);
      this.#present = next;
      next.limits = this.#limits;
      next.start();
      this.#older.add(present);
      this.#end(present, whyReplaced);
    };
  }

  /** Resolves with the real address once connections are accepted; rejects with the system's error (EADDRINUSE …). */
  listen(host: string | undefined, port: number): Promise<AddressInfo> {
    this.#present.start();
    return this.#listener.listen(host, port);
  }

  /** Accepts no new connections. Current requests are answered; new ones get a 503. Resolves when no connection is left. */
  async close(timeoutMs: number): Promise<void> {
    const closed = this.#listener.close();
    const cancelTimer = this.#options.clock.setTimeout(() => this.#destroyAll(), timeoutMs);
    for (const server of this.#all) this.#end(server, whyClosing);
    await closed;
    cancelTimer();
  }

  get #all(): readonly ConnectionServer[] {
    return [...this.#older, this.#present];
  }

  #end(server: ConnectionServer, why: string): void {
    server.end(why, () => this.#older.delete(server));
  }

  #destroyAll(): void {
    for (const server of this.#all) server.destroyAll();
  }

  #create(tls: TlsSettings | undefined): ConnectionServer {
    const { webMetrics, connections } = this.#options;
    const server: ConnectionServer = new ConnectionServer({
      limits: this.#options,
      tls,
      webMetrics,
      broken: this.#broken,
      connections,
      serve: (request, response, owed) => this.#serve(server, request, response, owed),
    });
    return server;
  }

  #serve(server: ConnectionServer, request: IncomingMessage, response: ServerResponse, owed: number): () => void {
    const { clock, metrics, routePrefix, routes } = this.#options;
    const startedAt = clock.now();
    const { path, route, url, mark } = readTarget(routePrefix, request.url ?? '/', routes, request.headers);
    request.url = url;
    if (mark !== undefined) routes.claim?.(request, mark);
    for (const [name, value] of this.#headers) response.setHeader(name, value);
    if (owed > maxPipelinedRequests) this.#broken.tooMany(request.socket, maxPipelinedRequests);
    else if (owed > 1)
      void this.#admitInTurn(() => {
        if (!request.socket.destroyed) this.#admit(server, path, request, response);
      });
    else this.#admit(server, path, request, response);
    return () => {
      const status = response.writableFinished ? response.statusCode : clientClosedRequest;
      metrics.answered(route, request.method ?? '', status, Math.max(0, clock.now() - startedAt) / 1000);
    };
  }

  /**
   * One packet brings sixteen requests, and one turn of the event loop may bring those of thousands of connections: a slice of
   * them at a time.
   */
  async #admitInTurn(admit: () => void): Promise<void> {
    this.#pipelined.push(admit);
    if (this.#isAdmitting) return;
    this.#isAdmitting = true;
    const { clock, schedule } = this.#options;
    while (this.#pipelined.length > 0) {
      await schedule.next('pipelined requests');
      const startedAt = clock.now();
      do this.#pipelined.shift()?.();
      while (this.#pipelined.length > 0 && Math.abs(clock.now() - startedAt) < sliceMs);
    }
    this.#isAdmitting = false;
  }

  #admit(server: ConnectionServer, path: string, request: IncomingMessage, response: ServerResponse): void {
    const { clock, gate, guard, routes } = this.#options;
    const problem = headProblem(request);
    if (server.whyEnding !== undefined) this.#refuse(server.whyEnding, request, response);
    else if (problem !== undefined) turnAway(clock, request, response.setHeader('Connection', 'close'), ...problem);
    else if (guard?.refuses(path, request, response) === true) return;
    else if (gate === undefined || routes.isForPeers(path)) this.#dispatch(path, request, response);
    else gate.admit(path, request, response, () => this.#dispatch(path, request, response));
  }

  /** The headers that the current web configuration adds to every answer. */
  get #headers(): WebSettings['headers'] {
    return this.#options.gate?.headers ?? [];
  }

  #dispatch(path: string, request: IncomingMessage, response: ServerResponse): void {
    const { routePrefix } = this.#options;
    askForBody(request, response);
    if (path === '') answerOutsidePrefix(routePrefix, request, response);
    else this.#answer(request, response);
  }

  /** Waits until the whole request has arrived: a connection that ends during the request would lose the answer. */
  #refuse(why: string, request: IncomingMessage, response: ServerResponse): void {
    response.setHeader('Connection', 'close');
    askForBody(request, response);
    request.once('end', () => answerString(response, 503, why));
    request.resume();
  }
}

/** The code that counts a request whose sender disconnected before the answer, as in nginx. */
const clientClosedRequest = 499;

const whyClosing = 'Tocsin is shutting down';
const whyReplaced = 'this connection is older than the web configuration in use: connect again';

/** A client that sends `Expect: 100-continue` holds back the body until it is let in. */
function askForBody({ headers, httpVersion }: IncomingMessage, response: ServerResponse): void {
  // HTTP/1.0 has no such answer, and Node has refused every other expectation.
  if (headers.expect !== undefined && httpVersion !== '1.0') response.writeContinue();
}

/** Answers requests outside the prefix as Alertmanager 0.34 does: it redirects a browser, and everything else gets a 404. */
function answerOutsidePrefix(prefix: string, request: IncomingMessage, response: ServerResponse): void {
  const [path = '', query] = (request.url ?? '').split(/\?(.*)/s, 2);
  // An unread body would prevent another use of the connection.
  request.resume();
  if (path === '/') return answerRoot(prefix, request, response);
  if (path !== prefix || request.method !== 'GET') return answerNotFound(response);
  answerRedirect(response, 301, `${prefix}/${query === undefined ? '' : `?${query}`}`);
}

function answerRoot(prefix: string, { method }: IncomingMessage, response: ServerResponse): void {
  const allowed = 'GET, OPTIONS';
  if (method === 'GET') answerRedirect(response, 302, prefix);
  else if (method === 'OPTIONS') response.writeHead(200, { Allow: allowed, 'Content-Length': 0 }).end();
  else answerNotAllowed(response, allowed);
}
