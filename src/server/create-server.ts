import { createServer as createHttpServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { readFileSync } from 'node:fs';
import type { TlsSettings } from './web/web-settings.ts';

/** File descriptors kept for everything but connections: files, the way to Prometheus and to the API server. */
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

/** How often Node looks for connections that are too slow, milliseconds: it ends those that it finds in one go. */
const timeoutCheckMs = 250;

/** A server of Node with our limits. Both kinds speak HTTP/1.1. */
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
    // Node would answer it without asking `serve`, and so without the configured headers.
    requireHostHeader: false,
  };
  const server = tls === undefined ? createHttpServer(options, serve) : createTlsServer(options, limits, tls, serve);
  // One more than the limit: a Node that cuts off what is over its own hands over one too many then, and does not pass for good.
  server.maxHeadersCount = limits.maxHeaders + 1;
  // Without it Node asks everybody for the body that waits for `100 Continue`; so that is for whoever serves.
  // An expectation that nobody knows is for it as well: Node would answer without the configured headers.
  return server.on('checkContinue', serve).on('checkExpectation', serve);
}

function createTlsServer(
  options: ServerOptions,
  limits: ServerLimits,
  tls: TlsSettings,
  serve: RequestListener,
): HttpsServer {
  return createHttpsServer(
    {
      ...options,
      ...tls.context,
      handshakeTimeout: limits.tlsHandshakeTimeoutMs,
      requestCert: tls.clientAuthType !== 'NoClientCert',
      // Judged by client-certificate.ts, which knows all five ways, and tells why.
      rejectUnauthorized: false,
    },
    serve,
  );
}

/** `max_connections`, or what the process's file descriptors allow, if that is less. */
export function connectionLimit(maxConnections: number, fileDescriptors = openFilesLimit()): number {
  return Math.max(1, Math.min(maxConnections, fileDescriptors - reservedFileDescriptors));
}

/** The soft limit on open files as Linux tells it; no limit where it cannot be had. */
function openFilesLimit(): number {
  try {
    const line = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    return line === null ? Number.POSITIVE_INFINITY : Number(line[1]);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
