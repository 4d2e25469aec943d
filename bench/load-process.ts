import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { setTimeout } from 'node:timers/promises';
import type { Load, LoadResult } from './load-generator.ts';
import { cpuSeconds } from './process-usage.ts';

export interface MeasuredLoad extends LoadResult {
  /** What the server used for it, seconds. */
  readonly cpuSeconds: number;
}

/** What a server still does after the answer counts too, and some of it comes late. */
const settleMs = 200;

/** The load generator in a process of its own, so that what is measured shares no event loop with it. */
export class LoadProcess {
  readonly #child: ChildProcess = fork(fileURLToPath(new URL('load-generator.ts', import.meta.url)), {
    // A collection in the middle of a run would show up in the latencies.
    execArgv: ['--max-semi-space-size=64'],
  });

  /**
   * @param serverPid whose CPU time counts
   * @param waitMs for how long after the last answer it does
   */
  async run(load: Load, serverPid: number, waitMs = settleMs): Promise<MeasuredLoad> {
    await this.#prepare(load);
    const before = cpuSeconds(serverPid);
    const result = await this.#send();
    await setTimeout(waitMs);
    return { ...result, cpuSeconds: cpuSeconds(serverPid) - before };
  }

  /** Sends what is not measured. */
  async warmUp(load: Load): Promise<void> {
    await this.#prepare(load);
    await this.#send();
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
