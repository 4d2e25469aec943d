import { orAbsent, type ClusterApi, type ClusterSource, type ServedKind } from './cluster.ts';
import { ok, problem, skipped, type Category, type Outcome } from './check.ts';
import { servedKinds } from './kinds.ts';

/** One right, in the words of RBAC. */
export interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string;
  /** Undefined: in all namespaces, or the resource is cluster-scoped. */
  readonly namespace?: string | undefined;
  /** Which object, if the right is about one alone. */
  readonly name?: string;
}

const eventsGroup = 'events.k8s.io';
const reader = 'k8s/base/cluster-role-reader.yaml';
const writer = 'k8s/base/cluster-role-writer.yaml';
const annotator = 'k8s/components/annotate';

/** Exactly what `controller.action` needs, asked for whoever the kubeconfig or the ServiceAccount is. */
export function rights(source: ClusterSource): Category {
  return {
    name: 'rights',
    needs: ['kinds'],
    whyNot: () => source.whyNot,
    checks: [
      {
        id: 'rights-read',
        description: 'may get, list and watch the pipelines',
        run: async ({ signal }) => {
          const kinds = await servedKinds(source, signal);
          return allowed(source, [...readRights(kinds)], reader, signal);
        },
      },
      {
        id: 'rights-write',
        description: 'may write what controller.action writes',
        run: async ({ signal }) => mayWrite(source, signal),
      },
      {
        id: 'rights-events',
        description: 'may write Events',
        run: async ({ signal }) => {
          const { action } = await source.settings(signal);
          if (action !== 'condition') return skipped(`controller.action is ${action}, which writes no Events`);
          return allowed(source, eventRights(await servedKinds(source, signal)), writer, signal);
        },
      },
    ],
  };
}

async function mayWrite(source: ClusterSource, signal: AbortSignal): Promise<Outcome> {
  const { action } = await source.settings(signal);
  const kinds = await servedKinds(source, signal);
  switch (action) {
    case 'condition':
      return allowed(source, [...rightsOn(kinds, 'patch', 'status')], writer, signal);
    case 'annotate':
      return allowed(source, [...rightsOn(kinds, 'patch')], annotator, signal);
    case 'log':
      return skipped('controller.action is log, which writes nothing');
  }
}

function* readRights(kinds: readonly ServedKind[]): Generator<Right, void> {
  for (const verb of ['get', 'list', 'watch']) yield* rightsOn(kinds, verb);
}

function* rightsOn(kinds: readonly ServedKind[], verb: string, subresource?: string): Generator<Right, void> {
  for (const { group, resource, namespaces } of kinds)
    for (const namespace of namespaces.length === 0 ? [undefined] : namespaces)
      yield { verb, group, resource, namespace, ...(subresource !== undefined && { subresource }) };
}

/** An Event is beside its object; that of a cluster-scoped object is in `default`. */
function eventRights(kinds: readonly ServedKind[]): readonly Right[] {
  const namespaces = kinds.flatMap(({ isNamespaced, namespaces: named }): readonly (string | undefined)[] => {
    if (!isNamespaced) return ['default'];
    return named.length === 0 ? [undefined] : named;
  });
  return [...new Set(namespaces)].flatMap((namespace) =>
    ['create', 'patch'].map((verb) => ({ verb, group: eventsGroup, resource: 'events', namespace })),
  );
}

/** @param manifest the file of `k8s/` that grants these rights */
async function allowed(
  source: ClusterSource,
  wanted: readonly Right[],
  manifest: string,
  signal: AbortSignal,
): Promise<Outcome> {
  const api = await source.connect();
  const [user, missing] = await Promise.all([userOf(api, signal), missingRights(api, wanted, signal)]);
  if (missing.length === 0) return ok(`as ${user ?? 'the user of the kubeconfig'}`, ...wanted.map(showRight));
  return problem([
    `${user ?? 'the user of the kubeconfig'} may not: ${missing.map(showRight).join('; ')}`,
    `${manifest} grants it to the ServiceAccount of Tocsin`,
  ]);
}

/** Those that the API server says are not granted. Nothing is tried. */
export async function missingRights(
  api: ClusterApi,
  wanted: readonly Right[],
  signal: AbortSignal,
): Promise<readonly Right[]> {
  const answers = await Promise.all(
    wanted.map(async (right) => ((await isAllowed(api, right, signal)) ? [] : [right])),
  );
  return answers.flat();
}

interface AccessReview {
  readonly status?: { readonly allowed?: boolean };
}

async function isAllowed(api: ClusterApi, right: Right, signal: AbortSignal): Promise<boolean> {
  const body = {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: right },
  };
  const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
  const { status } = await api.call<AccessReview>({ method: 'POST', path, body, signal });
  return status?.allowed === true;
}

interface SubjectReview {
  readonly status?: { readonly userInfo?: { readonly username?: string } };
}

/** Who asks; undefined before Kubernetes 1.28. */
export async function userOf(api: ClusterApi, signal: AbortSignal): Promise<string | undefined> {
  const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  const review = await orAbsent(api.call<SubjectReview>({ method: 'POST', path, body, signal }));
  return review?.status?.userInfo?.username;
}

/** As `kubectl auth can-i` takes it: `patch tracepipelines.telemetry.kyma-project.io/status -n default`. */
export function showRight({ verb, group, resource, subresource, namespace }: Right): string {
  const name = `${resource}${group === '' ? '' : `.${group}`}${subresource === undefined ? '' : `/${subresource}`}`;
  return `${verb} ${name}${namespace === undefined ? '' : ` -n ${namespace}`}`;
}
