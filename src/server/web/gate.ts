import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../../runtime/clock.ts';
import { AccessError, type Rights } from '../../access/rights.ts';
import type { Caller } from '../../access/reviews.ts';
import { TokenBucket } from '../../runtime/token-bucket.ts';
import { adviceOf, challenges, isToken, parseAuthorization, type Credentials } from './authorization.ts';
import { certificatePrincipals } from './client-certificate.ts';
import { accountOf, isBound, type Principal } from './tenant-bindings.ts';
import { digestOf, isOpen, hasCredentials, type WebSettings } from './web-settings.ts';
import type { PasswordCheck, PasswordVerdict } from './password-check.ts';
import type { KubernetesDoor } from './kubernetes-door.ts';
import type { TokenVerdict } from './token-check.ts';
import type { AuthFailure, GateReport } from './gate-report.ts';
import { preflightMethod } from './browser-guard.ts';
import type { RequestTenants } from '../request/tenancy.ts';
import { plainAddress, senderOf, type KnownPaths } from '../request/request-head.ts';
import { turnAway } from './turn-away.ts';

/** The most refusals that are delayed at once; further ones are given without delay. */
const maxDelayedRefusals = 1024;

interface GateOptions {
  readonly clock: Clock;
  /** The current web configuration. */
  readonly settings: () => WebSettings;
  readonly passwords: PasswordCheck;
  readonly kubernetes: KubernetesDoor;
  readonly report: GateReport;
  readonly routes: KnownPaths;
  /** Whose each request is, if there are tenants. */
  readonly requestTenants?: RequestTenants | undefined;
  /** True if preflights of browsers are answered: they come without a password, and learn nothing. */
  readonly answersPreflights: boolean;
}

type Verdict = PasswordVerdict | TokenVerdict;

/** A check of credentials that takes a turn. */
interface Check {
  readonly verdict: Verdict | Promise<Verdict>;
  /** The sender has disconnected. */
  readonly leave: () => void;
  readonly refusalDelayMs: (address: string) => number;
}

