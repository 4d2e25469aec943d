import {
  checkedKinds,
  nameOf,
  servedKind,
  servedVersions,
  type CheckedKind,
  type ClusterApi,
  type ClusterSource,
  type ServedKind,
} from './cluster.ts';
import { ok, problem, skipped, type Category, type Outcome } from './check.ts';

/** The kinds of pipelines that the configuration names, as the API server serves them. */
export function kinds(source: ClusterSource): Category {
  return {
    name: 'kinds',
    needs: ['kubernetes-api'],
    whyNot: () => source.whyNot,
    checks: [
      {
        id: 'kinds-served',
        description: 'each kind of pipeline is served',
        fatal: true,
        retryable: true,
        surfacesProblem: true,
        run: ({ signal }) => allServed(source, signal),
      },
      {
        id: 'kinds-namespaced',
        description: 'namespaces are named for namespaced kinds only',
        run: async ({ signal }) => namespaced(await servedKinds(source, signal)),
      },
      {
        id: 'kinds-status',
        description: 'each kind has a status that can be written',
        run: async ({ signal }) => {
          const { action } = await source.settings(signal);
          if (action !== 'condition') return skipped(`controller.action is ${action}, which writes no status`);
          return withStatus(await servedKinds(source, signal));
        },
      },
    ],
  };
}

async function allServed(source: ClusterSource, signal: AbortSignal): Promise<Outcome> {
  const api = await source.connect();
  const wanted = checkedKinds((await source.settings(signal)).kinds);
  const looked = wanted.map(async (kind) => {
    const served = await servedKind(api, kind, signal);
    return served === undefined ? { missing: await whyMissing(api, kind, signal) } : { told: shown(served) };
  });
  const found = await Promise.all(looked);
  const missing = found.flatMap((each) => ('missing' in each ? [each.missing] : []));
  return missing.length > 0 ? problem(missing) : ok(...found.flatMap((each) => ('told' in each ? [each.told] : [])));
}

/** Those that are served; {@link allServed} has told of the others. */
export async function servedKinds(
  source: Pick<ClusterSource, 'connect' | 'settings'>,
  signal: AbortSignal,
): Promise<readonly ServedKind[]> {
  const api = await source.connect();
  const wanted = checkedKinds((await source.settings(signal)).kinds);
  const found = await Promise.all(wanted.map((kind) => servedKind(api, kind, signal)));
  return found.filter((kind) => kind !== undefined);
}

function shown(kind: ServedKind): string {
  return `${nameOf(kind)} ${kind.version}, ${kind.isNamespaced ? 'namespaced' : 'cluster-scoped'}`;
}

async function whyMissing(api: ClusterApi, kind: CheckedKind, signal: AbortSignal): Promise<string> {
  const versions = await servedVersions(api, kind.group, signal);
  const name = nameOf(kind);
  if (versions.length === 0)
    return `${name}: the API server has no such kind: install its CRD, or correct pipelines.kubernetes.kinds`;
  const elsewhere: string[] = [];
  for (const version of versions)
    if ((await servedKind(api, { ...kind, versions: [version] }, signal)) !== undefined) elsewhere.push(version);
  if (elsewhere.length > 0)
    return `${name}: served in ${elsewhere.join(', ')}, not in ${kind.versions.join(' or ')}: correct its version in pipelines.kubernetes.kinds`;
  return `${name}: the API server serves the group, but not this kind: install its CRD, or correct pipelines.kubernetes.kinds`;
}

function namespaced(served: readonly ServedKind[]): Outcome {
  const wrong = served.filter(({ isNamespaced, namespaces }) => !isNamespaced && namespaces.length > 0);
  if (wrong.length === 0) return ok();
  return problem(
    `${wrong.map(nameOf).join(', ')}: cluster-scoped: remove "namespaces" from its entry in pipelines.kubernetes.kinds`,
  );
}

function withStatus(served: readonly ServedKind[]): Outcome {
  const without = served.filter(({ hasStatus }) => !hasStatus).map(nameOf);
  if (without.length === 0) return ok();
  const remedy = 'its CRD needs subresources.status, or take controller.action annotate';
  return problem(`${without.join(', ')}: has no status subresource, so no condition can be written: ${remedy}`);
}
