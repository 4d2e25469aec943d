import { collectionPaths, nameOf, type ClusterApi, type ClusterSource, type ServedKind } from './cluster.ts';
import { ok, problem, skipped, type Category, type Outcome } from './check.ts';
import { servedKinds } from './kinds.ts';

/** The folder of the manifests, where pipelines live without a cluster. */
export interface FolderSource {
  readonly folder: string;
  /** Reads every manifest as Tocsin does. Rejects if the folder cannot be read. */
  readonly read: () => Promise<FolderContent>;
}

export interface FolderContent {
  /** As `KIND/NAME`. */
  readonly pipelines: readonly string[];
  /** As `FILE:LINE:COLUMN: what is wrong`. */
  readonly problems: readonly string[];
}

export interface PipelineSource {
  readonly cluster: ClusterSource;
  /** Undefined if the pipelines live in a cluster, or if nobody says where. */
  readonly folder: FolderSource | undefined;
}

/** What an alert is to wake. */
export function pipelines({ cluster, folder }: PipelineSource): Category {
  return {
    name: 'pipelines',
    needs: ['configuration', 'kinds'],
    whyNot: () =>
      folder === undefined && cluster.whyNot !== undefined ? `${cluster.whyNot}, and no folder is named` : undefined,
    checks: [
      {
        id: 'pipelines-readable',
        description: 'every manifest can be read',
        run: async () => (folder === undefined ? skipped('the pipelines live in a cluster') : manifests(folder)),
      },
      {
        id: 'pipelines-exist',
        description: 'there are pipelines',
        warning: true,
        retryable: true,
        surfacesProblem: true,
        run: async ({ signal }) => (folder === undefined ? inCluster(cluster, signal) : inFolder(folder)),
      },
      {
        id: 'pipelines-selected',
        description: 'each label selector and namespace has pipelines',
        warning: true,
        retryable: true,
        surfacesProblem: true,
        run: async ({ signal }) =>
          folder === undefined ? selected(cluster, signal) : skipped('the pipelines live in a folder'),
      },
    ],
  };
}

async function manifests({ read }: FolderSource): Promise<Outcome> {
  const { pipelines: found, problems } = await read();
  return problems.length > 0 ? problem(problems) : ok(...found);
}

async function inFolder({ folder, read }: FolderSource): Promise<Outcome> {
  const { pipelines: found } = await read();
  if (found.length > 0) return ok(`${found.length} in ${folder}`);
  return problem(`no manifest in ${folder} has a pipeline, so an alert wakes nothing: put one there`);
}

async function inCluster(source: ClusterSource, signal: AbortSignal): Promise<Outcome> {
  const api = await source.connect();
  const kinds = await servedKinds(source, signal);
  const counted = await Promise.all(kinds.map((kind) => someOf(api, kind, signal)));
  const told = counted.flat().flatMap(({ path, isThere }) => (isThere ? [`some at ${path}`] : []));
  if (told.length > 0) return ok(...told);
  return problem(`there is no object of ${kinds.map(nameOf).join(', ')}, so an alert wakes nothing: create one`);
}

async function selected(source: ClusterSource, signal: AbortSignal): Promise<Outcome> {
  const api = await source.connect();
  const kinds = (await servedKinds(source, signal)).filter(
    ({ labelSelector, namespaces }) => labelSelector !== undefined || namespaces.length > 0,
  );
  if (kinds.length === 0) return skipped('pipelines.kubernetes.kinds names neither');
  const looked = await Promise.all(kinds.map((kind) => someOf(api, kind, signal)));
  const empty = looked.flat().filter(({ isThere }) => !isThere);
  if (empty.length === 0) return ok();
  const shown = empty.map(
    ({ path, labelSelector }) => `${path}${labelSelector === undefined ? '' : ` -l ${labelSelector}`}`,
  );
  return problem(
    `nothing at ${shown.join('; ')}: correct label_selector or namespaces in pipelines.kubernetes.kinds, or label the objects`,
  );
}

interface Looked {
  readonly path: string;
  readonly labelSelector: string | undefined;
  readonly isThere: boolean;
}

/** Whether there is at least one object, in each collection that is watched. */
async function someOf(api: ClusterApi, kind: ServedKind, signal: AbortSignal): Promise<readonly Looked[]> {
  const { labelSelector } = kind;
  const query = { limit: 1, ...(labelSelector !== undefined && { labelSelector }) };
  return Promise.all(
    collectionPaths(kind).map(async (path) => {
      const { items } = await api.call<{ items: readonly unknown[] }>({ method: 'GET', path, query, signal });
      return { path, labelSelector, isThere: items.length > 0 };
    }),
  );
}
