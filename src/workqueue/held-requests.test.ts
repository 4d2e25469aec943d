import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';

import { end, finishAll, setUpQueue, type QueueSetup } from './work-queue.fixture.ts';

function runsOf({ runs }: QueueSetup): string[] {
  return runs.map(({ key, payload }) => `${key}:${payload.join('+')}`);
}

function dropped({ queue }: QueueSetup, added: number): string[] {
  return queue.dropHeld(added).map((item) => `${item.request.name}:${item.payload.join('+')}`);
}

/** Until nothing waits or runs. */
async function finishRunning(setup: QueueSetup): Promise<void> {
  await setup.settle();
  while (setup.queue.depth + setup.queue.running > 0) {
    for (const running of setup.running()) setup.finish(running);
    await setup.settle();
  }
}

describe('WorkQueue.isHeld', () => {
  it('merges what is added, and starts all of it once it is false', async () => {
    const setup = setUpQueue(2);
    setup.queue.isHeld = true;
    for (const [key, payload] of ['ax', 'bx', 'ay'].map((text) => [...text])) setup.add(key!, payload!);
    await setup.settle();
    assert.deepEqual([setup.runs, setup.queue.depth], [[], 2]);
    setup.queue.isHeld = false;
    await setup.settle();
    assert.deepEqual(runsOf(setup), ['a:x+y', 'b:x']);
    await finishAll(setup, 'ab');
    await end(setup);
  });

  it('lets current work go on, and starts nothing that waits for a worker', async () => {
    const setup = setUpQueue();
    for (const key of 'abc') setup.add(key, 'x');
    await setup.settle();
    setup.queue.isHeld = true;
    setup.add('a', 'again');
    await finishAll(setup, 'a');
    assert.deepEqual(runsOf(setup), ['a:x']);
    setup.queue.isHeld = false;
    await finishRunning(setup);
    assert.deepEqual(runsOf(setup).toSorted(), ['a:again', 'a:x', 'b:x', 'c:x']);
    await end(setup);
  });

  it('never works on a key twice at once, and loses none, however often it changes', async () => {
    const key = fc.constantFrom('a', 'b', 'c', 'd');
    const step = fc.oneof(
      fc.record({ do: fc.constant('add' as const), key, namespace: fc.boolean() }),
      fc.record({ do: fc.constant('finish' as const), key }),
      fc.record({ do: fc.constant('hold' as const), isHeld: fc.boolean() }),
      fc.record({ do: fc.constant('settle' as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const setup = setUpQueue(2, 1);
        const added: string[] = [];
        for (const [index, each] of steps.entries()) {
          if (each.do === 'add') {
            added.push(`${each.key}:${index}`);
            setup.add(each.key, String(index), index % 3 === 0 ? 'platform' : 'alert');
          } else if (each.do === 'finish' && setup.running().includes(each.key)) setup.finish(each.key);
          else if (each.do === 'hold') setup.queue.isHeld = each.isHeld;
          else await setup.settle();
        }
        setup.queue.isHeld = false;
        await finishRunning(setup);
        const done = setup.runs.flatMap((run) => run.payload.map((payload) => `${run.key}:${payload}`));
        assert.deepEqual(done.toSorted(), added.toSorted());
        assert.deepEqual(setup.twice, []);
        await end(setup);
      }),
      { numRuns: 200 },
    );
  });
});

describe('WorkQueue.dropHeld', () => {
  it('takes out what is held, unless something was added to it since then', async () => {
    const setup = setUpQueue();
    setup.queue.isHeld = true;
    for (const key of 'abc') setup.add(key, 'x');
    const { added } = setup.queue;
    setup.add('b', 'y');
    setup.add('d', 'y');
    assert.deepEqual(dropped(setup, added), ['a:x', 'c:x']);
    setup.queue.isHeld = false;
    await finishRunning(setup);
    assert.deepEqual(runsOf(setup), ['b:x+y', 'd:y']);
    await end(setup);
  });

  it('takes out nothing while the queue is not held', async () => {
    const setup = setUpQueue();
    for (const key of 'ab') setup.add(key, 'x');
    assert.deepEqual(dropped(setup, setup.queue.added), []);
    await finishRunning(setup);
    assert.deepEqual(runsOf(setup), ['a:x', 'b:x']);
    await end(setup);
  });
});

describe('WorkQueue.barrier', () => {
  it('is over when everything that was added before has been worked on, and does not wait for what comes later', async () => {
    const setup = setUpQueue();
    setup.add('a', 'x');
    setup.add('b', 'x');
    const isOver = setup.queue.barrier();
    await finishAll(setup, 'a');
    assert.equal(isOver(), false);
    setup.add('a', 'later');
    await finishAll(setup, 'b');
    assert.equal(isOver(), true);
    await finishAll(setup, 'a');
    await end(setup);
  });

  it('waits for the retry of what has failed, also when something is added to it', async () => {
    const setup = setUpQueue();
    setup.add('a', 'x');
    const isOver = setup.queue.barrier();
    await setup.settle();
    setup.addRateLimited('a', 'x');
    await finishAll(setup, 'a');
    assert.equal(isOver(), false);
    setup.add('a', 'y');
    await setup.settle();
    assert.equal(isOver(), false);
    await finishAll(setup, 'a');
    assert.equal(isOver(), true);
    await end(setup);
  });

  it('does not wait for a periodic look', async () => {
    const setup = setUpQueue();
    setup.addAfter('a', 'look', 1000, 'resync');
    assert.equal(setup.queue.barrier()(), true);
    await end(setup);
  });

  it('waits for what is behind the platform', async () => {
    const setup = setUpQueue(1, 1);
    setup.queue.isHeld = true;
    setup.add('a', 'p', 'platform');
    setup.add('a', 'u', 'alert');
    const isOver = setup.queue.barrier();
    setup.queue.isHeld = false;
    await finishAll(setup, 'a');
    assert.equal(isOver(), false);
    await finishAll(setup, 'a');
    assert.equal(isOver(), true);
    await end(setup);
  });
});
