import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';

/** From this size of the process on V8 collects rather than grows, whatever it is that grew, bytes. */
const guardedBytes = 336 * 1024 * 1024;

/** Less than this is never worth collecting more often for: what is large then is not V8's, bytes. */
const smallHeapBytes = 112 * 1024 * 1024;

export interface MemoryUse {
  /** All that the process has in memory, bytes. */
  readonly resident: number;
  /** What V8 has of it, garbage and external memory included, bytes. */
  readonly heap: number;
}

/**
 * Keeps the process within the memory that README promises. V8 sizes its heap by the machine: left alone it would rather
 * let it grow to the fourfold than collect it; and it does not know what connections take, nor what the allocator keeps of
 * buffers that are free again, which under attack is 200 MiB and more. In V8's memory-saver mode it does collect, but then
 * alerts cost two to three times the CPU: so that is only for when it counts. The mode belongs to the process: there is one
 * guard in it.
 */
export class HeapGuard {
  /** How much work is under way that fills the heap with what is soon thrown away. */
  #heavyWork = 0;
  #isLarge = false;
  #isSaving = false;
  readonly #setSaving: (saving: boolean) => void;
  readonly #observer = new PerformanceObserver(() => this.look(memoryUse()));

  /** @param setSaving turns the mode on or off; a parameter for the tests */
  constructor(setSaving = setMemorySaver) {
    this.#setSaving = setSaving;
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

  /** To be told what is in use after a collection, of whatever kind. */
  look({ resident, heap }: MemoryUse): void {
    this.#isLarge = resident > guardedBytes && heap > smallHeapBytes;
    this.#apply();
  }

  close(): void {
    this.#observer.disconnect();
  }

  #apply(): void {
    const saving = this.#isLarge || this.#heavyWork > 0;
    if (saving === this.#isSaving) return;
    this.#isSaving = saving;
    this.#setSaving(saving);
  }
}

function memoryUse(): MemoryUse {
  const { total_heap_size: heap, external_memory: external } = getHeapStatistics();
  return { resident: process.memoryUsage.rss(), heap: heap + external };
}

function setMemorySaver(saving: boolean): void {
  setFlagsFromString(saving ? '--memory-saver-mode' : '--no-memory-saver-mode');
}
