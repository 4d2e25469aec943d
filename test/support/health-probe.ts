import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { setTimeout } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

/** How the program under attack has answered. */
export interface Health {
  readonly probes: number;
  /** The slowest answer, milliseconds. */
  readonly slowestMs: number;
  /**
   * The slowest answer without the time during which the asking thread or the program was ready to run and had no CPU, but with all the
   * time that the program's main thread ran; the same as `slowestMs` if `pid` was not given.
   */
  readonly slowestByItselfMs: number;
  /** The number of answers other than 200. */
  readonly failed: number;
}

/** Asks `/-/healthy` every 20 ms, each time on a new connection, from a separate thread, which the attack cannot slow down. */
export class HealthProbe {
  readonly #worker: Worker;

  /**
   * @param pid of the program under attack
   * @param tls whether it speaks TLS
   */
  constructor(port: number, pid?: number, tls = false) {
    this.#worker = new Worker(new URL(import.meta.url), { workerData: { port, pid, tls } satisfies Target });
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
  readonly tls: boolean;
}

const none: Health = { probes: 0, slowestMs: 0, slowestByItselfMs: 0, failed: 0 };

function healthy(port: number, tls: boolean): Promise<boolean> {
  return new Promise((resolve) => {
    const where = { port, host: '127.0.0.1' };
    const socket = tls ? connectTls({ ...where, rejectUnauthorized: false }) : connect(where);
    let answer = '';
    socket.on(tls ? 'secureConnect' : 'connect', () =>
      socket.write('GET /-/healthy HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n'),
    );
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(answer.startsWith('HTTP/1.1 200')));
  });
}

async function probe({ port, pid, tls }: Target): Promise<never> {
  let health = none;
  parentPort!.on('message', () => {
    parentPort!.postMessage(health); // oxlint-disable-line unicorn/require-post-message-target-origin -- a thread, not a window
    health = none;
  });
  for (;;) {
    const startedAt = performance.now();
    const before = cpuTimes(pid);
    const isHealthy = await healthy(port, tls);
    const tookMs = performance.now() - startedAt;
    const after = cpuTimes(pid);
    const byItselfMs = Math.max(tookMs - waitedMs(before, after), Math.min(tookMs, after.ranMs - before.ranMs));
    health = {
      probes: health.probes + 1,
      slowestMs: Math.max(health.slowestMs, tookMs),
      slowestByItselfMs: Math.max(health.slowestByItselfMs, byItselfMs),
      failed: health.failed + (isHealthy ? 0 : 1),
    };
    await setTimeout(20);
  }
}

/** Totals so far, in milliseconds; nothing where Linux does not report them. */
interface CpuTimes {
  /** How long the main thread of the other process ran. */
  readonly ranMs: number;
  /** How long this thread and that one were ready to run and had no CPU. */
  readonly waitedMs: number;
  /** The same for each other thread of that process: the main thread waits for them while it collects garbage. */
  readonly helpersWaitedMs: ReadonlyMap<string, number>;
}

function cpuTimes(pid: number | undefined): CpuTimes {
  const unknown: CpuTimes = { ranMs: 0, waitedMs: 0, helpersWaitedMs: new Map<string, number>() };
  if (pid === undefined) return unknown;
  try {
    const main = schedule(`/proc/${pid}/schedstat`);
    const helpers = readdirSync(`/proc/${pid}/task`).filter((thread) => thread !== String(pid));
    return {
      ranMs: main.ranMs,
      waitedMs: main.waitedMs + schedule('/proc/thread-self/schedstat').waitedMs,
      helpersWaitedMs: new Map(
        helpers.map((thread) => [thread, schedule(`/proc/${pid}/task/${thread}/schedstat`).waitedMs]),
      ),
    };
  } catch {
    return unknown; // it has ended, or this is no Linux
  }
}

/** The wait for a CPU between the two; of the helpers, which wait at the same time, only the longest wait counts. */
function waitedMs(before: CpuTimes, after: CpuTimes): number {
  const helpers = [...after.helpersWaitedMs].map(([thread, ms]) => ms - (before.helpersWaitedMs.get(thread) ?? ms));
  return after.waitedMs - before.waitedMs + Math.max(0, ...helpers);
}

function schedule(file: string): { readonly ranMs: number; readonly waitedMs: number } {
  const [ran, waited] = readFileSync(file, 'utf8').split(' ');
  return { ranMs: Number(ran) / 1e6, waitedMs: Number(waited) / 1e6 };
}

if (!isMainThread) await probe(workerData as Target);
