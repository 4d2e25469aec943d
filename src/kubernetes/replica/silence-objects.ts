import { requiredNamespaces } from '../../access/visible.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { Slices } from '../../runtime/slices.ts';
import type { SilenceSink } from '../../silence/foreign-silences.ts';
import type { SilenceLimits } from '../../silence/silence-rules.ts';
import { SilenceError } from '../../silence/silence-rules.ts';
import type { SilenceStorage, SilenceWrite } from '../../silence/silence-storage.ts';
import type { Silence } from '../../silence/silence.ts';
import { Allowance, selectOf } from '../../text/json-selection.ts';
import type { ApiClient } from '../api/api-client.ts';
import { resourceName } from '../api-object.ts';
import { apiObjectBytes, ObjectMemory } from '../kept-object.ts';
import type { LeftOutReason } from '../watch/list-objects.ts';
import { Reflector } from '../watch/reflector.ts';
import { ReflectorReport, type ReflectorMetrics } from '../watch/reflector-report.ts';
import { isOlder, type CacheChange } from '../watch/watch-cache.ts';
import { KnownSilences, makeSilence } from './known-silences.ts';
import { OutdatedError, SilenceObjectCalls } from './silence-object-calls.ts';
import { leftOutMessages, leftOutProblems, type SilenceObjectReport } from './silence-object-report.ts';
import { newSilenceObject, silenceReader, silencesIn, type SilenceObject } from './silence-object.ts';

/** The memory for what is kept of all objects besides the silences themselves, an estimate in bytes: about 8,000 usual ones. */
export const silenceObjectsBytes = 32 * 1024 * 1024;

/** From this part of it on, those that have ended make room. */
const crowdedShare = 0.8;

/** What the API server and the leader add to an object, an estimate in bytes. */
const addedBytes = 8 * 1024;

export interface SilenceObjectsOptions extends Runtime {
  readonly client: Pick<ApiClient, 'call' | 'open'>;
  readonly metrics: ReflectorMetrics;
  readonly report: SilenceObjectReport;
  /** Where the objects live. */
  readonly namespace: string;
  /** Whose silences they are, if there are tenants. */
  readonly tenant?: string | undefined;
  readonly limits: () => SilenceLimits;
  /** `triggers.namespace_label` */
  readonly namespaceLabel: () => string;
  /** Called when an object was made, has changed or went. */
  readonly onChange: () => void;
  /** Default {@link silenceObjectsBytes}. */
  readonly maxBytes?: number;
}

type Item = { readonly object: SilenceObject; readonly leftOut?: LeftOutReason } | { readonly deleted: SilenceObject };

/** The most objects that are known to be left out; of further ones, only the log tells. */
const maxKnownLeftOut = 1000;

/**
 * Silences that are objects of the cluster: every replica, kubectl and GitOps change them, and the API server has what holds. What this
 * process has stored is shown at once; the watch tells of all else.
 */
export class SilenceObjects implements SilenceStorage {
  readonly #options: SilenceObjectsOptions;
  readonly #calls: SilenceObjectCalls;
  readonly #memory: ObjectMemory;
  readonly #reflector: Reflector<SilenceObject>;
  /** What is known of each object. */
  readonly known: KnownSilences;
  /** The names of the objects that are being written, and what the watch has told of them meanwhile. */
  readonly #writing = new Map<string, Item | undefined>();
  readonly #closed = new AbortController();
  #items: Item[] = [];
  #reading: Promise<void> | undefined;

