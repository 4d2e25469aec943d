import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Refusal } from './answer.ts';
import { newId } from '../../runtime/new-id.ts';
import type { TenantMark } from './tenancy.ts';

/**
 * The target of a request in the one spelling that gate, metrics and routes see. None of them reads the target itself, so they
 * cannot disagree.
 */
interface RequestTarget extends KnownPath {
  /** As a route or a rule writes it, without the route prefix; '' if it is outside the prefix. */
  readonly path: string;
  /** That path, or the whole path if it is outside, and the query. Every URL parser splits it the same way. */
  readonly url: string;
}

/**
 * Reads the target of a request as Go does: a "#" begins no fragment but belongs to path or query, and of an absolute form (RFC
 * 9112, 3.2.2) only the part after the host counts.
 * @param prefix the prefix of every path: '' or `/prefix`
 * @param headers may name the tenant
 */
export function readTarget(
  prefix: string,
  target: string,
  known: KnownPaths,
  headers: IncomingHttpHeaders = {},
): RequestTarget {
  const url = originForm(target).replaceAll(unsafe, escapeOf);
  const queryAt = url.indexOf('?');
  const whole = queryAt < 0 ? url : url.slice(0, queryAt);
  if (!whole.startsWith(`${prefix}/`)) return { path: '', route: 'other', url };
  const { path, ...found } = known.find(whole.slice(prefix.length), headers);
  return { ...found, path, url: queryAt < 0 ? path : path + url.slice(queryAt) };
}

function originForm(target: string): string {
  if (target.startsWith('/')) return target;
  const rest = target.replace(/^[a-z][a-z\d+.-]*:\/\/[^/?]*/i, '');
  return rest === '' || rest.startsWith('?') ? `/${rest}` : rest;
}

