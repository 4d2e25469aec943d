import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { createWorkQueueMetrics } from './work-queue-metrics.ts';
import { end, finishAll, request, setUpQueue, type QueueSetup } from './work-queue.fixture.ts';
import { WorkQueue } from './work-queue.ts';
import type { Priority } from './dirty-requests.ts';

/** The runs so far as `a:x+y`: the key, and the adds merged in it. */
function runsOf({ runs }: QueueSetup): string[] {
  return runs.map(({ key, payload }) => `${key}:${payload.join('+')}`);
}

describe('WorkQueue.add', () => {
  it('works on a request at once while a worker is free', async () => {
    const setup = setUpQueue();
    assert.equal(setup.add('a', 'x'), true);
    await setup.settle();
    assert.deepEqual(setup.runs, [
      { key: 'a', payload: ['x'], priority: 'alert', addedAt: setup.clock.now(), startedAt: setup.clock.now() },
    ]);
    assert.equal(setup.queue.depth, 0);
    await end(setup);
  });

  it('works on as many requests at once as it may, and on the next when one has ended', async () => {
    const setup = setUpQueue(2);
    for (const key of 'abcd') setup.add(key, 'x');
    await setup.settle();
    assert.deepEqual(setup.running(), ['a', 'b']);
    assert.equal(setup.queue.depth, 2);
    await finishAll(setup, 'b');
    assert.deepEqual(setup.running(), ['a', 'c']);
    await finishAll(setup, 'acd');
    assert.deepEqual(runsOf(setup), ['a:x', 'b:x', 'c:x', 'd:x']);
    assert.equal(setup.busiest(), 2);
    await end(setup);
  });

  it('tells since when the oldest request waits, and the oldest run runs', async () => {
    const setup = setUpQueue(2);
    assert.deepEqual(setup.queue.oldest, { addedAt: undefined, startedAt: undefined });
    const first = setup.clock.now();
    for (const key of 'ac') {
      setup.add(key, 'x');
      await setup.settle();
      await setup.clock.advanceAsync(1000);
    }
    const third = setup.clock.now();
    setup.add('d', 'x');
    await setup.clock.advanceAsync(1000);
    setup.add('e', 'x');
    setup.add('d', 'y');
    assert.deepEqual(setup.queue.oldest, { addedAt: third, startedAt: first });
    assert.equal(setup.queue.running, 2);
    await finishAll(setup, 'acde');
    assert.deepEqual(setup.queue.oldest, { addedAt: undefined, startedAt: undefined });
    await end(setup);
  });

  it('merges adds to a waiting request, in order, into one run', async () => {
    const setup = setUpQueue();
    setup.add('b', '');
    setup.add('a', 'x');
    const addedAt = setup.clock.now();
    setup.clock.advance(7);
    setup.add('a', 'y');
    setup.add('a', 'z');
    assert.equal(setup.queue.depth, 1);
    await finishAll(setup, 'b');
    assert.deepEqual(runsOf(setup), ['b:', 'a:x+y+z']);
    assert.equal(setup.runs[1]?.addedAt, addedAt);
    await end(setup);
    assert.equal(setup.runs.length, 2);
  });

  it('runs a request that is added during its work exactly once more, after it', async () => {
    const setup = setUpQueue(4);
    setup.add('a', 'x');
    for (const payload of ['y', 'z']) setup.add('a', payload);
    await setup.settle();
    assert.deepEqual(runsOf(setup), ['a:x']);
    assert.equal(setup.queue.depth, 1);
    await finishAll(setup, 'a');
    assert.deepEqual(runsOf(setup), ['a:x', 'a:y+z']);
    await finishAll(setup, 'a');
    assert.equal(setup.runs.length, 2);
    assert.equal(setup.queue.depth, 0);
    await end(setup);
  });

  it('puts a request that runs once more behind the requests that waited before', async () => {
    const setup = setUpQueue();
    for (const key of 'abc') setup.add(key, 'x');
    setup.add('a', 'y');
    await finishAll(setup, 'abc');
    assert.deepEqual(runsOf(setup), ['a:x', 'b:x', 'c:x', 'a:y']);
    await end(setup);
  });

  it('treats an add between the end of the work and the next turn as one after it', async () => {
    const setup = setUpQueue();
    setup.add('a', 'x');
    setup.finish('a');
    setup.add('a', 'y');
    await setup.settle();
    assert.deepEqual(runsOf(setup), ['a:x', 'a:y']);
    await end(setup);
  });
});

