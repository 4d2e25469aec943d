import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { turnsBeforeFailed, WorkerShare, type Standing } from './worker-share.ts';

describe('WorkerShare', () => {
  it('gives those that failed at most half of the workers, and one where there is only one', () => {
    for (const [workers, limit] of [
      [1, 1],
      [2, 1],
      [3, 1],
      [4, 2],
      [32, 16],
    ] as const)
      assert.equal(new WorkerShare(workers).limit, limit);
  });

  it('lets one that failed wait for those that are well, but not for ever', () => {
    const share = new WorkerShare(4);
    const turns: Standing[] = [];
    for (let turn = 0; turn <= turnsBeforeFailed; turn++) {
      const next = share.next({ well: true, failed: true })!;
      turns.push(next);
      share.started(next);
      share.ended(next);
    }
    assert.deepEqual(turns, [...Array<Standing>(turnsBeforeFailed).fill('well'), 'failed']);
  });

  it('starts nothing where only those wait that hold their half already', () => {
    const share = new WorkerShare(4);
    for (let count = 0; count < 2; count++) {
      assert.equal(share.next({ well: false, failed: true }), 'failed');
      share.started('failed');
    }
    assert.equal(share.next({ well: false, failed: true }), undefined);
    assert.equal(share.next({ well: true, failed: true }), 'well');
    share.ended('failed');
    assert.equal(share.next({ well: false, failed: true }), 'failed');
  });

  it('keeps to its half, lets no worker idle that may work, and starves nobody, whatever happens', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('add' as const), standing: fc.constantFrom<Standing>('well', 'failed') }),
      fc.record({ do: fc.constant('end' as const), which: fc.nat(40) }),
      fc.record({ do: fc.constant('workers' as const), workers: fc.integer({ min: 1, max: 9 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const share = new WorkerShare(4);
        const waiting = { well: 0, failed: 0 };
        const running: Standing[] = [];
        let wellInARow = 0;
        const start = (): void => {
          while (running.length < share.workers) {
            const next = share.next({ well: waiting.well > 0, failed: waiting.failed > 0 });
            if (next === undefined) {
              assert.equal(waiting.well, 0, 'a worker idles while one that is well waits');
              assert.ok(waiting.failed === 0 || !share.isOpen, 'a worker idles that one that failed may have');
              return;
            }
            assert.ok(waiting[next]-- > 0, 'nobody waits who is to start');
            const fails = next === 'failed';
            if (fails) assert.ok(running.filter((one) => one === 'failed').length < share.limit, 'more than half');
            const free = !running.includes('failed');
            wellInARow = next === 'well' && waiting.failed > 0 && free ? wellInARow + 1 : 0;
            assert.ok(wellInARow <= turnsBeforeFailed, 'one that failed waits for ever');
            running.push(next);
            share.started(next);
          }
        };
        for (const one of steps) {
          if (one.do === 'add') waiting[one.standing]++;
          else if (one.do === 'workers') share.workers = one.workers;
          else if (running.length > 0) share.ended(running.splice(one.which % running.length, 1)[0]!);
          start();
        }
        assert.equal(share.failedRunning, running.filter((one) => one === 'failed').length);
      }),
    );
  });
});
