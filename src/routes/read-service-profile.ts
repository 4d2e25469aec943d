import { showText, showValue } from '../config/settings/show-value.ts';
import { compileRegexp, MatcherError } from '../matcher/anchored-regexp.ts';
import { BoundedCopy, maxProblems, member, membersOf, readSpecDocument, type SpecDocument } from './spec-document.ts';
import { isGoDuration } from './read-open-api.ts';
import {
  maxRoutes,
  SpecError,
  tooManyRoutes,
  type Destination,
  type RequestMatch,
  type ResponseClass,
  type Route,
  type RouteSet,
  type Rpc,
  type SpecFile,
} from './route.ts';

/** The deepest nesting of `all`, `any` and `not` that is read. */
const maxConditionDepth = 32;

/** Reads the routes of one ServiceProfile of `linkerd.io/v1alpha2`, in YAML or JSON. Throws SpecError with every problem. */
export function readServiceProfile(file: SpecFile): RouteSet {
  const document = readSpecDocument(file);
  const kind = member(document.value, 'kind');
  if (kind !== 'ServiceProfile') throw new SpecError(`${document.at(['kind'])}: ${whyNoProfile(document.value)}`);
  const reader = new ServiceProfileReader(file, document);
  const set = reader.read();
  if (reader.problems.length > 0) throw new SpecError(...reader.problems);
  return set;
}

function whyNoProfile(value: unknown): string {
  const kind = member(value, 'kind');
  if (kind === 'List')
    return 'is a list of objects; give one ServiceProfile, as `kubectl get serviceprofile NAME -o yaml`';
  if (member(value, 'paths') !== undefined) return 'is an OpenAPI document; give it as --open-api';
  return `kind: found ${showValue(kind ?? null)}, allowed: ServiceProfile`;
}

const conditionFields = ['all', 'any', 'not', 'pathRegex', 'method'];

class ServiceProfileReader {
  readonly #file: string;
  readonly #document: SpecDocument;
  readonly #copy: BoundedCopy;
  readonly #notes: string[] = [];
  readonly problems: string[] = [];

  constructor(file: SpecFile, document: SpecDocument) {
    this.#file = showText(file.name);
    this.#document = document;
    this.#copy = new BoundedCopy(file.name);
  }

