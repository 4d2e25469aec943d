import { parse, Namespace, Service, type Method } from 'protobufjs';
import { showText } from '../config/settings/show-value.ts';
import { maxRoutes, quoteMeta, SpecError, tooManyRoutes, type Route, type RouteSet, type SpecFile } from './route.ts';

/** Reads the rpcs of a .proto file in their order, as `linkerd profile --proto` does. Its imports are not read. Throws SpecError. */
export function readProto({ name, text }: SpecFile): RouteSet {
  const file = showText(name);
  if (text.includes('\0'))
    throw new SpecError(`${file}: is no text, but binary; give the .proto file, not a compiled descriptor`);
  const root = parseProto(file, text);
  const routes = [...servicesIn(root)].flatMap((service) =>
    service.methodsArray.map((method) => routeOf(service, method)),
  );
  if (routes.length > maxRoutes) throw tooManyRoutes(file);
  if (routes.length === 0) throw new SpecError(`${file}: has no rpc; give the file that holds "service … { rpc … }"`);
  return { routes, notes: [] };
}

function parseProto(file: string, text: string): Namespace {
  try {
    return parse(text.replace(/^\uFEFF/, ''), { keepCase: true }).root;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const [, what = message, line] = /^(.*?)(?: \(line (\d+)\))?$/s.exec(message) ?? [];
    throw new SpecError(
      `${file}${line === undefined ? '' : `:${line}`}: not a .proto file: ${showText(what.slice(0, 200))}; mend it, or ask protoc what it says`,
    );
  }
}

/** In the order of the file. */
function* servicesIn(namespace: Namespace): Generator<Service> {
  for (const object of namespace.nestedArray) {
    if (object instanceof Service) yield object;
    else if (object instanceof Namespace) yield* servicesIn(object);
  }
}

function routeOf(service: Service, method: Method): Route {
  const fullName = service.fullName.replace(/^\./, '');
  return {
    name: method.name,
    condition: { method: 'POST', pathRegex: quoteMeta(`/${fullName}/${method.name}`) },
    responseClasses: [],
    isRetryable: isRetryable(method),
    rpc: { service: fullName, method: method.name },
  };
}

const retryable: ReadonlySet<unknown> = new Set(['IDEMPOTENT', 'NO_SIDE_EFFECTS']);

/** The first option whose name holds `idempotency_level` counts, whether it stands in parentheses or not. */
function isRetryable(method: Method): boolean {
  const options = (method.parsedOptions ?? []) as readonly Readonly<Record<string, unknown>>[];
  const [, level] =
    options.flatMap((option) => Object.entries(option)).find(([name]) => name.includes('idempotency_level')) ?? [];
  return retryable.has(level);
}
