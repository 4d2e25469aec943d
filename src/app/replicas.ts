import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { Elector, type Annotations, type Lease } from '../replica/elector.ts';
import type { Leadership } from '../replica/leadership.ts';
import type { SharedGuard } from '../trigger/guard/shared-guard.ts';
import { LeadershipReport } from '../replica/leadership-report.ts';
import type { Clock } from '../runtime/clock.ts';
import type { PeerSource } from '../replica/peers/peers.ts';
import { newId } from '../runtime/new-id.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { Config } from '../config/config.ts';
import type { HomeChoice } from '../config/choose-home.ts';
import { receiverNamespace } from './home.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The most that all annotations of an object may have, keys and values together, bytes. Kubernetes refuses the whole write over it. */
export const annotationsBytes = 256 * 1024;

/** A run waits for the API server no longer than this, milliseconds. */
const longestStoreMs = 2000;

/** Connects the lease that the replicas share. */
export type CreateLease = (context: LeaseContext) => Lease;

export interface LeaseContext extends Pick<Runtime, 'clock' | 'schedule'> {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly onWatchFailure: (error: unknown) => void;
}

/** Finds the other replicas in the cluster. */
export type CreatePeerSlices = (context: PeerSlicesContext) => FoundPeers;

export interface FoundPeers extends PeerSource {
  start(): void;
  close(): Promise<void>;
}

export interface PeerSlicesContext extends Pick<Runtime, 'clock' | 'logger' | 'schedule'> {
  readonly namespace: string;
  readonly service: string;
  readonly scheme: () => 'http' | 'https';
  readonly routePrefix: string;
  readonly version: string;
}

interface ReplicasOptions extends Runtime {
  readonly config: () => Config;
  readonly version: string;
  readonly createLease: CreateLease;
  /** How many reconcile requests wait. */
  readonly waiting: () => number;
  readonly environment?: Environment;
}

/** This process as one of several replicas. */
export class Replicas {
  /** Its name as a holder of the lease: another one after each start, as client-go has it. */
  readonly me: string;
  /** The namespace of what the replicas share. */
  readonly namespace: string;
  /** `NAMESPACE/NAME` of the lease. */
  readonly lease: string;
  readonly #clock: Clock;
  readonly #elector: Elector;
  /** Numbers what is to be stored, and those who wait for it. */
  #changes = 0;
  #collected = 0;
  readonly #waiting = new Map<() => void, number>();
  /** On the monotonic clock; undefined while somebody leads. */
  #leaderlessSince: number | undefined;
  readonly #annotations = new Map<string, () => string | null>();
  readonly #leftOut: (keys: readonly string[], bytes: number) => void;

