import { requestKey, type Request } from '../../reconcile/request.ts';
import type { Hold } from './hold.ts';
import type { Pipelines } from '../../reconcile/ports.ts';

/** So many pipelines are remembered before those that are gone are looked for, again at each doubling. */
const firstLook = 1024;

/** What the condition of a pipeline does not say. */
export interface Remembered {
  /** The reasons that Prometheus bore out since the condition was healthy last; undefined: none. */
  readonly reported?: ReadonlySet<string> | undefined;
  /** Of those, by reason: since when the answers contradict it while it is pushed; undefined: none. */
  readonly holds?: ReadonlyMap<string, Hold> | undefined;
  /** When the log told last that it is held, milliseconds; undefined once the pipeline was healthy. */
  readonly toldAt?: number | undefined;
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
    const { reported, holds, toldAt } = memory;
    if (reported === undefined && holds === undefined && toldAt === undefined) this.#memories.delete(key);
    else this.#memories.set(key, memory);
    if (this.#memories.size >= this.#lookAt) this.#forgetThoseGone();
  }

  #forgetThoseGone(): void {
    for (const [key, { request }] of this.#memories)
      if (this.#pipelines.get(request) === undefined) this.#memories.delete(key);
    this.#lookAt = Math.max(firstLook, 2 * this.#memories.size);
  }
}
