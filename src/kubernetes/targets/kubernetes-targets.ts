import type { LabelSelector } from '../../trigger/trigger.ts';
import type {
  NeedState,
  ObjectChange,
  ObjectNeed,
  ConditionAuthor,
  OwnerAnswer,
  TargetObject,
  TargetObjects,
} from '../../trigger/ports.ts';
import {
  requestKey,
  type Condition,
  type ConditionChange,
  type Pipeline,
  type Request,
} from '../../reconcile/ports.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { UrgentSignals } from '../../runtime/deadline.ts';
import type { ApiClient } from '../api/api-client.ts';
import { requestGroup } from '../api-object.ts';
import type { ObjectMemory } from '../kept-object.ts';
import { asWritten } from '../pipeline-object.ts';
import type { CacheChange } from '../watch/watch-cache.ts';
import type { ReflectorMetrics } from '../watch/reflector-report.ts';
import type { AnnotatedPart } from '../write/annotation-writer.ts';
import type { ObjectWriter } from '../write/object-writer.ts';
import { OwnWrites, WrittenUids } from '../write/own-writes.ts';
import { stateOfFailure, stateOfUnknownKind, textOfState, tooManyWatches, withoutStatus } from './need-state.ts';
import { readConditionAuthor } from './condition-author.ts';
import { MetadataReads } from './metadata-reads.ts';
import { Owners } from './owners.ts';
import type { KnownKind } from './kind-discovery.ts';
import { TargetKinds } from './target-kinds.ts';
import {
  asTargetObject,
  hasChanged,
  hasLostCondition,
  requestOfPipeline,
  unwatchedTarget,
  type CachedTarget,
} from './target-object.ts';
import { Selections } from './selections.ts';
import { TargetWatches } from './target-watches.ts';
import { planWatches } from './watch-plan.ts';
import { WriteRefusals, type WrittenPart } from './write-refusals.ts';

export interface KubernetesTargetsOptions extends Runtime {
  readonly client: Pick<ApiClient, 'call' | 'open'>;
  readonly metrics: ReflectorMetrics;
  readonly writer: ObjectWriter;
  /** The signals of callers that go before others. */
  readonly urgent?: UrgentSignals | undefined;
  /** For all that is kept of these objects, and of those that were read to find owners. */
  readonly memory: ObjectMemory;
  /** For tests. */
  readonly pageLimit?: number;
  readonly idleMs?: number;
  readonly random?: () => number;
}

/** The objects of a cluster that triggers may choose. Nothing is asked of the API server before a trigger needs it. */
export class KubernetesTargets implements TargetObjects {
  readonly #options: KubernetesTargetsOptions;
  readonly #kinds: TargetKinds;
  readonly #watches: TargetWatches;
  readonly #reads: MetadataReads;
  readonly #owners: Owners;
  readonly #refusals = new WriteRefusals(() => this.#tellStates());
  readonly #ownWrites = new OwnWrites<CachedTarget>();
  /** Of objects that are not watched. */
  readonly #writtenUids = new WrittenUids();
  readonly #selections = new Selections();
  readonly #listeners: ((change: ObjectChange) => void)[] = [];
  #needs: readonly ObjectNeed[] = [];
  #needed = '';
  /** Those that were told last. */
  #states = '';

