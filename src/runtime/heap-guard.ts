import { constants, performance, PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import type { Clock } from './clock.ts';

/** The size of the process from which V8 collects rather than grows, whatever it was that grew, bytes. */
const guardedBytes = 336 * 1024 * 1024;

/** A smaller heap is not worth an extra collection: V8 is not what makes the process large, bytes. */
const smallHeapBytes = 112 * 1024 * 1024;

/** While memory is short, a growth by this much since the last collection of the whole heap causes another one, bytes. */
const growthBytes = 16 * 1024 * 1024;

/** The time from listening to the end of the start, in a cluster as well, milliseconds. */
const settleMs = 10_000;

/** The window in which the process must be quiet before it settles, and how long the event loop may work in it, milliseconds. */
const quietMs = 1_000;
const quietWorkMs = 20;

/** The first collection frees objects; what was not called until the second is code that only the start needed. */
const settlingCollections = 2;

export interface MemoryUse {
  /** All memory of the process, bytes. */
  readonly resident: number;
  /** V8's part of it, with garbage and external memory, bytes. */
  readonly heap: number;
}

/** The calls to V8; by default, those for this process. */
export interface HeapControl {
  /** Sets whether a collection moves all objects, so that the heap gets as small as it can be. */
  readonly saveMemory: (saving: boolean) => void;
  /**
   * Has young objects collected while the whole heap is being marked, too, from now on. By default they are not, and within the tenth of a
   * second that it takes, the heap may grow by 70 MiB.
   */
  readonly collectYoungMeanwhile: () => void;
  /** Starts a collection with the next allocation; the program runs on between its steps. */
  readonly collectSoon: (soon: boolean) => void;
  /** Whether a collection frees the code that was not called since the one before; otherwise V8 keeps it through six. */
  readonly dropIdleCode: (drop: boolean) => void;
}

/**
 * Keeps the process within the memory that README promises. V8 sizes its heap by the machine, and would let it grow fourfold
 * rather than collect it. It also does not know the memory of connections, nor what the allocator keeps of freed buffers, which
 * is 200 MiB under attack. So the guard requests collections itself. V8's memory-saver mode would, too, but then each of them moves
 * all objects, which stops the program for 100 to 200 ms with a heap of 140 MiB, in place of 10 to 50 ms. That mode is only for
 * {@link settle}. What the guard sets belongs to the process: use one guard for it.
 */
export class HeapGuard {
  /** The number of running tasks that fill the heap with short-lived objects. */
  #heavyWork = 0;
  #use: MemoryUse = { resident: 0, heap: 0 };
  #isSaving = false;
  #collectsYoungMeanwhile = false;
  /** The size of the heap after the last collection of the whole heap, bytes. */
  #collectedTo = 0;
  #collectsSoon = false;
  /** True from the end of heavy work to the next collection of the whole heap: what the work left is up to 100 MiB at once. */
  #leftGarbage = false;
  /** The number of collections of the whole heap that {@link settle} still waits for. */
  #settling = 0;
  readonly #control: HeapControl;
  readonly #workedMs: () => number;
  readonly #observer = new PerformanceObserver((list) =>
    this.look(memoryUse(), list.getEntries().some(isFullCollection)),
  );

  /** @param workedMs how long the event loop has worked since the start, milliseconds */
  constructor(control = v8Control, workedMs = () => performance.eventLoopUtilization().active) {
    this.#control = control;
    this.#workedMs = workedMs;
    this.#observer.observe({ entryTypes: ['gc'] });
  }

  /** Lets the heap grow by little during work that is known to need much of it. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#heavyWork++;
    this.#apply();
    try {
      return await work();
    } finally {
      this.#heavyWork--;
      this.#leftGarbage = true;
      this.#apply();
    }
  }

  /**
   * Frees what only the start needed, by two collections of the whole heap in small steps, once a cluster has been read too. Code that
   * is freed and called again is compiled again. A request would wait for the last step, so this waits for a quiet second.
   */
  settle(clock: Clock): void {
    clock.setTimeout(() => this.#settleWhenQuiet(clock), settleMs - quietMs);
  }

  #settleWhenQuiet(clock: Clock): void {
    const before = this.#workedMs();
    clock.setTimeout(() => {
      if (this.#workedMs() - before > quietWorkMs) return this.#settleWhenQuiet(clock);
      this.#settling = settlingCollections;
      this.#control.dropIdleCode(true);
      this.#apply();
    }, quietMs);
  }

  /**
   * Takes the memory in use after a collection.
   * @param isFull true if the whole heap was collected
   */
  look(use: MemoryUse, isFull: boolean): void {
    this.#use = use;
    if (isFull) this.#collectedTo = use.heap;
    if (isFull) this.#leftGarbage = false;
    if (isFull && use.resident > guardedBytes) this.#collectYoungMeanwhile();
    if (isFull && this.#settling > 0 && --this.#settling === 0) this.#control.dropIdleCode(false);
    this.#apply();
  }

  /**
   * Once, right after a collection, and never back: V8 does not expect it to change during one. Changed to and fro while a heap was
   * being collected, it ended 4 of 20 processes within ten seconds (SIGTRAP, SIGSEGV); set once at any moment, none of 60. Not at the
   * start, because V8 takes no code that was compiled with other settings.
   */
  #collectYoungMeanwhile(): void {
    if (!this.#collectsYoungMeanwhile) this.#control.collectYoungMeanwhile();
    this.#collectsYoungMeanwhile = true;
  }

  close(): void {
    this.#observer.disconnect();
  }

  #apply(): void {
    const { resident, heap } = this.#use;
    const hasMuch = heap > smallHeapBytes;
    const isSettling = this.#settling > 0;
    const isLarge = hasMuch && resident > guardedBytes;
    const isShort = isLarge || (hasMuch && this.#heavyWork > 0);
    const hasGrown = isShort && heap > this.#collectedTo + growthBytes;
    const soon = isSettling || hasGrown || (isLarge && this.#leftGarbage);
    if (isSettling !== this.#isSaving) this.#control.saveMemory(isSettling);
    if (soon !== this.#collectsSoon) this.#control.collectSoon(soon);
    this.#isSaving = isSettling;
    this.#collectsSoon = soon;
  }
}

const v8Control: HeapControl = {
  saveMemory: (saving) => setFlagsFromString(saving ? '--memory-saver-mode' : '--no-memory-saver-mode'),
  collectYoungMeanwhile: () => setFlagsFromString('--no-separate-gc-phases'),
  // In percent of the heap's permitted growth; 0 leaves it to V8.
  collectSoon: (soon) => setFlagsFromString(`--incremental-marking-hard-trigger=${soon ? 1 : 0}`),
  // In collections; 6 is V8's default.
  dropIdleCode: (drop) => setFlagsFromString(`--bytecode-old-age=${drop ? 1 : 6}`),
};

function memoryUse(): MemoryUse {
  const { total_heap_size: heap, external_memory: external } = getHeapStatistics();
  return { resident: residentBytes(), heap: heap + external };
}

/** Infinite if there is no file descriptor left for asking the system: then it is under attack. */
function residentBytes(): number {
  try {
    return process.memoryUsage.rss();
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** The entries for Node's collections have a detail that the types lack. */
function isFullCollection(entry: object): boolean {
  const { detail } = entry as { readonly detail?: { readonly kind?: number } };
  return detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
}
