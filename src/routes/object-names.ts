import type { Route } from './route.ts';

/** Kubernetes allows 253; names of this length are still shown in a table. */
const maxLength = 63;

/**
 * The name of each route's HTTPRoute or GRPCRoute, the label `route_name`: `voting-service-vote-poop` for an rpc, otherwise
 * from the `operationId`, otherwise from the route's name, such as `get-books-id`. Names that would be the same get a number.
 */
export function objectNames(routes: readonly Route[]): ReadonlyMap<Route, string> {
  const taken = new Set<string>();
  return new Map(
    routes.map((route) => {
      const name = firstFree(slug(wordsOf(route)), taken);
      taken.add(name);
      return [route, name];
    }),
  );
}

function wordsOf({ name, rpc, operation }: Route): string {
  if (rpc !== undefined) return `${rpc.service.replace(/^.*\./, '')} ${rpc.method}`;
  return operation !== undefined && /[a-z\d]/i.test(operation) ? operation : name;
}

function firstFree(name: string, taken: ReadonlySet<string>): string {
  for (let number = 2, shown = name; ; number++) {
    if (!taken.has(shown)) return shown;
    const suffix = `-${number}`;
    shown = `${name.slice(0, maxLength - suffix.length).replace(/-+$/, '')}${suffix}`;
  }
}

/** `createBook` is `create-book`, `GET /books/{id}` is `get-books-id`. */
function slug(words: string): string {
  const text = words
    .replaceAll(/([a-z\d])([A-Z])/g, '$1-$2')
    .toLowerCase()
    .replaceAll(/[^a-z\d]+/g, '-')
    .slice(0, maxLength + 1)
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, maxLength)
    .replace(/-+$/, '');
  return text === '' ? 'route' : text;
}
