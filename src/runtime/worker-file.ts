/**
 * The file that a thread runs: beside the caller's file, in the bundle as in the source. Whoever starts a thread asks Node for
 * `Worker` at that moment: what it loads takes 3 MiB of memory, and most processes never need a thread.
 * @param caller `import.meta.url`
 */
export function workerFile(caller: string, name: string): URL {
  return new URL(`${name}${caller.endsWith('.ts') ? '.ts' : '.js'}`, caller);
}