  constructor(options: SilenceObjectsOptions) {
    this.#options = options;
    const { maxBytes = silenceObjectsBytes, namespace, report, tenant } = options;
    this.#memory = new ObjectMemory(maxBytes);
    this.known = new KnownSilences({
      ...options,
      onInvalid: (object, problem) => report.invalid(object, problem),
      onLookAgain: (object) => this.#add({ object }),
    });
    this.#calls = new SilenceObjectCalls({ ...options, signal: this.#closed.signal });
    const watched = silencesIn(namespace, tenant);
    options.metrics.add(resourceName(watched));
    this.#reflector = new Reflector({
      ...options,
      watched,
      reader: silenceReader,
      report: new ReflectorReport({ ...options, watched, leftOutMessages }),
      memory: this.#memory.share(),
      onChange: (change) => this.#told(change),
      leftOut: {
        listed: () => this.#forgetLeftOut(),
        leftOut: (object, reason) => this.#toldLeftOut(object, reason),
      },
    });
  }

  /** Why the silences are not known yet; undefined if they are, or if no reason is known. */
  get trouble(): string | undefined {
    return this.#reflector.trouble;
  }

  /** True if those that have ended should make room for others. */
  get isCrowded(): boolean {
    return this.#memory.bytes > crowdedShare * this.#memory.maxBytes;
  }

  /** Begins to list and to watch. Resolves once the sink has all silences that there are. Never rejects. */
  async open(sink: SilenceSink): Promise<void> {
    this.#reflector.start();
    const closed = new Promise((resolve) => this.#closed.signal.addEventListener('abort', resolve, { once: true }));
    await Promise.race([this.#reflector.synced, closed]);
    while (this.#reading !== undefined) await this.#reading;
    if (this.#closed.signal.aborted) return;
    this.known.load(sink);
    this.#options.onChange();
  }

  async close(): Promise<void> {
    this.#closed.abort(new Error('Tocsin is shutting down'));
    await this.#reflector.close();
    await this.#reading;
  }

  /** All at once, but one after the other for one silence: the later one was decided on what the earlier one stores. */
  async write(writes: readonly SilenceWrite[]): Promise<void> {
    const last = new Map<string, Promise<boolean>>();
    const runs = writes.map((write) => {
      const before = write.silences.map(({ id }) => last.get(id) ?? Promise.resolve(true));
      const run = Promise.all(before).then((outcomes) => this.#write(write, !outcomes.includes(false)));
      for (const { id } of write.silences) last.set(id, run);
      return run;
    });
    await Promise.all(runs);
  }

  /** The status of the objects tells it. */
  noteLogged(): Promise<void> {
    return Promise.resolve();
  }

  /** Creates the silences that are not there yet, for good: one that was made and deleted is not made again. Rejects if one fails. */
  async import(silences: readonly Silence[]): Promise<number> {
    let created = 0;
    for (const silence of silences) if (await this.#calls.createOnce(silence, this.#namespacesOf(silence))) created++;
    return created;
  }

  /** Looks again at the objects for which there was no room. */
  lookForRoom(): void {
    for (const { object, made } of this.known.values())
      if ('problem' in made && made.isForRoom === true) this.#add({ object });
  }

  #told(change: CacheChange<SilenceObject>): void {
    this.#add(change.kind === 'deleted' ? { deleted: change.before } : { object: change.after });
  }

  #forgetLeftOut(): void {
    for (const { object, made } of this.known.values())
      if ('problem' in made && made.isLeftOut === true) this.#add({ deleted: object });
  }

  /** It is known as one that silences nothing, so that its owner learns of it; what it says is not kept. */
  #toldLeftOut(object: SilenceObject, leftOut: LeftOutReason): void {
    if (this.known.leftOut < maxKnownLeftOut) this.#add({ object: { ...object, spec: {} }, leftOut });
  }

  #add(item: Item): void {
    const { name } = nameOf(item);
    if (this.#writing.has(name)) return void this.#writing.set(name, item);
    this.#items.push(item);
    this.#reading ??= this.#read();
  }

  /** One after the other, in slices: an expression may take milliseconds. */
  async #read(): Promise<void> {
    const slices = new Slices(this.#options.schedule, 'silences');
    try {
      for (let item = this.#items.shift(); item !== undefined; item = this.#items.shift()) {
        if (this.#closed.signal.aborted) return;
        await this.#readOne(item, slices);
        if (slices.isOver) await slices.yieldTurn();
      }
    } finally {
      this.#reading = undefined;
    }
    if (this.known.isLoaded) this.#options.onChange();
  }

  async #readOne(item: Item, slices: Slices): Promise<void> {
    const { name, uid } = nameOf(item);
    const before = this.known.named(name);
    if ('deleted' in item) {
      if (before?.object.uid === uid) this.known.forget(before.object);
      return;
    }
    if (before !== undefined && isOlder(item.object.resourceVersion, before.object.resourceVersion)) return;
    const { leftOut } = item;
    const made =
      leftOut === undefined
        ? await makeSilence(item.object, this.#options.limits(), slices)
        : { problem: leftOutProblems[leftOut], isLeftOut: true };
    // A request may have written it meanwhile.
    const now = this.known.named(name);
    if (now !== undefined && isOlder(item.object.resourceVersion, now.object.resourceVersion)) return;
    if (this.#writing.has(name)) return void this.#writing.set(name, item);
    this.known.accept({ object: item.object, made }, before);
  }

  /** Resolves to false if it was not stored. @param isCurrent false if what it was decided on was not stored */
  async #write(write: SilenceWrite, isCurrent: boolean): Promise<boolean> {
    if (!isCurrent) {
      write.outdated();
      return false;
    }
    if (!this.known.isLoaded) {
      write.failed(new Error('the silences of the cluster are not known yet; try again'));
      return false;
    }
    const names = write.silences.map(({ id }) => this.known.withId(id)?.object.name ?? id);
    for (const name of names) this.#writing.set(name, this.#writing.get(name));
    try {
      return await this.#store(write);
    } catch (error) {
      write.failed(error);
      return false;
    } finally {
      for (const name of names) this.#release(name);
    }
  }

  /** What is new is made first: if the rest fails, it can be taken back, and what was silenced still is. */
  async #store(write: SilenceWrite): Promise<boolean> {
    const stored: Silence[] = [];
    const created: SilenceObject[] = [];
    try {
      for (const silence of write.silences.toReversed()) {
        const known = this.known.withId(silence.id)?.object;
        const object = known === undefined ? await this.#create(silence) : await this.#calls.change(known, silence);
        if (known === undefined) created.push(object);
        const kept = { ...silence, updatedAt: object.updatedAt };
        this.known.keep({ object, made: { silence: kept } });
        stored.unshift(kept);
      }
    } catch (error) {
      for (const object of created) await this.#takeBack(object);
      if (!(error instanceof OutdatedError)) throw error;
      await this.#readAgain(error.object);
      write.outdated();
      return false;
    }
    write.stored(stored);
    this.#options.onChange();
    return true;
  }

  /** What cannot be kept here would be stored, and yet silence nothing. */
  #create(silence: Silence): Promise<SilenceObject> {
    const alertsNamespaces = this.#namespacesOf(silence);
    const allowance = new Allowance(apiObjectBytes - addedBytes);
    const text = JSON.stringify(newSilenceObject(silence, { ...this.#options, alertsNamespaces }));
    selectOf(text, { members: silenceReader.members }, allowance);
    if (allowance.isSpent) throw SilenceError.tooLarge(allowance.used, allowance.bytes);
    const { bytes, maxBytes } = this.#memory;
    if (bytes + allowance.used + addedBytes > maxBytes) throw SilenceError.noMemory(maxBytes);
    return this.#calls.create(silence, alertsNamespaces);
  }

  async #takeBack(object: SilenceObject): Promise<void> {
    await this.#calls.takeBack(object);
    this.known.forget(object);
    if (this.#writing.has(object.name)) this.#writing.set(object.name, undefined);
  }

  async #readAgain(object: SilenceObject): Promise<void> {
    const newest = await this.#calls.read(object);
    const told = this.#writing.get(object.name);
    this.#writing.delete(object.name);
    this.#add(newest === undefined ? { deleted: object } : { object: newest });
    // The watch may be ahead of what was read.
    if (told !== undefined) this.#add(told);
    while (this.#reading !== undefined) await this.#reading;
  }

  #release(name: string): void {
    const item = this.#writing.get(name);
    this.#writing.delete(name);
    if (item !== undefined) this.#add(item);
  }

  #namespacesOf({ matchers }: Silence): readonly string[] {
    return requiredNamespaces(matchers, this.#options.namespaceLabel());
  }
}

function nameOf(item: Item): SilenceObject {
  return 'deleted' in item ? item.deleted : item.object;
}
