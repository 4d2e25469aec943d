import type { Logger } from '../../runtime/logger.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { sleep, withSignal } from '../../runtime/deadline.ts';
import { kindName, type Request } from '../../reconcile/ports.ts';
import type { ApiClient } from '../api/api-client.ts';
import { ApiError } from '../api/api-error.ts';
import { requestGroup } from '../api-object.ts';
import { findKind, type KindRef, type KnownKind } from './kind-discovery.ts';
import { initialState, nextStep, type ReflectorState } from '../watch/reflector-steps.ts';

/** What is known of a kind. */
export type KindState =
  | { readonly state: 'pending' }
  | { readonly state: 'found'; readonly found: KnownKind }
  | { readonly state: 'missing' }
  | { readonly state: 'failed'; readonly error: ApiError };

/** The most kinds that are remembered besides those that triggers name; beyond that, the one asked for longest ago is forgotten. */
const maxOtherKinds = 500;

/** How long an answer counts for a kind that no trigger names, if it was not found, and if the API server could not be asked, in milliseconds. */
const missingMs = 30_000;
const failedMs = 5_000;

/** How long a kind that was found is not doubted, in milliseconds: many objects may be gone whose kind is there. */
const doubtMs = 5_000;

interface Entry extends KindRef {
  state: KindState;
  /** When the API server answered last. */
  answeredAt: number;
  asking: Promise<KindState> | undefined;
  /** Ends the search for a kind that a trigger names. */
  seeking: AbortController | undefined;
}

interface TargetKindsOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly client: Pick<ApiClient, 'call'>;
  /** Called when the state of a kind changes; must not throw. */
  readonly onChange: () => void;
  /** Returns a number from 0 up to, but not including, 1. */
  readonly random?: () => number;
}

/**
 * The kinds of the API server, found by `apiVersion` and `kind`. A kind that triggers name is asked for, with a back-off, until it is
 * found, and again once it is in doubt, because its CRD may come and go.
 */
export class TargetKinds {
  readonly #options: TargetKindsOptions;
  readonly #closed = new AbortController();
  readonly #entries = new Map<string, Entry>();
  readonly #running = new Set<Promise<void>>();
  /** Whether conditions are to be written into objects of a kind that triggers name. */
  #required: ReadonlyMap<string, boolean> = new Map();
  /** The kinds that are known, by the kind of a request; undefined: to be made anew. */
  #byName: Map<string, KnownKind> | undefined;

  constructor(options: TargetKindsOptions) {
    this.#options = options;
  }

