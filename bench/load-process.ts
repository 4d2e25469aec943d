import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setTimeout } from 'node:timers/promises';
import type { Load, LoadResult } from './load-generator.ts';
import { cpuSeconds } from './process-usage.ts';

export interface MeasuredLoad extends LoadResult {
  /** The CPU time of the server for this load, in seconds. */
  readonly cpuSeconds: number;
}

/** The server's work after its answer counts too, and some of it comes late. */
const settleMs = 200;

/** The load generator in a separate process, so that it shares no event loop with what is measured. */
export class LoadProcess {
  readonly #child: ChildProcess = fork(fileURLToPath(new URL('load-generator.ts', import.meta.url)), {
    // A garbage collection in the middle of a run would show in the latencies.
    execArgv: ['--max-semi-space-size=64'],
  });

  /**
   * @param serverPid the process whose CPU time counts
   * @param waitMs how long after the last answer its CPU time still counts
   */
  async run(load: Load, serverPid: number, waitMs = settleMs): Promise<MeasuredLoad> {
    await this.#prepare(load);
    const before = cpuSeconds(serverPid);
    const result = await this.#send();
    await setTimeout(waitMs);
    return { ...result, cpuSeconds: cpuSeconds(serverPid) - before };
  }

  /** Sends requests that are not measured. */
  async warmUp(load: Load): Promise<void> {
    await (
      await this.prepare(load)
    )();
  }

  /** Creates the requests, and returns what sends them. */
  async prepare(load: Load): Promise<() => Promise<LoadResult>> {
    await this.#prepare(load);
    return () => this.#send();
  }

  async #prepare(load: Load): Promise<void> {
    this.#child.send(load);
    await once(this.#child, 'message');
  }

  async #send(): Promise<LoadResult> {
    this.#child.send('go');
    const [result] = (await once(this.#child, 'message')) as [LoadResult];
    return result;
  }

  stop(): void {
    this.#child.disconnect();
    this.#child.kill();
  }
}
