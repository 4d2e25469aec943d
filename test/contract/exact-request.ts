import { request as httpRequest, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';

export interface ExactRequest {
  readonly method?: string;
  /** Sent as it is: no `..` is resolved, and nothing is escaped. */
  readonly path: string;
  /** A list stands for a header that is sent several times. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer | undefined;
}

export interface ExactAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/**
 * Sends a request exactly as given, on a separate connection, and follows no redirect.
 * Resolves to undefined if the server closes the connection instead of answering.
 */
export async function sendExactly(url: string, sent: ExactRequest): Promise<ExactAnswer | undefined> {
  const { hostname, port } = new URL(url);
  const { method = 'GET', path, headers = {}, body } = sent;
  const lists = Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]);
  const length =
    body === undefined || 'Transfer-Encoding' in headers ? {} : { 'Content-Length': Buffer.byteLength(body) };
  const options = { hostname, port, method, path, agent: false, headers: { ...Object.fromEntries(lists), ...length } };
  const request = httpRequest(options);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage | undefined>();
  request.once('response', resolve);
  request.once('error', (error: NodeJS.ErrnoException) =>
    error.code === 'ECONNRESET' ? resolve(undefined) : reject(error),
  );
  request.end(body);
  const response = await promise;
  if (response === undefined) return undefined;
  return { status: response.statusCode!, headers: response.headers, body: await buffer(response) };
}
