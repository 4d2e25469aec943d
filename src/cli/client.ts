import http, { type ClientRequest, type IncomingMessage } from 'node:http';
import https from 'node:https';
import { buffer } from 'node:stream/consumers';
import type { SecureContextOptions } from 'node:tls';
import type { z } from 'zod';
import { maskUrls } from '../runtime/masked-url.ts';
import type { Clock } from '../runtime/clock.ts';

/** How long an answer may take, in milliseconds. */
const answerTimeoutMs = 30_000;

/** The longest page of a list that the API returns. */
const pageItems = 1000;

/** What to send with every request, and how to speak TLS. */
export interface HttpAccess {
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly tls: SecureContextOptions & { readonly servername?: string; readonly rejectUnauthorized?: boolean };
}

export interface ApiClientOptions {
  /** Tocsin's URL, with its route prefix and without a trailing slash. */
  readonly url: string;
  readonly access: HttpAccess | undefined;
  readonly clock: Clock;
  /** How long an answer may take, milliseconds; default 30 s. */
  readonly timeoutMs?: number;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: Buffer;
}

/** Why Tocsin did not answer, or refused: what was wrong, where, and what to do. */
export class ApiError extends Error {
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}

export type Query = Readonly<Record<string, string | number | readonly string[] | undefined>>;

interface Page<Item> {
  readonly items: readonly Item[];
  readonly next?: string | undefined;
}

/** Asks a running Tocsin. Every failure rejects with ApiError. */
export class ApiClient {
  /** The replicas that an answer says have not answered. */
  readonly missingReplicas = new Set<string>();
  readonly #options: ApiClientOptions;

  constructor(options: ApiClientOptions) {
    this.#options = options;
  }