  /** These kinds, and no others, are sought until they are found, and until they have a status if that is needed. */
  require(kinds: readonly (KindRef & { readonly withStatus: boolean })[]): void {
    const required = new Map<string, boolean>();
    for (const ref of kinds) required.set(keyOf(ref), ref.withStatus || required.get(keyOf(ref)) === true);
    this.#required = required;
    this.#byName = undefined;
    for (const ref of kinds) this.#seek(this.#entryOf(ref));
    for (const [key, entry] of this.#entries) {
      if (!this.#required.has(key)) entry.seeking?.abort();
    }
  }

  stateOf(ref: KindRef): KindState {
    return this.#entries.get(keyOf(ref))?.state ?? { state: 'pending' };
  }

  find(ref: KindRef): KnownKind | undefined {
    const state = this.stateOf(ref);
    return state.state === 'found' ? state.found : undefined;
  }

  /** The kind of a request, which names no version: the first version that is known, and those that triggers name come first. */
  ofRequest(request: Request): KnownKind | undefined {
    this.#byName ??= this.#indexed();
    return this.#byName.get(kindName(request));
  }

  /** Finds any kind; asks the API server if it has to. Rejects with the signal's reason only. */
  async discover(ref: KindRef, signal: AbortSignal): Promise<KindState> {
    const entry = this.#entryOf(ref);
    if (this.#isFresh(entry)) return entry.state;
    return withSignal((entry.asking ??= this.#ask(entry)), signal);
  }

  /** Something that belongs to the kind was not found: it is asked for again before it is used again. */
  doubt(ref: KindRef): void {
    const entry = this.#entries.get(keyOf(ref));
    if (entry?.state.state !== 'found' || Math.abs(this.#options.clock.now() - entry.answeredAt) < doubtMs) return;
    entry.answeredAt = Number.NEGATIVE_INFINITY;
    this.#seek(entry);
  }

  /** Resolves when nothing is running any more. */
  async close(): Promise<void> {
    this.#closed.abort(new Error('the kinds of the targets are closed'));
    for (const { seeking } of this.#entries.values()) seeking?.abort();
    await Promise.all(this.#running);
    await Promise.all([...this.#entries.values()].flatMap(({ asking }) => asking ?? []));
  }

  #indexed(): Map<string, KnownKind> {
    const found = new Map<string, KnownKind>();
    for (const [key, { state }] of this.#entries) {
      if (state.state !== 'found') continue;
      const name = nameOf(state.found);
      if (this.#required.has(key) || !found.has(name)) found.set(name, state.found);
    }
    return found;
  }

  #entryOf(ref: KindRef): Entry {
    const key = keyOf(ref);
    const { apiVersion, kind } = ref;
    const unknown = { state: 'pending' } as const;
    const entry = this.#entries.get(key) ?? {
      apiVersion,
      kind,
      state: unknown,
      answeredAt: Number.NEGATIVE_INFINITY,
      asking: undefined,
      seeking: undefined,
    };
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    this.#forgetOldest();
    return entry;
  }

  #forgetOldest(): void {
    let excess = this.#entries.size - this.#required.size - maxOtherKinds;
    for (const [key, { asking }] of this.#entries) {
      if (excess <= 0) return;
      if (this.#required.has(key) || asking !== undefined) continue;
      this.#entries.delete(key);
      this.#byName = undefined;
      excess--;
    }
  }

  #isFresh({ answeredAt, state }: Entry): boolean {
    const age = Math.abs(this.#options.clock.now() - answeredAt);
    if (state.state === 'found') return Number.isFinite(age);
    return age < (state.state === 'missing' ? missingMs : failedMs);
  }

  #seek(entry: Entry): void {
    const isRequired = this.#required.has(keyOf(entry));
    if (!isRequired || this.#isEnough(entry) || entry.seeking !== undefined || this.#closed.signal.aborted) return;
    const seeking = (entry.seeking = new AbortController());
    const running = this.#search(entry, seeking.signal).finally(() => {
      this.#running.delete(running);
      entry.seeking = undefined;
      // It may have been required again while the search was ending.
      this.#seek(entry);
    });
    this.#running.add(running);
  }

  #isEnough(entry: Entry): boolean {
    const { state } = entry;
    if (state.state !== 'found' || !this.#isFresh(entry)) return false;
    return state.found.hasStatus || this.#required.get(keyOf(entry)) !== true;
  }

  async #search(entry: Entry, signal: AbortSignal): Promise<void> {
    const { clock, random = Math.random } = this.#options;
    for (let step: ReflectorState = initialState; !signal.aborted;) {
      const state = await (entry.asking ??= this.#ask(entry));
      if (this.#isEnough(entry) || signal.aborted) return;
      const outcome =
        state.state === 'failed'
          ? ({ kind: 'failed', error: state.error, progressed: false } as const)
          : ({ kind: 'not_installed' } as const);
      const next = nextStep(step, outcome, random());
      step = next;
      await sleep(clock, next.delayMs, signal).catch(() => undefined);
    }
  }

  /** Never rejects. */
  async #ask(entry: Entry): Promise<KindState> {
    try {
      const found = await findKind(this.#options.client, entry, this.#closed.signal);
      return this.#answer(entry, found === undefined ? { state: 'missing' } : { state: 'found', found });
    } catch (error) {
      if (this.#closed.signal.aborted) return entry.state;
      const failure =
        error instanceof ApiError ? error : new ApiError(String(error), { reason: 'Defect', cause: error });
      return this.#answer(entry, { state: 'failed', error: failure });
    } finally {
      entry.asking = undefined;
    }
  }

  #answer(entry: Entry, state: KindState): KindState {
    const before = entry.state;
    entry.answeredAt = this.#options.clock.now();
    // A kind that is known stays known while the API server cannot be asked.
    if (state.state === 'failed' && before.state === 'found') return before;
    entry.state = state;
    this.#byName = undefined;
    if (textOf(before) === textOf(state)) return state;
    logState(this.#options.logger, entry, state, this.#required.has(keyOf(entry)));
    this.#options.onChange();
    return state;
  }
}

function keyOf({ apiVersion, kind }: KindRef): string {
  return `${apiVersion} ${kind}`;
}

/** As {@link kindName} of a request of this kind. */
function nameOf({ apiVersion, kind }: KindRef): string {
  return kindName({ kind, ...requestGroup(apiVersion) });
}

function textOf(state: KindState): string {
  if (state.state === 'found') return JSON.stringify(state.found);
  return state.state === 'failed' ? `failed ${state.error.status ?? ''} ${state.error.reason}` : state.state;
}

function logState(logger: Logger, { apiVersion, kind }: KindRef, state: KindState, isRequired: boolean): void {
  const fields = { api_version: apiVersion, kind };
  const level = isRequired ? 'warn' : 'debug';
  if (state.state === 'found')
    return logger.info('target.kind_found', 'a kind that a trigger needs is installed in the cluster', {
      ...fields,
      resource: state.found.resource,
    });
  if (state.state === 'failed')
    return logger[level]('target.kind_failed', 'the API server cannot be asked for a kind; it is tried again', {
      ...fields,
      error: state.error,
    });
  const message =
    'a kind that a trigger names is not installed in the cluster, or not in this version; it is looked for again, at the latest every minute';
  return logger[level]('target.kind_not_installed', message, fields);
}
