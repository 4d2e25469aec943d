import type { Problem } from '../explain/schema-status.ts';
import type { z } from 'zod';
import type { Config } from '../config/config.ts';
import { Problems, Pipelines } from '../explain/schema-requests.ts';
import type { Pipeline } from '../explain/schema.ts';
import { Status } from '../explain/schema-status.ts';
import type { InspectedServer } from '../reconcile/server-inspection.ts';
import { problem, skipped, type Outcome } from './check.ts';
import type { Probe } from './probe.ts';

/** A running Tocsin that is asked over its API. Every failure rejects with an Error whose message is for the user. */
export interface TocsinApi {
  readonly shownUrl: string;
  /** @param path below `/api/tocsin/v1` */
  get<T>(shape: z.ZodType<T>, path: string, query?: Readonly<Record<string, string | number>>): Promise<T>;
  send(method: 'GET', path: string): Promise<{ readonly status: number; readonly body: Buffer }>;
}

/** The way of an alert from Prometheus to Tocsin, and how its parts are asked. */
export interface ChainSource {
  /** The Tocsin at `--url`; undefined if none is asked. */
  readonly tocsin: TocsinApi | undefined;
  /** `--url` */
  readonly tocsinUrl: string;
  /** That of the flags and the file; undefined if it is wrong. */
  readonly config: Config | undefined;
  /** The Prometheus servers at these URLs. */
  readonly inspect: (urls: readonly string[]) => Promise<readonly InspectedServer[]>;
  /** What answers at the URL of an Alertmanager. Never rejects. */
  readonly probe: (url: string, signal: AbortSignal) => Promise<Probe>;
  /** A page of somebody else; undefined if there is none. Never rejects. */
  readonly page: (url: string, signal: AbortSignal) => Promise<string | undefined>;
  /** The version of this program. */
  readonly version: string;
}

/** The number of pipelines in one answer. */
const pageItems = 1000;

/**
 * What the checks of one run share: which Prometheus servers there are, and which hop was found broken first. What they find out may change
 * from attempt to attempt, so that is asked anew each time.
 */
export class Chain {
  readonly source: ChainSource;
  #servers: Promise<readonly InspectedServer[]> | undefined;
  #broken: string | undefined;
  #isSilent = false;
  readonly #unreachable = new Set<string>();
  readonly #probes = new Map<string, Promise<Probe>>();

  constructor(source: ChainSource) {
    this.source = source;
  }

  /** Those of the flag or the file; without one, those of the running Tocsin. */
  servers(): Promise<readonly InspectedServer[]> {
    this.#servers ??= this.#find();
    return this.#servers;
  }

  /** Those that answered when they were asked last whether they are there: one that hangs must not be waited for in each check. */
  async answeringServers(): Promise<readonly InspectedServer[]> {
    return (await this.servers()).filter(({ address }) => !this.#unreachable.has(address));
  }

  setReachable({ address }: InspectedServer, isReachable: boolean): void {
    if (isReachable) this.#unreachable.delete(address);
    else this.#unreachable.add(address);
  }

  async #find(): Promise<readonly InspectedServer[]> {
    const { config, inspect } = this.source;
    const urls = config?.prometheus.url ?? (await this.knownStatus())?.prometheus ?? [];
    return inspect(urls);
  }

  /** Why the Tocsin that is asked does not answer; undefined if it does. It is remembered: one that hangs must not be waited for in each check. */
  async silence(): Promise<string | undefined> {
    const { tocsin } = this.source;
    if (tocsin === undefined) return undefined;
    const text = await whyDown(tocsin);
    this.#isSilent = text !== undefined;
    return text;
  }

  /** True if Tocsin did not answer when it was asked last by {@link silence}. */
  get isSilent(): boolean {
    return this.#isSilent;
  }

  /** Rejects if none is asked, too. */
  get tocsin(): TocsinApi {
    const { tocsin } = this.source;
    if (tocsin === undefined) throw new Error('no Tocsin is asked: give --url');
    return tocsin;
  }

  /** What answers at a URL. It is asked once, until {@link forgetProbes}: one that hangs must not be waited for in each check. */
  probe(url: string, signal: AbortSignal): Promise<Probe> {
    const known = this.#probes.get(url);
    if (known !== undefined) return known;
    const asked = this.source.probe(url, signal);
    this.#probes.set(url, asked);
    return asked;
  }

  forgetProbes(): void {
    this.#probes.clear();
  }

  async status(): Promise<Status> {
    return this.tocsin.get(Status, '/status');
  }

  /** Undefined if Tocsin does not tell, which is a problem of a hop of its own. */
  knownStatus(): Promise<Status | undefined> {
    return this.#isSilent ? Promise.resolve(undefined) : this.status().catch(() => undefined);
  }

  async problems(): Promise<readonly Problem[]> {
    if (this.#isSilent) throw new Error('Tocsin does not answer');
    return (await this.tocsin.get(Problems, '/problems')).items;
  }

  async pipelines(): Promise<readonly Pipeline[]> {
    const found: Pipeline[] = [];
    let cursor: string | undefined;
    do {
      const query = { limit: pageItems, ...(cursor !== undefined && { cursor }) };
      const { items, next } = await this.tocsin.get(Pipelines, '/pipelines', query);
      found.push(...items);
      cursor = next;
    } while (cursor !== undefined);
    return found;
  }

  /** The first hop that was found broken. */
  get broken(): string | undefined {
    return this.#broken;
  }

  /** A problem of this hop, of which later ones may be a consequence. */
  breaks(hop: string, text: string | readonly string[]): Outcome {
    this.#broken ??= hop;
    return problem(text);
  }

  /** Like {@link breaks}, of what may be a consequence itself. */
  breaksNext(hop: string, text: string | readonly string[]): Outcome {
    return this.#broken === undefined ? this.breaks(hop, text) : this.follows(text);
  }

  /** The hop is good again: an earlier attempt may have found it broken. */
  mends(hop: string): void {
    if (this.#broken === hop) this.#broken = undefined;
  }

  /** A problem that says nothing new if a hop before it is broken. @param hop only of this one it is a consequence; default: of any */
  follows(text: string | readonly string[], hop = this.#broken): Outcome {
    return this.#broken === undefined || this.#broken !== hop
      ? problem(text)
      : skipped(`${this.#broken} comes before it, and is broken`);
  }
}

/** A proxy answers 502 or 503 for a Tocsin that is not there. */
async function whyDown(tocsin: TocsinApi): Promise<string | undefined> {
  try {
    const { status } = await tocsin.send('GET', '/-/healthy');
    return status < 500 ? undefined : `${tocsin.shownUrl}/-/healthy answers ${status}`;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Asks these servers, and joins the problems that are found; default: those that answer. */
export async function ofEach(
  chain: Chain,
  find: (server: InspectedServer) => Promise<string | readonly string[] | undefined>,
  servers = chain.answeringServers(),
): Promise<readonly string[] | undefined> {
  const found: string[] = [];
  for (const server of await servers) {
    const text = await find(server);
    if (text !== undefined) found.push(...(typeof text === 'string' ? [text] : text));
  }
  return found.length === 0 ? undefined : found;
}
