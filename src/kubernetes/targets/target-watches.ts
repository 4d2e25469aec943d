import { requestKey, type Request } from '../../reconcile/ports.ts';
import type { CancelTimer } from '../../runtime/clock.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import type { ApiClient } from '../api/api-client.ts';
import type { ApiError } from '../api/api-error.ts';
import type { ObjectMemory } from '../kept-object.ts';
import { ReflectorReport, type ReflectorMetrics } from '../watch/reflector-report.ts';
import type { PhaseOutcome } from '../watch/reflector-steps.ts';
import { Reflector } from '../watch/reflector.ts';
import { isOlder, type CacheChange } from '../watch/watch-cache.ts';
import type { KnownKind } from './kind-discovery.ts';
import type { TargetKinds } from './target-kinds.ts';
import { collectionPath, conditionsReader, metadataReader, type CachedTarget } from './target-object.ts';
import { TargetWatchReport, type WatchFigures } from './target-watch-report.ts';
import { covers, maxTargetWatches, watchKey, type PlannedWatch, type WatchPlan } from './watch-plan.ts';

/** The label `resource` of the metrics of all these watches: teams may name any kind, and a metric needs a closed set of labels. */
export const targetsLabel = '(targets)';

/** The most answers of {@link TargetWatches.covering} that are kept. */
const maxCovering = 10_000;

/** How long single namespaces are watched because all of them may not be, in milliseconds. */
const forbiddenMs = 600_000;

export interface TargetWatchesOptions extends Runtime {
  readonly client: Pick<ApiClient, 'call' | 'open'>;
  readonly kinds: Pick<TargetKinds, 'doubt' | 'find'>;
  readonly metrics: ReflectorMetrics;
  /** For all these objects together. */
  readonly memory: ObjectMemory;
  /** Called when an object came, went or changed, and the watches already show it; must not throw. */
  readonly onChange: (change: CacheChange<CachedTarget>) => void;
  /** Called when the state of a watch changes; must not throw. */
  readonly onState: () => void;
  /** For tests: see {@link Reflector}. */
  readonly pageLimit?: number;
  readonly idleMs?: number;
  readonly random?: () => number;
}

export interface OpenWatch {
  readonly planned: PlannedWatch;
  readonly reflector: Reflector<CachedTarget>;
  /** True once all objects have been listed. */
  isSynced: boolean;
  /** Why it does not list or watch now. */
  failure: ApiError | undefined;
}

const leftOutMessages = {
  object_too_large:
    'an object that triggers may choose is left out, as if it were not there: its labels and conditions take more memory than one may',
  memory_full:
    'an object that triggers may choose is left out, as if it were not there: all of them together take more memory than they may; choose objects by name, or have fewer kinds and namespaces in triggers',
} as const;

/**
 * The watches of objects that triggers choose, which come and go with the triggers. A watch that another one replaces stays until the
 * new one knows its objects.
 */
export class TargetWatches {
  readonly #options: TargetWatchesOptions;
  readonly #report: TargetWatchReport;
  readonly #open = new Map<string, OpenWatch>();
  #cancelRetry: CancelTimer | undefined;
  readonly #closing = new Set<Promise<void>>();
  /** When the API server last refused to list a kind in all namespaces, by kind. */
  readonly #forbiddenAt = new Map<string, number>();
  /** What {@link covering} answered since a watch was opened, closed or synced. */
  readonly #covering = new Map<string, readonly OpenWatch[]>();
  #plan: WatchPlan = { watches: [], refused: [] };
  #isClosed = false;

  constructor(options: TargetWatchesOptions) {
    this.#options = options;
    options.metrics.add(targetsLabel);
    this.#report = new TargetWatchReport(options, () => this.#figures());
  }

