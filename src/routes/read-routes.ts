import { distinctRoutes } from './distinct-routes.ts';
import { readOpenApi } from './read-open-api.ts';
import { readProto } from './read-proto.ts';
import { readServiceProfile } from './read-service-profile.ts';
import { maxRoutes, SpecError, type RouteSet, type SpecFile } from './route.ts';

export type SpecKind = 'open-api' | 'proto' | 'service-profile';

interface ReadOptions {
  /** Stands before each path of OpenAPI instead of its own. */
  readonly basePath?: string | undefined;
  /** False if the rules are for metrics with names that are always distinct. */
  readonly namesCount?: boolean;
}

/** Reads the routes of one service, which may come from several files of one kind. Their names are distinct. Throws SpecError. */
export function readRoutes(kind: SpecKind, files: readonly SpecFile[], options: ReadOptions = {}): RouteSet {
  const sets = files.map((file) => readers[kind](file, options));
  const all = sets.flatMap(({ routes }) => routes);
  if (all.length > maxRoutes)
    throw new SpecError(`more than ${maxRoutes} routes together; generate the rules of each file on its own`);
  const { routes, notes } = distinctRoutes(all, kind !== 'service-profile');
  return {
    ...sets[0],
    routes,
    notes: [...sets.flatMap((set) => set.notes), ...(options.namesCount === false ? [] : notes)],
  };
}

const readers: Readonly<Record<SpecKind, (file: SpecFile, options: ReadOptions) => RouteSet>> = {
  'open-api': readOpenApi,
  proto: readProto,
  'service-profile': readServiceProfile,
};
