import { timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../../runtime/clock.ts';
import { TokenBucket } from '../../runtime/token-bucket.ts';
import { digestOf, isOpen, hasCredentials, type WebSettings } from './web-settings.ts';
import type { PasswordCheck, PasswordVerdict } from './password-check.ts';
import type { AuthFailure, GateReport } from './gate-report.ts';
import { preflightMethod } from './browser-guard.ts';
import { plainAddress, senderOf, type KnownPaths } from '../request/request-head.ts';
import { turnAway } from './turn-away.ts';

/** The most refusals that are delayed at once; further ones are given without delay. */
const maxDelayedRefusals = 1024;

interface GateOptions {
  readonly clock: Clock;
  /** The current web configuration. */
  readonly settings: () => WebSettings;
  readonly passwords: PasswordCheck;
  readonly report: GateReport;
  readonly routes: KnownPaths;
  /** True if preflights of browsers are answered: they come without a password, and learn nothing. */
  readonly answersPreflights: boolean;
}

/** Authenticates requests by the web configuration: rate limit, password or token. */
export class Gate {
  readonly #options: GateOptions;
  readonly #connections = new WeakMap<Socket, number>();
  #lastConnection = 0;
  #delayed = 0;
  #bucket: TokenBucket | undefined;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** The headers of every answer, including answers before the gate. */
  get headers(): WebSettings['headers'] {
    return this.#options.settings().headers;
  }

  /**
   * Calls `next` for a request that may go on, at once or after its password has been checked. It answers every other request
   * without reading its body.
   * @param path without the route prefix; '' for a path outside it
   */
  admit(path: string, request: IncomingMessage, response: ServerResponse, next: () => void): void {
    const settings = this.#options.settings();
    // A health check is never limited: its client restarts a process that does not answer.
    if (!this.#options.routes.isHealth(path) && this.#isOverRate(settings)) {
      this.#options.report.rateLimited();
      return turnAway(
        this.#options.clock,
        request,
        response,
        429,
        'Too Many Requests: rate_limit of the web configuration\n',
      );
    }
    this.#judge(settings, path, request, response, next);
  }

  #judge(
    settings: WebSettings,
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
    next: () => void,
  ): void {
    const { answersPreflights, routes } = this.#options;
    const isPreflight = answersPreflights && preflightMethod(request) !== undefined;
    if (!hasCredentials(settings) || isOpen(settings.access, path, routes) || isPreflight) next();
    else this.#authenticate(settings, path, request, response, next);
  }

  #authenticate(
    settings: WebSettings,
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
    next: () => void,
  ): void {
    const { authorization } = request.headers;
    const credentials = authorization === undefined ? undefined : parseAuthorization(authorization);
    const refuse = (reason: AuthFailure): void => this.#refuse(settings, path, request, response, reason, credentials);
    if (credentials === undefined) return refuse(authorization === undefined ? 'missing' : 'malformed');
    if (credentials.scheme === 'bearer') return isToken(settings, credentials.token) ? next() : refuse('token');
    if (settings.users.size === 0) return refuse('password');
    const address = plainAddress(request.socket.remoteAddress ?? '');
    const settle = (verdict: PasswordVerdict): void => {
      if (response.destroyed) return;
      const present = this.#options.settings();
      if (verdict !== 'good') refuse(verdict === 'busy' ? 'busy' : 'password');
      else if (present === settings) next();
      // The configuration changed while the password waited for its turn: the password has to be good by the new one too.
      else this.#judge(present, path, request, response, next);
    };
    const tried = { ...credentials, address, connection: this.#connectionOf(request.socket) };
    const verdict = this.#options.passwords.check(settings.users, tried);
    if (typeof verdict === 'string') return settle(verdict);
    response.once('close', () => this.#options.passwords.leave(tried));
    verdict.then(
      (late) => (late === 'good' ? settle(late) : this.#delay(address, response, () => settle(late))),
      (error: unknown) => {
        this.#options.report.failed(senderOf(request), error);
        settle('busy');
      },
    );
  }

  /** A number for each connection, which distinguishes senders. */
  #connectionOf(socket: Socket): number {
    const number = this.#connections.get(socket) ?? ++this.#lastConnection;
    this.#connections.set(socket, number);
    return number;
  }

  /**
   * A refusal that cost a turn also costs its sender time, so that a sender that waits for the answer cannot try again at once.
   */
  #delay(address: string, response: ServerResponse, refuse: () => void): void {
    const { clock, passwords, report } = this.#options;
    const delayMs = passwords.refusalDelayMs(address);
    if (delayMs === 0) return refuse();
    if (this.#delayed >= maxDelayedRefusals) {
      report.tooManyDelayed();
      return refuse();
    }
    this.#delayed++;
    const end = (): void => {
      this.#delayed--;
      response.off('close', cancel);
      refuse();
    };
    const cancelTimer = clock.setTimeout(end, delayMs);
    const cancel = (): void => {
      this.#delayed--;
      cancelTimer();
    };
    response.once('close', cancel);
  }

  #refuse(
    settings: WebSettings,
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
    reason: AuthFailure,
    credentials: Credentials | undefined,
  ): void {
    const { clock, report } = this.#options;
    const sender = senderOf(request);
    const user = credentials?.scheme === 'basic' && settings.users.has(credentials.user) ? credentials.user : undefined;
    report.unauthorized(request, sender, path, reason, user);
    response.setHeader('X-Request-Id', sender.requestId);
    if (reason === 'busy') {
      response.setHeader('Retry-After', '1');
      return turnAway(
        clock,
        request,
        response,
        429,
        'Too Many Requests: too many passwords wait to be checked; try again\n',
      );
    }
    response.setHeader('WWW-Authenticate', challenges(settings));
    turnAway(clock, request, response, 401, adviceOf(settings));
  }

  /** Replaces the bucket only if the limit has changed. */
  #isOverRate({ rateLimit }: WebSettings): boolean {
    if (rateLimit === undefined) return false;
    const { intervalMs, burst } = rateLimit;
    if (this.#bucket?.intervalMs !== intervalMs || this.#bucket.burst !== burst)
      this.#bucket = new TokenBucket({ clock: this.#options.clock, intervalMs, burst });
    return !this.#bucket.take();
  }
}

