import type { Selection } from '../text/json-selection.ts';
import type { WatchedKind } from '../config/watched-kinds.ts';
import { kymaGroup, kymaKinds, kymaVersions } from '../reconcile/kyma-kinds.ts';
import type { ActionName } from '../reconcile/ports.ts';

/** One call of the API server. It rejects with an Error whose message is for the user; see {@link statusOf}. */
export interface ClusterCall {
  readonly method: 'GET' | 'POST';
  /** From the root of the API server, its parts encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number>>;
  readonly body?: unknown;
  /** What is needed of a long answer, and how much memory that may take, bytes. */
  readonly keep?: { readonly selection: Selection; readonly bytes: number };
  readonly signal: AbortSignal;
}

export interface ClusterApi {
  call<T>(call: ClusterCall): Promise<T>;
}

/** The cluster of the pipelines, and what Tocsin does there. */
export interface ClusterSource {
  /** Why the checks of a cluster do not apply; undefined if there is one. */
  readonly whyNot: string | undefined;
  /** The client, made at the first call. Rejects if the kubeconfig is unusable. */
  readonly connect: () => Promise<ClusterApi>;
  /** The namespace of Tocsin, and whether somebody named it. */
  readonly namespace: string;
  readonly isNamespaceGiven: boolean;
  /** Rejects if the configuration is not valid. */
  readonly settings: (signal: AbortSignal) => Promise<ClusterSettings>;
}

export interface ClusterSettings {
  readonly action: ActionName;
  /** `pipelines.kubernetes.kinds`; null: those of Kyma. */
  readonly kinds: readonly WatchedKind[] | null;
}

/** A kind of pipelines, as the configuration names it. */
export interface CheckedKind {
  readonly group: string;
  /** The usable versions, the best one first. */
  readonly versions: readonly string[];
  readonly resource: string;
  /** Empty: all, or the kind is cluster-scoped. */
  readonly namespaces: readonly string[];
  readonly labelSelector?: string;
}

export function checkedKinds(kinds: ClusterSettings['kinds']): readonly CheckedKind[] {
  if (kinds === null)
    return kymaKinds.map(({ resource }) => ({ group: kymaGroup, versions: kymaVersions, resource, namespaces: [] }));
  return kinds.map(({ group, version, resource, namespaces, label_selector: labelSelector }) => ({
    group,
    versions: [version],
    resource,
    namespaces,
    ...(labelSelector !== null && { labelSelector }),
  }));
}

/** As kubectl and RBAC name it: `tracepipelines.telemetry.kyma-project.io`. */
export function nameOf({ resource, group }: Pick<CheckedKind, 'resource' | 'group'>): string {
  return group === '' ? resource : `${resource}.${group}`;
}

/** A kind in the version that the API server serves. */
export interface ServedKind extends CheckedKind {
  readonly version: string;
  readonly isNamespaced: boolean;
  readonly hasStatus: boolean;
  readonly path: string;
}

interface ResourceList {
  readonly resources: readonly { readonly name: string; readonly namespaced: boolean }[];
}

/** Undefined if the API server serves it in none of its versions. */
export async function servedKind(
  api: ClusterApi,
  kind: CheckedKind,
  signal: AbortSignal,
): Promise<ServedKind | undefined> {
  for (const version of kind.versions) {
    const path = apiPath(kind.group, version);
    const list = await orAbsent(api.call<ResourceList>({ method: 'GET', path, signal }));
    const found = list?.resources.find(({ name }) => name === kind.resource);
    if (found === undefined) continue;
    const hasStatus = list?.resources.some(({ name }) => name === `${kind.resource}/status`) ?? false;
    return { ...kind, version, isNamespaced: found.namespaced, hasStatus, path };
  }
  return undefined;
}

/** The versions in which the API server serves the group; empty if it does not know the group. */
export async function servedVersions(api: ClusterApi, group: string, signal: AbortSignal): Promise<readonly string[]> {
  if (group === '') return ['v1'];
  const found = await orAbsent(
    api.call<{ versions: readonly { version: string }[] }>({ method: 'GET', path: `/apis/${group}`, signal }),
  );
  return found?.versions.map(({ version }) => version) ?? [];
}

/** The path that lists what a version of an API serves. */
export function apiPath(group: string, version: string): string {
  return group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
}

/** The collections of a kind that Tocsin watches: one for each namespace that is named. */
export function collectionPaths({ path, resource, namespaces }: ServedKind): readonly string[] {
  const scopes = namespaces.length === 0 ? [''] : namespaces.map((name) => `/namespaces/${name}`);
  return scopes.map((scope) => `${path}${scope}/${resource}`);
}

/** The HTTP status of a refused call; undefined if there was no answer. */
export function statusOf(error: unknown): number | undefined {
  return (error as { readonly status?: number | undefined } | undefined)?.status;
}

/** The same cluster, whose errors say what to do as well: the network and the API server say only what was wrong. */
export function advised(source: ClusterSource): ClusterSource {
  return {
    ...source,
    connect: async () => {
      const api = await source.connect();
      return { call: (call) => api.call<never>(call).catch(advise) };
    },
  };
}

function advise(error: Error): never {
  const status = statusOf(error);
  const remedy = remedyFor(error.message, status);
  const text = remedy === undefined ? error.message : `${error.message}; ${remedy}`;
  throw Object.assign(new Error(text, { cause: error }), { status });
}

function remedyFor(text: string, status: number | undefined): string | undefined {
  if (status === 401) return 'renew the credentials of the kubeconfig';
  if (status === 403) return 'grant this right, or give a user that has it with --kubeconfig, --context or --as';
  if (status !== undefined && status < 500) return undefined;
  if (/CERT|SELF_SIGNED|ISSUER/.test(text))
    return 'set certificate-authority-data of the cluster in the kubeconfig to the authority of this API server, or correct its server';
  return 'is the API server up, is the server of the cluster in the kubeconfig right, and does a proxy or a firewall stand in between?';
}

/** Undefined where the API server says that there is no such thing. */
export async function orAbsent<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}