  constructor(options: ReplicasOptions) {
    const { clock, createLease, environment = process.env } = options;
    const { identity, lease } = options.config().replicas;
    this.me = `${identity ?? asIdentity(environment['POD_NAME'] || hostname())}_${newId(8)}`;
    this.namespace = lease.namespace ?? receiverNamespace() ?? 'default';
    this.lease = `${this.namespace}/${lease.name}`;
    this.#clock = clock;
    this.#leaderlessSince = clock.monotonic();
    const { me, namespace } = this;
    const leadership = (): Leadership => this.leadership;
    const onRenewed = (): void => this.#renewed();
    const report = new LeadershipReport({ ...options, onRenewed, leadership, me, lease: this.lease });
    this.#leftOut = (keys, bytes) => report.annotationsLeftOut(keys, bytes, annotationsBytes);
    const onWatchFailure = (error: unknown): void => report.watchFailed(error);
    this.#elector = new Elector({
      clock,
      me,
      lease: createLease({ ...options, namespace, name: lease.name, onWatchFailure }),
      timings: {
        durationMs: lease.duration,
        renewDeadlineMs: lease.renew_deadline,
        retryPeriodMs: lease.retry_period,
      },
      observer: report,
      annotations: () => this.#written(),
    });
    this.#elector.onChange(() => {
      const { isLeading, leader } = this.#elector;
      const isLed = isLeading || (leader !== '' && leader !== me);
      this.#leaderlessSince = isLed ? undefined : (this.#leaderlessSince ?? clock.monotonic());
    });
  }

  /** How long nobody has led, as far as this replica knows, milliseconds; undefined while somebody does. */
  get leaderlessMs(): number | undefined {
    return this.#leaderlessSince === undefined ? undefined : this.#clock.monotonic() - this.#leaderlessSince;
  }

  get leadership(): Leadership {
    return this.#elector;
  }

  /** What the lease was seen to have last. */
  get annotations(): Readonly<Record<string, string>> {
    return this.#elector.annotations;
  }

  /** From now on the leader writes this annotation with each renewal. @param value null: there is none */
  annotate(key: string, value: () => string | null): void {
    this.#annotations.set(key, value);
  }

  /** A place in the lease for what the next leader has to know of the triggers of one tenant, or of the only one. */
  shared(tenant: string | undefined): SharedGuard {
    const key = triggersKey(tenant);
    return { offer: (text) => this.annotate(key, text), stored: () => this.#stored() };
  }

  /** What the leader before this one left there, and how far the clock here was ahead of its clock then, or more: milliseconds. */
  left(tenant: string | undefined): { readonly text: string; readonly aheadMs: number } | undefined {
    const { former } = this.#elector;
    const text = former?.annotations[triggersKey(tenant)];
    if (text === undefined) return undefined;
    const renewedAt = Date.parse(former?.renewTime ?? '');
    return { text, aheadMs: Number.isNaN(renewedAt) ? 0 : this.#clock.now() - renewedAt };
  }

  /** An annotation has changed, and is to be written within a second. */
  renewSoon(): void {
    this.#elector.renewSoon();
  }

  start(): void {
    this.#elector.start();
  }

  /** Writes no more, and gives the lease away. Never rejects. */
  release(): Promise<void> {
    return this.#elector.release();
  }

  close(): Promise<void> {
    return this.#elector.close();
  }

  /** What has not changed is not written again. */
  #written(): Annotations {
    this.#collected = this.#changes;
    const known = this.annotations;
    const values = [...this.#annotations].map(([key, value]) => [key, value()] as const);
    const changed = values.filter(([key, value]) => value !== (known[key] ?? null));
    const { written, leftOut, bytes } = fittingAnnotations(known, changed);
    if (leftOut.length > 0) this.#leftOut(leftOut, bytes);
    return written;
  }

  /** Resolves with the renewal that has it, after {@link longestStoreMs}, or at once if this replica does not lead. */
  #stored(): Promise<void> {
    if (!this.#elector.isLeading) return Promise.resolve();
    const number = ++this.#changes;
    this.renewSoon();
    return new Promise((resolve) => {
      const cancel = this.#clock.setTimeout(() => end(), longestStoreMs);
      const end = (): void => {
        cancel();
        this.#waiting.delete(end);
        resolve();
      };
      this.#waiting.set(end, number);
    });
  }

  #renewed(): void {
    for (const [end, number] of this.#waiting) if (number <= this.#collected) end();
  }
}

/**
 * What of it can be written: others have annotations there too, and the lease is worth more than what it carries. The present value of
 * one that does not fit stays.
 */
export function fittingAnnotations(
  known: Readonly<Record<string, string>>,
  changed: readonly (readonly [key: string, value: string | null])[],
): { readonly written: Annotations; readonly leftOut: readonly string[]; readonly bytes: number } {
  let bytes = Object.entries(known).reduce((sum, [key, value]) => sum + sizeOf(key, value), 0);
  const fitting: (readonly [string, string | null])[] = [];
  const leftOut: string[] = [];
  for (const [key, value] of changed) {
    const more = sizeOf(key, value) - sizeOf(key, known[key] ?? null);
    if (more > 0 && bytes + more > annotationsBytes) leftOut.push(key);
    else {
      bytes += more;
      fitting.push([key, value]);
    }
  }
  return { written: Object.fromEntries(fitting), leftOut, bytes };
}

function sizeOf(key: string, value: string | null): number {
  return value === null ? 0 : Buffer.byteLength(key) + Buffer.byteLength(value);
}

/** A host may be called what no header can hold. */
function asIdentity(host: string): string {
  return host.replaceAll(/[^\x21-\x2b\x2d-\x7e]/g, '-').slice(0, 253);
}

/** The key of an annotation holds fewer characters than the name of a tenant, and other ones. */
export function triggersKey(tenant: string | undefined): string {
  const name = 'tocsin.dev/triggers';
  return tenant === undefined ? name : `${name}-${createHash('sha256').update(tenant).digest('hex').slice(0, 32)}`;
}

/**
 * How to connect the lease; undefined if this Tocsin is the only one. Throws an error for the user if there is no cluster for it.
 * The client is loaded only here, because it takes time and memory that others need not pay.
 */
export async function leaseOf(
  { enabled }: Config['replicas'],
  home: Exclude<HomeChoice, { readonly problem: string }>,
  environment: Environment = process.env,
): Promise<CreateLease | undefined> {
  const isNamedPod = home.home === 'kubernetes' && home.kubeconfigs.length === 0 && Boolean(environment['POD_NAME']);
  if (enabled === false || (enabled === 'auto' && !isNamedPod)) return undefined;
  if (home.home !== 'kubernetes') throw new Error(needsCluster);
  const { createKubernetesLease } = await import('../kubernetes/replica/lease.ts');
  return (context) => createKubernetesLease({ ...context, access: home });
}

const needsCluster =
  'replicas.enabled is true, which needs pipelines in Kubernetes, and these are in a folder: name a cluster (--kubeconfig), or set replicas.enabled to false';

/** How to find the other replicas in the cluster; undefined where there is none. The client is loaded only here. */
export async function peerSlicesOf(
  { enabled, peers }: Config['replicas'],
  home: Exclude<HomeChoice, { readonly problem: string }>,
): Promise<CreatePeerSlices | undefined> {
  if (enabled === false || peers.length > 0 || home.home !== 'kubernetes') return undefined;
  const { createPeerSlices } = await import('../kubernetes/replica/peer-slices.ts');
  return (context) => createPeerSlices({ ...context, access: home });
}
