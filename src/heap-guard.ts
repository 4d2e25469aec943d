import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';

/** From this size on V8 collects rather than grows, whatever it is that grew, bytes. */
const guardedBytes = 288 * 1024 * 1024;

/**
 * Keeps the process within the memory that README promises. V8 sizes its heap by the machine: left alone it would rather
 * double it than collect it. In V8's memory-saver mode it does not, but then alerts cost two to three times the CPU: so that
 * is only for when it counts. The mode belongs to the process: there is one guard in it.
 */
export class HeapGuard {
  /** How much work is under way that fills the heap with what is soon thrown away. */
  #heavyWork = 0;
  #isLarge = false;
  #isSaving = false;
  readonly #setSaving: (saving: boolean) => void;
  readonly #observer = new PerformanceObserver(() => this.look(heapBytes()));

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

  /** To be told the size of the heap after a collection, bytes. */
  look(bytes: number): void {
    this.#isLarge = bytes > guardedBytes;
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

function heapBytes(): number {
  const { total_heap_size: heap, external_memory: external } = getHeapStatistics();
  return heap + external;
}

function setMemorySaver(saving: boolean): void {
  setFlagsFromString(saving ? '--memory-saver-mode' : '--no-memory-saver-mode');
}
