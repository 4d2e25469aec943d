import { orAbsent, statusOf, type ClusterApi, type ClusterSource } from './cluster.ts';
import { ok, problem, type Category, type Outcome } from './check.ts';
import { missingRights, showRight, userOf, type Right } from './rights.ts';

/** An object of the installation. */
export interface InstalledObject {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly resource: string;
  readonly isNamespaced: boolean;
  /** Undefined where the name ends in a hash, which cannot clash. */
  readonly name?: string;
}

const core = { group: '', version: 'v1', isNamespaced: true } as const;
const rbac = { group: 'rbac.authorization.k8s.io', version: 'v1', isNamespaced: false } as const;

/** Every object of `k8s/base`; a test compares them. */
export const baseObjects: readonly InstalledObject[] = [
  { ...core, kind: 'ServiceAccount', resource: 'serviceaccounts', name: 'tocsin' },
  { ...rbac, kind: 'ClusterRole', resource: 'clusterroles', name: 'tocsin-reader' },
  { ...rbac, kind: 'ClusterRole', resource: 'clusterroles', name: 'tocsin-writer' },
  { ...rbac, kind: 'ClusterRoleBinding', resource: 'clusterrolebindings', name: 'tocsin-reader' },
  { ...rbac, kind: 'ClusterRoleBinding', resource: 'clusterrolebindings', name: 'tocsin-writer' },
  { ...core, kind: 'ConfigMap', resource: 'configmaps' },
  { ...core, kind: 'Service', resource: 'services', name: 'tocsin' },
  { ...core, group: 'apps', kind: 'Deployment', resource: 'deployments', name: 'tocsin' },
  { ...core, group: 'policy', kind: 'PodDisruptionBudget', resource: 'poddisruptionbudgets', name: 'tocsin' },
];

