import assert from 'node:assert/strict';
import { Registry } from 'prom-client';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { createWorkQueueMetrics } from './work-queue-metrics.ts';
import { RateLimiter } from './fair-lanes.ts';
import { requestKey, type Request } from '../reconcile/ports.ts';
import { WorkQueue, type FailedRequests } from './work-queue.ts';
import type { Priority, WorkItem } from './dirty-requests.ts';

/** The payload of a test's request: the names of the adds that are merged in it, in order. */
export type Adds = readonly string[];

export interface Run extends Pick<WorkItem<Adds>, 'payload' | 'priority' | 'addedAt'> {
  readonly key: string;
  readonly startedAt: number;
}

export interface QueueSetup {
  readonly clock: FakeClock;
  readonly queue: WorkQueue<Adds>;
  /** All runs that were started, in order. */
  readonly runs: readonly Run[];
  /** The keys that are being worked on, in the order of their starts. */
  running(): readonly string[];
  /** The most keys that were worked on at once. */
  busiest(): number;
  /** The reports about requests that failed last and had to wait. */
  readonly held: readonly FailedRequests[];
  /** The keys that were worked on twice at once. */
  readonly twice: readonly string[];
  add(name: string, payload: string, priority?: Priority): boolean;
  addAfter(name: string, payload: string, delayMs: number, priority?: Priority): boolean;
  addRateLimited(name: string, payload: string, priority?: Priority, tookMs?: number): number;
  /** Ends the work on a key, or makes it fail. The queue notices after {@link settle}. */
  finish(name: string, error?: Error): void;
  /** Lets everything that is ready run. */
  settle(): Promise<void>;
  metrics(): Promise<Readonly<Record<string, number>>>;
}

export function request(name: string): Request {
  return { kind: 'K', name };
}

/** A queue whose work ends when the test says so. */
export function setUpQueue(any = 1, reserved = 0): QueueSetup {
  const clock = new FakeClock();
  const registry = new Registry();
  const runs: Run[] = [];
  const running = new Map<string, PromiseWithResolvers<void>>();
  const twice: string[] = [];
  const held: FailedRequests[] = [];
  let busiest = 0;
  const work = ({ request: { name }, ...item }: WorkItem<Adds>): Promise<void> => {
    if (running.has(name)) twice.push(name);
    const { payload, priority, addedAt } = item;
    runs.push({ key: name, payload, priority, addedAt, startedAt: clock.now() });
    const ended = Promise.withResolvers<void>();
    running.set(name, ended);
    busiest = Math.max(busiest, running.size);
    return ended.promise;
  };
  const queue: WorkQueue<Adds> = new WorkQueue<Adds>({
    clock,
    workers: { any, reserved },
    work,
    merge: (earlier, later) => [...earlier, ...later],
    metrics: createWorkQueueMetrics(registry, () => queue),
    rateLimiter: new RateLimiter({ random: () => 0 }),
    onHeld: (requests) => held.push(requests),
  });
  return {
    clock,
    queue,
    runs,
    twice,
    held,
    running: () => [...running.keys()],
    busiest: () => busiest,
    add: (name, payload, priority = 'alert') => queue.add(request(name), [payload], priority),
    addAfter: (name, payload, delayMs, priority = 'retry') =>
      queue.addAfter(request(name), () => [payload], priority, delayMs),
    addRateLimited: (name, payload, priority = 'retry', tookMs = 0) =>
      queue.addRateLimited(request(name), () => [payload], priority, tookMs),
    finish: (name, error) => {
      const ended = running.get(name);
      if (ended === undefined) throw new Error(`${requestKey(request(name))} is not being worked on`);
      running.delete(name);
      if (error === undefined) ended.resolve();
      else ended.reject(error);
    },
    settle: () => clock.advanceAsync(0),
    metrics: () => readMetrics(registry),
  };
}

/** Ends the work on each of these keys, one after the other. */
export async function finishAll(setup: QueueSetup, keys: string): Promise<void> {
  for (const key of keys) {
    setup.finish(key);
    await setup.settle();
  }
}

/** Ends all work and shuts down. Every test of a queue ends with it. */
export async function end(setup: QueueSetup): Promise<void> {
  const drained = setup.queue.shutDownWithDrain();
  for (let left = setup.running(); left.length > 0; left = setup.running()) await finishAll(setup, left.join(''));
  await drained;
  assert.equal(setup.clock.pending(), 0, 'a timer was left');
  assert.equal(setup.queue.depth, 0);
  assert.deepEqual(setup.twice, []);
}

/** The samples of a registry by name and labels. */
async function readMetrics(registry: Registry): Promise<Record<string, number>> {
  const samples: Record<string, number> = {};
  for (const line of (await registry.metrics()).split('\n')) {
    const [, name, value] = /^([^#].*) (\S+)$/.exec(line) ?? [];
    if (name !== undefined) samples[name] = Number(value);
  }
  return samples;
}
