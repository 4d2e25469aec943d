import type { IncomingHttpHeaders, IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { answerRedirect, answerString, refuse, Refusal } from './request/answer.ts';
import type { KnownPath } from './request/request-head.ts';
import { Routes, type Route, type RouteTable } from './routes.ts';
import { nameTenant, type Naming, type RequestTenants, type TenantMark } from './request/tenancy.ts';

interface TenantRoutesOptions {
  readonly naming: Naming;
  readonly tenants: RequestTenants;
  /** The routes of the process. */
  readonly process: readonly Route[];
  /** The prefix of every path. */
  readonly routePrefix: string;
  /** Called for each request that names a tenant that does not exist. */
  readonly onUnknown: () => void;
}

type Methods = Route['methods'];
type ByPath = ReadonlyMap<string, Methods>;

/**
 * The routes of many tenants behind one server. All have the same paths, and so one router, which finds the handlers of the tenant
 * whose request it is: a tenant costs a map of its handlers.
 */
export class TenantRoutes implements RouteTable {
  readonly #options: TenantRoutesOptions;
  readonly #process: Routes;
  readonly #handlers = new Map<string, ByPath>();
  /** Why a tenant cannot be asked at present. */
  readonly #absent = new Map<string, string>();
  /** The handlers of requests that belong to nobody in particular. */
  #everybody: ByPath | undefined;
  /** The paths of tenants. They exist once there has been a tenant. */
  #shared: Routes | undefined;

  constructor(options: TenantRoutesOptions) {
    this.#options = options;
    this.#process = new Routes(options.process);
  }

  /** The routes of a tenant from now on. */
  set(name: string, routes: readonly Route[]): void {
    this.#absent.delete(name);
    this.#handlers.set(name, byPath(routes));
    this.#expect(routes);
  }

  /** The tenant exists, and cannot be asked. @param why for whoever asks */
  setAbsent(name: string, why: string): void {
    this.#handlers.delete(name);
    this.#absent.set(name, why);
  }

  /** The tenant exists no more. */
  delete(name: string): void {
    this.#handlers.delete(name);
    this.#absent.delete(name);
  }

  /** The routes for requests that name no tenant, if alerts do. */
  setEverybody(routes: readonly Route[]): void {
    this.#everybody = byPath(routes);
    this.#expect(routes);
  }

  get list(): readonly Route[] {
    return [...this.#process.list, ...(this.#shared?.list ?? [])];
  }

  isApi(path: string): boolean {
    return this.#process.isApi(path) || this.#shared?.isApi(path) === true;
  }

  isHealth(path: string): boolean {
    return this.#process.isHealth(path) || this.#shared?.isHealth(path) === true;
  }

  isForPeers(path: string): boolean {
    return this.#process.isForPeers(path);
  }

  isForTeams(path: string): boolean {
    return this.#isOfProcess(path) ? this.#process.isForTeams(path) : (this.#shared?.isForTeams(path) ?? true);
  }

  find(given: string, headers: IncomingHttpHeaders): KnownPath {
    const { path, mark } = nameTenant(this.#options.naming, given, headers, {
      has: (name) => this.#handlers.has(name) || this.#absent.has(name),
      isOfProcess: (each) => this.#isOfProcess(each),
    });
    if (mark === undefined) return this.#process.find(path);
    return { ...(this.#shared?.find(path) ?? { path, route: 'other' }), mark };
  }

  claim(request: IncomingMessage, mark: TenantMark): void {
    this.#options.tenants.claim(request, mark);
  }

  readonly handle: RequestListener = (request, response) => {
    const mark = this.#options.tenants.of(request);
    if (mark === undefined) this.#process.handle(request, response);
    else if (mark.problem !== undefined) this.#refuse(mark, request, response);
    else if (this.#handlersOf(request) === undefined) this.#refuseAbsent(mark, request, response);
    else this.#shared?.handle(request, response);
  };

  #isOfProcess(path: string): boolean {
    return this.#process.find(path).route !== 'other';
  }

  /** Answers as Cortex does: who names nobody with a header is not authenticated. */
  #refuse({ name, problem }: TenantMark, request: IncomingMessage, response: ServerResponse): void {
    const { naming, routePrefix, onUnknown } = this.#options;
    // An unread body would prevent another use of the connection.
    request.resume();
    if (problem === 'bare') return answerRedirect(response, 301, `${routePrefix}/${encodeURIComponent(name ?? '')}/`);
    if (problem === 'unknown') onUnknown();
    if (naming.by === 'header' && problem === 'missing') return answerString(response, 401, 'no org id');
    const what =
      problem === 'missing' ? 'the path names no tenant, as in /TENANT/api/v2/alerts' : 'there is no such tenant';
    refuse(response, new Refusal(404, what));
  }

  #refuseAbsent({ name = '' }: TenantMark, request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    refuse(response, new Refusal(503, this.#absent.get(name) ?? 'there is no tenant yet'));
  }

  #expect(routes: readonly Route[]): void {
    const known = new Set(this.#shared?.list.map(({ path }) => path));
    const others = routes.filter(({ path }) => !known.has(path));
    if (others.length === 0) return;
    const dispatching = others.map((route) => ({ ...route, methods: this.#dispatching(route) }));
    this.#shared = new Routes([...(this.#shared?.list ?? []), ...dispatching]);
  }

  #dispatching({ path, methods }: Route): Methods {
    const dispatching = (method: string): Methods[string] => {
      return (request, response, parameters) => {
        const handler = this.#handlersOf(request)?.get(path)?.[method];
        // It has been removed since the head of the request was read.
        if (handler === undefined) return void refuse(response, new Refusal(404, this.#whyNobody(request)));
        return handler(request, response, parameters);
      };
    };
    return Object.fromEntries(Object.keys(methods).map((method) => [method, dispatching(method)]));
  }

  #whyNobody(request: IncomingMessage): string {
    const isOfAll = this.#options.tenants.of(request)?.name === undefined;
    return isOfAll ? 'name the tenant in the path, as in /TENANT/api/tocsin/v1/history' : 'there is no such tenant';
  }

  #handlersOf(request: IncomingMessage): ByPath | undefined {
    const name = this.#options.tenants.of(request)?.name;
    return name === undefined ? this.#everybody : this.#handlers.get(name);
  }
}

function byPath(routes: readonly Route[]): ByPath {
  return new Map(routes.map(({ path, methods }) => [path, methods]));
}
