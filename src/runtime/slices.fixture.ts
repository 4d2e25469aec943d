/** The result of long work, done in one go. */
export function inOneGo<T>(steps: Iterator<unknown, T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/**
 * How long this thread computes, in milliseconds. A busy machine or the garbage collector's own threads add nothing, so a test may bound
 * it; time on the clock it may not.
 */
export function cpuMsOf(work: () => void): number {
  const before = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1000;
}
