import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { end, finishAll, setUpQueue } from './work-queue.fixture.ts';

describe('WorkQueue, metrics', () => {
  const name = '{name="pipelines"}';

  it('has every series from the start', async () => {
    const metrics = await setUpQueue().metrics();
    const durations = ['queue', 'work'].map((what) => `workqueue_${what}_duration_seconds_count`);
    for (const series of ['workqueue_depth', 'workqueue_adds_total', 'workqueue_retries_total', ...durations]) {
      assert.equal(metrics[series + name], 0, series);
    }
  });

  it('counts adds and retries, but not adds that are merged into a waiting request', async () => {
    const setup = setUpQueue();
    for (const key of 'abba') setup.add(key, 'x');
    setup.addRateLimited('c', 'x');
    setup.addAfter('d', 'x', 1_000);
    const metrics = await setup.metrics();
    // a, b, and a again while it is being worked on.
    assert.equal(metrics[`workqueue_adds_total${name}`], 3);
    assert.equal(metrics[`workqueue_retries_total${name}`], 1);
    assert.equal(metrics[`workqueue_depth${name}`], 2);
    setup.clock.advance(5);
    assert.equal((await setup.metrics())[`workqueue_adds_total${name}`], 4);
    await end(setup);
    assert.equal((await setup.metrics())[`workqueue_depth${name}`], 0);
  });

  it('measures in seconds how long a request waited since its first add, and how long the work took', async () => {
    const setup = setUpQueue();
    setup.add('a', 'x');
    setup.add('b', 'x');
    await setup.clock.advanceAsync(2_000);
    setup.add('b', 'y');
    await setup.clock.advanceAsync(1_000);
    await finishAll(setup, 'a');
    await setup.clock.advanceAsync(500);
    await finishAll(setup, 'b');
    const metrics = await setup.metrics();
    assert.equal(metrics[`workqueue_queue_duration_seconds_count${name}`], 2);
    assert.equal(metrics[`workqueue_queue_duration_seconds_sum${name}`], 3);
    assert.equal(metrics[`workqueue_work_duration_seconds_count${name}`], 2);
    assert.equal(metrics[`workqueue_work_duration_seconds_sum${name}`], 3.5);
    await end(setup);
  });

  it('measures work that rejects too, and nothing negative when the clock is set back', async () => {
    const setup = setUpQueue();
    setup.add('a', 'x');
    setup.add('b', 'x');
    const machineNow = setup.clock.now.bind(setup.clock);
    setup.clock.now = () => machineNow() - 3_600_000;
    setup.finish('a', new Error('no'));
    await setup.settle();
    await finishAll(setup, 'b');
    const metrics = await setup.metrics();
    assert.equal(metrics[`workqueue_work_duration_seconds_count${name}`], 2);
    assert.equal(metrics[`workqueue_work_duration_seconds_sum${name}`], 0);
    assert.equal(metrics[`workqueue_queue_duration_seconds_sum${name}`], 0);
    await end(setup);
  });
});
