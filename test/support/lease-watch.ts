import { systemClock } from '../../src/runtime/clock.ts';
import type { FaultProxy, SeenCall } from './fault-proxy.ts';

interface Written {
  readonly replica: string;
  /** Status, reason and message of the condition. */
  readonly content: string;
}

/** Sees, from the proxies of all replicas, who had the lease when somebody wrote. */
export class LeaseWatch {
  /** Writes of a replica while another one had the lease. */
  readonly foreignWrites: string[] = [];
  /** An object was written by two replicas, with another condition, although nothing had changed between. */
  readonly differentWrites: string[] = [];
  /** The writes that the API server has done, without those of the lease. */
  writes = 0;
  readonly #last = new Map<string, Written>();
  #holder: { readonly replica: string; readonly since: number } | undefined;

  /** Call it before the replica starts. */
  observe(replica: string, proxy: FaultProxy): void {
    const arrivals = new WeakMap<SeenCall, number>();
    const { calls } = proxy;
    calls.push = (...added) => {
      for (const call of added) {
        arrivals.set(call, systemClock.monotonic());
        this.#called(replica, call);
      }
      return 0;
    };
    proxy.answered = (call, status) => {
      if (isLeaseWrite(call) && status < 300) this.#held(replica, arrivals.get(call) ?? 0);
      if (isWrite(call) && status < 300) this.#written(replica, call);
    };
  }

  /** From now on another condition of that object is right. */
  changed(object: string): void {
    this.#last.delete(object);
  }

  /** An answer that comes late, of a renewal before another one got the lease, says nothing. */
  #held(replica: string, sentAt: number): void {
    if (this.#holder?.replica === replica || sentAt < (this.#holder?.since ?? 0)) return;
    this.#holder = { replica, since: systemClock.monotonic() };
  }

  #called(replica: string, call: SeenCall): void {
    if (!isWrite(call) || this.#holder?.replica === replica) return;
    const { replica: holder = 'nobody' } = this.#holder ?? {};
    this.foreignWrites.push(`${replica}: ${call.method} ${call.url}, while ${holder} had the lease`);
  }

  #written(replica: string, { url, body }: SeenCall): void {
    this.writes++;
    const object = /pipelines\/([^/?]+)\/status/.exec(url)?.[1];
    const content = object === undefined ? undefined : flowHealthIn(parsed(body));
    if (object === undefined || content === undefined) return;
    const last = this.#last.get(object);
    if (last !== undefined && last.replica !== replica && last.content !== content)
      this.differentWrites.push(`${object}: ${last.replica} wrote ${last.content}, then ${replica} ${content}`);
    this.#last.set(object, { replica, content });
  }
}

export function isLeaseWrite({ method, url }: SeenCall): boolean {
  return method !== 'GET' && url.includes('/coordination.k8s.io/');
}

export function isWrite(call: SeenCall): boolean {
  return call.method !== 'GET' && !call.url.includes('/coordination.k8s.io/');
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** The condition somewhere in a patch of either kind. */
function flowHealthIn(patch: unknown): string | undefined {
  if (typeof patch !== 'object' || patch === null) return undefined;
  if ('type' in patch && patch.type === 'TelemetryFlowHealthy') {
    const { status, reason, message } = patch as Readonly<Record<string, unknown>>;
    return `${String(status)} ${String(reason)}: ${String(message)}`;
  }
  for (const member of Object.values(patch)) {
    const found = flowHealthIn(member);
    if (found !== undefined) return found;
  }
  return undefined;
}
