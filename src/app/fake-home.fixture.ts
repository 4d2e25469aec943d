import { requestKey, type Condition, type ConditionChange, type Pipeline, type Request } from '../reconcile/ports.ts';
import { Doubts, OwnWrites } from '../kubernetes/write/own-writes.ts';
import { selects } from '../trigger/label-selector.ts';
import type { NeedState, ObjectChange, ObjectNeed, TargetObjects } from '../trigger/ports.ts';
import type { Home } from './home.ts';

interface FakeObject {
  readonly request: Request;
  readonly apiVersion: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly conditions: readonly Condition[];
  readonly uid: string;
  readonly generation: number;
  readonly resourceVersion: string;
}

/** What the cache knows of an object when it is written. */
interface CachedPlace {
  readonly path: string;
  /** Empty if it is not listed. */
  readonly resourceVersion: string;
}

/** What becomes of a write whose answer does not come: it was made all the same, or not. */
export type LostWrite = 'made' | 'not made';

/**
 * A cluster of Deployments and Clusters in memory: every kind is known and namespaced. As in a real one, what is known of an object is
 * what a watch has told and what own writes have shown.
 */
export class FakeHome {
  /** The objects as they are. */
  readonly objects = new Map<string, FakeObject>();
  readonly annotations: { readonly name: string; readonly annotations: Readonly<Record<string, string>> }[] = [];
  writes = 0;
  /** Called before each write; a throw fails it. */
  beforeWrite: () => void = () => undefined;
  /** The next writes, whose answers are lost. */
  readonly lost: LostWrite[] = [];
  /** While it is set, the watch tells nothing. */
  lags = false;
  /** Called before each answer about the owner of a pod. */
  beforeOwner: (signal: AbortSignal) => Promise<unknown> = () => Promise.resolve();
  /** What the API server says of the writers of conditions, by type. */
  readonly authors = new Map<string, 'own' | 'other'>();
  /** Namespace and pod, and the object that owns it. */
  readonly owners = new Map<string, Request>();
  /** Until it is called, no kind is known yet. */
  discover: (() => void) | undefined;
  #hidden: NeedState = { state: 'pending' };
  #listener: (change: ObjectChange) => void = () => undefined;
  #needs: readonly ObjectNeed[] = [];
  #version = 0;
  /** What the watch has told. */
  #cache = new Map<string, FakeObject>();
  /** Until then, only the names of objects are known. */
  #isListed = true;
  #untold: { readonly key: string; readonly object: FakeObject | undefined }[] = [];
  #ownWrites = new OwnWrites<FakeObject>();
  #doubts = new Doubts();

  /** From now on no kind is known until {@link discover} is called, which is what a trigger meets that has just been applied. */
  hideKinds(state: NeedState = { state: 'pending' }): void {
    this.#hidden = state;
    this.discover = () => {
      this.discover = undefined;
      this.#listener({ kind: 'state' });
    };
  }

  /** Another process begins: it lists everything, if the watch does not lag. */
  restart(): void {
    this.#untold = [...this.objects].map(([key, object]) => ({ key, object }));
    this.#cache = new Map();
    this.#isListed = false;
    if (!this.lags) this.catchUp();
    this.#ownWrites = new OwnWrites();
    this.#doubts = new Doubts();
  }

  /** The watch tells what it has not told yet. */
  catchUp(): void {
    const untold = this.#untold;
    const wasListed = this.#isListed;
    this.#untold = [];
    this.#isListed = true;
    for (const { key, object } of untold) this.#tell(key, object);
    if (!wasListed) this.#listener({ kind: 'state' });
  }

  /** A new object, or an edited one. */
  put(request: Request, labels: Readonly<Record<string, string>> = {}, apiVersion = 'apps/v1'): void {
    const known = this.objects.get(requestKey(request));
    const { uid = `uid-${++this.#version}`, conditions = [], generation = 0 } = known ?? {};
    this.#set({ request, apiVersion, labels, conditions, uid, generation: generation + 1 });
  }

  remove(request: Request): void {
    if (this.objects.delete(requestKey(request))) this.#later(requestKey(request), undefined);
  }

  conditionsOf(request: Request): readonly Condition[] {
    return this.objects.get(requestKey(request))?.conditions ?? [];
  }

  /** Another controller writes a condition, or takes it away. */
  setForeign(request: Request, type: string, entry?: Pick<Condition, 'status' | 'reason'>): void {
    const object = this.objects.get(requestKey(request))!;
    const others = object.conditions.filter((condition) => condition.type !== type);
    const own = entry && { type, ...entry, message: '', lastTransitionTime: '2026-11-21T03:00:00Z' };
    this.#set({ ...object, conditions: own === undefined ? others : [...others, own] });
  }

  get home(): Home {
    const nothing = (): Promise<void> => Promise.resolve();
    return {
      kinds: [],
      list: () => [],
      get: () => undefined,
      open: nothing,
      synced: nothing,
      close: nothing,
      targets: this.targets,
      updateConditions: async (request, change) => this.#updateConditions(requestKey(request), change),
      annotator: {
        annotate: async (request, annotations) => {
          this.beforeWrite();
          if (!this.objects.has(requestKey(request))) return false;
          const lost = this.lost.shift();
          if (lost !== 'not made') this.annotations.push({ name: request.name, annotations });
          if (lost !== undefined) throw new Error('no answer');
          return true;
        },
      },
    };
  }

