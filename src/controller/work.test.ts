import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { RecordingLogger } from '../../test/support/recording-logger.ts';
import type { Causes } from '../cause/causes.ts';
import { alertCauses } from './controller.fixture.ts';
import { Sweep } from './sweep.ts';
import { createMergeWork, requeuedWork, retriedWork, type Work } from './work.ts';

const clock = new FakeClock();

function work(eventId: string, causes: Causes = alertCauses(clock.now(), eventId)): Work {
  return { causes, sweeps: [new Sweep({ eventId, causes, requests: 1, clock, logger: new RecordingLogger() })] };
}

describe('createMergeWork', () => {
  it('unites causes and sweeps, the earlier ones first, and leaves both as they were', () => {
    const [earlier, later] = [work('e1'), work('e2')];
    const merged = createMergeWork()(earlier, later);
    assert.deepEqual([...merged.causes.requestIds], ['e1', 'e2']);
    assert.deepEqual(merged.sweeps, [...earlier.sweeps, ...later.sweeps]);
    assert.deepEqual([...earlier.causes.requestIds, ...later.causes.requestIds], ['e1', 'e2']);
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

  it('makes another union for another pair, also when one of the two is the same', () => {
    const merge = createMergeWork();
    const [a, b, c] = [work('a'), work('b'), work('c')];
    const ids = (pair: Work): readonly string[] => [...pair.causes.requestIds];
    assert.deepEqual(ids(merge(a, b)), ['a', 'b']);
    assert.deepEqual(ids(merge(a, c)), ['a', 'c']);
    assert.deepEqual(ids(merge(b, c)), ['b', 'c']);
    assert.deepEqual(ids(merge(a, b)), ['a', 'b']);
  });

  it('keeps the sweeps apart where the causes are the same', () => {
    const merge = createMergeWork();
    const causes = alertCauses(clock.now());
    const [a, b, c] = [work('a', causes), work('b', causes), work('c')];
    assert.deepEqual(merge(a, c).sweeps, [...a.sweeps, ...c.sweeps]);
    assert.deepEqual(merge(b, c).sweeps, [...b.sweeps, ...c.sweeps]);
  });

  it('remembers nothing for another controller', () => {
    const [earlier, later] = [work('e1'), work('e2')];
    assert.notEqual(createMergeWork()(earlier, later).causes, createMergeWork()(earlier, later).causes);
  });
});

describe('retriedWork', () => {
  it('keeps the causes and lets go of the sweeps', () => {
    const failed = work('e1');
    assert.deepEqual(retriedWork(failed), { causes: failed.causes, sweeps: [] });
  });
});

describe('requeuedWork', () => {
  it('is due at its full second, and belongs to no event', () => {
    const { causes, sweeps } = requeuedWork(1_700_000_000_999, true);
    assert.deepEqual(
      [[...causes.triggers], causes.lastSeen, causes.alertCount, sweeps],
      [['requeue'], 1_700_000_000_000, 0, []],
    );
  });

  it('is no cause of a run that something else brings about before its time', () => {
    const alert = work('a');
    const { causes } = createMergeWork()(requeuedWork(clock.now(), false), alert);
    assert.deepEqual([[...causes.triggers], causes.lastSeen], [['alert'], alert.causes.lastSeen]);
  });
});
