import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { CancelTimer } from '../runtime/clock.ts';
import type { HttpMetrics } from './request/http-metrics.ts';
import type { BodyMemory } from './request/body-reader.ts';
import { MemoryBudget } from './request/memory-budget.ts';
import { remoteOf } from './request/request-head.ts';
import { Connection, type HeadLimits } from './connection.ts';
import { MinuteLines } from '../runtime/limited-lines.ts';
import type { Runtime } from '../runtime/runtime.ts';

export interface ConnectionsOptions extends HeadLimits, Pick<Runtime, 'clock' | 'logger' | 'schedule'> {
  readonly metrics: HttpMetrics;
  /**
   * The most memory that all connections may hold together: `receiver.max_connection_memory`, or less if there is not enough
   * memory, bytes.
   */
  readonly maxBytes: () => number;
}

/** An error of Node's parser. */
export interface ParseError {
  /** The last packet, and how much of it could be read. */
  readonly rawPacket?: Buffer;
  readonly bytesParsed?: number;
}

/** The interval of a new count, milliseconds: heads grow, and answers wait to be read, without an event. */
const lookEveryMs = 100;

/**
 * All open connections, with one budget for their memory: heads (finished or not), bodies, TLS state, answers. Over the budget,
 * it ends the connection that has been unfinished or idle for longest. Listeners may be replaced meanwhile.
 */
export class Connections implements BodyMemory {
  readonly #options: ConnectionsOptions;
  readonly #budget: MemoryBudget<Connection>;
  readonly #lines: MinuteLines;
  readonly #bySocket = new Map<Socket, Connection>();
  /** TLS connections before the end of their handshake, by {@link addressesOf}: Node does not connect the two sockets. */
  readonly #shakingHands = new Map<string, Connection>();
  #cancelLook: CancelTimer | undefined;

  constructor(options: ConnectionsOptions) {
    const { clock, schedule, logger, maxBytes, metrics } = options;
    this.#options = options;
    this.#budget = new MemoryBudget(maxBytes, schedule, (connection) => this.#log(connection));
    this.#lines = new MinuteLines(clock, logger);
    metrics.watchConnections({ open: () => this.#budget.size, bytes: () => this.#budget.bytes });
  }

  /** A connection has been accepted; for TLS, this is its raw socket. */
  open(socket: Socket, isTls: boolean): Connection {
    const connection = new Connection(socket, this.#options, isTls);
    const addresses = isTls ? addressesOf(socket) : undefined;
    this.#bySocket.set(socket, connection);
    if (addresses !== undefined) this.#shakingHands.set(addresses, connection);
    socket.once('close', () => this.#closed(socket, connection, addresses));
    this.#cancelLook ??= this.#lookSoon();
    this.#budget.add(connection);
    return connection;
  }

  /** The handshake of a TLS connection is done. */
  secured(socket: Socket): void {
    const addresses = addressesOf(socket);
    const connection = this.#shakingHands.get(addresses);
    if (connection === undefined) return;
    this.#shakingHands.delete(addresses);
    this.#bySocket.set(socket, connection);
    connection.secure(socket);
  }

  /** The number of bytes of the head that had been read when Node could read no further. */
  headBytes(socket: Socket, { rawPacket, bytesParsed }: ParseError): number {
    const bytes = this.#bySocket.get(socket)?.unfinishedBytes ?? 0;
    return bytes - (rawPacket?.length ?? 0) + (bytesParsed ?? 0);
  }

  /** The number of answers that a connection is owed; 0 if it is gone. */
  owedAnswers(socket: Socket): number {
    return this.#bySocket.get(socket)?.owedAnswers ?? 0;
  }

  /** The head of a request has arrived. */
  begin(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#bySocket.get(request.socket);
    if (connection === undefined) return;
    connection.begin(request, response);
    this.#budget.renew(connection);
  }

  /** The answer has been read, or never will be. */
  end(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#bySocket.get(request.socket);
    if (connection === undefined) return;
    connection.end(response);
    this.#budget.renew(connection);
  }

  hold(request: IncomingMessage, bytes: number, evict: () => void): void {
    const connection = this.#bySocket.get(request.socket);
    if (connection === undefined) return;
    connection.hold(request, bytes, evict);
    this.#budget.count(connection);
  }

  release(request: IncomingMessage): void {
    this.#bySocket.get(request.socket)?.release(request);
  }

  #closed(socket: Socket, connection: Connection, addresses: string | undefined): void {
    this.#budget.remove(connection);
    this.#bySocket.delete(socket);
    this.#bySocket.delete(connection.socket);
    if (addresses !== undefined && this.#shakingHands.get(addresses) === connection)
      this.#shakingHands.delete(addresses);
    if (this.#budget.size > 0) return;
    this.#cancelLook?.();
    this.#cancelLook = undefined;
  }

  #lookSoon(): CancelTimer {
    return this.#options.clock.setTimeout(() => {
      this.#cancelLook = this.#lookSoon();
      this.#budget.countAll();
    }, lookEveryMs);
  }

  #log(connection: Connection): void {
    this.#options.metrics.limitReached('connection_memory');
    this.#lines.warn(
      'connections.evicted',
      'connections hold too much memory: the longest idle or unfinished end',
      () => ({
        limit: 'receiver.max_connection_memory',
        max_bytes: this.#options.maxBytes(),
        connections: this.#budget.size,
        remote: remoteOf(connection.socket),
        phase: connection.phase,
      }),
    );
  }
}

/** The addresses of both ends of a connection. */
function addressesOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