/** All characters that some parser treats as an end or a blank. */
const unsafe = /[^!"$-~]/g;

/** A target consists of bytes: each character is one. */
function escapeOf(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

/** Knowledge about the paths that have a route. All paths are without the route prefix. */
export interface KnownPaths {
  find(path: string, headers: IncomingHttpHeaders): KnownPath;
  /** True below a folder of the API, even if the path has no route. */
  isApi(path: string): boolean;
  /** True for a path that reports whether the process lives. */
  isHealth(path: string): boolean;
  /** True if only other replicas come in, by credentials of their own. */
  isForPeers(path: string): boolean;
  /** True if its handlers give everybody what their rights allow, or nothing that is anybody's; also for a path without a route. */
  isForTeams(path: string): boolean;
}

/** A path and its route. */
export interface KnownPath {
  /** The path in its one spelling. */
  readonly path: string;
  /** The name in the metrics; `other` for every path without a route. */
  readonly route: string;
  /** Whose it is, if there are tenants; undefined: it asks the process. */
  readonly mark?: TenantMark;
}

/** The sender of a request, as in the log. */
export interface Sender {
  readonly requestId: string;
  /** Address and port of the client, see {@link remoteOf}. */
  readonly remote: string;
  readonly userAgent: string | undefined;
}

export function senderOf(request: IncomingMessage): Sender {
  return {
    requestId: readRequestId(request),
    remote: remoteOf(request.socket),
    userAgent: request.headers['user-agent']?.slice(0, 100),
  };
}

/**
 * The client's address in the one form that every log line uses: `10.0.0.7:38408`, `[fd00::7]:38408`. A socket for both families
 * reports an IPv4 sender as `::ffff:10.0.0.7`; the log says `10.0.0.7`, so that one search finds all its lines.
 */
export function remoteOf({ remoteAddress, remotePort = 0 }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  const address = plainAddress(remoteAddress ?? 'unknown');
  return address.includes(':') ? `[${address}]:${remotePort}` : `${address}:${remotePort}`;
}

/** Gives an IPv4 address even if a socket for both families reports it as `::ffff:10.0.0.7`. */
export function plainAddress(address: string): string {
  return address.startsWith('::') ? (mappedAddress.exec(address)?.[1] ?? address) : address;
}

const mappedAddress = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** The form of an acceptable id from a sender: short, with nothing that could disturb a log line. */
const acceptable = /^[A-Za-z0-9._:/+=@-]{1,128}$/;

/** The `X-Request-Id` header if it is acceptable; otherwise a new id of 16 hexadecimal digits. */
export function readRequestId(request: IncomingMessage): string {
  const given = request.headers['x-request-id'];
  return typeof given === 'string' && acceptable.test(given) ? given : newId(8);
}

/**
 * The status and text with which Go's server refuses a head that is readable but wrong; undefined if it is good. Node accepts
 * most of these heads, and would answer the others without the configured headers.
 */
export function headProblem(request: IncomingMessage): readonly [number, string] | undefined {
  const { headers, httpVersion } = request;
  const isOld = httpVersion === '1.0';
  if (!isOld && httpVersion !== '1.1') return [505, '505 HTTP Version Not Supported\n'];
  if (!isOld && headers.host === undefined) return [400, '400 Bad Request: missing required Host header\n'];
  if (hasManyHosts(request)) return [400, '400 Bad Request: too many Host headers\n'];
  const { expect, 'transfer-encoding': encoding } = headers;
  if (encoding !== undefined) {
    // HTTP/1.0 has no such header: a proxy that speaks it would see the end of the body elsewhere (RFC 9112, 6.1).
    if (isOld) return [400, '400 Bad Request: Transfer-Encoding in HTTP/1.0\n'];
    if (!/^chunked$/i.test(encoding)) return [501, '501 Not Implemented: the only Transfer-Encoding is chunked\n'];
  }
  if (expect !== undefined && !/^100-continue$/i.test(expect)) return [417, '417 Expectation Failed\n'];
  return undefined;
}

/** Node keeps the first one, but a proxy in front may have judged the other. */
function hasManyHosts({ rawHeaders }: IncomingMessage): boolean {
  let hosts = 0;
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!;
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++;
  }
  return hosts > 1;
}

/** Throws a Refusal for a body with a type other than JSON. */
export function requireJson({ headers }: IncomingMessage): void {
  const problem = mediaTypeProblem(headers['content-type']);
  if (problem !== undefined) throw new Refusal(problem.status, problem.message);
}

/** Throws a Refusal for a client that does not accept JSON. */
export function requireAcceptsJson({ headers }: IncomingMessage): void {
  if (!acceptsJson(headers.accept))
    throw new Refusal(406, 'unsupported media type requested, only [application/json] are available');
}

/** The reason why a body with this Content-Type is not read. */
interface MediaTypeProblem {
  readonly status: 400 | 415;
  readonly message: string;
}

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const mediaType = new RegExp(
  `^\\s*(${token}/${token})\\s*((?:;\\s*${token}\\s*=\\s*(?:${token}|"(?:[^"\\\\]|\\\\.)*")\\s*)*;?\\s*)$`,
);

const parameterName = new RegExp(`;\\s*(${token})\\s*=\\s*(?:${token}|"(?:[^"\\\\]|\\\\.)*")`, 'g');

/**
 * The check of Alertmanager 0.33 and newer: only `application/json` passes, in any letter case, with any well-formed parameters.
 * Undefined if it passes.
 * @param header undefined or '' if there is none, which counts as application/octet-stream
 */
export function mediaTypeProblem(header: string | undefined): MediaTypeProblem | undefined {
  // The header of every Prometheus.
  if (header === 'application/json') return undefined;
  const given = header === undefined || header.trim() === '' ? 'application/octet-stream' : header;
  const match = given.length <= 1024 ? mediaType.exec(given) : null;
  if (match === null) {
    const shown = JSON.stringify(given.slice(0, 100));
    return { status: 400, message: `parsing Content-Type header from ${shown} failed: expected application/json` };
  }
  if (repeatsParameter(match[2]!)) {
    return { status: 400, message: 'parsing Content-Type header failed: a parameter is given twice' };
  }
  const type = match[1]!.toLowerCase();
  if (type === 'application/json') return undefined;
  const allowed = `unsupported media type "${type}", only [application/json] are allowed`;
  return { status: 415, message: `${allowed}; with curl, add: -H 'Content-Type: application/json'` };
}

function repeatsParameter(parameters: string): boolean {
  const names = [...parameters.matchAll(parameterName)].map(([, name]) => name!.toLowerCase());
  return new Set(names).size < names.length;
}

/**
 * True if a request accepts JSON: one of its types is JSON or a star in its place, with a weight above 0. The rule is that of
 * github.com/go-openapi/runtime: a star counts even if JSON itself has the weight 0.
 */
export function acceptsJson(header: string | undefined): boolean {
  if (header === undefined) return true;
  return header.split(',').some((part) => {
    const [type = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    return ['application/json', 'application/*', '*/*'].includes(type) && !parameters.some((text) => isZero(text));
  });
}

function isZero(parameter: string): boolean {
  return /^q=0(?:\.0*)?$/.test(parameter);
}