  get targets(): TargetObjects {
    const isHidden = (): boolean => this.discover !== undefined;
    const get: TargetObjects['get'] = (request) => {
      const object = isHidden() ? undefined : this.#shown(requestKey(request));
      return object && { ...object, pipeline: this.#pipelineOf(object), isUnlisted: object.uid === '' };
    };
    return {
      require: (needs) => {
        this.#needs = needs;
      },
      stateOf: ({ of }): NeedState => {
        if (isHidden()) return this.#hidden;
        return { state: of !== 'none' && !this.#isListed ? 'pending' : 'known' };
      },
      onChange: (listener) => {
        this.#listener = listener;
      },
      requestOf: (_, kind, namespace, name) =>
        isHidden() ? undefined : { kind, ...(namespace !== undefined && { namespace }), name },
      select: (_, kind, namespace, selector) =>
        [...this.#cache.values()]
          .filter(({ request }) => request.kind === kind && (namespace ?? request.namespace) === request.namespace)
          .filter(({ labels }) => selects(selector, labels))
          .flatMap(({ request }) => get(request) ?? []),
      get,
      authorOf: (_, { type }) => Promise.resolve(this.authors.get(type)),
      ownerOf: async (namespace, pod, _, signal) => {
        await this.beforeOwner(signal);
        const owner = this.owners.get(`${namespace}/${pod}`);
        const object = owner && this.objects.get(requestKey(owner));
        if (object === undefined) return { owner: undefined, reason: 'nobody owns it' };
        return { owner: { ...object, pipeline: this.#pipelineOf(object) }, fromMemory: false };
      },
    };
  }

  /** As the writer of conditions does: from what is known, unless there is a doubt, and after a conflict from what is read. */
  #updateConditions(key: string, change: ConditionChange): boolean {
    this.beforeWrite();
    const shown = this.#shown(key);
    if (shown === undefined) return false;
    const place = { path: key, resourceVersion: shown.resourceVersion };
    let known = shown.uid === '' || this.#doubts.has(place) ? this.#read(place, shown.uid) : shown;
    let conditions = known && change(known.conditions);
    if (conditions !== undefined && this.objects.get(key)?.resourceVersion !== known!.resourceVersion) {
      known = this.#read(place, shown.uid);
      conditions = known && change(known.conditions);
    }
    if (known === undefined || conditions === undefined) return false;
    return this.#patch(known, conditions, place);
  }

  #patch(known: FakeObject, conditions: readonly Condition[], place: CachedPlace): boolean {
    const lost = this.lost.shift();
    if (lost !== 'not made') {
      this.writes++;
      const isShown = lost === undefined && place.resourceVersion !== '';
      const { resourceVersion } = this.#set({ ...known, conditions }, isShown);
      if (lost === undefined) this.#doubts.written(place, resourceVersion);
    }
    if (lost === undefined) return true;
    this.#doubts.add(place.path);
    throw new Error('no answer');
  }

  #read(place: CachedPlace, uid: string): FakeObject | undefined {
    const object = this.objects.get(place.path);
    if (object === undefined) this.#doubts.end(place.path);
    else this.#doubts.read(place, object.resourceVersion);
    return uid === '' || object?.uid === uid ? object : undefined;
  }

  /** What is known of an object. */
  #shown(key: string): FakeObject | undefined {
    const unlisted = this.#isListed ? undefined : this.objects.get(key);
    if (unlisted !== undefined) return { ...unlisted, labels: {}, conditions: [], uid: '', resourceVersion: '' };
    const cached = this.#cache.get(key);
    return cached && (this.#ownWrites.latest(key, cached) ?? cached);
  }

  #pipelineOf({ request, apiVersion, conditions, uid, generation, resourceVersion }: FakeObject): Pipeline {
    // An object that is only annotated is not watched.
    const isWatched = uid !== '' && this.#needs.some(({ kind, of }) => kind === request.kind && of !== 'none');
    const isDoubtful = this.#doubts.has({ path: requestKey(request), resourceVersion });
    const known = { ...(isWatched && { uid }), ...(isDoubtful && { isDoubtful }) };
    return { ...request, apiVersion, generation, spec: {}, conditions, ...known };
  }

  /** @param isOwn true if the writer has the answer */
  #set(object: Omit<FakeObject, 'resourceVersion'>, isOwn = false): FakeObject {
    const key = requestKey(object.request);
    const versioned = { ...object, resourceVersion: String(++this.#version) };
    this.objects.set(key, versioned);
    if (isOwn) this.#ownWrites.add(key, versioned);
    this.#later(key, versioned);
    return versioned;
  }

  #later(key: string, object: FakeObject | undefined): void {
    this.#untold.push({ key, object });
    if (!this.lags) this.catchUp();
  }

  /** As the watches of a cluster do: the status of an object changes often, and chooses nothing. */
  #tell(key: string, after: FakeObject | undefined): void {
    const before = this.#cache.get(key);
    if (after === undefined) {
      this.#cache.delete(key);
      if (before !== undefined) this.#listener({ kind: 'removed', request: before.request });
      return;
    }
    this.#cache.set(key, after);
    const { request } = after;
    if (before?.uid !== after.uid) return this.#listener({ kind: 'added', request });
    const isEdited = before.generation !== after.generation;
    const hasLost = before.conditions.some(({ type }) => after.conditions.every((each) => each.type !== type));
    if (isEdited || hasLost) this.#listener({ kind: 'changed', request });
  }
}
