import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

/** How the program under attack answered meanwhile. */
export interface Health {
  readonly probes: number;
  /** The slowest answer, milliseconds. */
  readonly slowestMs: number;
  /** The slowest without the time for which asker or asked was ready to run and had no CPU; the same if `pid` was not given. */
  readonly slowestByItselfMs: number;
  /** Those that were no 200. */
  readonly failed: number;
}

/** Asks `/-/healthy` every 20 ms, each time on a new connection, from a thread of its own: the attack must not slow it down. */
export class HealthProbe {
  readonly #worker: Worker;

  /** @param pid of the program under attack */
  constructor(port: number, pid?: number) {
    this.#worker = new Worker(new URL(import.meta.url), { workerData: { port, pid } satisfies Target });
  }

  /** What happened since the last call. */
  take(): Promise<Health> {
    return new Promise((resolve) => {
      this.#worker.once('message', resolve);
      this.#worker.postMessage('take'); // oxlint-disable-line unicorn/require-post-message-target-origin -- a thread, not a window
    });
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}

interface Target {
  readonly port: number;
  readonly pid: number | undefined;
}

const none: Health = { probes: 0, slowestMs: 0, slowestByItselfMs: 0, failed: 0 };

function healthy(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.on('connect', () => socket.write('GET /-/healthy HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n'));
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer.startsWith('HTTP/1.1 200')));
  });
}

async function probe({ port, pid }: Target): Promise<never> {
  let health = none;
  parentPort!.on('message', () => {
    parentPort!.postMessage(health); // oxlint-disable-line unicorn/require-post-message-target-origin -- a thread, not a window
    health = none;
  });
  for (;;) {
    const startedAt = performance.now();
    const waitedBefore = cpuWaitMs(pid);
    const isHealthy = await healthy(port);
    const tookMs = performance.now() - startedAt;
    const byItselfMs = Math.max(0, tookMs - (cpuWaitMs(pid) - waitedBefore));
    health = {
      probes: health.probes + 1,
      slowestMs: Math.max(health.slowestMs, tookMs),
      slowestByItselfMs: Math.max(health.slowestByItselfMs, byItselfMs),
      failed: health.failed + (isHealthy ? 0 : 1),
    };
    await setTimeout(20);
  }
}

/** For how long this thread and the main thread of the other process were ready to run and had no CPU, so far; 0 where Linux does not tell. */
function cpuWaitMs(pid: number | undefined): number {
  if (pid === undefined) return 0;
  try {
    return waitMs('/proc/thread-self/schedstat') + waitMs(`/proc/${pid}/schedstat`);
  } catch {
    return 0; // it has ended, or this is no Linux
  }
}

function waitMs(file: string): number {
  return Number(readFileSync(file, 'utf8').split(' ')[1]) / 1e6;
}

if (!isMainThread) await probe(workerData as Target);
