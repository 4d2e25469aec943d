import { showText, showValue } from '../config/settings/show-value.ts';
import { BoundedCopy, member, membersOf, readSpecDocument, type SpecDocument } from './spec-document.ts';
import {
  maxRoutes,
  pathToRegex,
  SpecError,
  tooManyRoutes,
  type ResponseClass,
  type Route,
  type RouteSet,
  type SpecFile,
} from './route.ts';

/** In the order in which Linkerd writes the routes of a path; it has no route for TRACE. */
const methods = ['delete', 'get', 'head', 'options', 'patch', 'post', 'put'] as const;

interface OpenApiOptions {
  /** Stands before each path instead of `basePath`. */
  readonly basePath?: string | undefined;
}

/** Reads the routes of an OpenAPI document, version 2 or 3, as `linkerd profile --open-api` does. Throws SpecError. */
export function readOpenApi(file: SpecFile, options: OpenApiOptions = {}): RouteSet {
  const document = readSpecDocument(file);
  const paths = membersOf(member(document.value, 'paths'));
  if (paths === undefined) throw new SpecError(`${document.at(['paths'])}: ${whyNoPaths(document.value)}`);
  const reader = new OpenApiReader(file, document);
  const base = options.basePath ?? reader.basePath();
  reader.noteOthers(Object.keys(paths));
  const routes = Object.keys(paths)
    .filter((path) => path.startsWith('/'))
    .toSorted(byBytes)
    .flatMap((path) => reader.routesOf(base, path, paths[path]));
  if (routes.length === 0) throw new SpecError(`${document.at(['paths'])}: no operation below paths; is it complete?`);
  return { routes, notes: [...(options.basePath === undefined ? reader.serverNotes() : []), ...reader.notes] };
}

function whyNoPaths(value: unknown): string {
  if (member(value, 'kind') === 'ServiceProfile') return 'is a ServiceProfile; give it as --service-profile';
  if (member(value, 'openapi') !== undefined || member(value, 'swagger') !== undefined)
    return 'has no map "paths"; an API without paths has no routes';
  return 'is no OpenAPI document, which has a map "paths"; is it the right file?';
}

/** Go sorts text by its bytes, JavaScript by UTF-16 units: they differ above U+FFFF. */
function byBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

class OpenApiReader {
  readonly #file: string;
  readonly #document: SpecDocument;
  readonly #count: BoundedCopy;
  readonly notes: string[] = [];
  #routes = 0;

  constructor(file: SpecFile, document: SpecDocument) {
    this.#file = showText(file.name);
    this.#document = document;
    this.#count = new BoundedCopy(file.name);
  }

  basePath(): string {
    const found = member(this.#document.value, 'basePath') ?? '';
    if (typeof found === 'string') return found;
    throw new SpecError(`${this.#document.at(['basePath'])}: basePath: found ${showValue(found)}, allowed: a path`);
  }

  /** Linkerd ignores the URLs of OpenAPI 3: their path would be missing in every route. */
  serverNotes(): string[] {
    const servers = member(this.#document.value, 'servers');
    const [first] = Array.isArray(servers) ? (servers as readonly unknown[]) : [];
    const url = member(first, 'url');
    const path = typeof url === 'string' ? url.replace(/^[a-z][\w+.-]*:\/\/[^/?#]*/i, '').replace(/\/+$/, '') : '';
    if (path === '') return [];
    const shown = showValue(path);
    return [
      `${this.#document.at(['servers', '0', 'url'])}: servers are not read, as in Linkerd; if requests carry ${shown}, add --base-path=${shown}`,
    ];
  }

  /** Keys that are neither paths nor extensions. */
  noteOthers(keys: readonly string[]): void {
    for (const key of keys)
      if (!key.startsWith('/') && !key.startsWith('x-'))
        this.#note(['paths', key], `${showValue(key)} gets no route, as in Linkerd: a path begins with "/"`);
  }

  routesOf(base: string, relative: string, item: unknown): Route[] {
    const path = `${base.replace(/\/+$/, '')}/${relative.replace(/^\/+/, '')}`;
    const at = ['paths', relative];
    if (!path.isWellFormed())
      throw new SpecError(
        `${this.#document.at(at)}: path ${showValue(relative)}: half of a surrogate pair; mend the text`,
      );
    if (member(item, '$ref') !== undefined)
      this.#note(at, `path ${showValue(relative)}: $ref is not followed, as in Linkerd; write the operations out here`);
    if (member(item, 'trace') !== undefined)
      this.#note([...at, 'trace'], `path ${showValue(relative)}: TRACE gets no route, as in Linkerd`);
    return methods.flatMap((method) => {
      const operation = membersOf(member(item, method));
      if (operation === undefined) return [];
      if (++this.#routes > maxRoutes) throw tooManyRoutes(this.#file);
      return [this.#route(path, method, operation, [...at, method])];
    });
  }

  #route(path: string, method: string, operation: Readonly<Record<string, unknown>>, at: readonly string[]): Route {
    const verb = method.toUpperCase();
    const timeout = this.#timeout(member(operation, 'x-linkerd-timeout'), [...at, 'x-linkerd-timeout']);
    const id = member(operation, 'operationId');
    return {
      name: `${verb} ${path}`,
      condition: { pathRegex: pathToRegex(path), method: verb },
      responseClasses: this.#responseClasses(member(operation, 'responses'), [...at, 'responses']),
      isRetryable: this.#retryable(member(operation, 'x-linkerd-retryable'), [...at, 'x-linkerd-retryable']),
      ...(timeout !== undefined && { timeout }),
      ...(typeof id === 'string' && { operation: id }),
    };
  }

  /** One class for each status; `default` and `5XX` make none, as in Linkerd: without a class, a 5xx is a failure anyway. */
  #responseClasses(responses: unknown, at: readonly string[]): ResponseClass[] {
    const classes: ResponseClass[] = [];
    for (const key of Object.keys(membersOf(responses) ?? {})) {
      this.#count.count();
      if (!/^[+-]?\d+$/.test(key)) continue;
      const status = Number(key);
      if (status >= 100 && status <= 599) classes.push({ min: status, max: status, isFailure: status >= 500 });
      else this.#note([...at, key], `status ${showText(key)}: gets no response class, allowed: 100 to 599`);
    }
    return classes.toSorted((one, other) => one.min - other.min);
  }

  #retryable(found: unknown, at: readonly string[]): boolean {
    if (found === undefined || typeof found === 'boolean') return found ?? false;
    throw new SpecError(
      `${this.#document.at(at)}: x-linkerd-retryable: found ${showValue(found)}, allowed: true or false`,
    );
  }

  #timeout(found: unknown, at: readonly string[]): string | undefined {
    if (found === undefined || found === '') return undefined;
    if (typeof found === 'string' && isGoDuration(found)) return found;
    throw new SpecError(
      `${this.#document.at(at)}: x-linkerd-timeout: found ${showValue(found)}, allowed: a duration of Go, such as 300ms or 1m30s`,
    );
  }

  #note(path: readonly string[], text: string): void {
    this.notes.push(`${this.#document.at(path)}: ${text}`);
  }
}

/** What Go's `time.ParseDuration` reads. */
export function isGoDuration(text: string): boolean {
  return /^[+-]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h))+)$/.test(text);
}
