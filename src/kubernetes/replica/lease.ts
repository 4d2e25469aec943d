import { Registry } from 'prom-client';
import { LeaseConflict, type LeaseState, type LeaseWrite } from '../../replica/election.ts';
import type { Annotations, Lease } from '../../replica/elector.ts';
import type { Clock } from '../../runtime/clock.ts';
import { sleep } from '../../runtime/deadline.ts';
import type { SliceSchedule } from '../../runtime/slices.ts';

import { createApiClient, type ApiClient } from '../api/api-client.ts';
import type { ClusterAccess } from '../api/kube-config.ts';
import { ApiError } from '../api/api-error.ts';
import { asApiObject, isJsonObject, type KeptAnswer } from '../kept-object.ts';
import type { ApiObject } from '../api-object.ts';
import type { Selection } from '../../text/json-selection.ts';
import { watchStream } from '../watch/watch-stream.ts';

interface KubernetesLeaseOptions {
  readonly client: Pick<ApiClient, 'call' | 'open' | 'close'>;
  readonly clock: Clock;
  readonly schedule: SliceSchedule;
  readonly namespace: string;
  readonly name: string;
  /** Called when the watch fails; it begins again by itself. */
  readonly onWatchFailure?: (error: unknown) => void;
}

/** One for the watch, and one for the calls, which is not that of a call that hangs. */
const connections = 4;

/**
 * The lease with a client of its own: a renewal must not wait for the rate limit, or for the connections, of what the leader does.
 * Nothing is connected before it is used.
 */
export function createKubernetesLease(
  options: Omit<KubernetesLeaseOptions, 'client'> & { readonly access: ClusterAccess; readonly version: string },
): KubernetesLease {
  // The client's own metrics are those of the calls of the home.
  const client = createApiClient({ ...options, registry: new Registry(), maxConnections: connections });
  return new KubernetesLease({ ...options, client });
}

/** The members of a Lease that count. */
const members: Readonly<Record<string, Selection>> = {
  metadata: { members: { name: 'scalar', uid: 'scalar', resourceVersion: 'scalar', annotations: 'whole' } },
  spec: 'whole',
};

/** With annotations, of which Kubernetes allows 256 KiB. */
const kept: KeptAnswer = { selection: { members }, bytes: 1024 * 1024 };

/** A leader renews every few seconds: a watch that shows nothing for so long is dead, milliseconds. */
const idleMs = 60_000;
/** The server ends the watch after this time, in good order. */
const watchSeconds = 300;
/** The first and the longest wait before a watch that failed begins again, milliseconds. */
const firstRetryMs = 250;
const maxRetryMs = 10_000;

/** The Lease of coordination.k8s.io/v1 that the replicas of one Tocsin share. */
export class KubernetesLease implements Lease {
  readonly #options: KubernetesLeaseOptions;
  readonly #collection: string;
  readonly #path: string;
  readonly #closed = new AbortController();
  #watching: Promise<void> | undefined;

  constructor(options: KubernetesLeaseOptions) {
    this.#options = options;
    this.#collection = `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(options.namespace)}/leases`;
    this.#path = `${this.#collection}/${encodeURIComponent(options.name)}`;
  }

  async read(signal: AbortSignal): Promise<LeaseState | undefined> {
    try {
      return this.#stateOf(await this.#options.client.call({ method: 'GET', path: this.#path, keep: kept, signal }));
    } catch (error) {
      if (error instanceof ApiError && error.status === 404 && error.reason === 'NotFound') return undefined;
      throw this.#explained(error, 'get');
    }
  }

