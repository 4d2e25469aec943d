import { kymaGroup } from '../reconcile/kyma-kinds.ts';
import { requestKey, type Request } from '../reconcile/ports.ts';
import { selects } from '../trigger/label-selector.ts';
import type {
  NeedState,
  ObjectChange,
  ObjectNeed,
  OwnerAnswer,
  TargetObject,
  TargetObjects,
} from '../trigger/ports.ts';
import type { LabelSelector } from '../trigger/trigger.ts';
import { requestOf } from './manifest-file.ts';
import type { ManifestKind } from './pipeline-manifest.ts';
import type { PipelineMemory } from './pipeline-memory.ts';

interface FolderTargetsOptions {
  readonly memory: Pick<PipelineMemory, 'get' | 'listAll' | 'manifests'>;
  /** Called when other kinds have to be read. */
  readonly onKinds: (kinds: readonly ManifestKind[]) => void;
}

/** The objects in the folder that triggers may choose: manifests of every kind that a trigger names. */
export class FolderTargets implements TargetObjects {
  readonly #options: FolderTargetsOptions;
  readonly #listeners: ((change: ObjectChange) => void)[] = [];
  #kinds = '[]';
  #isOpen = false;

  constructor(options: FolderTargetsOptions) {
    this.#options = options;
  }

  /** True once the folder has been read for the first time. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  opened(): void {
    this.#isOpen = true;
    this.changed({ kind: 'state' });
  }

  changed(change: ObjectChange): void {
    for (const listener of this.#listeners) listener(change);
  }

  require(needs: readonly ObjectNeed[]): void {
    const kinds = new Map<string, ManifestKind>();
    for (const { apiVersion, kind } of needs)
      if (!apiVersion.startsWith(`${kymaGroup}/`)) kinds.set(`${apiVersion} ${kind}`, { apiVersion, kind });
    const sorted = [...kinds].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, kind]) => kind);
    const text = JSON.stringify(sorted);
    if (text === this.#kinds) return;
    this.#kinds = text;
    this.#options.onKinds(sorted);
  }

  stateOf(): NeedState {
    return { state: this.#isOpen ? 'known' : 'pending' };
  }

  onChange(listener: (change: ObjectChange) => void): void {
    this.#listeners.push(listener);
  }

  /** Which kinds are cluster-scoped is not known here: a manifest without a namespace is found from every namespace. */
  requestOf(apiVersion: string, kind: string, namespace: string | undefined, name: string): Request {
    const inside = requestOf({ apiVersion, kind, name, ...(namespace !== undefined && { namespace }) });
    const { manifests } = this.#options.memory;
    if (namespace === undefined || manifests.has(requestKey(inside))) return inside;
    const outside = requestOf({ apiVersion, kind, name });
    return apiVersion.startsWith(`${kymaGroup}/`) || manifests.has(requestKey(outside)) ? outside : inside;
  }

  select(
    apiVersion: string,
    kind: string,
    namespace: string | undefined,
    selector: LabelSelector,
  ): readonly TargetObject[] {
    const { group } = requestOf({ apiVersion, kind, name: 'any' });
    return this.#options.memory
      .listAll()
      .filter((request) => request.kind === kind && request.group === group)
      .filter((request) => namespace === undefined || (request.namespace ?? namespace) === namespace)
      .map((request) => this.get(request)!)
      .filter(({ labels }) => selects(selector, labels));
  }

  get(request: Request): TargetObject | undefined {
    const pipeline = this.#options.memory.get(request);
    return pipeline === undefined ? undefined : { request, pipeline, labels: pipeline.labels ?? {} };
  }

  ownerOf(namespace: string, pod: string): Promise<OwnerAnswer> {
    return Promise.resolve({
      owner: undefined,
      reason: `what owns pod ${pod} in namespace ${namespace} is known in a cluster only, and here is none`,
    });
  }
}