describe('WorkQueue, priorities', () => {
  const ascending: readonly Priority[] = ['resync', 'retry', 'alert', 'manual'];

  it('works on manual requests first, then on alerts, retries and resyncs', async () => {
    const setup = setUpQueue();
    setup.add('b', '');
    for (const priority of ascending) setup.add(priority[2]!, '', priority);
    await finishAll(setup, 'bnets');
    assert.deepEqual(
      setup.runs.slice(1).map(({ priority }) => priority),
      ascending.toReversed(),
    );
    await end(setup);
  });

  it('works in the order of the adds within a priority', async () => {
    const setup = setUpQueue();
    for (const key of 'bfghij') setup.add(key, '', 'retry');
    await finishAll(setup, 'bfghij');
    assert.equal(setup.runs.map(({ key }) => key).join(''), 'bfghij');
    await end(setup);
  });

  it('moves a waiting request that is added with a higher priority behind those of that priority', async () => {
    const setup = setUpQueue();
    setup.add('b', '');
    for (const key of 'fgh') setup.add(key, '', 'resync');
    setup.add('i', '', 'alert');
    setup.add('h', 'now', 'alert');
    await finishAll(setup, 'bihfg');
    assert.equal(setup.runs.map(({ key }) => key).join(''), 'bihfg');
    assert.equal(setup.runs[2]?.priority, 'alert');
    await end(setup);
  });

  it('neither moves nor lowers a waiting request that is added with a lower priority', async () => {
    const setup = setUpQueue();
    for (const key of 'bfg') setup.add(key, '', 'alert');
    setup.add('f', '', 'resync');
    setup.add('h', '', 'retry');
    await finishAll(setup, 'bfgh');
    assert.deepEqual(
      setup.runs.map(({ key, priority }) => key + priority[0]!),
      ['ba', 'fa', 'ga', 'hr'],
    );
    await end(setup);
  });

  it('keeps the highest priority of the adds during the work for the run after it', async () => {
    const setup = setUpQueue();
    setup.add('b', '', 'alert');
    setup.add('f', '', 'retry');
    for (const priority of ['resync', 'manual', 'alert'] as const) setup.add('b', '', priority);
    await finishAll(setup, 'bbf');
    assert.deepEqual(
      setup.runs.map(({ key, priority }) => `${key} ${priority}`),
      ['b alert', 'b manual', 'f retry'],
    );
    await end(setup);
  });
});

