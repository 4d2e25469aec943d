import * as z from 'zod';
import type { HttpConfig } from '../../config/http-config.ts';
import type { Clock } from '../../runtime/clock.ts';
import { sleep } from '../../runtime/deadline.ts';
import { PeerClient, type PeerRequest } from './peer-client.ts';

/** Where replicas are, this one perhaps included: it recognizes itself by what they say. */
export interface PeerSource {
  /** The addresses, without a slash at the end. */
  list(): readonly string[];
  /** Resolves once the list is known. Default: it is from the start. */
  listed?(): Promise<void>;
  /** Calls `listener` after each change of the list. Returns what ends that. */
  onChange(listener: () => void): () => void;
}

/** What a replica says about itself. Members that a later version adds are ignored, and those that an earlier one lacks are optional. */
export const Hello = z.object({
  /** Of this protocol. */
  version: z.int().min(1),
  /** The name as a holder of the lease: another one after each start. */
  identity: z.string().min(1).max(500),
  leading: z.boolean(),
  term: z.int().min(0),
  /** The version of the program. */
  tocsin: z.string().max(100),
  /** The process, as `GET /api/tocsin/v1/status` names it. */
  instance: z.string().max(100).optional(),
  /** A hash of what it was told to do: the same for all replicas of one configuration and one version. */
  config: z.string().max(100).optional(),
  /** By its clock, Unix milliseconds. Nothing is decided by it. */
  time: z.number().optional(),
});
export type Hello = z.infer<typeof Hello>;

/** The version of the protocol that this program speaks. */
export const peerProtocol = 1;

/** The time between two greetings, of a peer that answers and of one that does not, milliseconds; each is up to a quarter longer. */
const helloMs = 5000;
const downHelloMs = 1000;
/** The same where this replica has met itself. */
const ownHelloMs = 60_000;
const helloTimeoutMs = 2000;

/** A peer that has not answered for so long is gone, although it is still on the list: milliseconds. */
const goneMs = 10_000;

/** The least time between two rounds that somebody asks for, milliseconds. */
const soonMs = 250;

/** The most peers that are asked; the rest of a longer list is left out, and told. */
export const maxPeers = 32;

/** What is known of a replica, for people. */
export interface PeerState {
  /** `''` if it has never answered. */
  readonly identity: string;
  readonly url: string;
  readonly isUp: boolean;
  /** How long it has answered under this name, or has not answered. */
  readonly sinceMs: number;
  /** Why it did not answer last; undefined if it did. */
  readonly failure: string | undefined;
  readonly hello: Hello | undefined;
  /** How long its configuration has been another one than here; undefined if it is the same, or unknown. */
  readonly configDiffersMs: number | undefined;
  /** How far its clock is ahead of the one here, give or take the time of an answer; undefined if unknown. */
  readonly clockAheadMs: number | undefined;
}

/** Hears what becomes of the peers. */
export interface PeerObserver {
  /** A replica has answered that did not before: it is new, has restarted, or can be reached again. */
  came(peer: Peer): void;
  /** It is no longer on the list, or has not answered for a while, perhaps never. @param reason the last failure, if there was one */
  went(peer: Peer, reason: string | undefined): void;
  called(call: string, outcome: 'ok' | 'failed'): void;
  /** There are more than {@link maxPeers}. */
  leftOut(count: number): void;
}

export interface PeersOptions {
  readonly clock: Clock;
  readonly source: PeerSource;
  /** The own name as a holder of the lease. */
  readonly me: string;
  readonly httpConfig: () => HttpConfig;
  readonly token: () => Promise<string>;
  readonly observer: PeerObserver;
  readonly random?: () => number;
  /** {@link Hello.config} of this replica. Default: it says nothing. */
  readonly ownConfig?: () => string;
}

/** The other replicas: where they are, who they are, and which of them answer. */
export class Peers {
  readonly #options: PeersOptions;
  readonly #peers = new Map<string, Peer>();
  readonly #closed = new AbortController();
  #stopListening: () => void = () => undefined;

