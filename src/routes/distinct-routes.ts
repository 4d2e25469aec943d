import { showValue } from '../config/settings/show-value.ts';
import { SpecError, type Route } from './route.ts';

/** Routes whose names differ, and what a user has to know about those whose names did not. */
export interface DistinctRoutes {
  readonly routes: readonly Route[];
  readonly notes: readonly string[];
}

/**
 * Makes names distinct where that is possible. Linkerd names a route after the rpc alone, so that all `Export` of several services
 * would be counted as one route: each gets its service in its name, in the rules and in the ServiceProfile that has to go with
 * them. Throws SpecError if the same rpc is given twice.
 * @param renames false if the names are those of a ServiceProfile that is already applied
 */
export function distinctRoutes(routes: readonly Route[], renames: boolean): DistinctRoutes {
  const groups = Map.groupBy(routes, ({ name }) => name);
  if (groups.size === routes.length) return { routes, notes: [] };
  const notes: string[] = [];
  const named = new Map<Route, Route>();
  const taken = new Set(groups.keys());
  for (const [name, group] of groups) {
    if (group.length === 1) continue;
    if (renames && group.every(({ rpc }) => rpc !== undefined)) {
      const renamed = withServices(group, taken);
      for (const [index, route] of group.entries()) named.set(route, renamed[index]!);
      notes.push(renamedNote(name, renamed));
    } else notes.push(sharedNote(name, group, renames));
  }
  const distinct = new Map(routes.map((route) => named.get(route) ?? route).map((route) => [route.name, route]));
  return { routes: firstOfEach(routes, named, distinct), notes };
}

/** In their order; of those that still share a name, the first: it is the one that Linkerd matches first. */
function firstOfEach(
  routes: readonly Route[],
  named: ReadonlyMap<Route, Route>,
  left: Map<string, Route>,
): readonly Route[] {
  return routes.flatMap((route) => {
    const shown = named.get(route) ?? route;
    return left.delete(shown.name) ? [shown] : [];
  });
}

/** `TraceService/Export`, or with the package where that is not enough. */
function withServices(group: readonly Route[], taken: Set<string>): readonly Route[] {
  const short = group.map((route) => ({
    ...route,
    name: `${route.rpc!.service.replace(/^.*\./, '')}/${route.rpc!.method}`,
  }));
  const full = group.map((route) => ({ ...route, name: `${route.rpc!.service}/${route.rpc!.method}` }));
  const chosen = [short, full].find((routes) => areFree(routes, taken));
  if (chosen === undefined) {
    const [{ name }] = full as [Route, ...Route[]];
    throw new SpecError(`rpc ${showValue(name)}: given twice; give each .proto file once`);
  }
  for (const { name } of chosen) taken.add(name);
  return chosen;
}

function areFree(routes: readonly Route[], taken: ReadonlySet<string>): boolean {
  return new Set(routes.map(({ name }) => name)).size === routes.length && routes.every(({ name }) => !taken.has(name));
}

function renamedNote(name: string, renamed: readonly Route[]): string {
  const names = renamed.map((route) => route.name).join(', ');
  return (
    `rpc ${showValue(name)}: in ${renamed.length} services; linkerd profile would name each of them ${showValue(name)}, and no metric ` +
    `could tell them apart. The names are ${names}: apply the ServiceProfile that --emit=service-profile writes, or no rule of theirs can fire`
  );
}

function sharedNote(name: string, group: readonly Route[], renames: boolean): string {
  const paths = [...new Set(group.map(({ condition }) => condition.pathRegex ?? 'other conditions'))];
  const remedy = renames ? 'the first one counts' : 'give them names of their own in the ServiceProfile';
  return (
    `route ${showValue(name)}: ${group.length} times (${paths.join(', ')}); Linkerd counts them as one route, and one rule watches them ` +
    `all; ${remedy}`
  );
}
