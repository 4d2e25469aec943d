import { constants, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import type { Clock } from './clock.ts';

/** From this size of the process on V8 collects rather than grows, whatever it is that grew, bytes. */
const guardedBytes = 336 * 1024 * 1024;

/** Less than this is not worth a collection that V8 would not have made: what is large then is not V8's, bytes. */
const smallHeapBytes = 112 * 1024 * 1024;

/** While memory is saved, so much more than after the last collection of the whole heap is collected again, bytes. */
const growthBytes = 32 * 1024 * 1024;

/** How long after it listens the start is over in a cluster as well, milliseconds. */
const settleMs = 10_000;

export interface MemoryUse {
  /** All that the process has in memory, bytes. */
  readonly resident: number;
  /** What V8 has of it, garbage and external memory included, bytes. */
  readonly heap: number;
}

/** How V8 is told; the default tells the one of this process. */
export interface HeapControl {
  /** How much the heap may grow by, little or much; V8 decides on it at the end of each collection. */
  readonly saveMemory: (saving: boolean) => void;
  /** Has a collection begin with the next allocation; the program runs on between its steps. */
  readonly collectSoon: (soon: boolean) => void;
}

/**
 * Keeps the process within the memory that README promises. V8 sizes its heap by the machine: left alone it would rather
 * let it grow to the fourfold than collect it; and it does not know what connections take, nor what the allocator keeps of
 * buffers that are free again, which under attack is 200 MiB. In V8's memory-saver mode it does collect, but then alerts cost
 * two to three times the CPU: so that is only for when it counts. What V8 has allowed the heap before, the mode does not take
 * back; so collections are asked for besides. The mode belongs to the process: there is one guard in it.
 */
export class HeapGuard {
  /** How much work is under way that fills the heap with what is soon thrown away. */
  #heavyWork = 0;
  #use: MemoryUse = { resident: 0, heap: 0 };
  #isSaving = false;
  /** The heap after the last collection of all of it, bytes. */
  #collectedTo = 0;
  #collectsSoon = false;
  /** True from {@link settle} to the end of the next collection of the whole heap. */
  #isSettling = false;
  readonly #control: HeapControl;
  readonly #observer = new PerformanceObserver((list) =>
    this.look(memoryUse(), list.getEntries().some(isFullCollection)),
  );

  constructor(control = v8Control) {
    this.#control = control;
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  /** Has V8 save memory while some work is done that is known to need much of it. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#heavyWork++;
    this.#apply();
    try {
      return await work();
    } finally {
      this.#heavyWork--;
      this.#apply();
    }
  }

  /** Gives back what only the start needed, with one collection of the whole heap in small steps, once a cluster has been read too. */
  settle(clock: Clock): void {
    clock.setTimeout(() => {
      this.#isSettling = true;
      this.#apply();
    }, settleMs);
  }

  /**
   * To be told what is in use after a collection.
   * @param isFull true if it was one of the whole heap
   */
  look(use: MemoryUse, isFull: boolean): void {
    this.#use = use;
    if (isFull) this.#collectedTo = use.heap;
    if (isFull) this.#isSettling = false;
    this.#apply();
  }

  close(): void {
    this.#observer.disconnect();
  }

  #apply(): void {
    const { resident, heap } = this.#use;
    const hasMuch = heap > smallHeapBytes;
    const saving = this.#isSettling || this.#heavyWork > 0 || (hasMuch && resident > guardedBytes);
    const soon = this.#isSettling || (saving && hasMuch && heap > this.#collectedTo + growthBytes);
    if (saving !== this.#isSaving) this.#control.saveMemory(saving);
    if (soon !== this.#collectsSoon) this.#control.collectSoon(soon);
    this.#isSaving = saving;
    this.#collectsSoon = soon;
  }
}

const v8Control: HeapControl = {
  saveMemory: (saving) => setFlagsFromString(saving ? '--memory-saver-mode' : '--no-memory-saver-mode'),
  // In percent of what the heap may still grow by; 0 leaves it to V8.
  collectSoon: (soon) => setFlagsFromString(`--incremental-marking-hard-trigger=${soon ? 1 : 0}`),
};

function memoryUse(): MemoryUse {
  const { total_heap_size: heap, external_memory: external } = getHeapStatistics();
  return { resident: residentBytes(), heap: heap + external };
}

/** While there is no file descriptor for asking the system: large, for then it is under attack. */
function residentBytes(): number {
  try {
    return process.memoryUsage.rss();
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** The entries of Node's collections have a detail, which the types do not know of. */
function isFullCollection(entry: object): boolean {
  const { detail } = entry as { readonly detail?: { readonly kind?: number } };
  return detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
}
