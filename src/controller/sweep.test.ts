import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Causes } from '../cause/causes.ts';
import { alertCauses, changed, controllerBench, trace, unchanged, unhealthy } from './controller.fixture.ts';
import type { Result } from '../reconcile/ports.ts';
import { SnapshotError } from '../reconcile/errors.ts';
import { chosenByNobody } from '../reconcile/ports.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import {
  Sweep,
  createMergeWork,
  maxSweepsOfRequest,
  createRequeuedWork,
  retriedWork,
  type QueuedWork,
} from './sweep.ts';

describe('sweep', () => {
  it('logs once how the requests of an event ended, when the last one has ended', async () => {
    const { clock, controller, logger } = controllerBench(({ name }) => {
      if (name === 'failed') throw new Error('failed');
      if (name === 'slow') return new Promise((resolve) => clock.setTimeout(() => resolve(unhealthy), 700));
      return name === 'gone' ? { outcome: 'gone', notInPrometheus: [] } : name === 'changed' ? changed : unchanged;
    });
    const names = ['failed', 'slow', 'changed', 'unchanged', 'gone'];
    void controller.enqueue(names.map(trace), alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(699);
    assert.deepEqual(logger.linesOf('sweep.finished'), []);
    await clock.advanceAsync(300_000);
    assert.deepEqual(logger.linesOf('sweep.finished'), [
      {
        level: 'info',
        event: 'sweep.finished',
        msg: 'all requests of an event are done',
        fields: {
          event_id: 'e1',
          requests: 5,
          changed: 2,
          unchanged: 2,
          failed: 1,
          error: new Error('failed'),
          duration_ms: 700,
          causes: ['InstanceDown firing'],
          alerts: 1,
          request_ids: ['r1'],
        },
      },
    ]);
    await controller.stop(0);
  });

  it('ends each of two events whose requests were merged, with its own causes', async () => {
    const gate = Promise.withResolvers<Result>();
    const { clock, controller, logger, runs } = controllerBench(
      ({ name }) => (name === 'blocker' ? gate.promise : name === 'a' ? changed : unchanged),
      1,
    );
    void controller.enqueue(['blocker', 'a', 'b'].map(trace), alertCauses(clock.now(), 'r1'), 'e1', 'alert');
    await clock.advanceAsync(100);
    void controller.enqueue(['a', 'c'].map(trace), alertCauses(clock.now(), 'r2'), 'e2', 'alert');
    gate.resolve(unchanged);
    await clock.advanceAsync(0);
    assert.equal(runs.length, 4, 'the two requests for a became one run');
    const told = ['event_id', 'requests', 'changed', 'unchanged', 'failed', 'duration_ms', 'request_ids'];
    assert.deepEqual(logger.valuesOf('sweep.finished', ...told), [
      ['e1', 3, 1, 2, 0, 100, ['r1']],
      ['e2', 2, 1, 1, 0, 0, ['r2']],
    ]);
    const merged = logger.fieldsOf('reconcile.started').find(({ name }) => name === 'a');
    assert.deepEqual(
      [merged?.['event_ids'], merged?.['request_ids']],
      [
        ['e1', 'e2'],
        ['r1', 'r2'],
      ],
    );
  });

  it('adds nothing of its own while requests of an earlier event wait: those are merged, the others follow', async () => {
    const gates = [1, 2, 3, 4].map(() => Promise.withResolvers<Result>());
    const { clock, controller, runs } = controllerBench(() => gates[runs.length - 1]!.promise, 1);
    const names = ['a', 'b', 'c'].map(trace);
    void controller.enqueue(names, alertCauses(clock.now(), 'r1'), 'e1', 'alert');
    await clock.advanceAsync(1000);
    void controller.enqueue(names, alertCauses(clock.now(), 'r2'), 'e2', 'alert');
    for (const gate of gates) {
      gate.resolve(unchanged);
      await clock.advanceAsync(0);
    }
    assert.deepEqual(
      runs.map(({ name, causes }) => `${name}: ${[...causes.requestIds].join(' ')}`),
      ['a: r1', 'b: r1 r2', 'c: r1 r2', 'a: r2'],
    );
    await controller.stop(0);
  });

  it('does not wait for retries, and a retry is no part of the event with whose request it is merged', async () => {
    const { clock, controller, logger } = controllerBench(({ name, at }, earlier) => {
      if (earlier > 0) return changed;
      throw name === 'a' ? new Error('failed') : new SnapshotError('away', at + 50, { cause: undefined });
    });
    void controller.enqueue([trace('a'), trace('b')], alertCauses(clock.now(), 'r1'), 'e1', 'alert');
    await clock.advanceAsync(1);
    void controller.enqueue([trace('a')], alertCauses(clock.now(), 'r2'), 'e2', 'alert');
    await clock.advanceAsync(100);
    assert.deepEqual(logger.valuesOf('sweep.finished', 'event_id', 'requests', 'changed', 'failed'), [
      ['e1', 2, 0, 2],
      ['e2', 1, 1, 0],
    ]);
  });

  it('logs nothing for an event without requests', async () => {
    const { clock, controller, logger } = controllerBench(() => unchanged);
    void controller.enqueue([], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(0);
    assert.deepEqual(logger.lines, []);
  });

  it('never takes less than no time', async () => {
    const { clock, controller, logger } = controllerBench(async () => {
      clock.advance(-3_600_000);
      return unchanged;
    });
    void controller.enqueue([trace('a')], alertCauses(clock.now()), 'e1', 'alert');
    await clock.advanceAsync(0);
    assert.equal(logger.fieldsOf('sweep.finished')[0]?.['duration_ms'], 0);
    assert.equal(logger.fieldsOf('reconcile.finished')[0]?.['duration_ms'], 0);
  });

  it('ends exactly once, with as many outcomes as requests, however events and runs overlap', async () => {
    const names = ['a', 'b', 'c', 'd'] as const;
    const run = fc.record({
      takesMs: fc.constantFrom(0, 1, 7, 40, 70_000),
      outcome: fc.constantFrom('changed', 'unchanged', 'unhealthy', 'failed'),
    });
    const event = fc.record({
      waitMs: fc.constantFrom(0, 0, 3, 50),
      requests: fc.subarray([...names], { minLength: 1 }),
      priority: fc.constantFrom('alert', 'resync', 'manual'),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { minLength: 1, maxLength: 12 }),
        fc.array(run, { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 3 }),
        async (events, script, concurrency) => {
          let next = 0;
          const { clock, controller, logger } = controllerBench(() => {
            const { takesMs, outcome } = script[next++ % script.length]!;
            const result = { changed, unchanged, unhealthy, failed: undefined }[outcome];
            if (takesMs === 0 && result !== undefined) return result;
            if (takesMs === 0) throw new Error('failed');
            return new Promise((resolve, reject) =>
              clock.setTimeout(() => (result === undefined ? reject(new Error('failed')) : resolve(result)), takesMs),
            );
          }, concurrency);
          for (const [index, { waitMs, requests, priority }] of events.entries()) {
            void controller.enqueue(requests.map(trace), Causes.of('start', clock.now()), `e${index}`, priority);
            await clock.advanceAsync(waitMs);
          }
          const stopped = controller.stop(10_000_000);
          await clock.advanceAsync(10_000_000);
          await stopped;
          const lines = logger.fieldsOf('sweep.finished');
          assert.deepEqual(
            lines.map((fields) => fields['event_id']).toSorted(),
            events.map((_, index) => `e${index}`).toSorted(),
          );
          for (const fields of lines) {
            const counts = [fields['changed'], fields['unchanged'], fields['failed']].map(Number);
            assert.equal(counts[0]! + counts[1]! + counts[2]!, fields['requests']);
          }
          assert.equal(clock.pending(), 0);
        },
      ),
      { numRuns: 40 },
    );
  });
});

const clock = new FakeClock();

function work(eventId: string, causes: Causes = alertCauses(clock.now(), eventId)): QueuedWork {
  const sweep = new Sweep({ event: { id: eventId, causes }, requests: 1, clock, logger: new RecordingLogger() });
  return { causes, chosenBy: chosenByNobody, sweeps: [sweep], eventIds: [eventId] };
}

describe('createMergeWork', () => {
  it('combines causes and sweeps, the earlier ones first, and does not change its inputs', () => {
    const [earlier, later] = [work('e1'), work('e2')];
    const merged = createMergeWork()(earlier, later);
    assert.deepEqual([...merged.causes.requestIds], ['e1', 'e2']);
    assert.deepEqual(merged.sweeps, [...earlier.sweeps, ...later.sweeps]);
    assert.deepEqual([...earlier.causes.requestIds, ...later.causes.requestIds], ['e1', 'e2']);
  });

  it('names the events of both, at most the newest 100', () => {
    const merge = createMergeWork();
    assert.deepEqual(merge(work('e1'), work('e2')).eventIds, ['e1', 'e2']);
    const many = Array.from({ length: 150 }, (_, index) => work(`e${index}`));
    const { eventIds } = many.reduce((earlier, later) => merge(retriedWork(earlier), later));
    assert.deepEqual([eventIds.length, eventIds[0], eventIds.at(-1)], [100, 'e50', 'e149']);
  });

  it('makes one union for a thousand keys', () => {
    const merge = createMergeWork();
    const [earlier, later] = [work('e1'), work('e2')];
    const unions = new Set(Array.from({ length: 1000 }, () => merge(earlier, later).causes));
    assert.equal(unions.size, 1);
  });

  it('makes one union for a thousand keys that wait for a retry', () => {
    const merge = createMergeWork();
    const [failed, later] = [work('e1'), work('e2')];
    const merged = Array.from({ length: 1000 }, () => merge(retriedWork(failed), later));
    assert.equal(new Set(merged.map(({ causes }) => causes)).size, 1);
    assert.deepEqual(merged.at(-1)?.sweeps, later.sweeps);
    const again = work('e3');
    assert.equal(new Set(merged.map((each) => merge(each, again).causes)).size, 1);
  });

  it('makes another union for another pair, even if one of the two is the same', () => {
    const merge = createMergeWork();
    const [a, b, c] = [work('a'), work('b'), work('c')];
    const ids = (pair: QueuedWork): readonly string[] => [...pair.causes.requestIds];
    assert.deepEqual(ids(merge(a, b)), ['a', 'b']);
    assert.deepEqual(ids(merge(a, c)), ['a', 'c']);
    assert.deepEqual(ids(merge(b, c)), ['b', 'c']);
    assert.deepEqual(ids(merge(a, b)), ['a', 'b']);
  });

  it('unites the causes of each trigger, and keeps them apart from those of the others', () => {
    const merge = createMergeWork();
    const [a, b, c] = ['a', 'b', 'c'].map((id) => alertCauses(clock.now(), id));
    const earlier = {
      ...work('e1'),
      chosenBy: new Map([
        ['file/one', a!],
        ['file/two', b!],
      ]),
    };
    const later = {
      ...work('e2'),
      chosenBy: new Map([
        ['file/two', c!],
        ['file/three', c!],
      ]),
    };
    const { chosenBy } = merge(retriedWork(earlier), later);
    const ids = [...chosenBy].map(([key, causes]) => [key, [...causes.requestIds]]);
    assert.deepEqual(ids, [
      ['file/one', ['a']],
      ['file/two', ['b', 'c']],
      ['file/three', ['c']],
    ]);
    assert.equal(merge(work('e3'), later).chosenBy, later.chosenBy);
    assert.equal(merge(later, work('e3')).chosenBy, later.chosenBy);
  });

  it('bounds the events that wait for one request, and logs how many requests of an event were left to later ones', () => {
    const [logger, merge] = [new RecordingLogger(), createMergeWork()];
    const ids = Array.from({ length: maxSweepsOfRequest + 3 }, (_, n) => `e${n}`);
    const works = ids.map((eventId): QueuedWork => {
      const causes = alertCauses(clock.now());
      const sweep = new Sweep({ event: { id: eventId, causes }, requests: 1, clock, logger });
      return { causes, chosenBy: chosenByNobody, sweeps: [sweep], eventIds: [eventId] };
    });
    const merged = works.reduce((earlier, later) => merge(earlier, later));
    assert.deepEqual(
      merged.sweeps.map(({ eventId }) => eventId),
      ids.filter((id) => !['e1', 'e2', 'e3'].includes(id)),
    );
    assert.deepEqual(logger.valuesOf('sweep.finished', 'event_id', 'requests', 'changed', 'merged'), [
      ['e1', 1, 0, 1],
      ['e2', 1, 0, 1],
      ['e3', 1, 0, 1],
    ]);
  });

  it('keeps the sweeps apart if the causes are the same', () => {
    const merge = createMergeWork();
    const causes = alertCauses(clock.now());
    const [a, b, c] = [work('a', causes), work('b', causes), work('c')];
    assert.deepEqual(merge(a, c).sweeps, [...a.sweeps, ...c.sweeps]);
    assert.deepEqual(merge(b, c).sweeps, [...b.sweeps, ...c.sweeps]);
  });

  it('shares nothing with another controller', () => {
    const [earlier, later] = [work('e1'), work('e2')];
    assert.notEqual(createMergeWork()(earlier, later).causes, createMergeWork()(earlier, later).causes);
  });
});

describe('retriedWork', () => {
  it('keeps the causes and the names of the events, and drops the sweeps', () => {
    const failed = work('e1');
    assert.deepEqual(retriedWork(failed), { ...failed, sweeps: [] });
  });
});

describe('createRequeuedWork', () => {
  it('is due at its full second, and belongs to no event', () => {
    const { causes, sweeps } = createRequeuedWork()(1_700_000_000_999, true);
    assert.deepEqual(
      [[...causes.triggers], causes.lastSeen, causes.alertCount, sweeps],
      [['requeue'], 1_700_000_000_000, 0, []],
    );
  });

  it('adds no cause to a run that something else starts before its time', () => {
    const alert = work('a');
    const { causes } = createMergeWork()(createRequeuedWork()(clock.now(), false), alert);
    assert.deepEqual([[...causes.triggers], causes.lastSeen], [['alert'], alert.causes.lastSeen]);
  });

  it('leaves the causes of an event as they are if it adds none', () => {
    const alert = work('a');
    assert.equal(createMergeWork()(createRequeuedWork()(clock.now(), false), alert).causes, alert.causes);
  });

  it('makes one union with an event for a thousand keys that are due in the same second', () => {
    const [merge, requeued, alert] = [createMergeWork(), createRequeuedWork(), work('a')];
    const unions = Array.from({ length: 1000 }, (_, ms) => merge(requeued(1_700_000_000_000 + ms, true), alert).causes);
    assert.equal(new Set(unions).size, 1);
    assert.notEqual(requeued(1_700_000_001_000, true).causes, requeued(1_700_000_000_000, true).causes);
  });
});
