import { requestKey, type Request } from '../../reconcile/request.ts';
import type { Pipelines } from '../../reconcile/ports.ts';

/** So many pipelines are remembered before those that are gone are looked for, again at each doubling. */
const firstLook = 1024;

/** What the condition of a pipeline does not say. Moments are by the monotonic clock, milliseconds. */
export interface Remembered {
  /**
   * Each reason that Prometheus bore out since the condition was last healthy, with the moment from which on its answers contradict
   * the push of that alert; undefined: they do not.
   */
  readonly reported?: ReadonlyMap<string, number | undefined>;
  /** When the log last told that the condition is held; undefined once it was healthy. */
  readonly loggedAt?: number | undefined;
}

interface Memory extends Remembered {
  readonly request: Request;
}

/** What is remembered of each pipeline beside its condition. */
export class VerdictMemory {
  readonly #pipelines: Pick<Pipelines, 'get'>;
  readonly #memories = new Map<string, Memory>();
  #lookAt = firstLook;

  constructor(pipelines: Pick<Pipelines, 'get'>) {
    this.#pipelines = pipelines;
  }

  /** Pipelines of which something is remembered. */
  get size(): number {
    return this.#memories.size;
  }

  of(request: Request): Remembered {
    return this.#memories.get(requestKey(request)) ?? {};
  }

  change({ kind, namespace, name }: Request, change: Remembered): void {
    const request = { kind, name, ...(namespace !== undefined && { namespace }) };
    const key = requestKey(request);
    const memory = { ...this.#memories.get(key), ...change, request };
    if ((memory.reported?.size ?? 0) === 0 && memory.loggedAt === undefined) this.#memories.delete(key);
    else this.#memories.set(key, memory);
    if (this.#memories.size >= this.#lookAt) this.#forgetThoseGone();
  }

  #forgetThoseGone(): void {
    for (const [key, { request }] of this.#memories)
      if (this.#pipelines.get(request) === undefined) this.#memories.delete(key);
    this.#lookAt = Math.max(firstLook, 2 * this.#memories.size);
  }
}
