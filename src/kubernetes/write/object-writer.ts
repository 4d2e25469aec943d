import type { ConditionChange } from '../../reconcile/ports.ts';
import { TerminalError } from '../../reconcile/errors.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { ApiClient } from '../api/api-client.ts';
import type { ApiObject } from '../api-object.ts';
import type { CachedPipeline } from '../pipeline-object.ts';
import { AnnotationWriter, type AnnotatedPart } from './annotation-writer.ts';
import { ConditionWriter, createConflictMetric, resourceOf, type WriteTarget } from './condition-writer.ts';
import { Doubts } from './own-writes.ts';
import { WriteFailures } from './write-failures.ts';

export interface ObjectWriterOptions extends Pick<Runtime, 'clock' | 'logger' | 'registry'> {
  readonly client: Pick<ApiClient, 'call'>;
}

/** Those whose controllers replace the pods when the template changes. */
const restartable: ReadonlySet<string> = new Set(['deployments.apps', 'statefulsets.apps', 'daemonsets.apps']);

/** Writes into objects of any kind, from what the cache knows of them. One for an app: refusals are counted together. */
export class ObjectWriter {
  readonly #conditions: ConditionWriter;
  readonly #annotations: AnnotationWriter;
  readonly #doubts = new Doubts();

  constructor(options: ObjectWriterOptions) {
    const failures = new WriteFailures(options);
    const conflicted = createConflictMetric(options.registry);
    this.#conditions = new ConditionWriter({ ...options, failures, conflicted, doubts: this.#doubts });
    this.#annotations = new AnnotationWriter({ ...options, failures });
  }

  /** The object, marked if more may have been written into it than it shows. */
  doubted<T extends CachedPipeline>(object: T): T {
    if (!this.#doubts.has(object)) return object;
    return { ...object, pipeline: { ...object.pipeline, isDoubtful: true }, hasAllConditions: false };
  }

  /** As {@link ConditionWriter.write}. */
  updateConditions(
    object: CachedPipeline,
    change: ConditionChange,
    signal: AbortSignal,
  ): Promise<ApiObject | undefined> {
    return this.#conditions.write(writeTarget(this.doubted(object)), change, signal);
  }

  /** As {@link AnnotationWriter.write}. Rejects with a TerminalError if the object has no pods that a template makes. */
  async annotate(
    object: CachedPipeline,
    annotations: Readonly<Record<string, string>>,
    signal: AbortSignal,
    on: AnnotatedPart = 'object',
  ): Promise<boolean> {
    const target = writeTarget(object);
    if (on === 'podTemplate' && !restartable.has(resourceOf(target))) {
      const allowed = 'a Deployment, a StatefulSet or a DaemonSet of apps can be';
      throw new TerminalError(
        `${target.path}: ${object.request.kind} cannot be restarted by its pod template; ${allowed}`,
      );
    }
    return this.#annotations.write(target, annotations, signal, on);
  }
}

function writeTarget({ path, uid, pipeline, hasAllConditions, resourceVersion }: CachedPipeline): WriteTarget {
  const { conditions } = pipeline;
  const known = hasAllConditions ? { known: { conditions, resourceVersion } } : {};
  return { path, resourceVersion, ...(uid !== '' && { uid }), ...known };
}