  async create(write: LeaseWrite, annotations: Annotations, signal: AbortSignal): Promise<LeaseState> {
    const { name, namespace } = this.#options;
    const body = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, namespace, annotations: withoutNulls(annotations) },
      spec: this.#specOf(write),
    };
    try {
      return this.#stateOf(
        await this.#options.client.call({ method: 'POST', path: this.#collection, body, keep: kept, signal }),
      );
    } catch (error) {
      throw this.#explained(error, 'create');
    }
  }

  /** Others may write annotations, labels and members of the spec that Tocsin does not know: a merge patch leaves them alone. */
  async update(write: LeaseWrite, version: string, annotations: Annotations, signal: AbortSignal): Promise<LeaseState> {
    const body = { metadata: { resourceVersion: version, annotations }, spec: this.#specOf(write) };
    const contentType = 'application/merge-patch+json';
    try {
      return this.#stateOf(
        await this.#options.client.call({ method: 'PATCH', path: this.#path, contentType, body, keep: kept, signal }),
      );
    } catch (error) {
      throw this.#explained(error, 'patch');
    }
  }

  watch(onLease: (lease: LeaseState | undefined) => void): void {
    this.#watching ??= this.#watchForEver(onLease);
  }

  async close(): Promise<void> {
    this.#closed.abort(new Error('the lease is closed'));
    await this.#watching;
    await this.#options.client.close();
  }

  async #watchForEver(onLease: (lease: LeaseState | undefined) => void): Promise<void> {
    const { clock, onWatchFailure = () => undefined } = this.#options;
    const { signal } = this.#closed;
    for (let failures = 0; !signal.aborted;) {
      try {
        for await (const lease of this.#watchOnce()) {
          failures = 0;
          onLease(lease);
        }
        failures++;
      } catch (error) {
        if (signal.aborted) return;
        if (failures++ === 0) onWatchFailure(this.#explained(error, 'watch'));
      }
      const delayMs = Math.min(firstRetryMs * 2 ** (failures - 1), maxRetryMs);
      await sleep(clock, delayMs, signal).catch(() => undefined);
    }
  }

  /** From the present state on, which the server shows first because the watch names no version. */
  async *#watchOnce(): AsyncGenerator<LeaseState | undefined, void> {
    const { client, clock, name, schedule } = this.#options;
    const query = { watch: true, fieldSelector: `metadata.name=${name}`, timeoutSeconds: watchSeconds };
    const call = { method: 'GET', path: this.#collection, query } as const;
    const { signal } = this.#closed;
    for await (const { event, allowance } of watchStream({
      client,
      clock,
      schedule,
      idleMs,
      call,
      members,
      objectBytes: kept.bytes,
      signal,
      onOpen: nothing,
    })) {
      // Of an object that is too large the holder may be missing, which is not to say that nobody has it.
      if (event.type === 'DELETED' || allowance.isSpent) yield undefined;
      else if (event.type !== 'BOOKMARK') yield this.#stateOf(event.object);
    }
  }

  #specOf({ holder, durationSeconds, transitions, isNewTerm }: LeaseWrite): Record<string, unknown> {
    const now = microTime(this.#options.clock.now());
    return {
      holderIdentity: holder,
      leaseDurationSeconds: durationSeconds,
      leaseTransitions: transitions,
      renewTime: now,
      ...(isNewTerm && { acquireTime: now }),
    };
  }

  #stateOf(answer: unknown): LeaseState {
    const { metadata, spec = {} }: ApiObject = asApiObject(answer, this.#path);
    const { holderIdentity, leaseDurationSeconds, leaseTransitions, renewTime, acquireTime } = spec;
    return {
      holder: typeof holderIdentity === 'string' ? holderIdentity : '',
      durationSeconds: countOf(leaseDurationSeconds),
      transitions: countOf(leaseTransitions),
      stamp: JSON.stringify([renewTime, acquireTime, leaseDurationSeconds]),
      ...(typeof renewTime === 'string' && { renewTime }),
      version: metadata.resourceVersion ?? '',
      annotations: textsOf(metadata.annotations),
    };
  }

  /** A conflict is an answer; of a missing right the message says which rule of a Role grants it. */
  #explained(error: unknown, verb: string): unknown {
    if (!(error instanceof ApiError)) return error;
    const isGone = error.status === 404 && verb === 'patch';
    if ((error.status === 409 && verb !== 'get') || isGone) return new LeaseConflict(error.message, { cause: error });
    if (error.status !== 403 || error.missingRight === undefined) return error;
    const { name, namespace } = this.#options;
    // A right to create cannot be limited to a name.
    const names = verb === 'create' ? '' : `, resourceNames: [${name}]`;
    const rule = `{apiGroups: [coordination.k8s.io], resources: [leases], verbs: [${verb}]${names}}`;
    return new Error(`${error.message}; the Role in the namespace ${namespace} lacks the rule ${rule}`, {
      cause: error,
    });
  }
}

function nothing(): void {}

/** As Kubernetes writes a MicroTime. */
function microTime(now: number): string {
  return new Date(now).toISOString().replace('Z', '000Z');
}

function countOf(found: unknown): number {
  return typeof found === 'number' && Number.isSafeInteger(found) && found >= 0 ? found : 0;
}

function textsOf(found: unknown): Readonly<Record<string, string>> {
  const entries = isJsonObject(found) ? Object.entries(found) : [];
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

function withoutNulls(annotations: Annotations): Readonly<Record<string, string>> {
  return textsOf(annotations);
}