describe('WorkQueue.addAfter', () => {
  it('works on a request when its time has come, and not before', async () => {
    const setup = setUpQueue();
    assert.equal(setup.addAfter('a', 'x', 100), true);
    assert.equal(setup.queue.delayed, 1);
    await setup.clock.advanceAsync(99);
    assert.deepEqual([setup.runs.length, setup.queue.depth], [0, 0]);
    await setup.clock.advanceAsync(1);
    assert.deepEqual(runsOf(setup), ['a:x']);
    assert.equal(setup.runs[0]?.priority, 'retry');
    assert.equal(setup.runs[0]?.addedAt, setup.runs[0]?.startedAt);
    assert.equal(setup.queue.delayed, 0);
    await end(setup);
  });

  it('takes the earlier of two delays, whatever the clock is set to between them', async () => {
    for (const byMs of [-3_600_000, 3_600_000]) {
      const setup = setUpQueue();
      setup.addAfter('a', 'x', 100);
      setup.clock.set(byMs);
      await setup.clock.advanceAsync(10);
      setup.addAfter('a', 'y', 200);
      await setup.clock.advanceAsync(89);
      assert.equal(setup.runs.length, 0);
      await setup.clock.advanceAsync(1);
      assert.equal(setup.runs.length, 1);
      await end(setup);
    }
  });

  it('makes the payload once, when the time has come or an add replaces it, and says which', async () => {
    const setup = setUpQueue();
    const made: string[] = [];
    const addAfter = (name: string): void => {
      const payload = (isDue: boolean): string[] => [`${name} ${isDue ? 'due' : 'early'} ${made.push(name)}`];
      setup.queue.addAfter(request('a'), payload, 'resync', 100);
    };
    addAfter('x');
    addAfter('y');
    await setup.clock.advanceAsync(99);
    assert.deepEqual(made, []);
    await setup.clock.advanceAsync(1);
    await finishAll(setup, 'a');
    addAfter('z');
    setup.add('a', 'now');
    await setup.clock.advanceAsync(1_000);
    assert.deepEqual(runsOf(setup), ['a:x due 1+y due 2', 'a:z early 3+now']);
    await end(setup);
  });

  for (const [name, first, second] of [
    ['later', 100, 300],
    ['earlier', 300, 100],
  ] as const) {
    it(`keeps the earlier of two times for one key when a ${name} one follows, and both payloads`, async () => {
      const setup = setUpQueue();
      setup.addAfter('a', 'x', first, 'retry');
      setup.addAfter('a', 'y', second, 'resync');
      assert.equal(setup.queue.delayed, 1);
      assert.equal(setup.clock.pending(), 1);
      await setup.clock.advanceAsync(99);
      assert.equal(setup.runs.length, 0);
      await setup.clock.advanceAsync(1);
      assert.deepEqual(runsOf(setup), ['a:x+y']);
      assert.equal(setup.runs[0]?.priority, 'retry');
      await end(setup);
      assert.equal(setup.runs.length, 1);
    });
  }

  it('counts the time from the add, even when the earlier one is added again', async () => {
    const setup = setUpQueue();
    setup.addAfter('a', 'x', 100);
    setup.clock.advance(60);
    setup.addAfter('a', 'y', 100);
    await setup.clock.advanceAsync(40);
    assert.deepEqual(runsOf(setup), ['a:x+y']);
    await end(setup);
  });

  it('is replaced by an add: at once, merged, once, with the higher of the priorities', async () => {
    const setup = setUpQueue();
    setup.addAfter('a', 'later', 1_000, 'resync');
    setup.add('a', 'now', 'alert');
    assert.deepEqual([setup.queue.delayed, setup.clock.pending()], [0, 0]);
    await setup.settle();
    assert.deepEqual(runsOf(setup), ['a:later+now']);
    assert.equal(setup.runs[0]?.priority, 'alert');
    await finishAll(setup, 'a');
    setup.addAfter('a', 'retry', 1_000, 'retry');
    setup.add('a', 'sweep', 'resync');
    assert.equal(setup.runs[1]?.priority, 'retry');
    await setup.clock.advanceAsync(10_000);
    await end(setup);
    assert.equal(setup.runs.length, 2);
  });

  it('joins a waiting request when its time comes', async () => {
    const setup = setUpQueue();
    setup.add('b', '');
    setup.add('a', 'x', 'resync');
    setup.addAfter('a', 'y', 10, 'retry');
    await setup.clock.advanceAsync(10);
    assert.equal(setup.queue.depth, 1);
    await finishAll(setup, 'b');
    assert.deepEqual(runsOf(setup), ['b:', 'a:x+y']);
    assert.equal(setup.runs[1]?.priority, 'retry');
    await end(setup);
  });

  it('means one more run when its time comes during the work', async () => {
    const setup = setUpQueue();
    setup.add('a', 'x');
    setup.addAfter('a', 'y', 10);
    await setup.clock.advanceAsync(10);
    assert.deepEqual(runsOf(setup), ['a:x']);
    await finishAll(setup, 'a');
    assert.deepEqual(runsOf(setup), ['a:x', 'a:y']);
    await end(setup);
  });

  it('runs in the next turn for a delay of 0 or less', async () => {
    const setup = setUpQueue(2);
    setup.addAfter('a', 'x', 0);
    setup.addAfter('b', 'x', -5);
    assert.equal(setup.runs.length, 0);
    await setup.settle();
    assert.deepEqual(runsOf(setup), ['a:x', 'b:x']);
    await end(setup);
  });

  it('does not extend a delay when the clock is set back', async () => {
    const setup = setUpQueue();
    setup.addAfter('a', 'x', 100);
    const machineNow = setup.clock.now.bind(setup.clock);
    setup.clock.now = () => machineNow() - 3_600_000;
    setup.addAfter('a', 'y', 50);
    await setup.clock.advanceAsync(50);
    assert.deepEqual(runsOf(setup), ['a:x+y']);
    await end(setup);
  });
});

