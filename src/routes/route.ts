/** The verdict of a route about a response: the first class that has its status counts. */
export interface ResponseClass {
  readonly min: number;
  readonly max: number;
  readonly isFailure: boolean;
}

/** Linkerd's condition of a route: all fields that are given have to hold. */
export interface RequestMatch {
  readonly all?: readonly RequestMatch[];
  readonly any?: readonly RequestMatch[];
  readonly not?: RequestMatch;
  readonly pathRegex?: string;
  readonly method?: string;
}

/** One route of a service: what Linkerd counts by itself, and what a rule watches. */
export interface Route {
  /** Linkerd's name of it, the label `rt_route` of its metrics. */
  readonly name: string;
  readonly condition: RequestMatch;
  /** Empty: Linkerd's own verdict, every 5xx and every failing status of gRPC. */
  readonly responseClasses: readonly ResponseClass[];
  readonly isRetryable: boolean;
  /** In Go's notation, such as `300ms`. */
  readonly timeout?: string;
  /** Of an rpc only. */
  readonly rpc?: Rpc;
  /** `operationId` of OpenAPI: the better name of an object of Kubernetes. */
  readonly operation?: string;
}

export interface Rpc {
  /** With its package, such as `emojivoto.v1.VotingService`. */
  readonly service: string;
  readonly method: string;
}

/** The service to which the routes belong. */
export interface Destination {
  /** `webapp.booksapp.svc.cluster.local`, the label `dst` of the metrics without its port. */
  readonly host: string;
  /** Undefined for a host that is no service of the cluster. */
  readonly service?: string;
  readonly namespace?: string;
}

/** The fields of a ServiceProfile that no rule needs, but a copy of it does. */
export interface ProfileRest {
  readonly namespace?: string;
  readonly retryBudget?: unknown;
  readonly dstOverrides?: unknown;
  readonly opaquePorts?: unknown;
}

/** What a file says about a service. */
export interface RouteSet {
  readonly routes: readonly Route[];
  /** Only a ServiceProfile names its service. */
  readonly destination?: Destination;
  readonly rest?: ProfileRest;
  /** What a user has to know, such as what was left out, and why: one line each. */
  readonly notes: readonly string[];
}

/** A file with routes, already read. */
export interface SpecFile {
  /** As the user wrote it, or `<stdin>`. */
  readonly name: string;
  readonly text: string;
}

/** A file that cannot be used: one line for each problem, with file, line, what to do. */
export class SpecError extends Error {
  override readonly name = 'SpecError';
  readonly problems: readonly string[];

  constructor(...problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/** The most routes of one file. A ServiceProfile with more is larger than an object may be in etcd. */
export const maxRoutes = 5000;

export function tooManyRoutes(file: string): SpecError {
  return new SpecError(`${file}: more than ${maxRoutes} routes; split the file, each part for a service of its own`);
}

/** Escapes what is special in a regular expression, as Go's `regexp.QuoteMeta` does. */
export function quoteMeta(text: string): string {
  return text.replaceAll(/[\\.+*?()|[\]{}^$]/g, '\\$&');
}

/** The regular expression for a path template: `/authors/{id}` is `/authors/[^/]*`, as Linkerd writes it. */
export function pathToRegex(path: string): string {
  return quoteMeta(path).replaceAll(/\\\{[^}]*\\\}/g, '[^/]*');
}

/** The host of a service in a cluster. */
export function serviceDestination(service: string, namespace: string, clusterDomain: string): Destination {
  return { host: `${service}.${namespace}.svc.${clusterDomain}`, service, namespace };
}