/**
 * Authenticates requests by the web configuration: rate limit, then a password, a token of the configuration, or a token that
 * Kubernetes knows. Whoever has one of the first two may do everything; the rights of the others are judged too.
 */
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
    // A rule for a path is about the process: it opens nothing of a tenant.
    const isOthers = settings.bindings !== undefined && this.#options.requestTenants?.of(request) !== undefined;
    if (isPreflight || (!isOthers && isOpen(settings.access, path, routes))) next();
    else if (hasCredentials(settings)) this.#authenticate(settings, path, request, response, next);
    else this.#bind(settings, undefined, path, request, response, next);
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
    const bind = (who: Principal | undefined): void => this.#bind(settings, who, path, request, response, next);
    // A certificate is proof enough for those whom it names.
    if (authorization === undefined && settings.bindings !== undefined && this.#isBound(settings, [], request))
      return next();
    if (credentials === undefined) return refuse(authorization === undefined ? 'missing' : 'malformed');
    if (credentials.scheme === 'bearer' && isToken(settings, credentials.token))
      return bind(`token:${digestOf(credentials.token).toString('hex')}`);
    const check = this.#check(settings, request, credentials);
    if (check === undefined) return refuse(credentials.scheme === 'bearer' ? 'token' : 'password');
    const settle = (verdict: Verdict): void => {
      if (response.destroyed) return;
      const present = this.#options.settings();
      if (typeof verdict === 'string' && verdict !== 'good') refuse(failureOf(verdict, credentials));
      // The configuration changed while the credentials waited for their turn: they have to be good by the new one too.
      else if (present !== settings) this.#judge(present, path, request, response, next);
      else if (verdict === 'good') bind(credentials.scheme === 'basic' ? `user:${credentials.user}` : undefined);
      else if (settings.bindings !== undefined) bind(accountOf(verdict));
      else void this.#authorize(verdict, path, request, response, next, refuse);
    };
    if (!(check.verdict instanceof Promise)) return settle(check.verdict);
    const address = plainAddress(request.socket.remoteAddress ?? '');
    response.once('close', check.leave);
    const settleLate = (late: Verdict): void =>
      late === 'wrong' || late === 'busy'
        ? this.#delay(check.refusalDelayMs(address), response, () => settle(late))
        : settle(late);
    check.verdict.then(settleLate, (error: unknown) => {
      this.#options.report.failed(senderOf(request), error);
      settle('busy');
    });
  }

  /** Somebody has proved who they are. @param who undefined: that is bound to nothing */
  #bind(
    settings: WebSettings,
    who: Principal | undefined,
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
    next: () => void,
  ): void {
    if (this.#isBound(settings, who === undefined ? [] : [who], request)) next();
    else this.#refuse(settings, path, request, response, 'forbidden', undefined);
  }

  #isBound({ bindings }: WebSettings, who: readonly Principal[], request: IncomingMessage): boolean {
    const principals = [...who, ...certificatePrincipals(request)];
    return bindings === undefined || isBound(bindings, principals, request, this.#options.requestTenants);
  }

  /** Undefined if the configuration knows no credentials of this kind. */
  #check(settings: WebSettings, { socket }: IncomingMessage, credentials: Credentials): Check | undefined {
    const { passwords, kubernetes } = this.#options;
    const address = plainAddress(socket.remoteAddress ?? '');
    const sender = { address, connection: this.#connectionOf(socket) };
    if (credentials.scheme === 'basic') {
      if (settings.users.size === 0) return undefined;
      const tried = { ...credentials, ...sender };
      const verdict = passwords.check(settings.users, tried);
      return { verdict, leave: () => passwords.leave(tried), refusalDelayMs: (from) => passwords.refusalDelayMs(from) };
    }
    if (settings.kubernetes === undefined) return undefined;
    const { tokens } = kubernetes;
    const tried = { token: credentials.token, ...sender };
    const verdict = tokens.check(tried, settings.kubernetes.audiences);
    return { verdict, leave: () => tokens.leave(tried), refusalDelayMs: (from) => tokens.refusalDelayMs(from) };
  }

  /** A path that serves no team is for those alone who have a right in the whole cluster. */
  #authorize(
    caller: Caller,
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
    next: () => void,
    refuse: (reason: AuthFailure) => void,
  ): Promise<void> | void {
    const { kubernetes, routes } = this.#options;
    const rights = kubernetes.admit(request, caller);
    return routes.isForTeams(path) ? next() : this.#requireEverything(rights, path, request, response, next, refuse);
  }

  async #requireEverything(
    rights: Rights,
    path: string,
    request: IncomingMessage,
    response: ServerResponse,
    next: () => void,
    refuse: (reason: AuthFailure) => void,
  ): Promise<void> {
    const { report, routes } = this.#options;
    let failure: AuthFailure | undefined;
    try {
      const isAllowed = await rights.mayUse(request.method ?? '', path, routes.isApi(path));
      failure = isAllowed ? undefined : 'forbidden';
    } catch (error) {
      failure = 'unavailable';
      if (!(error instanceof AccessError)) report.failed(senderOf(request), error);
    }
    if (response.destroyed) return;
    if (failure === undefined) next();
    else refuse(failure);
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
  #delay(delayMs: number, response: ServerResponse, refuse: () => void): void {
    const { clock, report } = this.#options;
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
    if (reason === 'forbidden')
      return turnAway(clock, request, response, 403, settings.bindings === undefined ? forbidden : notBound);
    if (reason === 'busy' || reason === 'unavailable') {
      const [status, text] = later[reason];
      return turnAway(clock, request, response.setHeader('Retry-After', '1'), status, text);
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

const later = {
  busy: [429, 'Too Many Requests: too many passwords or tokens wait to be checked; try again\n'],
  unavailable: [
    503,
    'Service Unavailable: the Kubernetes API server cannot be asked who you are and what you may do; try again\n',
  ],
} as const;

const forbidden =
  'Forbidden: this path is for those who may get (to change something: create) alerts.tocsin.dev in every namespace, or outside of /api/ for those with the nonResourceURL of this path\n';

const notBound =
  'Forbidden: you are neither bound to this tenant nor one of the admins (tenants and admins of the web configuration)\n';

function failureOf(verdict: 'wrong' | 'busy' | 'unknown', { scheme }: Credentials): AuthFailure {
  if (verdict === 'busy') return 'busy';
  if (verdict === 'unknown') return 'unavailable';
  return scheme === 'bearer' ? 'token' : 'password';
}
