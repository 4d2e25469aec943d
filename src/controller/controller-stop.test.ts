import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { alertCauses, changed, controllerBench, trace, unchanged, unhealthy } from './controller.fixture.ts';
import { SnapshotError } from '../reconcile/errors.ts';

describe('controller, stop', () => {
  it('gives up nothing when there is nothing to do', async () => {
    const { clock, controller } = controllerBench(() => unchanged);
    assert.equal(await controller.stop(20_000), 0);
    assert.equal(clock.pending(), 0);
  });

  it('finishes what runs and what waits', async () => {
    const { clock, controller, runs, logger } = controllerBench(
      () => new Promise((resolve) => clock.setTimeout(() => resolve(changed), 1000)),
      2,
    );
    void controller.enqueue(['a', 'b', 'c', 'd', 'e'].map(trace), alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(10);
    const stopped = controller.stop(20_000);
    await clock.advanceAsync(3000);
    assert.equal(await stopped, 0);
    assert.equal(runs.length, 5);
    assert.equal(logger.fieldsOf('sweep.finished')[0]?.['changed'], 5);
    assert.equal(clock.pending(), 0);
  });

  it('at its timeout aborts what runs, does not begin what waits, and counts both', async () => {
    const { clock, controller, runs, logger, metric } = controllerBench(
      ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
        }),
      2,
    );
    void controller.enqueue(['a', 'b', 'c', 'd', 'e'].map(trace), alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(10);
    let result: number | undefined;
    const stopped = controller.stop(20_000).then((left) => (result = left));
    await clock.advanceAsync(19_999);
    assert.deepEqual([result, runs.length, runs[0]?.signal.aborted], [undefined, 2, false]);

    await clock.advanceAsync(1);

    assert.equal(await stopped, 5);
    assert.equal(runs.length, 2);
    assert.match(String(runs[0]?.signal.reason), /drain timeout/);
    assert.deepEqual(
      logger.fieldsOf('reconcile.failed').map((fields) => [fields['result'], fields['retry_in_ms']]),
      Array.from({ length: 5 }, () => ['cancelled', undefined]),
    );
    assert.deepEqual(logger.valuesOf('sweep.finished', 'requests', 'failed'), [[5, 5]]);
    const labels = { controller: 'tracepipeline', result: 'cancelled' };
    assert.equal(await metric('controller_runtime_reconcile_total', labels), 5);
    assert.equal(await metric('controller_runtime_reconcile_errors_total', { controller: 'tracepipeline' }), 0);
    assert.equal(clock.pending(), 0);
  });

  it('counts a run that then fails on its own as cancelled too', async () => {
    const { clock, controller, logger } = controllerBench(({ signal }) => {
      const failure = new SnapshotError('Prometheus is away', clock.now() + 5000, { cause: undefined });
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(failure));
      });
    });
    void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(0);
    const stopped = controller.stop(100);
    await clock.advanceAsync(100);
    assert.equal(await stopped, 1);
    assert.equal(logger.fieldsOf('reconcile.failed')[0]?.['result'], 'cancelled');
  });

  it('counts requests that waited for a retry', async () => {
    const { clock, controller, runs } = controllerBench(() => {
      throw new SnapshotError('Prometheus is away', clock.now() + 5000, { cause: undefined });
    });
    void controller.enqueue([trace('a'), trace('b')], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(10);
    assert.equal(await controller.stop(20_000), 2);
    assert.deepEqual([runs.length, clock.pending()], [2, 0]);
  });

  const failures = {
    'without a snapshot': (now: number) => new SnapshotError('Prometheus is away', now + 5000, { cause: undefined }),
    'with an error': () => new Error('failed'),
  };
  for (const [what, failure] of Object.entries(failures)) {
    it(`counts requests that fail ${what} meanwhile, because they are not tried again`, async () => {
      const { clock, controller, runs, logger, metric } = controllerBench(
        () => new Promise((_, reject) => clock.setTimeout(() => reject(failure(clock.now())), 1000)),
      );
      void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e1', 'alert');
      await clock.advanceAsync(0);
      const stopped = controller.stop(20_000);
      await clock.advanceAsync(1000);
      assert.equal(await stopped, 1);
      assert.deepEqual([runs.length, clock.pending()], [1, 0]);
      const [line] = logger.fieldsOf('reconcile.failed');
      assert.deepEqual([line?.['result'], line?.['retry_in_ms']], ['error', undefined]);
      assert.equal((await metric('workqueue_retries_total', { name: 'pipelines' })) ?? 0, 0);
    });
  }

  it('counts neither requests that only wait for another look, nor those that succeeded in the end', async () => {
    const { clock, controller } = controllerBench(({ name }, earlier) => {
      if (name === 'unhealthy') return unhealthy;
      if (name === 'mended' && earlier > 0) return unchanged;
      throw new Error('failed');
    });
    void controller.enqueue(['unhealthy', 'mended', 'broken'].map(trace), alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(100);
    assert.equal(clock.pending(), 2);
    assert.equal(await controller.stop(20_000), 1);
    assert.equal(clock.pending(), 0);
  });

  it('does not announce another run of an unhealthy pipeline', async () => {
    const { clock, controller, logger } = controllerBench(
      () => new Promise((resolve) => clock.setTimeout(() => resolve(unhealthy), 1000)),
    );
    void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(0);
    const stopped = controller.stop(20_000);
    await clock.advanceAsync(1000);
    assert.equal(await stopped, 0);
    assert.equal(logger.fieldsOf('reconcile.finished')[0]?.['requeue_after_ms'], undefined);
    assert.equal(clock.pending(), 0);
  });

  it('accepts nothing more: a later sweep fails', async () => {
    const { clock, controller, runs, logger } = controllerBench(() => unchanged);
    await controller.stop(20_000);
    void controller.enqueue([trace('a'), trace('b')], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(0);
    assert.equal(runs.length, 0);
    assert.deepEqual(logger.valuesOf('sweep.finished', 'event_id', 'requests', 'failed'), [['e1', 2, 2]]);
  });
});
