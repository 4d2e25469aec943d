import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { AlertStore } from '../alert/alert-store.ts';
import { postableAlert } from '../alert/postable-alert.ts';
import type { AlertSnapshot } from '../controller/ports.ts';
import { StoredAlertSource } from './stored-alert-source.ts';

const { signal } = new AbortController();

function bench() {
  const clock = new FakeClock();
  const store = new AlertStore({ maxAlerts: 100, maxBytes: 1 << 20, resolveTimeoutMs: 300_000 });
  const source = new StoredAlertSource(store, clock);
  const push = (alertname: string, endsAt?: number): void => {
    const fields = { labels: { alertname }, annotations: {}, startsAt: undefined, endsAt, generatorURL: '' };
    assert.equal(typeof store.put(postableAlert(fields, 10), clock.now(), 1), 'object');
  };
  const snapshot = (notBefore = clock.now()): Promise<AlertSnapshot> => source.snapshot(notBefore, ['r1'], signal);
  const namesAt = async (notBefore?: number): Promise<readonly (string | undefined)[]> =>
    (await snapshot(notBefore)).firing.all.map(({ alertname }) => alertname);
  return { clock, store, source, push, snapshot, namesAt };
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
    const { firingAt } = store;
    store.firingAt = (now) => {
      looked++;
      return firingAt.call(store, now);
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

  it('gives nothing to one who has given up', async () => {
    const { source } = bench();
    const reason = new Error('the deadline');
    await assert.rejects(source.snapshot(0, [], AbortSignal.abort(reason)), reason);
  });
});
