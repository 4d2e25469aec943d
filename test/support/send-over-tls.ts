import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request, type RequestOptions } from 'node:https';
import { text } from 'node:stream/consumers';

/** What a request over a connection of its own is answered. */
export async function sendOverTls(
  url: string,
  caFile: string,
  options: RequestOptions = {},
): Promise<{ readonly status: number | undefined; readonly body: string }> {
  const { hostname, port } = new URL(url);
  // As it is written: a URL would have its own idea of some paths.
  const path = url.slice(url.indexOf('/', 'https://'.length));
  const sent = request({ hostname, port, path, ca: await readFile(caFile), agent: false, ...options }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: response.statusCode, body: await text(response) };
}
