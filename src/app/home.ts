import type { Config } from '../config/config.ts';
import type { Annotator, PipelineChange, Pipelines, TransitionRecorder } from '../reconcile/ports.ts';
import { PipelineFolder } from '../standalone/pipeline-folder.ts';
import type { Runtime } from '../runtime/runtime.ts';

/** Where pipelines live, and what else can be done there: a cluster or a folder. */
export interface Home extends Pipelines {
  /** The kinds that are known before there is a pipeline. */
  readonly kinds: readonly string[];
  /** Where transitions are recorded, if there is such a place. */
  readonly transitions?: TransitionRecorder | undefined;
  /** What the action `annotate` needs. */
  readonly annotator?: Annotator | undefined;
  /** Rejects with an error whose message is for the user, if no later try could be better. */
  open(): Promise<void>;
  /** Resolves once every pipeline is known. Never rejects. */
  synced(): Promise<void>;
  /** What keeps it from being synced; undefined if nothing is known of it. Fit for everybody's eyes. */
  trouble?(): string | undefined;
  /** @param timeoutMs that there is for it */
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

/** Pipelines in a folder of manifests; their statuses are in the storage folder. */
export function folderHome(folder: string): CreateHome {
  return (context) => new PipelineFolder({ ...context, folder, storage: context.storagePath });
}

/**
 * Pipelines in a cluster. The client is loaded only here: it takes time and memory, which standalone does not pay.
 * @param access as `chooseHome` found it
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
