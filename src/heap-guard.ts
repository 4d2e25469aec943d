import { PerformanceObserver } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';

/** From this size on V8 is told to collect rather than to grow, bytes. Below, memory is there to be used, and speed counts. */
const guardedBytes = 160 * 1024 * 1024;

/**
 * Keeps the process within the memory that README promises under a flood. V8 sizes its heap by the machine: left alone it would
 * rather double it than collect it. After each collection this looks at what the heap has grown to.
 */
export function guardHeap(): void {
  let isSaving = false;
  const look = (): void => {
    const { total_heap_size: heap, external_memory: external } = getHeapStatistics();
    const save = heap + external > guardedBytes;
    if (save === isSaving) return;
    isSaving = save;
    setFlagsFromString(save ? '--memory-saver-mode' : '--no-memory-saver-mode');
  };
  new PerformanceObserver(look).observe({ entryTypes: ['gc'] });
}
