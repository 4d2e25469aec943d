import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

/** How the program under attack answered meanwhile. */
export interface Health {
  readonly probes: number;
  /** The slowest answer, milliseconds. */
  readonly slowestMs: number;
  /** Those that were no 200. */
  readonly failed: number;
}

/** Asks `/-/healthy` every 20 ms, each time on a new connection, from a thread of its own: the attack must not slow it down. */
export class HealthProbe {
  readonly #worker: Worker;

  constructor(port: number) {
    this.#worker = new Worker(new URL(import.meta.url), { workerData: port });
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

async function probe(port: number): Promise<never> {
  let health = { probes: 0, slowestMs: 0, failed: 0 };
  parentPort!.on('message', () => {
    parentPort!.postMessage(health); // oxlint-disable-line unicorn/require-post-message-target-origin -- a thread, not a window
    health = { probes: 0, slowestMs: 0, failed: 0 };
  });
  for (;;) {
    const startedAt = performance.now();
    const isHealthy = await healthy(port);
    health.probes++;
    health.slowestMs = Math.max(health.slowestMs, performance.now() - startedAt);
    if (!isHealthy) health.failed++;
    await setTimeout(20);
  }
}

if (!isMainThread) await probe(workerData as number);
