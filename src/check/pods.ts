import { statusOf, type ClusterApi, type ClusterSource } from './cluster.ts';
import { ok, problem, skipped, type Category, type Check, type Outcome } from './check.ts';

/** The label that every object of the installation has. */
const labelSelector = 'app.kubernetes.io/name=tocsin';
/** More pods than an installation has, even while it rolls. */
const mostPods = 50;

/** The part of a Pod that says whether it runs, and with which configuration. */
export interface Pod {
  readonly metadata: {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec?: { readonly containers?: readonly Container[]; readonly volumes?: readonly Volume[] };
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly message?: string;
    readonly conditions?: readonly PodCondition[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

export interface Container {
  readonly args?: readonly string[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly subPath?: string }[];
}

interface Volume {
  readonly name: string;
  readonly configMap?: {
    readonly name?: string;
    readonly items?: readonly { readonly key: string; readonly path: string }[];
  };
}

interface PodCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

interface ContainerStatus {
  readonly name: string;
  readonly ready: boolean;
  readonly restartCount: number;
  readonly state?: { readonly waiting?: Reason };
  readonly lastState?: { readonly terminated?: Reason & { readonly exitCode: number } };
}

interface Reason {
  readonly reason?: string;
  readonly message?: string;
}

interface Service {
  readonly metadata: { readonly name: string };
  readonly spec?: { readonly type?: string };
}

/** The pods of Tocsin and its Services, as the cluster sees them. */
export function pods(source: ClusterSource): Category {
  return {
    name: 'tocsin-pods',
    needs: ['kubernetes-api'],
    whyNot: () => source.whyNot,
    checks: [
      podCheck(source, 'pods-exist', 'there are pods of Tocsin', () => []),
      podCheck(source, 'pods-scheduled', 'each pod has a node', unscheduled),
      podCheck(source, 'pods-started', 'each container is running', notStarted),
      podCheck(source, 'pods-ready', 'each pod is ready', notReady),
      {
        id: 'service-closed',
        description: 'no Service opens Tocsin to the outside without a password',
        warning: true,
        run: ({ signal }) => closed(source, signal),
      },
    ],
  };
}

type Problems = (pod: Pod) => readonly string[];

function podCheck(source: ClusterSource, id: string, description: string, problemsOf: Problems): Check {
  const run: Check['run'] = async ({ signal }) => {
    const api = await source.connect();
    const found = await podsOf(api, source, signal);
    if ('outcome' in found) return found.outcome;
    const problems: string[] = [];
    for (const pod of found.pods)
      for (const text of problemsOf(pod)) problems.push(text, ...(await lastEvent(api, source.namespace, pod, signal)));
    return problems.length === 0 ? ok(...found.pods.map(({ metadata }) => metadata.name)) : problem(problems);
  };
  return { id, description, run, retryable: true, surfacesProblem: true };
}

type FoundPods = { readonly pods: readonly Pod[] } | { readonly outcome: Outcome };

/** The pods of Tocsin, or what to say where there are none to look at. */
export async function podsOf(api: ClusterApi, source: ClusterSource, signal: AbortSignal): Promise<FoundPods> {
  const { namespace, isNamespaceGiven } = source;
  const items = await listed<Pod>(api, `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`, signal);
  if (items === undefined)
    return { outcome: skipped(`whoever the kubeconfig names may not list the pods in namespace ${namespace}`) };
  if (items.length > 0) return { pods: items };
  const none = `there is no pod with the label ${labelSelector} in namespace ${namespace}`;
  // Tocsin may as well run beside the cluster.
  if (!isNamespaceGiven) return { outcome: skipped(`${none}; -n names another`) };
  const remedy =
    'is it installed there, and does its Deployment have a replica? kubectl describe deployment,replicaset says why not';
  return { outcome: problem(`${none}: ${remedy}`) };
}

/** The objects of Tocsin in a collection; undefined if they may not be read. */
export async function listed<T>(api: ClusterApi, path: string, signal: AbortSignal): Promise<readonly T[] | undefined> {
  try {
    const query = { labelSelector, limit: mostPods };
    return (await api.call<{ items: readonly T[] }>({ method: 'GET', path, query, signal })).items;
  } catch (error) {
    if (statusOf(error) === 403) return undefined;
    throw error;
  }
}

function unscheduled({ metadata, status }: Pod): readonly string[] {
  const scheduled = status?.conditions?.find(({ type }) => type === 'PodScheduled');
  if (status?.phase !== 'Pending' || scheduled?.status === 'True') return [];
  const { reason = 'Pending', message = 'the scheduler has not looked at it yet' } = scheduled ?? {};
  return [`pod ${metadata.name}: ${reason}: ${message}`];
}

/** Waiting for these is what a start is. */
const starting = new Set(['ContainerCreating', 'PodInitializing']);

function notStarted({ metadata, status }: Pod): readonly string[] {
  const containers = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  return containers.flatMap(({ name, state, lastState, restartCount }) => {
    const waiting = state?.waiting;
    if (waiting?.reason === undefined || starting.has(waiting.reason)) return [];
    const ended = lastState?.terminated;
    const last =
      ended && `; it ended with ${ended.exitCode} (${[ended.reason, ended.message].filter(Boolean).join(': ')})`;
    const told = [waiting.reason, waiting.message].filter(Boolean).join(': ');
    const log = ended === undefined ? '' : `: kubectl logs ${metadata.name} --previous`;
    return [`pod ${metadata.name}, container ${name}: ${told}; ${restartCount} restarts${last ?? ''}${log}`];
  });
}

function notReady({ metadata, status = {} }: Pod): readonly string[] {
  const { phase = 'unknown', conditions = [] } = status;
  const ready = conditions.find(({ type }) => type === 'Ready');
  if (ready?.status === 'True' || phase === 'Succeeded') return [];
  const why = [ready?.reason ?? status.reason, ready?.message ?? status.message].filter(Boolean).join(': ');
  return [`pod ${metadata.name} is ${phase} and not ready: ${why || 'nothing says why'}`];
}

interface CoreEvent {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTimestamp?: string | null;
  readonly eventTime?: string | null;
}

/** The newest warning about a pod, in a line; empty if there is none, or if it may not be read. */
async function lastEvent(
  api: ClusterApi,
  namespace: string,
  { metadata: { name } }: Pod,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/events`;
  const query = { fieldSelector: `involvedObject.name=${name},type=Warning`, limit: mostPods };
  const items = await api.call<{ items: readonly CoreEvent[] }>({ method: 'GET', path, query, signal }).then(
    (list) => list.items,
    () => [],
  );
  const newest = items.toSorted((one, other) => timeOf(one).localeCompare(timeOf(other))).at(-1);
  return newest === undefined ? [] : [`  its last event: ${newest.reason ?? 'Warning'}: ${newest.message ?? ''}`];
}

function timeOf({ lastTimestamp, eventTime }: CoreEvent): string {
  return lastTimestamp ?? eventTime ?? '';
}

async function closed(source: ClusterSource, signal: AbortSignal): Promise<Outcome> {
  const api = await source.connect();
  const path = `/api/v1/namespaces/${encodeURIComponent(source.namespace)}/services`;
  const services = await listed<Service>(api, path, signal);
  if (services === undefined)
    return skipped(`whoever the kubeconfig names may not list the Services in namespace ${source.namespace}`);
  const open = services.filter(({ spec }) => spec?.type === 'LoadBalancer' || spec?.type === 'NodePort');
  if (open.length === 0) return ok(...services.map(({ metadata }) => metadata.name));
  const found = await podsOf(api, source, signal);
  const hasDoor = 'pods' in found && found.pods.every(asksWhoComes);
  const shown = open.map(({ metadata, spec }) => `Service ${metadata.name} has the type ${spec?.type}`).join('; ');
  if (hasDoor) return ok(`${shown}; --web.config.file says who may come in`);
  return problem(
    `${shown}, and Tocsin runs without --web.config.file: whoever reaches it can send alerts and silence them. ` +
      'Make it ClusterIP, or set a password (docs/web-configuration.md)',
  );
}

function asksWhoComes({ spec }: Pod): boolean {
  return (spec?.containers ?? []).some(({ args = [] }) => args.some((arg) => arg.startsWith('--web.config.file')));
}
