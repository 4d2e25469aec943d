import type { ServerResponse } from 'node:http';
import { htmlSafe } from '../../text/go/quote.ts';
import type { LimitName } from './http-metrics.ts';

/**
 * The shapes in which Alertmanager answers, which its clients tell apart: what the handler itself says is a JSON string and
 * a newline; what is refused before it, an object without one; what is outside the API, plain text.
 */

/**
 * 200 with nothing in it, as a POST of alerts is answered.
 * @param headers in the one go that Node writes a head in: each that is set before costs as much as the rest of it
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

/** A string as Go's encoder writes it where HTML is of no concern. What is no Unicode, which is a lone surrogate, is lost. */
function stringJson(text: string): string {
  return JSON.stringify(text)
    .replaceAll(/\\(?:\\|ud[89a-f][\da-f]{2})/g, (escape) => (escape === '\\\\' ? escape : '\\ufffd'))
    .replaceAll('\u2028', '\\u2028')
    .replaceAll('\u2029', '\\u2029');
}

/** What was asked for, as JSON. */
export function answerJson(response: ServerResponse, value: unknown): void {
  const body = `${htmlSafe(JSON.stringify(value))}\n`;
  answer(response, 200, 'application/json', body, { 'Cache-Control': 'no-store' });
}

/** Plain text, outside the API. */
export function answerText(response: ServerResponse, status: number, text: string): void {
  answer(response, status, 'text/plain; charset=utf-8', text, { 'X-Content-Type-Options': 'nosniff' });
}

/** What Go's router says of a path that it does not know. */
export function answerNotFound(response: ServerResponse): void {
  answerText(response, 404, '404 page not found\n');
}

/** @param allowed the methods, as the header `Allow` lists them */
export function answerNotAllowed(response: ServerResponse, allowed: string): void {
  response.setHeader('Allow', allowed);
  answerText(response, 405, 'Method Not Allowed\n');
}

/** Sends a browser on, in the words of Go's http.Redirect. */
export function answerRedirect(response: ServerResponse, status: 301 | 302, location: string): void {
  const text = status === 301 ? 'Moved Permanently' : 'Found';
  const html = `<a href="${location.replaceAll(/[&<>"']/g, (c) => htmlEscapes[c] ?? c)}">${text}</a>.\n\n`;
  answer(response, status, 'text/html; charset=utf-8', html, { Location: location });
}

/** As Go's http package escapes. */
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

/** A request that is refused; the message is for its sender. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  /** The `code` of an object. Default: the status; go-openapi has numbers of its own for a 422. */
  readonly code: number;
  /** `object`: refused before the handler; `string`: by the handler; `empty`: the status says it all. Default: `object`. */
  readonly shape: 'object' | 'string' | 'empty';
  /** The limit that the request is over. */
  readonly limit: LimitName | undefined;

  constructor(status: number, message: string, details: Partial<Pick<Refusal, 'code' | 'shape' | 'limit'>> = {}) {
    super(message);
    this.status = status;
    this.code = details.code ?? status;
    this.shape = details.shape ?? 'object';
    this.limit = details.limit;
  }
}

/** Answers for an error, in the shape that Alertmanager has for it; gives the status. What is no Refusal is a defect of ours. */
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

/** A status that says it all. */
function answerNothing(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'Content-Length': 0, 'Cache-Control': 'no-store' }).end();
}