describe('WorkQueue.addRateLimited', () => {
  it('waits 5 ms first, and twice as long after each failure in a row', async () => {
    const setup = setUpQueue();
    for (const delayMs of [5, 10, 20, 40]) {
      assert.equal(setup.addRateLimited('a', 'x'), delayMs);
      const before = setup.runs.length;
      await setup.clock.advanceAsync(delayMs - 1);
      assert.equal(setup.runs.length, before);
      await setup.clock.advanceAsync(1);
      assert.equal(setup.runs.length, before + 1);
      await finishAll(setup, 'a');
    }
    await end(setup);
  });

  it('starts again after forget, which affects no other key', async () => {
    const setup = setUpQueue();
    for (const key of 'aabb') setup.addRateLimited(key, 'x');
    setup.queue.forget(request('a'));
    assert.deepEqual([setup.addRateLimited('a', 'x'), setup.addRateLimited('b', 'x')], [5, 20]);
    await end(setup);
  });

  it('does not delay an add: an alert is worked on at once, whatever failed before', async () => {
    const setup = setUpQueue();
    for (let failures = 0; failures < 20; failures++) setup.addRateLimited('a', `${failures}`);
    setup.add('a', 'alert');
    await setup.settle();
    assert.equal(setup.runs.length, 1);
    assert.equal(setup.runs[0]?.payload.at(-1), 'alert');
    assert.equal(setup.runs[0]?.payload.length, 21);
    await end(setup);
  });
});

describe('WorkQueue.shutDownWithDrain', () => {
  it('resolves at once, with nothing dropped, when the queue is empty', async () => {
    assert.equal(await setUpQueue().queue.shutDownWithDrain(), 0);
  });

  it('finishes what runs, what waits and what has to run once more, and then resolves', async () => {
    const setup = setUpQueue();
    for (const key of 'abc') setup.add(key, 'x');
    setup.add('a', 'y');
    let drained: number | undefined;
    const drain = setup.queue.shutDownWithDrain().then((dropped) => (drained = dropped));
    await finishAll(setup, 'abc');
    assert.equal(drained, undefined);
    await finishAll(setup, 'a');
    await drain;
    assert.equal(drained, 0);
    assert.deepEqual(runsOf(setup), ['a:x', 'b:x', 'c:x', 'a:y']);
  });

  it('waits for work that has just ended', async () => {
    const setup = setUpQueue();
    setup.add('a', 'x');
    setup.add('a', 'y');
    setup.finish('a');
    const drain = setup.queue.shutDownWithDrain();
    await setup.settle();
    setup.finish('a');
    assert.equal(await drain, 0);
    assert.deepEqual(runsOf(setup), ['a:x', 'a:y']);
  });

  it('drops what is delayed, returns how many, and leaves no timer', async () => {
    const setup = setUpQueue();
    for (const key of 'abb') setup.addAfter(key, 'x', 100);
    setup.addRateLimited('c', 'x');
    assert.equal(await setup.queue.shutDownWithDrain(), 3);
    assert.deepEqual([setup.queue.delayed, setup.clock.pending()], [0, 0]);
    await setup.clock.advanceAsync(1_000);
    assert.equal(setup.runs.length, 0);
  });

  it('accepts nothing more, during the drain and after it', async () => {
    const setup = setUpQueue();
    setup.add('a', 'x');
    const drain = setup.queue.shutDownWithDrain();
    const refused = (): void => {
      assert.equal(setup.add('a', 'y'), false);
      assert.equal(setup.add('b', 'y'), false);
      assert.equal(setup.addAfter('c', 'y', 10), false);
      assert.equal(setup.addRateLimited('d', 'y') > 0, true);
      assert.deepEqual([setup.queue.depth, setup.queue.delayed, setup.clock.pending()], [0, 0, 0]);
    };
    refused();
    await finishAll(setup, 'a');
    await drain;
    refused();
    await setup.clock.advanceAsync(1_000);
    assert.deepEqual(runsOf(setup), ['a:x']);
    const metrics = await setup.metrics();
    assert.equal(metrics['workqueue_retries_total{name="pipelines"}'], 0);
    assert.equal(metrics['workqueue_adds_total{name="pipelines"}'], 1);
  });
});