/** Compares every token, and every byte of its digest, whatever the outcome, so that timing reveals nothing. */
function isToken({ tokenDigests }: WebSettings, token: string): boolean {
  const digest = digestOf(token);
  let isGood = false;
  for (const candidate of tokenDigests) isGood = timingSafeEqual(candidate, digest) || isGood;
  return isGood;
}

function challenges({ users, tokenDigests }: WebSettings): string[] {
  const basic = users.size > 0 ? ['Basic realm="Tocsin", charset="UTF-8"'] : [];
  return tokenDigests.length > 0 ? [...basic, 'Bearer realm="Tocsin"'] : basic;
}

function adviceOf({ users, tokenDigests }: WebSettings): string {
  const ways = [
    ...(users.size > 0 ? ['a user and password (basic_auth; curl -u USER:PASSWORD)'] : []),
    ...(tokenDigests.length > 0 ? ['a bearer token (authorization; curl -H "Authorization: Bearer TOKEN")'] : []),
  ];
  return `Unauthorized: send ${ways.join(' or ')} of the web configuration of Tocsin\n`;
}

/** The credentials in an `Authorization` header. */
type Credentials =
  | { readonly scheme: 'basic'; readonly user: string; readonly password: string }
  | { readonly scheme: 'bearer'; readonly token: string };

/** Reads an `Authorization` header (RFC 7617, RFC 6750). Undefined if it is malformed or has another scheme. */
export function parseAuthorization(header: string): Credentials | undefined {
  const [, scheme = '', value = ''] = /^(basic|bearer) +([\x21-\x7e]+) *$/i.exec(header) ?? [];
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return { scheme: 'bearer', token: value };
    case 'basic':
      return parseBasic(value);
    default:
      return undefined;
  }
}

function parseBasic(value: string): Credentials | undefined {
  if (!/^[\w+/-]+={0,2}$/.test(value)) return undefined;
  const text = Buffer.from(value, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0) return undefined;
  return { scheme: 'basic', user: text.slice(0, colon), password: text.slice(colon + 1) };
}