/** The rules of both ClusterRoles. Whoever creates a role must hold its rights, or may escalate; a test compares them. */
export const grantedRules = {
  'tocsin-reader': [
    {
      apiGroups: ['telemetry.kyma-project.io'],
      resources: ['metricpipelines', 'tracepipelines', 'logpipelines'],
      verbs: ['get', 'list', 'watch'],
    },
  ],
  'tocsin-writer': [
    {
      apiGroups: ['telemetry.kyma-project.io'],
      resources: ['metricpipelines/status', 'tracepipelines/status', 'logpipelines/status'],
      verbs: ['patch'],
    },
    { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
  ],
} as const;

/** `tocsin check --pre`: whether it can be installed in this namespace. */
export function beforeInstallation(source: ClusterSource): Category {
  return {
    name: 'pre-installation',
    needs: ['kubernetes-api'],
    whyNot: () => source.whyNot,
    checks: [
      {
        id: 'pre-namespace',
        description: 'the namespace is there, or can be created',
        run: ({ signal }) => namespaceFits(source, signal),
      },
      {
        id: 'pre-rights',
        description: 'may create every object of the installation',
        run: ({ signal }) => mayInstall(source, signal),
      },
      {
        id: 'pre-roles',
        description: 'may grant the rights that Tocsin needs',
        run: ({ signal }) => mayGrant(source, signal),
      },
      {
        id: 'pre-names',
        description: 'no object of others has one of the names',
        run: ({ signal }) => namesAreFree(source, signal),
      },
      {
        id: 'pre-owner',
        description: 'no other installation of Tocsin is there',
        warning: true,
        run: ({ signal }) => notInstalled(source, signal),
      },
    ],
  };
}

interface Metadata {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly deletionTimestamp?: string;
}

interface FoundObject {
  readonly object: InstalledObject;
  readonly metadata: Metadata;
}

async function namespaceFits({ connect, namespace }: ClusterSource, signal: AbortSignal): Promise<Outcome> {
  const api = await connect();
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}`;
  const found = await orAbsent(api.call<{ metadata: Metadata }>({ method: 'GET', path, signal }));
  if (found?.metadata.deletionTimestamp !== undefined)
    return problem(`the namespace ${namespace} is being deleted: wait until it is gone, or choose another with -n`);
  if (found !== undefined) return ok(`${namespace} is there`);
  const missing = await missingRights(api, [{ verb: 'create', group: '', resource: 'namespaces' }], signal);
  if (missing.length === 0) return ok(`${namespace} can be created`);
  const user = (await userOf(api, signal)) ?? 'the user of the kubeconfig';
  return problem(
    `there is no namespace ${namespace}, and ${user} may not create namespaces: have it created, or name another with -n`,
  );
}

async function mayInstall({ connect, namespace }: ClusterSource, signal: AbortSignal): Promise<Outcome> {
  const api = await connect();
  const wanted: Right[] = [];
  for (const { group, resource, isNamespaced } of uniqueResources())
    for (const verb of ['get', 'create', 'patch'])
      wanted.push({ verb, group, resource, ...(isNamespaced && { namespace }) });
  const missing = await missingRights(api, wanted, signal);
  if (missing.length === 0) return ok(...wanted.map(showRight));
  const user = (await userOf(api, signal)) ?? 'the user of the kubeconfig';
  return problem([
    `${user} may not: ${missing.map(showRight).join('; ')}`,
    'have an administrator install it, or grant this',
  ]);
}

function uniqueResources(): readonly InstalledObject[] {
  return baseObjects.filter(
    ({ resource }, index) => baseObjects.findIndex((other) => other.resource === resource) === index,
  );
}

/** A trial that changes nothing: only the API server knows the rules of escalation. */
async function mayGrant({ connect }: ClusterSource, signal: AbortSignal): Promise<Outcome> {
  const api = await connect();
  const refusals = await Promise.all(
    Object.entries(grantedRules).map(async ([name, rules]) => {
      const metadata = { generateName: `${name}-check-` };
      const body = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata, rules };
      const path = '/apis/rbac.authorization.k8s.io/v1/clusterroles';
      try {
        await api.call({ method: 'POST', path, query: { dryRun: 'All' }, body, signal });
        return [];
      } catch (error) {
        if (statusOf(error) !== 403) throw error;
        return [`ClusterRole ${name}: ${(error as Error).message}`];
      }
    }),
  );
  const refused = refusals.flat();
  if (refused.length === 0) return ok();
  return problem([...refused, 'whoever creates a role must have its rights, or the verb escalate']);
}

async function namesAreFree(source: ClusterSource, signal: AbortSignal): Promise<Outcome> {
  const found = await existing(source, signal);
  const foreign = found.filter(({ metadata }) => !isOurs(metadata));
  if (foreign.length === 0) return ok();
  const shown = foreign.map(({ object }) => shownObject(object, source.namespace)).join(', ');
  return problem(`${shown}: there already, and not of Tocsin: rename it, or install Tocsin under other names`);
}

async function notInstalled(source: ClusterSource, signal: AbortSignal): Promise<Outcome> {
  const found = (await existing(source, signal)).filter(({ metadata }) => isOurs(metadata));
  if (found.length === 0) return ok();
  const owners = new Map<string, string[]>();
  for (const { object, metadata } of found) {
    const owner = ownerOf(metadata);
    owners.set(owner, [...(owners.get(owner) ?? []), shownObject(object, source.namespace)]);
  }
  const shown = [...owners].map(([owner, objects]) => `${objects.join(', ')}: installed ${owner}`);
  const remedy =
    owners.size === 1
      ? 'upgrade it in the same way, or remove it first: Helm and kubectl apply would fight over the same objects'
      : 'two owners fight over the same installation: remove one of them';
  return problem([...shown, remedy]);
}

async function existing({ connect, namespace }: ClusterSource, signal: AbortSignal): Promise<readonly FoundObject[]> {
  const api = await connect();
  const found = await Promise.all(baseObjects.map((object) => metadataOf(api, object, namespace, signal)));
  return found.filter((each) => each !== undefined);
}

/** Undefined if there is no such object, or if it may not be read, which {@link mayInstall} tells. */
async function metadataOf(
  api: ClusterApi,
  object: InstalledObject,
  namespace: string,
  signal: AbortSignal,
): Promise<FoundObject | undefined> {
  const { group, version, isNamespaced, resource, name } = object;
  if (name === undefined) return undefined;
  const scope = isNamespaced ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  const path = `${group === '' ? '/api' : `/apis/${group}`}/${version}${scope}/${resource}/${name}`;
  try {
    const { metadata } = await api.call<{ metadata: Metadata }>({ method: 'GET', path, signal });
    return { object, metadata };
  } catch (error) {
    if (statusOf(error) === 404 || statusOf(error) === 403) return undefined;
    throw error;
  }
}

/** Both ways of installation set this label. */
function isOurs({ labels }: Metadata): boolean {
  return labels?.['app.kubernetes.io/name'] === 'tocsin';
}

function ownerOf({ labels, annotations }: Metadata): string {
  const release = annotations?.['meta.helm.sh/release-name'];
  if (release !== undefined)
    return `by Helm, as the release ${release} in namespace ${annotations?.['meta.helm.sh/release-namespace'] ?? 'unknown'}`;
  return labels?.['app.kubernetes.io/managed-by'] === 'Helm' ? 'by Helm' : 'by kubectl apply or kustomize';
}

function shownObject({ kind, name = '', isNamespaced }: InstalledObject, namespace: string): string {
  return `${kind} ${isNamespaced ? `${namespace}/` : ''}${name}`;
}
