import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request, type RequestOptions } from 'node:https';
import { text } from 'node:stream/consumers';

/** The answer to a request over a separate connection. */
export async function sendOverTls(
  url: string,
  caFile: string,
  options: RequestOptions = {},
): Promise<{ readonly status: number | undefined; readonly body: string }> {
  const { hostname, port } = new URL(url);
  // The path as written: the URL class would normalise some paths.
  const path = url.slice(url.indexOf('/', 'https://'.length));
  const sent = request({ hostname, port, path, ca: await readFile(caFile), agent: false, ...options }).end();
  const [response] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: response.statusCode, body: await text(response) };
}
