import type { ServerResponse } from 'node:http';
import { htmlSafe } from '../../text/go/quote.ts';
import type { LimitName } from './http-metrics.ts';

/**
 * The forms of Alertmanager's answers, by which its clients tell them apart. The handler itself answers with a JSON string and a
 * newline; a refusal before the handler is an object without a newline; outside the API, the answer is plain text.
 */

/**
 * 200 with an empty body: the answer to a POST of alerts.
 * @param headers written together with the head: setting each header first costs as much as the rest of it
 */
export function answerEmpty(response: ServerResponse, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(200, { ...headers, 'Content-Length': 0, 'Cache-Control': 'no-store' }).end();
}

/** The handler's own answer: a JSON string. */
export function answerString(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  answer(response, status, 'application/json', `${stringJson(text)}\n`, { ...headers, 'Cache-Control': 'no-store' });
}

/** A string as Go's encoder writes it without HTML escaping. A lone surrogate, which is not Unicode, is lost. */
function stringJson(text: string): string {
  return JSON.stringify(text)
    .replaceAll(/\\(?:\\|ud[89a-f][\da-f]{2})/g, (escape) => (escape === '\\\\' ? escape : '\\ufffd'))
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029');
}

/** Answers with JSON. */
export function answerJson(response: ServerResponse, value: unknown): void {
  const body = `${htmlSafe(JSON.stringify(value))}\n`;
  answer(response, 200, 'application/json', body, { 'Cache-Control': 'no-store' });
}

/** Answers with plain text, outside the API. */
export function answerText(response: ServerResponse, status: number, text: string): void {
  answer(response, status, 'text/plain; charset=utf-8', text, { 'X-Content-Type-Options': 'nosniff' });
}

/** The answer of Go's router for an unknown path. */
export function answerNotFound(response: ServerResponse): void {
  answerText(response, 404, '404 page not found\n');
}

/** @param allowed the methods, as in the header `Allow` */
export function answerNotAllowed(response: ServerResponse, allowed: string): void {
  response.setHeader('Allow', allowed);
  answerText(response, 405, 'Method Not Allowed\n');
}

/** Redirects a browser, in the words of Go's http.Redirect. */
export function answerRedirect(response: ServerResponse, status: 301 | 302, location: string): void {
  const text = status === 301 ? 'Moved Permanently' : 'Found';
  const html = `<a href="${location.replaceAll(/[&<>"']/g, (c) => htmlEscapes[c] ?? c)}">${text}</a>.\n\n`;
  answer(response, status, 'text/html; charset=utf-8', html, { Location: location });
}

/** The escapes of Go's http package. */
const htmlEscapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
};

export function answer(
  response: ServerResponse,
  status: number,
  contentType: string,
  body: string,
  headers: Readonly<Record<string, string>>,
): void {
  const contentLength = Buffer.byteLength(body);
  response.writeHead(status, { ...headers, 'Content-Type': contentType, 'Content-Length': contentLength });
  response.end(body);
}

/** A request is refused; the message is for its sender. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  /** The `code` of an object. Default: the status; go-openapi has separate numbers for a 422. */
  readonly code: number;
  /** `object`: refused before the handler; `string`: refused by the handler; `empty`: the status is enough. Default: `object`. */
  readonly shape: 'object' | 'string' | 'empty';
  /** The limit that the request exceeds. */
  readonly limit: LimitName | undefined;

  constructor(status: number, message: string, details: Partial<Pick<Refusal, 'code' | 'shape' | 'limit'>> = {}) {
    super(message);
    this.status = status;
    this.code = details.code ?? status;
    this.shape = details.shape ?? 'object';
    this.limit = details.limit;
  }
}

/** Answers an error in Alertmanager's form for it, and returns the status. An error that is not a Refusal is a defect of ours. */
export function refuse(response: ServerResponse, error: unknown): number {
  const { status, code, shape, message } = error instanceof Refusal ? error : defect();
  if (response.headersSent || response.destroyed) return status;
  if (shape === 'empty') answerNothing(response, status);
  else if (shape === 'string') answerString(response, status, message);
  else answerObject(response, status, { code, message });
  return status;
}

function defect(): Refusal {
  return new Refusal(500, 'internal error: see the log of Tocsin', { shape: 'string' });
}

function answerObject(response: ServerResponse, status: number, value: object): void {
  answer(response, status, 'application/json', htmlSafe(JSON.stringify(value)), { 'Cache-Control': 'no-store' });
}

/** Answers with a status that needs no body. */
function answerNothing(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'Content-Length': 0, 'Cache-Control': 'no-store' }).end();
}

/** The header of an answer that lacks what a replica knows: the names of those that did not answer. */
export const missingPeersHeader = 'Tocsin-Missing-Peers';

/** @param missing the names of the replicas; none: no header */
export function nameMissingPeers(response: ServerResponse, missing: readonly string[] = []): void {
  const names = missing.map((name) => name.replaceAll(/[^\x21-\x7e]|,/g, '?'));
  if (names.length > 0) response.setHeader(missingPeersHeader, names.join(', '));
}