describe('WorkQueue, work that rejects', () => {
  it('frees the worker and the key, and leaves no unhandled promise', async (t) => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): number => unhandled.push(reason);
    process.on('unhandledRejection', note);
    t.after(() => process.off('unhandledRejection', note));
    const setup = setUpQueue();
    for (const key of 'ab') setup.add(key, 'x');
    setup.add('a', 'y');
    setup.finish('a', new Error('no'));
    await setup.settle();
    await finishAll(setup, 'b');
    setup.finish('a', new Error('no again'));
    await setup.settle();
    assert.deepEqual(runsOf(setup), ['a:x', 'b:x', 'a:y']);
    assert.equal(setup.queue.depth, 0);
    await end(setup);
    assert.deepEqual(unhandled, []);
  });

  it('survives work that throws before it returns a promise', async () => {
    const tried: string[] = [];
    const queue: WorkQueue<string> = new WorkQueue<string>({
      clock: new FakeClock(),
      workers: { any: 1, reserved: 0 },
      merge: (_, later) => later,
      metrics: createWorkQueueMetrics(new Registry(), () => queue),
      work: ({ payload }) => {
        tried.push(payload);
        throw new Error('no');
      },
    });
    queue.add(request('a'), 'x', 'alert');
    queue.add(request('b'), 'y', 'alert');
    await queue.shutDownWithDrain();
    assert.deepEqual(tried, ['x', 'y']);
  });
});

describe('WorkQueue, keys that failed last', () => {
  it('leaves half of the workers to others, and lets no well key wait behind failed ones', async () => {
    const setup = setUpQueue(4);
    for (const key of 'abcdef') setup.addRateLimited(key, 'x');
    await setup.clock.advanceAsync(5);
    assert.deepEqual(setup.running(), ['a', 'b']);
    assert.deepEqual(setup.queue.failed, { waiting: 4, running: 2, limit: 2 });
    setup.add('h', 'x');
    setup.add('i', 'x');
    await setup.settle();
    assert.deepEqual(setup.running(), ['a', 'b', 'h', 'i']);
    setup.add('j', 'x', 'resync');
    await finishAll(setup, 'a');
    assert.deepEqual(setup.running(), ['b', 'h', 'i', 'j'], 'also a periodic look goes before');
    await finishAll(setup, 'h');
    assert.deepEqual(setup.running(), ['b', 'i', 'j', 'c']);
    await end(setup);
    assert.equal(setup.runs.length, 9);
  });

  it('reports a key that waits because failed keys hold their half, and counts them', async () => {
    const setup = setUpQueue(2);
    for (const key of 'ab') setup.addRateLimited(key, 'x');
    await setup.clock.advanceAsync(5);
    assert.deepEqual(setup.held, [{ waiting: 1, running: 1, limit: 1 }]);
    const metrics = await setup.metrics();
    for (const state of ['waiting', 'running', 'limit'])
      assert.equal(metrics[`tocsin_failed_requests{state="${state}"}`], 1, state);
    await end(setup);
  });

  it('treats a key as well again once it is forgotten', async () => {
    const setup = setUpQueue(2);
    for (const key of 'ab') setup.addRateLimited(key, 'x');
    for (const key of 'ab') setup.queue.forget(request(key));
    await setup.clock.advanceAsync(5);
    assert.deepEqual(setup.running(), ['a', 'b']);
    await end(setup);
  });

  it('gives them their share when there are more workers', async () => {
    const setup = setUpQueue(2);
    for (const key of 'abcd') setup.addRateLimited(key, 'x');
    await setup.clock.advanceAsync(5);
    assert.deepEqual(setup.running(), ['a']);
    setup.queue.workers = { any: 6, reserved: 0 };
    await setup.settle();
    assert.deepEqual(setup.running(), ['a', 'b', 'c']);
    await end(setup);
  });

  it('waits at least as long as the failed run took', async () => {
    const setup = setUpQueue();
    assert.equal(setup.addRateLimited('a', 'x', 'retry', 30_000), 30_000);
    assert.equal(setup.addRateLimited('b', 'x', 'retry', 1), 5);
    await end(setup);
  });
});

