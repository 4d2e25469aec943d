import type { ApiClient } from '../api/api-client.ts';
import { ApiError } from '../api/api-error.ts';
import { keptNothing } from '../kept-object.ts';
import type { WriteFailures } from './write-failures.ts';
import { resourceOf, type WriteTarget } from './condition-writer.ts';

export interface AnnotationWriterOptions {
  readonly client: Pick<ApiClient, 'call'>;
  readonly failures: WriteFailures;
}

/** The object itself, or the template of its pods: then it replaces its pods. */
export type AnnotatedPart = 'object' | 'podTemplate';

/** The API server refuses to change a UID: the object is a successor of the same name. */
function isAnother({ status, message }: ApiError): boolean {
  return status === 422 && message.includes('metadata.uid');
}

const manifest = 'k8s/components/annotate';

/** Sets annotations on objects with a merge patch, which touches nothing else and does not conflict with other writes. */
export class AnnotationWriter {
  readonly #options: AnnotationWriterOptions;

  constructor(options: AnnotationWriterOptions) {
    this.#options = options;
  }

  /** False if the object is gone. Rejects with the error that {@link WriteFailures.explain} makes of the server's answer. */
  async write(
    target: WriteTarget,
    annotations: Readonly<Record<string, string>>,
    signal: AbortSignal,
    on: AnnotatedPart = 'object',
  ): Promise<boolean> {
    const contentType = 'application/merge-patch+json';
    const { uid } = target;
    const onObject = on === 'object' ? { annotations } : {};
    const metadata = { ...(uid !== undefined && { uid }), ...onObject };
    const body = { metadata, ...(on === 'podTemplate' && { spec: { template: { metadata: { annotations } } } }) };
    try {
      await this.#options.client.call({
        method: 'PATCH',
        path: target.path,
        contentType,
        body,
        keep: keptNothing,
        signal,
      });
      return true;
    } catch (error) {
      if (error instanceof ApiError && (error.status === 404 || isAnother(error))) return false;
      const right = { verb: 'patch', resource: resourceOf(target), manifest } as const;
      throw this.#options.failures.explain(error, right, target.path);
    }
  }
}