  get #timeoutMs(): number {
    return this.#options.timeoutMs ?? answerTimeoutMs;
  }

  /** Without name and password. */
  get shownUrl(): string {
    return maskUrls(this.#options.url);
  }

  /** @param path below `/api/tocsin/v1`, its parts encoded */
  async get<T>(shape: z.ZodType<T>, path: string, query: Query = {}): Promise<T> {
    return this.#read(shape, await this.send('GET', `/api/tocsin/v1${path}${queryText(query)}`));
  }

  /** The items of a list, page by page, until there are as many as wanted. */
  async *items<Item>(
    shape: z.ZodType<Page<Item>>,
    path: string,
    query: Query = {},
    most = Number.POSITIVE_INFINITY,
  ): AsyncGenerator<Item, void> {
    let cursor: string | undefined;
    let left = most;
    do {
      const page: Page<Item> = await this.get(shape, path, { ...query, cursor, limit: Math.min(left, pageItems) });
      yield* page.items;
      left -= page.items.length;
      cursor = page.next;
    } while (cursor !== undefined && left > 0);
  }

  async post<T>(shape: z.ZodType<T>, path: string, body: unknown): Promise<T> {
    return this.#read(shape, await this.send('POST', `/api/tocsin/v1${path}`, JSON.stringify(body)));
  }

  /** One request. @param path below the route prefix @param headers for this request only */
  async send(
    method: 'GET' | 'POST',
    path: string,
    body?: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<ApiAnswer> {
    const { clock } = this.#options;
    const request = this.#request(method, path, { ...(body && { 'Content-Type': 'application/json' }), ...headers });
    const cancelTimer = clock.setTimeout(() => request.destroy(new Error(timedOut)), this.#timeoutMs);
    try {
      const response = await responseTo(request, body);
      return { status: response.statusCode ?? 0, body: await buffer(response) };
    } catch (error) {
      throw this.#unreachable(error);
    } finally {
      cancelTimer();
    }
  }

  /** Follows an endless answer. Resolves to its body. */
  async open(path: string, query: Query, headers: Readonly<Record<string, string>>): Promise<AsyncIterable<Buffer>> {
    let response: IncomingMessage;
    try {
      response = await responseTo(this.#request('GET', `/api/tocsin/v1${path}${queryText(query)}`, headers));
    } catch (error) {
      throw this.#unreachable(error);
    }
    const status = response.statusCode ?? 0;
    if (status !== 200) throw this.refused({ status, body: await buffer(response) });
    return this.#pieces(response);
  }

  async *#pieces(response: IncomingMessage): AsyncGenerator<Buffer, void> {
    try {
      for await (const piece of response) yield piece as Buffer;
    } catch (error) {
      throw this.#unreachable(error);
    }
  }

  /** The error for an answer that is none of the expected ones. */
  refused({ status, body }: ApiAnswer): ApiError {
    const said = messageIn(body);
    const at = `Tocsin at ${this.shownUrl}`;
    if (status === 401 || status === 403) {
      const remedy = 'give name and password, or a token, with --http.config.file';
      return new ApiError(`${at} refuses the request (${status}${said && `: ${said}`}): ${remedy}`, status);
    }
    if (status === 404 && !isJson(body))
      return new ApiError(
        `${at} has no such page (404): is it a Tocsin, and does --url have its route prefix?`,
        status,
      );
    return new ApiError(`${at} answers ${status}${said && `: ${said}`}`, status);
  }

  #read<T>(shape: z.ZodType<T>, answer: ApiAnswer): T {
    if (answer.status >= 300) throw this.refused(answer);
    return this.read(shape, answer.body.toString());
  }

  /** Reads a text as JSON of this shape. */
  read<T>(shape: z.ZodType<T>, text: string): T {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw new ApiError(`${this.shownUrl} answers with something other than JSON: is it a Tocsin? Correct --url`);
    }
    const { error } = shape.safeParse(value);
    // A newer Tocsin may say more.
    const wrong = error?.issues.find(({ code }) => code !== 'unrecognized_keys');
    if (wrong === undefined) {
      const { missing_replicas: missing = [] } = value as { readonly missing_replicas?: readonly string[] };
      for (const name of missing) this.missingReplicas.add(name);
      return value as T;
    }
    const where = wrong.path.length === 0 ? 'it' : wrong.path.map(String).join('.');
    throw new ApiError(
      `${this.shownUrl} answers as no Tocsin of this version does (${where}: ${wrong.message}): ` +
        'correct --url, or use the tocsin of its version',
    );
  }

  #request(method: string, path: string, headers: Readonly<Record<string, string>>): ClientRequest {
    const { url, access } = this.#options;
    const { protocol, username, password } = new URL(url);
    const secure = protocol === 'https:';
    const target = new URL(url);
    target.username = target.password = '';
    const auth =
      username === '' && password === ''
        ? undefined
        : `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    const options = {
      method,
      ...(auth !== undefined && { auth }),
      headers: { Accept: 'application/json', 'User-Agent': 'tocsin', ...access?.headers, ...headers } as Record<
        string,
        string | string[]
      >,
      ...(secure && access?.tls),
    };
    return (secure ? https : http).request(`${target.href.replace(/\/$/, '')}${path}`, options);
  }

  #unreachable(error: unknown): ApiError {
    const { code = '', message } = error as NodeJS.ErrnoException;
    const at = `Tocsin at ${this.shownUrl}`;
    if (message === timedOut)
      return new ApiError(
        `${at} has not answered within ${this.#timeoutMs / 1000}s: it hangs, is overloaded, or a firewall drops what is sent; try again, or see its log`,
      );
    if (code === 'ECONNREFUSED')
      return new ApiError(`cannot reach ${at}: nobody listens there; start it, or correct --url or $TOCSIN_URL`);
    if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
      return new ApiError(`cannot reach ${at}: the name does not resolve (${code}); correct --url or $TOCSIN_URL`);
    if (/CERT|SELF_SIGNED|ISSUER|SSL|TLS/.test(code)) {
      const remedy = 'correct https:// in --url, or tls_config in --http.config.file';
      return new ApiError(`cannot reach ${at}: TLS fails (${code}); ${remedy}`);
    }
    const remedy = 'is it plain HTTP where --url says https, or the other way round?';
    if (code === 'ECONNRESET' || code === 'EPROTO' || code.startsWith('HPE_'))
      return new ApiError(`cannot reach ${at}: the connection broke (${code}); ${remedy}`);
    return new ApiError(`cannot reach ${at}: ${code || message}; correct --url or $TOCSIN_URL`);
  }
}

const timedOut = 'no answer in time';

function responseTo(request: ClientRequest, body?: string): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  request.once('response', resolve).once('error', reject).end(body);
  return promise;
}

function isJson(body: Buffer): boolean {
  return body.toString().trimStart().startsWith('{');
}

/** Reads `{code, message}`, a JSON string, or plain text; returns at most one line. */
function messageIn(body: Buffer): string {
  const text = body.toString();
  try {
    const found: unknown = JSON.parse(text);
    if (typeof found === 'string') return found;
    const { message } = found as { readonly message?: unknown };
    return typeof message === 'string' ? message : '';
  } catch {
    return text.startsWith('<') ? '' : (text.trim().split('\n')[0] ?? '').slice(0, 300);
  }
}

function queryText(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    for (const each of Array.isArray(value) ? (value as readonly string[]) : [value])
      if (each !== undefined) parameters.append(name, String(each));
  return parameters.size === 0 ? '' : `?${parameters.toString()}`;
}
