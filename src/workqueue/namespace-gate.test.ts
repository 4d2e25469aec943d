import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import type { Request } from '../reconcile/ports.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { createWorkQueueMetrics } from './work-queue-metrics.ts';
import { WorkQueue } from './work-queue.ts';
import type { Priority } from './dirty-requests.ts';

const workers = 4;

/** A queue whose work ends when the test says so. */
function setUp() {
  const running = new Map<string, () => void>();
  const runs: string[] = [];
  const queue: WorkQueue<readonly string[]> = new WorkQueue<readonly string[]>({
    clock: new FakeClock(),
    workers: { any: workers, reserved: 1 },
    merge: (earlier, later) => [...earlier, ...later],
    metrics: createWorkQueueMetrics(new Registry(), () => queue),
    work: ({ request: { namespace, name }, payload }) => {
      runs.push(...payload);
      return new Promise((resolve) => running.set(`${namespace ?? '-'}/${name}`, resolve));
    },
  });
  const requestOf = (text: string): Request => {
    const [namespace = '', name = ''] = text.split('/');
    return { kind: 'K', ...(namespace !== '-' && { namespace }), name };
  };
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  const finish = async (key: string): Promise<void> => {
    const end = running.get(key);
    running.delete(key);
    end?.();
    await settle();
  };
  const add = (key: string, payload = key, priority: Priority = 'alert'): void =>
    void queue.add(requestOf(key), [payload], priority);
  return { add, finish, queue, running, runs, settle };
}

describe('the work queue with the objects of several teams', () => {
  it('keeps half of its workers from one namespace, and serves another one at once', async () => {
    const { add, finish, running, settle } = setUp();
    for (const name of 'abcdefgh') add(`greedy/${name}`);
    await settle();
    assert.deepEqual([...running.keys()], ['greedy/a', 'greedy/b']);
    add('modest/x');
    await settle();
    assert.ok(running.has('modest/x'));
    await finish('greedy/a');
    assert.deepEqual([...running.keys()], ['greedy/b', 'modest/x', 'greedy/c']);
  });

  it('holds nothing that has no namespace', async () => {
    const { add, running, settle } = setUp();
    for (const name of 'abcd') add(`-/${name}`);
    await settle();
    assert.equal(running.size, workers);
  });

  it('starts a key that is held when the platform waits for it', async () => {
    const { add, running, settle } = setUp();
    for (const name of 'abcd') add(`greedy/${name}`);
    add('greedy/d', 'again', 'platform');
    await settle();
    assert.deepEqual([...running.keys()].toSorted(), ['greedy/a', 'greedy/b', 'greedy/d']);
  });

  it('does not hold an alert because periodic looks of the namespace wait', async () => {
    const { add, running, settle } = setUp();
    for (const name of 'abcd') add(`team/${name}`, 'look', 'resync');
    add('team/e');
    await settle();
    assert.deepEqual([...running.keys()], ['team/a', 'team/b', 'team/e']);
  });

  it('does everything once, and of no namespace and priority more than half at a time', async () => {
    const key = fc.constantFrom('a/1', 'a/2', 'a/3', 'a/4', 'b/1', 'b/2', 'b/3', '-/1', '-/2');
    const step = fc.oneof(
      fc.record({ add: key, priority: fc.constantFrom<Priority>('manual', 'platform', 'alert', 'retry', 'resync') }),
      fc.record({ finish: key }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const { add, finish, queue, running, runs, settle } = setUp();
        const added: string[] = [];
        for (const [index, each] of steps.entries()) {
          if ('add' in each) {
            added.push(String(index));
            add(each.add, String(index), each.priority);
          } else await finish(each.finish);
          await settle();
          assert.ok(running.size <= workers + 1);
        }
        while (running.size > 0) await finish([...running.keys()][0]!);
        assert.deepEqual(runs.toSorted(), added.toSorted());
        assert.deepEqual([queue.depth, queue.running], [0, 0]);
        assert.equal(await queue.shutDownWithDrain(), 0);
      }),
      { numRuns: 200 },
    );
  });
});