  constructor(options: PeersOptions) {
    this.#options = options;
  }

  start(): void {
    this.#stopListening = this.#options.source.onChange(() => this.#follow());
    this.#follow();
  }

  /** Every other replica of the list, whether it answers or not. */
  get others(): readonly Peer[] {
    return [...this.#peers.values()].filter((peer) => peer.identity !== this.#options.me);
  }

  /** Those that are on the list and do not answer. */
  get unreachable(): readonly Peer[] {
    return this.others.filter((peer) => !peer.isUp);
  }

  /** Of every other replica of the list. */
  get states(): readonly PeerState[] {
    return this.others.map(({ state }) => state);
  }

  /** Undefined if nobody of this name has answered. */
  find(identity: string): Peer | undefined {
    return this.others.find((peer) => peer.identity === identity);
  }

  /** Resolves once each of those that are on the list now has answered a greeting, or has not. */
  async greeted(): Promise<void> {
    await Promise.all([...this.#peers.values()].map((peer) => peer.greeted));
  }

  /** Greets all of them now: somebody is looked for. */
  lookAgain(): void {
    for (const peer of this.#peers.values()) peer.hurry();
  }

  async close(): Promise<void> {
    this.#stopListening();
    this.#closed.abort(new Error('Tocsin is shutting down'));
    await Promise.all([...this.#peers.values()].map((peer) => peer.close()));
  }

  #follow(): void {
    const { source, observer } = this.#options;
    const wanted = new Set(source.list());
    if (wanted.size > maxPeers + 1) observer.leftOut(wanted.size - maxPeers - 1);
    const urls = new Set([...wanted].slice(0, maxPeers + 1));
    for (const [url, peer] of this.#peers) {
      if (urls.has(url)) continue;
      this.#peers.delete(url);
      void peer.close();
      if (peer.isUp && peer.identity !== this.#options.me) observer.went(peer, undefined);
    }
    for (const url of urls) if (!this.#peers.has(url)) this.#add(url);
  }

  #add(url: string): void {
    const peer = new Peer(url, this.#options);
    this.#peers.set(url, peer);
    peer.start();
  }
}

/** One replica at one address. */
export class Peer {
  readonly url: string;
  readonly #options: PeersOptions;
  readonly #client: PeerClient;
  readonly #closed = new AbortController();
  readonly #greeted = Promise.withResolvers<void>();
  /** Resolves after the first greeting, whether it was answered or not. */
  readonly greeted = this.#greeted.promise;
  #hello: Hello | undefined;
  #isUp = false;
  /** It has not answered for {@link goneMs}, perhaps never. */
  #isGone = false;
  #lastAnswerAt: number;
  /** On the monotonic clock. */
  #cameAt = 0;
  #differsSince: number | undefined;
  #clockAheadMs: number | undefined;
  #failure: string | undefined;
  #hurried = 0;
  #wake: () => void = () => undefined;

  constructor(url: string, options: PeersOptions) {
    this.url = url;
    this.#options = options;
    this.#client = new PeerClient({ ...options, url });
    this.#lastAnswerAt = options.clock.monotonic();
  }

  /** `''` while it has not answered yet. */
  get identity(): string {
    return this.#hello?.identity ?? '';
  }

  /** For people: the name, or the address while there is none. */
  get name(): string {
    return this.#hello?.identity ?? this.url;
  }

  /** True if it answered last, or not long ago. */
  get isUp(): boolean {
    return this.#isUp;
  }

  get state(): PeerState {
    const { url, identity } = this;
    const now = this.#options.clock.monotonic();
    const sinceMs = now - (this.#isUp ? this.#cameAt : this.#lastAnswerAt);
    const configDiffersMs = this.#differsSince === undefined ? undefined : now - this.#differsSince;
    const [isUp, failure, hello, clockAheadMs] = [this.#isUp, this.#failure, this.#hello, this.#clockAheadMs];
    return { url, identity, isUp, sinceMs, failure, hello, configDiffersMs, clockAheadMs };
  }

  /** It is asked soon, unless that happened just now. */
  hurry(): void {
    const now = this.#options.clock.monotonic();
    if (now - this.#hurried < soonMs) return;
    this.#hurried = now;
    this.#wake();
  }

  /** Rejects as {@link PeerClient.call} does. */
  async call(request: PeerRequest): Promise<string> {
    const { observer } = this.#options;
    const what = request.path.replace(/[/?].*/s, '');
    try {
      const text = await this.#client.call(request);
      observer.called(what, 'ok');
      return text;
    } catch (error) {
      if (!this.#closed.signal.aborted) observer.called(what, 'failed');
      throw error;
    }
  }

  start(): void {
    void this.#run();
  }

  async close(): Promise<void> {
    this.#closed.abort(new Error('the peer is no longer asked'));
    this.#wake();
    await this.#client.close();
  }

  async #run(): Promise<void> {
    const { random = Math.random } = this.#options;
    const { signal } = this.#closed;
    while (!signal.aborted) {
      await this.#greet();
      this.#greeted.resolve();
      await this.#pause(this.#pauseMs * (1 + random() / 4), signal);
    }
  }

  get #pauseMs(): number {
    if (!this.#isUp) return downHelloMs;
    return this.identity === this.#options.me ? ownHelloMs : helloMs;
  }

  async #pause(pauseMs: number, closed: AbortSignal): Promise<void> {
    const hurry = new AbortController();
    this.#wake = () => hurry.abort(new Error('soon'));
    if (closed.aborted) return;
    await sleep(this.#options.clock, pauseMs, hurry.signal).catch(() => undefined);
    this.#wake = () => undefined;
  }

  async #greet(): Promise<void> {
    const { clock } = this.#options;
    const askedAt = clock.now();
    try {
      const text = await this.call({ method: 'GET', path: 'hello', timeoutMs: helloTimeoutMs });
      if (!this.#closed.signal.aborted) this.#answered(readHello(text), (askedAt + clock.now()) / 2);
    } catch (error) {
      if (!this.#closed.signal.aborted) this.#failed(error);
    }
  }

  /** @param at when it answered, by the clock here */
  #answered(hello: Hello, at: number): void {
    const { clock, me, observer, ownConfig } = this.#options;
    const now = clock.monotonic();
    const isNew = !this.#isUp || hello.identity !== this.#hello?.identity;
    if (isNew) this.#cameAt = now;
    const differs = hello.config !== undefined && ownConfig !== undefined && hello.config !== ownConfig();
    this.#differsSince = differs ? (this.#differsSince ?? now) : undefined;
    this.#clockAheadMs = hello.time === undefined ? undefined : hello.time - at;
    this.#failure = undefined;
    this.#hello = hello;
    this.#isUp = true;
    this.#isGone = false;
    this.#lastAnswerAt = now;
    if (isNew && hello.identity !== me) observer.came(this);
  }

  #failed(error: unknown): void {
    const { clock, me, observer } = this.#options;
    this.#failure = error instanceof Error ? error.message : String(error);
    if (this.#isGone || clock.monotonic() - this.#lastAnswerAt < goneMs) return;
    this.#isGone = true;
    this.#isUp = false;
    if (this.identity !== me) observer.went(this, this.#failure);
  }
}

/** Throws an error for the log: what answers is no replica, or one of a version that says too little. */
function readHello(text: string): Hello {
  const read = Hello.safeParse(jsonOf(text));
  if (read.success) return read.data;
  const { path = [], message = '' } = read.error.issues[0] ?? {};
  throw new Error(
    `its greeting cannot be understood (${path.join('.')}: ${message}): is it a replica, of a version that may run beside this one?`,
  );
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const withoutSlash = (url: string): string => url.replace(/\/+$/, '');

/** The addresses of the configuration, which never change. */
export function listedPeers(peers: readonly string[], advertise: string | null): PeerSource {
  const own = advertise === null ? undefined : withoutSlash(advertise);
  const list = [...new Set(peers.map(withoutSlash))].filter((url) => url !== own);
  return { list: () => list, onChange: () => () => undefined };
}