  /** Opens and closes watches, so that those of the plan are open. */
  use(plan: WatchPlan): void {
    if (this.#isClosed) return;
    const refusedBefore = this.#plan.refused.length;
    this.#plan = plan;
    if (plan.watches.length === 0) this.#endRetry();
    if (plan.refused.length !== refusedBefore) this.#report.refused(plan.refused);
    for (const planned of plan.watches) {
      const key = watchKey(planned);
      if (!this.#open.has(key)) this.#start(key, planned);
    }
    this.#closeUnused();
  }

  /** The watches that show the objects of a kind in a namespace or in all of them; the one that knows most of them comes first. */
  covering(kind: KnownKind, namespace: string | undefined): readonly OpenWatch[] {
    const key = `${kind.apiVersion} ${kind.kind} ${namespace ?? ''}`;
    const known = this.#covering.get(key);
    if (known !== undefined) return known;
    const wanted = { kind, ...(namespace !== undefined && { namespace }) };
    const found = [...this.#open.values()].filter(({ planned }) => covers(planned, wanted)).toSorted(byKnowledge);
    if (this.#covering.size >= maxCovering) this.#covering.clear();
    this.#covering.set(key, found);
    return found;
  }

  /** True if Tocsin may not list the kind in all namespaces; that is tried again after {@link forbiddenMs}. */
  isForbidden({ apiVersion, kind }: KnownKind): boolean {
    const at = this.#forbiddenAt.get(`${apiVersion} ${kind}`);
    return at !== undefined && Math.abs(this.#options.clock.now() - at) < forbiddenMs;
  }

  /** True if the objects would be watched if there were not too many watches. */
  isRefused(kind: KnownKind, namespace: string | undefined): boolean {
    const wanted = { kind, ...(namespace !== undefined && { namespace }) };
    return this.#plan.refused.some((planned) => covers(planned, wanted));
  }

  find(kind: KnownKind, request: Request): CachedTarget | undefined {
    const key = requestKey(request);
    for (const { reflector } of this.covering(kind, request.namespace)) {
      const found = reflector.objects.get(key);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The objects of a kind, in a namespace or in all of them, each once. */
  list(kind: KnownKind, namespace: string | undefined): Iterable<CachedTarget> {
    const found = new Map<string, CachedTarget>();
    for (const { planned, reflector } of this.#open.values()) {
      if (planned.kind.apiVersion !== kind.apiVersion || planned.kind.kind !== kind.kind) continue;
      if (namespace !== undefined && planned.namespace !== undefined && planned.namespace !== namespace) continue;
      for (const object of reflector.objects.values()) {
        if (namespace !== undefined && object.request.namespace !== namespace) continue;
        const key = requestKey(object.request);
        if (!found.has(key)) found.set(key, object);
      }
    }
    return found.values();
  }

  /** Resolves when nothing is running any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#endRetry();
    for (const key of this.#open.keys()) this.#end(key);
    await Promise.all(this.#closing);
  }

  #start(key: string, planned: PlannedWatch): void {
    const { kinds, memory, metrics, onChange } = this.#options;
    const { kind, namespace } = planned;
    const { group, version, resource } = kind;
    const watched = { group, versions: [version], resource, ...(namespace !== undefined && { namespace }) };
    const served = { apiVersion: kind.apiVersion, kind: kind.kind, path: collectionPath(kind, namespace) };
    const watch: OpenWatch = {
      planned,
      isSynced: false,
      failure: undefined,
      reflector: new Reflector<CachedTarget>({
        ...this.#options,
        watched,
        memory: memory.share(),
        report: new ReflectorReport({ ...this.#options, watched, metrics, label: targetsLabel, leftOutMessages }),
        reader: planned.of === 'conditions' ? conditionsReader : metadataReader,
        // A kind that went is sought by the kinds, which then close this watch.
        discover: () => Promise.resolve(kinds.find(kind) && served),
        onOutcome: (outcome) => this.#note(watch, outcome),
        onWatching: () => this.#setFailure(watch, undefined),
        onChange: (change) => this.#isNews(watch, change) && onChange(change),
      }),
    };
    this.#open.set(key, watch);
    this.#covering.clear();
    watch.reflector.start();
  }

  #note(watch: OpenWatch, outcome: PhaseOutcome): void {
    if (outcome.kind === 'listed') {
      const isNew = !watch.isSynced;
      this.#noteForbidden(watch, false);
      watch.isSynced = true;
      this.#covering.clear();
      this.#closeUnused();
      if (isNew || watch.failure !== undefined) this.#setFailure(watch, undefined, isNew);
    }
    if (outcome.kind !== 'failed') return;
    if (outcome.error.status === 404) this.#options.kinds.doubt(watch.planned.kind);
    if (outcome.error.status === 403) this.#noteForbidden(watch, true);
    this.#setFailure(watch, outcome.error);
  }

  #noteForbidden({ planned: { kind, namespace } }: OpenWatch, isForbidden: boolean): void {
    if (namespace !== undefined || !kind.isNamespaced) return;
    const key = `${kind.apiVersion} ${kind.kind}`;
    this.#forbiddenAt.delete(key);
    if (isForbidden) this.#forbiddenAt.set(key, this.#options.clock.now());
    if (isForbidden) this.#retryForbidden();
    for (const [oldest] of this.#forbiddenAt) {
      if (this.#forbiddenAt.size <= maxTargetWatches) return;
      this.#forbiddenAt.delete(oldest);
    }
  }

  /** Somebody may have given the right meanwhile. */
  #retryForbidden(): void {
    const { clock, onState } = this.#options;
    this.#cancelRetry ??= clock.setTimeout(() => {
      this.#cancelRetry = undefined;
      onState();
    }, forbiddenMs);
  }

  #endRetry(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
  }

  /** A watch that ended and one that had to begin anew are no trouble. */
  #setFailure(watch: OpenWatch, failure: ApiError | undefined, isNew = false): void {
    const isSame = watch.failure?.status === failure?.status && watch.failure?.reason === failure?.reason;
    watch.failure = failure;
    if (!isSame || isNew) this.#options.onState();
  }

  /**
   * A watch that ends may know less than those that stay: what they found meanwhile was no news while this one still showed the object,
   * and this one will not hear of it any more.
   */
  #tellMissed({ planned: { kind }, reflector }: OpenWatch): void {
    const isInstalled = this.#options.kinds.find(kind) !== undefined;
    for (const before of reflector.objects.values()) {
      const after = this.find(kind, before.request);
      if (after === undefined) {
        if (!isInstalled || this.#isKnownGone(kind, before)) this.#options.onChange({ kind: 'deleted', before });
      } else if (isOlder(before.resourceVersion, after.resourceVersion)) {
        this.#options.onChange({ kind: 'changed', before, after });
      }
    }
  }

  /** True if a watch that shows its namespace and is as new as the object does not have it. An older one has yet to hear of it. */
  #isKnownGone(kind: KnownKind, { request, resourceVersion }: CachedTarget): boolean {
    return this.covering(kind, request.namespace).some(
      ({ isSynced, reflector }) => isSynced && !isOlder(reflector.objects.resourceVersion, resourceVersion),
    );
  }

  /** A change that another watch has shown already is none; a watch that is closed has nothing to tell. */
  #isNews(watch: OpenWatch, change: CacheChange<CachedTarget>): boolean {
    if (this.#open.get(watchKey(watch.planned)) !== watch) return false;
    if (change.kind === 'changed') return true;
    const { request } = change.kind === 'deleted' ? change.before : change.after;
    const key = requestKey(request);
    for (const other of this.#open.values()) {
      if (other !== watch && other.reflector.objects.get(key) !== undefined) return false;
    }
    return true;
  }

  /** A watch that is not planned stays while one that covers its objects is not yet synced. */
  #closeUnused(): void {
    const planned = new Set(this.#plan.watches.map(watchKey));
    const pending = this.#plan.watches.filter((each) => this.#open.get(watchKey(each))?.isSynced !== true);
    for (const [key, watch] of this.#open) {
      const isAwaited = pending.some((each) => covers(each, watch.planned) || covers(watch.planned, each));
      if (!planned.has(key) && !isAwaited) this.#end(key);
    }
  }

  #end(key: string): void {
    const watch = this.#open.get(key);
    if (watch === undefined) return;
    this.#open.delete(key);
    this.#covering.clear();
    if (!this.#isClosed) this.#tellMissed(watch);
    const closing = watch.reflector.close().finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
    this.#report.closed(watch.planned);
  }

  #figures(): WatchFigures {
    const { memory } = this.#options;
    let objects = 0;
    for (const { reflector } of this.#open.values()) objects += reflector.objects.size;
    return { watches: this.#open.size, refused: this.#plan.refused.length, objects, bytes: memory.bytes };
  }
}

/** Synced before not synced, then conditions before metadata, then the narrower one. */
function byKnowledge(a: OpenWatch, b: OpenWatch): number {
  return rankOf(b) - rankOf(a);
}

function rankOf({ isSynced, planned: { of, namespace } }: OpenWatch): number {
  return (isSynced ? 4 : 0) + (of === 'conditions' ? 2 : 0) + (namespace === undefined ? 0 : 1);
}