describe('WorkQueue.workers', () => {
  it('can be raised and lowered; current work goes on', async () => {
    const setup = setUpQueue(1);
    for (const key of 'abcdef') setup.add(key, 'x');
    await setup.settle();
    assert.deepEqual(setup.running(), ['a']);
    setup.queue.workers = { any: 3, reserved: 0 };
    await setup.settle();
    assert.deepEqual(setup.running(), ['a', 'b', 'c']);
    setup.queue.workers = { any: 1, reserved: 0 };
    await finishAll(setup, 'ab');
    assert.deepEqual(setup.running(), ['c']);
    await finishAll(setup, 'cdef');
    assert.equal(setup.runs.length, 6);
    await end(setup);
  });
});

describe('WorkQueue, the platform', () => {
  it('has workers of its own, whatever the others do', async () => {
    const setup = setUpQueue(2, 1);
    for (const key of 'abcd') setup.add(key, 'x');
    await setup.settle();
    assert.deepEqual(setup.running(), ['a', 'b']);
    for (const key of 'pq') setup.add(key, 'x', 'platform');
    await setup.settle();
    assert.deepEqual(setup.running(), ['a', 'b', 'p']);
    await finishAll(setup, 'p');
    assert.deepEqual(setup.running(), ['a', 'b', 'q']);
    await end(setup);
    assert.equal(setup.busiest(), 3);
  });

  it('starts at once when a request that waits becomes its own', async () => {
    const setup = setUpQueue(1, 1);
    for (const key of 'abc') setup.add(key, 'x');
    setup.add('c', 'y', 'platform');
    await setup.settle();
    assert.deepEqual(setup.running(), ['a', 'c']);
    await end(setup);
  });

  it('does not wait for what later alerts of others need', async () => {
    const setup = setUpQueue(1, 0);
    for (const key of 'ab') setup.add(key, 'user');
    setup.add('b', 'platform', 'platform');
    setup.add('b', 'later');
    setup.add('b', 'still later');
    setup.add('b', 'platform again', 'platform');
    await end(setup);
    assert.deepEqual(
      setup.runs.map(({ key, payload, priority }) => [key, priority, ...payload]),
      [
        ['a', 'alert', 'user'],
        ['b', 'platform', 'user', 'platform', 'platform again'],
        ['b', 'alert', 'later', 'still later'],
      ],
    );
  });

  it('uses the other workers too, before other alerts and after a person', async () => {
    const setup = setUpQueue(1, 0);
    for (const [key, priority] of [
      ['a', 'alert'],
      ['b', 'alert'],
      ['p', 'platform'],
      ['m', 'manual'],
    ] as const)
      setup.add(key, 'x', priority);
    await end(setup);
    assert.deepEqual(
      setup.runs.map(({ key }) => key),
      ['a', 'm', 'p', 'b'],
    );
  });

  it('retries before other alerts, but with no worker of its own: an object that hangs must not hold it', async () => {
    const setup = setUpQueue(1, 1);
    setup.addRateLimited('f', 'x', 'platform');
    for (const key of 'ab') setup.add(key, 'x');
    await setup.clock.advanceAsync(5);
    assert.deepEqual(setup.running(), ['a']);
    setup.add('p', 'x', 'platform');
    await setup.settle();
    assert.deepEqual(setup.running(), ['a', 'p']);
    await finishAll(setup, 'a');
    assert.deepEqual(setup.running(), ['p', 'f']);
    await end(setup);
  });
});
