import { timingSafeEqual, hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Caller } from '../../access/reviews.ts';
import type { Clock } from '../../runtime/clock.ts';
import { configurationFileBytes, readRegularFile } from '../../runtime/regular-file.ts';

/** The audience of the tokens with which pods prove themselves to each other. */
export const peerAudience = 'tocsin-peers';

/** Where the volume of the pod has the token, unless `replicas.token_file` is set. */
export const mountedPeerToken = '/var/run/secrets/tocsin.dev/peers/token';

/** How long a token that was read counts before the file is looked at again, milliseconds. */
const tokenAgeMs = 1000;

/** How long the token that a file had before is still accepted: kubelets write the new one into their pods at different times. Milliseconds. */
const formerTokenMs = 300_000;

/**
 * How long a token that Kubernetes knows counts before it is asked again, milliseconds, as long as a kubelet does it: replicas greet each
 * other every few seconds, and a question each time would be a third of what they cost the API server.
 */
export const goodPeerMs = 120_000;

/** The most tokens that are remembered: each peer has one, and a new one within the hour. */
const maxGoodPeers = 128;

/** The verdict on a request of a peer. */
export type PeerVerdict = 'good' | { readonly status: 401 | 429 | 503; readonly reason: string };

/** How the replicas prove to each other who they are. */
export interface PeerCredentials {
  /** What this replica sends. Rejects with an error for the log if it cannot be read. */
  token(): Promise<string>;
  judge(request: IncomingMessage): Promise<PeerVerdict>;
}

/** A token in a file, which is read again when it may have changed. */
export class TokenFile {
  readonly #path: string;
  readonly #clock: Clock;
  #current: { readonly token: string; readonly at: number } | undefined;
  #former: { readonly token: string; readonly until: number } | undefined;

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  /** Rejects with an error that names the file. */
  async read(): Promise<string> {
    const now = this.#clock.monotonic();
    if (this.#current !== undefined && now - this.#current.at < tokenAgeMs) return this.#current.token;
    const token = await this.#readFile();
    const before = this.#current?.token;
    if (before !== undefined && before !== token) this.#former = { token: before, until: now + formerTokenMs };
    this.#current = { token, at: now };
    return token;
  }

  /** True for the present token, and for a while for the one before. */
  async accepts(token: string): Promise<boolean> {
    const isCurrent = isSameSecret(token, await this.read());
    const { token: former = '', until = 0 } = this.#former ?? {};
    const isFormer = isSameSecret(token, former) && this.#clock.monotonic() < until;
    return isCurrent || isFormer;
  }

  async #readFile(): Promise<string> {
    let token: string;
    try {
      token = (await readRegularFile(this.#path, configurationFileBytes)).toString('utf8').trim();
    } catch (error) {
      throw new Error(`the token of the peers cannot be read: ${this.#path}: ${(error as Error).message}`, {
        cause: error,
      });
    }
    if (!/^[\x21-\x7e]+$/.test(token))
      throw new Error(
        `the token of the peers in ${this.#path} cannot be used: it has to be one line of ASCII characters without blanks`,
      );
    return token;
  }
}

/** The same text in all replicas: `replicas.token_file`. */
export class SharedToken implements PeerCredentials {
  readonly #file: TokenFile;

  constructor(file: TokenFile) {
    this.#file = file;
  }

  token(): Promise<string> {
    return this.#file.read();
  }

  async judge(request: IncomingMessage): Promise<PeerVerdict> {
    const token = bearerOf(request);
    if (token === undefined) return missing;
    try {
      return (await this.#file.accepts(token))
        ? 'good'
        : { status: 401, reason: 'the token is not that of replicas.token_file' };
    } catch {
      return { status: 503, reason: 'replicas.token_file cannot be read here' };
    }
  }
}

export interface ServiceAccountTokenOptions {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly file: TokenFile;
  /** Asks Kubernetes whose token that is. */
  readonly check: (token: string, request: IncomingMessage) => Promise<Caller | 'wrong' | 'busy' | 'unknown'>;
}

/** The token of the pod's ServiceAccount: whoever has one of the same account is a replica. */
export class ServiceAccountToken implements PeerCredentials {
  readonly #options: ServiceAccountTokenOptions;
  /** When Kubernetes said so, by the digest of the token. */
  readonly #good = new Map<string, number>();

  constructor(options: ServiceAccountTokenOptions) {
    this.#options = options;
  }

  token(): Promise<string> {
    return this.#options.file.read();
  }

  async judge(request: IncomingMessage): Promise<PeerVerdict> {
    const token = bearerOf(request);
    if (token === undefined) return missing;
    const digest = hash('sha256', token, 'base64');
    if (this.#isKnown(digest)) return 'good';
    const verdict = await this.#ask(token, request);
    if (verdict === 'good') this.#remember(digest);
    return verdict;
  }

  #isKnown(digest: string): boolean {
    const at = this.#good.get(digest);
    return at !== undefined && this.#options.clock.monotonic() - at < goodPeerMs;
  }

  #remember(digest: string): void {
    const now = this.#options.clock.monotonic();
    for (const [known, at] of this.#good) if (now - at >= goodPeerMs) this.#good.delete(known);
    if (this.#good.size < maxGoodPeers) this.#good.set(digest, now);
  }

  async #ask(token: string, request: IncomingMessage): Promise<PeerVerdict> {
    const own = await this.#own();
    if (own === undefined) return { status: 503, reason: 'the own token cannot be read here' };
    // This replica itself, which is among the endpoints.
    if (isSameSecret(token, own.token)) return 'good';
    const caller = await this.#options.check(token, request);
    if (caller === 'busy') return { status: 429, reason: 'too many tokens wait to be checked' };
    if (caller === 'unknown') return { status: 503, reason: 'Kubernetes cannot be asked whose token that is' };
    if (caller === 'wrong') return { status: 401, reason: `the token is none of the audience ${peerAudience}` };
    return caller.user === own.user
      ? 'good'
      : { status: 401, reason: 'the token is not that of the ServiceAccount of the replicas' };
  }

  /** The own token and its user; Kubernetes checks the tokens of others, and nobody but the kubelet writes the own one. */
  async #own(): Promise<{ readonly token: string; readonly user: string } | undefined> {
    try {
      const token = await this.#options.file.read();
      const user = subjectOf(token);
      return user === undefined ? undefined : { token, user };
    } catch {
      return undefined;
    }
  }
}

const missing: PeerVerdict = {
  status: 401,
  reason: 'there is no bearer token: only replicas of this Tocsin come in here',
};

/** The subject of a JSON Web Token; undefined if it is none. */
function subjectOf(token: string): string | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
    const subject = (claims as { readonly sub?: unknown } | null)?.sub;
    return typeof subject === 'string' ? subject : undefined;
  } catch {
    return undefined;
  }
}

function bearerOf({ headers }: IncomingMessage): string | undefined {
  return /^bearer +([^\s]+) *$/i.exec(headers.authorization ?? '')?.[1];
}

/** Takes the same time whatever the texts are. */
function isSameSecret(a: string, b: string): boolean {
  return timingSafeEqual(hash('sha256', a, 'buffer'), hash('sha256', b, 'buffer')) && a !== '';
}
