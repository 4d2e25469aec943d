import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { answerNotAllowed, answerNotFound, refuse, Refusal } from './request/answer.ts';
import type { KnownPath, KnownPaths } from './request/request-head.ts';
import type { TenantMark } from './request/tenancy.ts';

/** Answers a request. @param parameters of the path, decoded */
type RouteHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  parameters: Readonly<Record<string, string>>,
) => Promise<void> | void;

/** The methods at one path. */
export interface Route {
  /** With parameters as in `/api/v2/silence/:id`, each of one segment. */
  readonly path: string;
  /** By method; every other method is refused. */
  readonly methods: Readonly<Record<string, RouteHandler>>;
  /**
   * The folder of the API to which it belongs, such as `/api/v2/`. In such a folder, unknown paths are refused as an API does, a
   * slash at the end of a path does not matter, and web pages of `--web.cors.origin` may call it. Undefined: it belongs to no
   * API.
   */
  readonly api?: string;
  /** The `Allow` header outside an API. Default: the methods and OPTIONS, sorted, as in Alertmanager. */
  readonly allow?: string;
  /** The name in the metrics. Default: the path as written here, so that a parameter adds no value to a label. */
  readonly label?: string;
  /** Methods that the metrics count from 0 on, before the first request. Default: none. */
  readonly counted?: readonly string[];
  /**
   * True for a path that reports whether the process lives: open to everybody unless a rule says otherwise, and never limited.
   */
  readonly isHealth?: boolean;
  /**
   * True if it is for the other replicas alone: its handlers ask for their credentials, and those of the web configuration neither open nor
   * close it. It is never limited.
   */
  readonly isForPeers?: boolean;
  /**
   * True if its handlers look at the rights of the sender, or tell nothing that is anybody's. Default: it is for those alone who
   * have a right in the whole cluster, if Kubernetes judges rights at all.
   */
  readonly isForTeams?: boolean;
  /**
   * True if its handlers never fail and are called too often for express, which takes a quarter of the cost of a POST of one
   * alert.
   */
  readonly isDirect?: boolean;
}

/** What a server asks about its paths. */
export interface RouteTable extends KnownPaths {
  readonly list: readonly Route[];
  /** Answers a request whose target request-head.ts has read. */
  readonly handle: RequestListener;
  /** Notes whose a request is. */
  claim?(request: IncomingMessage, mark: TenantMark): void;
}

/** All routes: router, metrics and gate use this one list. */
export class Routes implements RouteTable {
  readonly list: readonly Route[];
  /** Answers a request whose target request-head.ts has read. */
  readonly handle: RequestListener;
  readonly #exact: ReadonlyMap<string, Route>;
  readonly #templates: readonly Route[];
  readonly #folders: readonly string[];

  constructor(list: readonly Route[]) {
    this.#templates = list.filter(({ path }) => path.includes('/:'));
    const exact = list.filter((route) => !this.#templates.includes(route));
    this.#exact = new Map(exact.map((route) => [route.path, route]));
    this.#folders = [...new Set(list.flatMap(({ api }) => api ?? []))];
    // Express takes the first route that matches, and {@link find} an exact one.
    this.list = [...exact, ...this.#templates];
    this.handle = this.#listener();
  }

  isApi(path: string): boolean {
    return this.#folders.some((folder) => path.startsWith(folder));
  }

  isHealth(path: string): boolean {
    return this.#exact.get(path)?.isHealth === true;
  }

  isForPeers(path: string): boolean {
    return this.#exact.get(path)?.isForPeers === true;
  }

  isForTeams(path: string): boolean {
    const segments = path.split('/');
    const route =
      this.#exact.get(path) ??
      this.#templates.find((template) => spellingOf(template.path.split('/'), segments) !== undefined);
    return route === undefined || route.isForTeams === true || route.isHealth === true;
  }

  /** A parameter may have any escapes; every other path has one spelling and stays unchanged. */
  find(path: string): KnownPath {
    const plain = path.endsWith('/') && this.isApi(path) ? path.slice(0, -1) : path;
    const exact = this.#exact.get(plain);
    if (exact !== undefined) return { path: plain, route: labelOf(exact) };
    const segments = plain.split('/');
    for (const route of this.#templates) {
      const spelling = spellingOf(route.path.split('/'), segments);
      if (spelling !== undefined) return { path: spelling, route: labelOf(route) };
    }
    return { path, route: 'other' };
  }

  #listener(): RequestListener {
    const app = this.#createApp();
    return (request, response) => {
      const { methods, isDirect = false } = this.#exact.get(request.url!) ?? {};
      const handler = isDirect ? methods?.[request.method!] : undefined;
      if (handler === undefined) app(request, response);
      else void handler(request, response, {});
    };
  }

  /** Paths arrive in the one spelling of request-head.ts, and express must not interpret them differently. */
  #createApp(): Express {
    const app = express();
    app.disable('x-powered-by').disable('etag').enable('case sensitive routing').enable('strict routing');
    for (const route of this.list)
      // Not app.all(), which adds a layer for each of the 35 methods.
      app.route(route.path).all((request: Request, response: Response) => {
        const handler = route.methods[request.method];
        if (handler === undefined) return refuseMethod(route, request, response);
        return handler(request, response, request.params as Readonly<Record<string, string>>);
      });
    app.use((request, response) => this.#notFound(request, response));
    app.use(onError);
    return app;
  }

  #notFound(request: Request, response: Response): void {
    const path = request.path.slice(0, 200);
    if (this.isApi(path)) refuse(response, new Refusal(404, `path ${path} was not found`));
    else answerNotFound(response);
  }
}

export function labelOf({ path, label = path }: Route): string {
  return label;
}

/** The path with each parameter in its one spelling; undefined if the template does not match. */
function spellingOf(template: readonly string[], segments: readonly string[]): string | undefined {
  if (segments.length !== template.length) return undefined;
  const isParameter = (index: number): boolean => template[index]!.startsWith(':');
  if (!segments.every((segment, index) => (isParameter(index) ? segment !== '' : segment === template[index])))
    return undefined;
  return segments.map((segment, index) => (isParameter(index) ? canonical(segment) : segment)).join('/');
}

/** Leaves broken escapes, and escapes that are not UTF-8, unchanged. */
function canonical(segment: string): string {
  try {
    return encodeURIComponent(decodeURIComponent(segment));
  } catch {
    return segment.replaceAll('%', '%25');
  }
}

/** The API refuses as go-openapi does. Any other path lists its methods, and answers OPTIONS. */
function refuseMethod(route: Route, { method }: IncomingMessage, response: ServerResponse): void {
  const methods = Object.keys(route.methods);
  if (route.api === undefined) {
    const { allow = [...methods, 'OPTIONS'].toSorted().join(', ') } = route;
    if (method !== 'OPTIONS') return answerNotAllowed(response, allow);
    response.writeHead(200, { Allow: allow, 'Content-Length': 0 }).end();
  } else {
    response.setHeader('Allow', methods.join(','));
    refuse(response, new Refusal(405, `method ${method} is not allowed, but [${methods.join(',')}] are`));
  }
}

/** Express recognizes an error handler by its four parameters. */
function onError(error: unknown, _request: Request, response: Response, _next: NextFunction): void {
  refuse(response, error);
}