  constructor(options: KubernetesTargetsOptions) {
    this.#options = options;
    this.#kinds = new TargetKinds({ ...options, onChange: () => this.#replan() });
    this.#watches = new TargetWatches({
      ...options,
      kinds: this.#kinds,
      onChange: (change) => this.#tellObject(change),
      onState: () => this.#replan(),
    });
    this.#reads = new MetadataReads({ ...options, memory: options.memory.share() });
    this.#owners = new Owners({ kinds: this.#kinds, reads: this.#reads, cache: this.#reads.cache });
  }

  require(needs: readonly ObjectNeed[]): void {
    const distinct = new Map<string, ObjectNeed>();
    for (const need of needs) distinct.set(`${need.apiVersion} ${need.kind} ${need.namespace ?? ''} ${need.of}`, need);
    // Whoever hears of a state may say again what is needed: the same needs make no news.
    const needed = [...distinct.keys()].toSorted().join('\n');
    if (needed === this.#needed) return;
    this.#needed = needed;
    this.#needs = [...distinct.values()];
    this.#kinds.require(
      this.#needs.map(({ apiVersion, kind, of }) => ({ apiVersion, kind, withStatus: of === 'conditions' })),
    );
    this.#replan();
  }

  onChange(listener: (change: ObjectChange) => void): void {
    this.#listeners.push(listener);
  }

  stateOf(need: ObjectNeed): NeedState {
    const kind = this.#kinds.stateOf(need);
    if (kind.state !== 'found') return stateOfUnknownKind(need, kind);
    const { found } = kind;
    if (need.of === 'conditions' && !found.hasStatus) return withoutStatus(need);
    return this.#refusals.stateOf(need, found) ?? this.#watchState(need, found);
  }

  requestOf(apiVersion: string, kind: string, namespace: string | undefined, name: string): Request | undefined {
    const found = this.#kinds.find({ apiVersion, kind });
    if (found === undefined || (found.isNamespaced && namespace === undefined)) return undefined;
    const scope = found.isNamespaced && namespace !== undefined ? { namespace } : {};
    return { kind, ...requestGroup(apiVersion), ...scope, name };
  }

  select(
    apiVersion: string,
    kind: string,
    namespace: string | undefined,
    selector: LabelSelector,
  ): readonly TargetObject[] {
    const found = this.#kinds.find({ apiVersion, kind });
    if (found === undefined) return [];
    const scope = found.isNamespaced ? namespace : undefined;
    return this.#selections
      .find(found, scope, selector, () => this.#watches.list(found, scope))
      .flatMap((request) => this.get(request) ?? []);
  }

  get(request: Request): TargetObject | undefined {
    const found = this.#find(request);
    return found && asTargetObject(this.#options.writer.doubted(found));
  }

  ownerOf(namespace: string, pod: string, kind: string | undefined, signal: AbortSignal): Promise<OwnerAnswer> {
    return this.#owners.ownerOf(namespace, pod, kind, signal);
  }

  async authorOf(
    request: Request,
    condition: Pick<Condition, 'type' | 'reason'>,
    signal: AbortSignal,
  ): Promise<ConditionAuthor | undefined> {
    const path = this.#find(request)?.path;
    return path === undefined ? undefined : readConditionAuthor(this.#options.client, path, condition, signal);
  }

  /** As the home's. */
  async updateConditions(request: Request, change: ConditionChange, signal: AbortSignal): Promise<boolean> {
    const object = this.#find(request);
    if (object === undefined) return false;
    const { writer } = this.#options;
    let isThere = false;
    const noticed: ConditionChange = (current) => {
      isThere = true;
      return change(current);
    };
    const written = await this.#refusals.observe(request, 'status', () =>
      writer.updateConditions(object, noticed, signal),
    );
    if (written === undefined) return isThere ? false : this.#isGone(object);
    const key = requestKey(request);
    const uid = written.metadata.uid ?? '';
    if (object.resourceVersion === '') this.#writtenUids.add(key, uid);
    else this.#ownWrites.add(key, { ...object, ...asWritten(object, written) });
    return true;
  }

  /** As the home's. */
  async annotate(
    request: Request,
    annotations: Readonly<Record<string, string>>,
    signal: AbortSignal,
    on: AnnotatedPart = 'object',
  ): Promise<boolean> {
    const object = this.#find(request);
    if (object === undefined) return false;
    const { writer } = this.#options;
    const isThere = await this.#refusals.observe(request, 'object', () =>
      writer.annotate(object, annotations, signal, on),
    );
    return isThere || this.#isGone(object);
  }

  /** Does a write into an object that is a pipeline as well, and remembers whether the right to it is missing. */
  observe<T>(request: Request, part: WrittenPart, write: () => Promise<T>): Promise<T> {
    return this.#refusals.observe(request, part, write);
  }

  /** The same object with its UID, if that is known from a write. */
  identified(pipeline: Pipeline): Pipeline {
    const uid = pipeline.uid ?? this.#writtenUids.get(requestKey(requestOfPipeline(pipeline)));
    return uid === undefined ? pipeline : { ...pipeline, uid };
  }

  /** Resolves when nothing is running any more. */
  async close(): Promise<void> {
    this.#reads.close();
    await Promise.all([this.#kinds.close(), this.#watches.close()]);
  }

  /** Nothing was written into an object. If nobody watches it, it may be another one by now, or its kind may be gone. */
  #isGone({ path, pipeline, resourceVersion }: CachedTarget): false {
    if (resourceVersion !== '') return false;
    this.#reads.cache.forget(path);
    this.#kinds.doubt(pipeline);
    return false;
  }

  /** Once its watch is synced, an object that it does not show does not exist. */
  #find(request: Request): CachedTarget | undefined {
    const kind = this.#kinds.ofRequest(request);
    if (kind === undefined) return undefined;
    const watched = this.#watches.find(kind, request);
    if (watched !== undefined) return this.#latest(watched);
    const isWatched = this.#watches.covering(kind, request.namespace).some(({ isSynced }) => isSynced);
    if (isWatched) return undefined;
    const unwatched = unwatchedTarget(kind, request);
    const seen = this.#reads.cache.lastSeen(unwatched.path);
    return seen === undefined ? unwatched : unwatchedTarget(kind, request, seen);
  }

  #latest(object: CachedTarget): CachedTarget {
    return this.#ownWrites.latest(requestKey(object.request), object) ?? object;
  }

  #watchState({ namespace, of }: ObjectNeed, kind: KnownKind): NeedState {
    if (of === 'none') return { state: 'known' };
    const scope = kind.isNamespaced ? namespace : undefined;
    const watches = this.#watches.covering(kind, scope);
    if (watches.some(({ isSynced, failure }) => isSynced && failure?.status !== 403)) return { state: 'known' };
    const failed = watches.find(({ failure }) => failure !== undefined);
    if (failed !== undefined) return stateOfFailure(failed);
    if (watches.length > 0 || !this.#watches.isRefused(kind, scope)) return { state: 'pending' };
    return tooManyWatches();
  }

  #replan(): void {
    this.#selections.forgetAll();
    this.#watches.use(
      planWatches(this.#needs, {
        find: (ref) => this.#kinds.find(ref),
        isForbidden: (kind) => this.#watches.isForbidden(kind),
      }),
    );
    this.#tellStates();
  }

  /** Whoever hears of a state may say again what is needed, so nothing is told if nothing is new. */
  #tellStates(): void {
    const states = this.#needs.map((need) => textOfState(this.stateOf(need))).join('\n');
    if (states === this.#states) return;
    this.#states = states;
    this.#tell({ kind: 'state' });
  }

  /** The status of an object changes often, and chooses nothing. */
  #tellObject(change: CacheChange<CachedTarget>): void {
    const isStatus = change.kind === 'changed' && !hasChanged(change.before, change.after);
    const { request, pipeline } = change.kind === 'deleted' ? change.before : change.after;
    if (!isStatus) this.#selections.forget(pipeline);
    if (change.kind === 'deleted') return this.#tell({ kind: 'removed', request });
    if (change.kind === 'added' || change.before.uid !== change.after.uid)
      return this.#tell({ kind: 'added', request });
    if (!isStatus || hasLostCondition(change.before, change.after)) this.#tell({ kind: 'changed', request });
  }

  #tell(change: ObjectChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}
