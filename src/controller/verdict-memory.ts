import { requestKey, type Request } from '../workqueue/request.ts';
import type { Hold } from './hold.ts';
import type { Pipelines } from './ports.ts';

/** So many pipelines are remembered before those that are gone are looked for, again at each doubling. */
const firstLook = 1024;

/** What is remembered of a pipeline beside its condition. */
interface Memory {
  readonly request: Request;
  readonly hold?: Hold | undefined;
  /** The reason of the last condition that was not Unknown. */
  readonly reasonBeforeUnknown?: string | undefined;
}

/** What the condition of a pipeline does not say: since when it is held, and what it was before it became Unknown. */
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

  hold(request: Request): Hold | undefined {
    return this.#memories.get(requestKey(request))?.hold;
  }

  reasonBeforeUnknown(request: Request): string | undefined {
    return this.#memories.get(requestKey(request))?.reasonBeforeUnknown;
  }

  setHold(request: Request, hold: Hold | undefined): void {
    this.#set(request, { hold });
  }

  setReasonBeforeUnknown(request: Request, reasonBeforeUnknown: string | undefined): void {
    this.#set(request, { reasonBeforeUnknown });
  }

  #set({ kind, namespace, name }: Request, change: Partial<Memory>): void {
    const request = { kind, name, ...(namespace !== undefined && { namespace }) };
    const key = requestKey(request);
    const memory = { ...this.#memories.get(key), ...change, request };
    if (memory.hold === undefined && memory.reasonBeforeUnknown === undefined) this.#memories.delete(key);
    else this.#memories.set(key, memory);
    if (this.#memories.size >= this.#lookAt) this.#forgetThoseGone();
  }

  #forgetThoseGone(): void {
    for (const [key, { request }] of this.#memories)
      if (this.#pipelines.get(request) === undefined) this.#memories.delete(key);
    this.#lookAt = Math.max(firstLook, 2 * this.#memories.size);
  }
}
