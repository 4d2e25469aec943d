import { createServer as createHttpServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import { readFileSync } from 'node:fs';
import type { TlsSettings } from './web/web-settings.ts';

/** File descriptors reserved for everything but connections: files, Prometheus and the API server. */
const reservedFileDescriptors = 128;

export interface ServerLimits {
  /** `receiver.max_header_size` and so on, bytes and milliseconds. */
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  readonly headerTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly tlsHandshakeTimeoutMs: number;
}

/** The interval at which Node looks for connections that are too slow, milliseconds. It ends all that it finds at once. */
const timeoutCheckMs = 250;

/** A Node server with our limits, HTTP or HTTPS. Both speak HTTP/1.1. */
export function createServer(
  limits: ServerLimits,
  tls: TlsSettings | undefined,
  serve: RequestListener,
): Server | HttpsServer {
  const options = {
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: Math.min(limits.headerTimeoutMs, limits.requestTimeoutMs),
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.idleTimeoutMs,
    connectionsCheckingInterval: timeoutCheckMs,
    // Node would refuse such a request without calling `serve`, and so without the configured headers.
    requireHostHeader: false,
  };
  const server = tls === undefined ? createHttpServer(options, serve) : createTlsServer(options, limits, tls, serve);
  // One more than the limit: a Node that cuts off the headers over its own limit then passes on one too many, and the excess is
  // noticed.
  server.maxHeadersCount = limits.maxHeaders + 1;
  // Without it, Node itself asks every client that waits for `100 Continue` for the body; `serve` has to do that. `serve` also
  // gets unknown expectations, because Node would answer without the configured headers.
  return server.on('checkContinue', serve).on('checkExpectation', serve);
}

/** True if it speaks TLS. The class to compare with would first have to be loaded. */
export function isTlsServer(server: Server | HttpsServer): server is HttpsServer {
  return 'setSecureContext' in server;
}

function createTlsServer(
  options: ServerOptions,
  limits: ServerLimits,
  tls: TlsSettings,
  serve: RequestListener,
): HttpsServer {
  // Loaded here: without TLS nothing needs it, and it takes 2 MiB of memory and 7 ms of the start.
  const { createServer: createHttpsServer } = process.getBuiltinModule('node:https');
  return createHttpsServer(
    {
      ...options,
      ...tls.context,
      handshakeTimeout: limits.tlsHandshakeTimeoutMs,
      requestCert: tls.clientAuthType !== 'NoClientCert',
      // client-certificate.ts decides: it knows all five modes and gives the reason.
      rejectUnauthorized: false,
    },
    serve,
  );
}

/** `max_connections`, or what the process's file descriptors allow, if that is less. */
export function connectionLimit(maxConnections: number, fileDescriptors = openFilesLimit()): number {
  return Math.max(1, Math.min(maxConnections, fileDescriptors - reservedFileDescriptors));
}

/** The soft limit on open files, as Linux reports it; no limit if it cannot be read. */
function openFilesLimit(): number {
  try {
    const line = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    return line === null ? Number.POSITIVE_INFINITY : Number(line[1]);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