  read(): RouteSet {
    const { value } = this.#document;
    const version = member(value, 'apiVersion');
    if (version !== 'linkerd.io/v1alpha2')
      this.#problem(['apiVersion'], `apiVersion: found ${showValue(version ?? null)}, allowed: linkerd.io/v1alpha2`);
    const host = this.#host();
    const routes = this.#routes(member(member(value, 'spec'), 'routes'));
    return { routes, destination: destinationOf(host), rest: this.#rest(), notes: this.#notes };
  }

  /** The name is the host of the service. */
  #host(): string {
    const name = member(member(this.#document.value, 'metadata'), 'name');
    if (typeof name === 'string' && name.length <= 253 && /^[a-z\d]([-a-z\d.]*[a-z\d])?$/.test(name)) return name;
    const allowed = 'the host of the service, such as webapp.booksapp.svc.cluster.local';
    this.#problem(['metadata', 'name'], `metadata.name: found ${showValue(name ?? null)}, allowed: ${allowed}`);
    return '';
  }

  #rest(): NonNullable<RouteSet['rest']> {
    const spec = member(this.#document.value, 'spec');
    const namespace = member(member(this.#document.value, 'metadata'), 'namespace');
    const fields = ['retryBudget', 'dstOverrides', 'opaquePorts'].filter((key) => member(spec, key) !== undefined);
    const copied = Object.fromEntries(fields.map((key) => [key, this.#copy.copy(member(spec, key))]));
    return { ...(typeof namespace === 'string' && { namespace }), ...copied };
  }

  #routes(found: unknown): Route[] {
    const at = ['spec', 'routes'];
    if (!Array.isArray(found) || found.length === 0) {
      this.#problem(at, `spec.routes: found ${showValue(found ?? null)}, allowed: a list of at least one route`);
      return [];
    }
    if (found.length > maxRoutes) throw tooManyRoutes(this.#file);
    return found.map((route: unknown, index) => this.#route(route, [...at, String(index)]));
  }

  #route(found: unknown, at: readonly string[]): Route {
    this.#copy.count();
    const name = this.#name(member(found, 'name'), [...at, 'name']);
    const condition = this.#condition(member(found, 'condition'), [...at, 'condition'], 0);
    const rpc = rpcOf(condition);
    const timeout = member(found, 'timeout') ?? '';
    if (typeof timeout !== 'string' || (timeout !== '' && !isGoDuration(timeout)))
      this.#problem(
        [...at, 'timeout'],
        `timeout: found ${showValue(timeout)}, allowed: a duration of Go, such as 300ms`,
      );
    return {
      name,
      condition,
      ...(rpc !== undefined && { rpc }),
      responseClasses: this.#classes(member(found, 'responseClasses') ?? [], [...at, 'responseClasses']),
      isRetryable: this.#flag(member(found, 'isRetryable'), [...at, 'isRetryable']),
      ...(typeof timeout === 'string' && timeout !== '' && { timeout }),
    };
  }

  #name(found: unknown, at: readonly string[]): string {
    if (typeof found === 'string' && found !== '' && found.isWellFormed()) return found;
    this.#problem(at, `name: found ${showValue(found ?? null)}, allowed: a text that is not empty, and that is UTF-8`);
    return '';
  }

  #flag(found: unknown, at: readonly string[]): boolean {
    if (found === undefined || typeof found === 'boolean') return found ?? false;
    this.#problem(at, `${at.at(-1)}: found ${showValue(found)}, allowed: true or false`);
    return false;
  }

  #condition(found: unknown, at: readonly string[], depth: number): RequestMatch {
    this.#copy.count();
    if (depth > maxConditionDepth)
      throw new SpecError(
        `${this.#document.at(at)}: nested too deeply, allowed: ${maxConditionDepth} levels of all, any and not`,
      );
    const [all, any] = (['all', 'any'] as const).map((key) =>
      this.#conditions(member(found, key), [...at, key], depth),
    );
    const not = member(found, 'not');
    const pathRegex = this.#regex(member(found, 'pathRegex'), [...at, 'pathRegex']);
    const method = member(found, 'method');
    const condition: RequestMatch = {
      ...(all !== undefined && { all }),
      ...(any !== undefined && { any }),
      ...(not !== undefined && { not: this.#condition(not, [...at, 'not'], depth + 1) }),
      ...(pathRegex !== undefined && { pathRegex }),
      ...(typeof method === 'string' && method !== '' && { method }),
    };
    if (conditionFields.every((field) => member(found, field) === undefined))
      this.#problem(
        at,
        `condition: found ${showValue(found ?? null)}, allowed: at least one of ${conditionFields.join(', ')}`,
      );
    return condition;
  }

  #conditions(found: unknown, at: readonly string[], depth: number): readonly RequestMatch[] | undefined {
    if (found === undefined || found === null) return undefined;
    if (Array.isArray(found))
      return found.map((each, index) => this.#condition(each, [...at, String(index)], depth + 1));
    this.#problem(at, `${at.at(-1)}: found ${showValue(found)}, allowed: a list of conditions`);
    return undefined;
  }

  #regex(found: unknown, at: readonly string[]): string | undefined {
    if (found === undefined || found === '') return undefined;
    try {
      if (typeof found === 'string') compileRegexp(found);
      if (typeof found === 'string') return found;
      this.#problem(at, `pathRegex: found ${showValue(found)}, allowed: a regular expression`);
    } catch (error) {
      if (!(error instanceof MatcherError)) throw error;
      this.#problem(at, `pathRegex: ${showText(error.message.slice(0, 200))}; Linkerd ignores the whole profile`);
    }
    return undefined;
  }

  #classes(found: unknown, at: readonly string[]): ResponseClass[] {
    if (Array.isArray(found)) return found.flatMap((each, index) => this.#class(each, [...at, String(index)]) ?? []);
    this.#problem(at, `responseClasses: found ${showValue(found)}, allowed: a list`);
    return [];
  }

  /** A class with one bound matches that one status, says Linkerd's documentation; its proxy ignores such a class. */
  #class(found: unknown, at: readonly string[]): ResponseClass | undefined {
    this.#copy.count();
    const status = member(member(found, 'condition'), 'status');
    const [min, max] = [member(status, 'min'), member(status, 'max')];
    if (membersOf(status) === undefined) {
      const shown = showValue(member(found, 'condition') ?? null);
      this.#problem(
        [...at, 'condition'],
        `condition: found ${shown}, allowed: status with min and max (all, any and not are not read)`,
      );
      return undefined;
    }
    if ((min === undefined) !== (max === undefined)) {
      const told = `status: only ${min === undefined ? 'max' : 'min'} is given: the proxy ignores such a class; give both`;
      this.#note([...at, 'condition', 'status'], `${told}, as --emit=service-profile does`);
    }
    const [low, high] = [min ?? max, max ?? min];
    if (isStatus(low) && isStatus(high) && low <= high)
      return { min: low, max: high, isFailure: this.#flag(member(found, 'isFailure'), [...at, 'isFailure']) };
    this.#problem(
      [...at, 'condition', 'status'],
      `status: found ${showValue(status)}, allowed: min and max, from 100 to 599, min first`,
    );
    return undefined;
  }

  #problem(at: readonly string[], text: string): void {
    // One file may have a problem in each of its lines.
    if (this.problems.length === maxProblems)
      throw new SpecError(...this.problems, `${this.#file}: more problems are not shown`);
    this.problems.push(`${this.#document.at(at)}: ${text}`);
  }

  #note(at: readonly string[], text: string): void {
    this.#notes.push(`${this.#document.at(at)}: ${text}`);
  }
}

/** A profile does not say that a route is an rpc, but its path does: `/package.Service/Method`. */
function rpcOf({ pathRegex = '', method }: RequestMatch): Rpc | undefined {
  const pattern = /^\/((?:[A-Za-z_]\w*\\\.)*[A-Z]\w*)\/([A-Z]\w*)$/;
  const [, service, rpc] = method === 'POST' ? (pattern.exec(pathRegex) ?? []) : [];
  return service === undefined || rpc === undefined
    ? undefined
    : { service: service.replaceAll('\\.', '.'), method: rpc };
}

function isStatus(found: unknown): found is number {
  return typeof found === 'number' && Number.isInteger(found) && found >= 100 && found <= 599;
}

/** The service and the namespace, if the host is that of a service. */
export function destinationOf(host: string): Destination {
  const [, service, namespace] = /^([^.]+)\.([^.]+)\.svc\..+$/.exec(host) ?? [];
  return { host, ...(service !== undefined && namespace !== undefined && { service, namespace }) };
}
