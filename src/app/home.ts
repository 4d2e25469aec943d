import { readFileSync } from 'node:fs';
import { Gauge, type Registry } from 'prom-client';
import type { Config } from '../config/config.ts';
import type { NamedServers } from '../config/tenant-configs.ts';
import type { Reviews } from '../access/reviews.ts';
import type { Annotator, PipelineChange, Pipelines, TransitionRecorder } from '../reconcile/ports.ts';
import type { ReflectorMetrics } from '../kubernetes/watch/reflector-report.ts';
import { PipelineFolder } from '../standalone/pipeline-folder.ts';
import type { TargetObjects, TriggerObserver, TriggerSink, TriggerStates } from '../trigger/ports.ts';
import type { Trigger } from '../trigger/trigger.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Leadership } from '../replica/leadership.ts';

/** The place where pipelines live, a cluster or a folder, with everything that can be done there. */
export interface Home extends Pipelines {
  /** The kinds that are known before any pipeline exists. */
  readonly kinds: readonly string[];
  /** The memory limit for what is kept of all pipelines, an estimate in bytes; undefined if it is little. */
  readonly maxObjectBytes?: number;
  /** Records transitions, if the home has a place for them. */
  readonly transitions?: TransitionRecorder | undefined;
  /** Counts the lists and watches of the cluster, if there is one. */
  readonly reflectors?: ReflectorMetrics | undefined;
  /** Judges tokens and rights, if there is a cluster. */
  readonly reviews?: Reviews | undefined;
  /** Needed by the action `annotate`. */
  readonly annotator?: Annotator | undefined;
  /** The objects that triggers may choose. Default: there are none. */
  readonly targets?: TargetObjects | undefined;
  /** The triggers that live here, if it is a cluster. */
  readonly triggers?: TriggerHome | undefined;
  /** Rejects, with an error whose message is for the user, if trying again cannot help. */
  open(): Promise<void>;
  /** Resolves once every pipeline is known. Never rejects. */
  synced(): Promise<void>;
  /** The reason why it is not synced; undefined if none is known. Safe to show to everybody. */
  trouble?(): string | undefined;
  /** @param timeoutMs the time for it */
  close(timeoutMs: number): Promise<void>;
}

/** Triggers that live in a cluster. */
export interface TriggerHome {
  /** Hears what becomes of them, for their status. */
  readonly observer: TriggerObserver;
  /** The triggers of namespaces that have opted out: they are not in force. */
  optedOut(): Iterable<Trigger>;
  /** Applies another configuration. */
  reconfigure(): Promise<void>;
}

export interface HomeContext extends Runtime {
  /** Gives the current configuration. */
  readonly config: () => Config;
  readonly storagePath: string;
  readonly version: string;
  /** Whether this process may write. */
  readonly leadership: Leadership;
  /** Called once all is synced, when the home already shows the change. */
  readonly onChange: (change: PipelineChange) => void;
  /** Where triggers that live here go. Default: they are not looked for. */
  readonly triggers?: { readonly sink: TriggerSink; readonly states: TriggerStates } | undefined;
}

export type CreateHome = (context: HomeContext) => Home;

/** Pipelines in a folder of manifests, with their statuses in the storage folder. */
export function folderHome(folder: string): CreateHome {
  return (context) => new PipelineFolder({ ...context, folder, storage: context.storagePath });
}

/**
 * Pipelines in a cluster. The client is loaded only here, because it takes time and memory that standalone need not pay.
 * @param access as found by `chooseHome`
 */
export async function kubernetesHome(access: {
  readonly kubeconfigs: readonly string[];
  readonly context?: string | undefined;
  /** See {@link NamedServers}. Default: any. */
  readonly servers?: NamedServers | undefined;
}): Promise<CreateHome> {
  const [{ createKubernetesPipelines }, { triggerSettings }] = await Promise.all([
    import('../kubernetes/create-kubernetes-pipelines.ts'),
    import('../kubernetes/trigger-resources/trigger-resources.ts'),
  ]);
  return (context) => {
    const { controller, lanes, pipelines } = context.config();
    const workers = controller.max_concurrent_reconciles + lanes.reserved_workers;
    const namespace = receiverNamespace();
    const settings = (): ReturnType<typeof triggerSettings> => triggerSettings(context.config().triggers, namespace);
    const triggers = context.triggers && { ...context.triggers, settings };
    return createKubernetesPipelines({ ...context, access, config: pipelines.kubernetes, workers, triggers });
  };
}

/** Judges tokens in a cluster. Loaded only here, as the client of {@link kubernetesHome}. */
export async function kubernetesReviews(access: {
  readonly kubeconfigs: readonly string[];
  readonly context?: string | undefined;
}): Promise<(context: Pick<Runtime, 'clock'> & { readonly version: string }) => Reviews & { close(): Promise<void> }> {
  const { createKubernetesReviews } = await import('../kubernetes/access/kubernetes-reviews.ts');
  return ({ clock, version }) => createKubernetesReviews({ access, clock, version });
}

/** The namespace in which Tocsin runs; undefined outside of a cluster. */
export function receiverNamespace(
  file = '/var/run/secrets/kubernetes.io/serviceaccount/namespace',
): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}

/** Whether Tocsin is ready. Until a cluster answers, which may be long, it is healthy but not ready, and remembers what arrives. */
export class Readiness {
  readonly #home: Pick<Home, 'synced' | 'trouble'>;
  #state: 'starting up' | 'shutting down' | undefined = 'starting up';

  constructor(home: Pick<Home, 'synced' | 'trouble'>, registry: Registry) {
    this.#home = home;
    const isReady = (): boolean => this.#state === undefined;
    new Gauge({
      registers: [registry],
      name: 'tocsin_ready',
      help: 'Whether Tocsin is ready, as /-/ready says.',
      // Of several tenants, one that is not ready is enough for an alarm.
      aggregator: 'min',
      collect() {
        this.set(isReady() ? 1 : 0);
      },
    });
  }

  /** The reason why it is not ready; undefined once it is. */
  get whyNot(): string | undefined {
    const trouble = this.#state === 'starting up' ? this.#home.trouble?.() : undefined;
    return trouble === undefined ? this.#state : `${this.#state}: ${trouble}`;
  }

  /** Resolves once every pipeline is known: to true, or to false if the shutdown has begun by then. Never rejects. */
  async isReached(): Promise<boolean> {
    await this.#home.synced();
    if (this.#state !== 'starting up') return false;
    this.#state = undefined;
    return true;
  }

  end(): void {
    this.#state = 'shutting down';
  }
}

const nothing = (): void => undefined;

/** A home without objects besides pipelines. */
export const noObjects: TargetObjects = {
  require: nothing,
  stateOf: () => ({
    state: 'unavailable',
    reason: 'NotInstalled',
    message: 'there are no objects besides pipelines here',
  }),
  onChange: nothing,
  requestOf: () => undefined,
  select: () => [],
  get: () => undefined,
  ownerOf: () => Promise.resolve({ owner: undefined, reason: 'without a cluster, nobody owns a pod' }),
};

export const quietObserver: TriggerObserver = { fired: nothing, suppressed: nothing, ran: nothing, changed: nothing };
