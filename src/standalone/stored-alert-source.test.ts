import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { AlertStore } from '../alert/alert-store.ts';
import { postableAlert } from '../alert/postable/postable-alert.ts';
import type { AlertSnapshot } from '../reconcile/ports.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import { StoredAlertSource } from './stored-alert-source.ts';

const { signal } = new AbortController();

function bench() {
  const clock = new FakeClock();
  const turns: (() => void)[] = [];
  const schedule = new SliceSchedule(clock, (run) => turns.push(run));
  const store = new AlertStore(() => ({ maxAlerts: 1000, maxBytes: 1 << 20, resolveTimeoutMs: 300_000 }));
  const source = new StoredAlertSource(store, schedule);
  const push = (alertname: string, endsAt?: number): void => {
    const fields = { labels: { alertname }, annotations: {}, startsAt: undefined, endsAt, generatorURL: '' };
    assert.equal(typeof store.put(postableAlert(fields, 10), clock.now(), 1), 'object');
  };
  const snapshot = (notBefore = clock.now()): Promise<AlertSnapshot> => source.snapshot(notBefore, ['r1'], signal);
  const namesAt = async (notBefore?: number): Promise<readonly (string | undefined)[]> =>
    (await snapshot(notBefore)).firing.all.map(({ alertname }) => alertname);
  return { clock, store, source, turns, push, snapshot, namesAt };
}

describe('stored alert source', () => {
  it('is the truth itself: nothing pushed can be missing from it', () => {
    assert.equal(bench().source.pulls, false);
  });

  it('says what fires now', async () => {
    const { clock, push, namesAt } = bench();
    push('A');
    push('B', clock.now() + 1000);
    push('C', clock.now());
    assert.deepEqual(await namesAt(), ['A', 'B']);
    clock.advance(1000);
    assert.deepEqual(await namesAt(), ['A']);
  });

  it('makes one snapshot for a sweep', async () => {
    const { clock, store, push, snapshot } = bench();
    let looked = 0;
    const { all } = store;
    store.all = () => {
      looked++;
      return all.call(store);
    };
    push('A');
    const causedAt = clock.now();
    clock.advance(1);
    const snapshots = new Set(await Promise.all(Array.from({ length: 1000 }, () => snapshot(causedAt))));
    clock.advance(5000);
    snapshots.add(await snapshot(causedAt));
    assert.deepEqual([snapshots.size, looked], [1, 1]);
    assert.equal([...snapshots][0]?.takenAt, causedAt + 1);
  });

  it('sees an alert that comes in the same millisecond as a snapshot and after it', async () => {
    const { clock, push, namesAt } = bench();
    push('A');
    assert.deepEqual(await namesAt(), ['A']);
    push('B');
    assert.deepEqual(await namesAt(), ['A', 'B']);
    const causedAt = clock.now();
    clock.advance(1);
    assert.deepEqual(await namesAt(causedAt), ['A', 'B']);
  });

  it('takes another for a newer cause', async () => {
    const { clock, push, namesAt } = bench();
    push('A');
    clock.advance(1);
    assert.deepEqual(await namesAt(clock.now() - 1), ['A']);
    clock.advance(1);
    push('B');
    clock.advance(1);
    assert.deepEqual(await namesAt(clock.now() - 1), ['A', 'B']);
  });

  it('gives none from before when the clock was set back by hours', async () => {
    const { clock, push, namesAt } = bench();
    push('A');
    clock.advance(1);
    await namesAt(clock.now() - 1);
    clock.advance(-3 * 3_600_000);
    push('B');
    clock.advance(1);
    assert.deepEqual(await namesAt(clock.now() - 1), ['A', 'B']);
  });

  it('goes through many alerts in slices, and is as of when it began', async () => {
    const { clock, store, turns, push, snapshot } = bench();
    for (let n = 0; n < 300; n++) push(`A${n}`, clock.now() + 1);
    const { all } = store;
    store.all = function* slowly() {
      for (const alert of all.call(store)) {
        clock.advance(1);
        yield alert;
      }
    };
    const takenAt = clock.now();
    const both = Promise.all([snapshot(takenAt - 1), snapshot(takenAt - 1)]);
    let taken = 0;
    for (; (await Promise.race([both, setImmediate('not yet')])) === 'not yet'; taken++) turns.shift()?.();
    assert.ok(taken > 3, `${taken} turns`);
    const [first, second] = await both;
    assert.equal(first, second);
    assert.deepEqual([first.takenAt, first.firing.size], [takenAt, 300]);
  });

  it('gives nothing to one who has given up', async () => {
    const { source } = bench();
    const reason = new Error('the deadline');
    await assert.rejects(source.snapshot(0, [], AbortSignal.abort(reason)), reason);
  });
});
