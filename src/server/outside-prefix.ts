import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerNotAllowed, answerNotFound, answerRedirect } from './request/answer.ts';

/** Answers what is not below the prefix as Alertmanager 0.34 does: a browser finds its way, everything else is a 404. */
export function answerOutsidePrefix(prefix: string, request: IncomingMessage, response: ServerResponse): void {
  const [path = '', query] = (request.url ?? '').split(/\?(.*)/s, 2);
  // A body would keep the connection from being used again.
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
