import type { Config } from '../config/config.ts';
import type { Annotator, PipelineChange, Pipelines, TransitionRecorder } from '../reconcile/ports.ts';
import { PipelineFolder } from '../standalone/pipeline-folder.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** The place where pipelines live, a cluster or a folder, with everything that can be done there. */
export interface Home extends Pipelines {
  /** The kinds that are known before any pipeline exists. */
  readonly kinds: readonly string[];
  /** The memory limit for what is kept of all pipelines, an estimate in bytes; undefined if it is little. */
  readonly maxObjectBytes?: number;
  /** Records transitions, if the home has a place for them. */
  readonly transitions?: TransitionRecorder | undefined;
  /** Needed by the action `annotate`. */
  readonly annotator?: Annotator | undefined;
  /** Rejects, with an error whose message is for the user, if trying again cannot help. */
  open(): Promise<void>;
  /** Resolves once every pipeline is known. Never rejects. */
  synced(): Promise<void>;
  /** The reason why it is not synced; undefined if none is known. Safe to show to everybody. */
  trouble?(): string | undefined;
  /** @param timeoutMs the time for it */
  close(timeoutMs: number): Promise<void>;
}

export interface HomeContext extends Runtime {
  readonly config: Config;
  readonly storagePath: string;
  readonly version: string;
  /** Called once all is synced, when the home already shows the change. */
  readonly onChange: (change: PipelineChange) => void;
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
}): Promise<CreateHome> {
  const { createKubernetesPipelines } = await import('../kubernetes/create-kubernetes-pipelines.ts');
  return (context) => {
    const { controller, pipelines } = context.config;
    const workers = controller.max_concurrent_reconciles;
    return createKubernetesPipelines({ ...context, access, config: pipelines.kubernetes, workers });
  };
}
