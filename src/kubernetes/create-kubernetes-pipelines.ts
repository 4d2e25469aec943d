import { hostname } from 'node:os';
import type { Config } from '../config/config.ts';
import type { PipelineChange } from '../reconcile/ports.ts';
import { logProxy, type Environment } from '../outbound/proxy-environment.ts';
import { clusterServer, loadKubeConfig, type ClusterAccess } from './api/kube-config.ts';
import { createKubernetesReviews } from './access/kubernetes-reviews.ts';
import { createApiClient } from './api/api-client.ts';
import { EventRecorder } from './write/event-recorder.ts';
import { EventReport, EventWriter, createEventMetrics } from './write/event-writer.ts';
import { ObjectMemory } from './kept-object.ts';
import { KubernetesTargets } from './targets/kubernetes-targets.ts';
import { maxTargetWatches } from './targets/watch-plan.ts';
import type { TriggerSink, TriggerStates } from '../trigger/ports.ts';
import { TriggerResources, type TriggerSettings } from './trigger-resources/trigger-resources.ts';
import { ObjectWriter } from './write/object-writer.ts';
import { KubernetesPipelines } from './kubernetes-pipelines.ts';
import { writeRateLine } from './call-rate.ts';
import type { WatchedResource } from './api-object.ts';
import { kymaResources } from './pipeline-object.ts';
import { createReflectorMetrics } from './watch/reflector-report.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { UrgentSignals } from '../runtime/deadline.ts';
import type { Leadership } from '../replica/leadership.ts';

export interface KubernetesHomeOptions extends Runtime {
  readonly access: ClusterAccess;
  readonly config: Config['pipelines']['kubernetes'];
  /** The number of concurrent reconciles. */
  readonly workers: number;
  /** The version of this program, for the User-Agent header. */
  readonly version: string;
  /** The signals of reconciles whose calls go before others. */
  readonly urgent?: UrgentSignals | undefined;
  readonly onChange: (change: PipelineChange) => void;
  /** Writes only while this leads. Default: it always does. */
  readonly leadership?: Leadership | undefined;
  /** Where the triggers of the cluster go. Default: they are not looked for. */
  readonly triggers?: TriggerConnections | undefined;
  /** The environment that may name a proxy. Default: that of the process. */
  readonly environment?: Environment;
}

/** What the triggers of the cluster are connected with. */
export interface TriggerConnections {
  readonly settings: () => TriggerSettings;
  readonly sink: TriggerSink;
  readonly states: TriggerStates;
}

/** The watches of triggers and namespaces. */
const triggerWatches = 3;

/** In addition to the connections of the watches. Each worker needs a connection, so that a write that hangs does not block another. */
const callConnections = 64;

/** The part of the memory for all watched objects that those may take that triggers choose, in bytes; pipelines have the rest for sure. */
const targetObjectsBytes = 20 * 1024 * 1024;

/** Pipelines in a cluster, with the client that they need. Nothing is connected before they are opened. */
export function createKubernetesPipelines(options: KubernetesHomeOptions): KubernetesPipelines {
  const { clock, config, leadership, logger, registry } = options;
  const resources = watchedResources(config.kinds);
  const client = createApiClient({
    ...options,
    qps: config.qps ?? undefined,
    burst: config.burst ?? undefined,
    onRate: (rate) => writeRateLine(logger, rate),
    maxConnections:
      Math.max(callConnections, options.workers + 8) + resources.length + maxTargetWatches + triggerWatches,
  });
  const metrics = createReflectorMetrics(registry);
  const memory = new ObjectMemory();
  const writer = new ObjectWriter({ client, clock, logger, registry });
  const count = createEventMetrics(registry, () => events.waiting);
  const events: EventWriter = new EventWriter({
    client,
    clock,
    leadership,
    report: new EventReport({ clock, logger, count }),
  });
  // In a pod, the host name is the pod's name.
  const recorder = new EventRecorder({ clock, writer: events, instance: hostname() });
  const parts = { ...options, client, metrics };
  const { triggers } = options;
  return new KubernetesPipelines({
    ...options,
    client,
    resources,
    reviews: createKubernetesReviews(options),
    metrics,
    writer,
    memory,
    targets: new KubernetesTargets({ ...parts, writer, memory: memory.part(targetObjectsBytes) }),
    triggers: triggers && new TriggerResources({ ...parts, ...triggers, events: recorder }),
    transitions: recorder,
    checkAccess: () => checkAccess(options),
  });
}

/** Rejects, with a line for the user, if no later try can succeed. */
async function checkAccess({ access, environment = process.env, logger }: KubernetesHomeOptions): Promise<void> {
  const cluster = (await loadKubeConfig(access)).getCurrentCluster();
  if (cluster === null) return;
  const { server, proxy } = clusterServer(cluster, environment);
  logProxy(logger, server, proxy);
}

/** One resource for each configured namespace. */
function watchedResources(kinds: KubernetesHomeOptions['config']['kinds']): readonly WatchedResource[] {
  if (kinds === null) return kymaResources;
  return kinds.flatMap(({ group, version, resource, namespaces, label_selector: labelSelector }) => {
    const watched = { group, versions: [version], resource, ...(labelSelector !== null && { labelSelector }) };
    return namespaces.length === 0 ? [watched] : namespaces.map((namespace) => ({ ...watched, namespace }));
  });
}
