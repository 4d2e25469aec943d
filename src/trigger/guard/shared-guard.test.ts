import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { firing, runOnce, startPacing, testObject, testTrigger } from './guard.fixture.ts';
import { isShared, packed, unpacked, type SharedGuard } from './shared-guard.ts';

describe('what the next leader has to know of triggers', () => {
  it('is the same after it was written and read', () => {
    fc.assert(
      fc.property(fc.array(fc.object(), { minLength: 1 }), (records) => {
        const expected: unknown = JSON.parse(JSON.stringify(records));
        assert.deepEqual(unpacked(packed(records).text!), expected);
      }),
    );
  });

  it('is nothing if there is nothing', () => assert.deepEqual(packed([]), { text: null, leftOut: 0 }));

  it('leaves out the oldest if it becomes too long, and counts them', () => {
    const records = Array.from({ length: 4000 }, (_, at) => ({ at, random: randomBytes(30).toString('hex') }));
    const { text, leftOut } = packed(records);
    assert.ok(text!.length <= 96 * 1024);
    assert.ok(leftOut > 0);
    assert.deepEqual(unpacked(text!), records.slice(leftOut));
  });

  it('is not read from what somebody else has written', () => {
    for (const text of ['', 'x', 'eA==', Buffer.from('{}').toString('base64')]) assert.equal(unpacked(text), undefined);
  });

  it('are budgets, and intervals that outlast a change of the leader', () => {
    assert.ok(isShared({ minIntervalMs: 0, budget: { runs: 1, perMs: 1000 } }));
    assert.ok(isShared({ minIntervalMs: 60_000 }));
    assert.ok(!isShared({ minIntervalMs: 1000 }));
  });
});

describe('the guard of a new leader', () => {
  const budgeted = testTrigger('budgeted', { budget: { runs: 2, perMs: 60_000 } });
  const db = testObject('db');

  for (const [what, skewMs] of [
    ['the same', 0],
    ['ten minutes ahead', 600_000],
    ['ten minutes behind', -600_000],
  ] as const)
    it(`refills no budget that the former one has used, with a clock that is ${what}`, async (t) => {
      let text: () => string | null = () => null;
      let stored = 0;
      const shared: SharedGuard = {
        offer: (given) => (text = given),
        stored: () => (stored++, Promise.resolve()),
      };
      const former = await startPacing(t, [budgeted], undefined, shared);
      for (const alert of ['A', 'B']) await runOnce(former, budgeted.key, db, firing(former.clock, alert));
      assert.equal(await runOnce(former, budgeted.key, db, firing(former.clock, 'C')), undefined);
      assert.equal(stored, 3);

      const clock = new FakeClock(former.clock.now() + skewMs);
      const next = await startPacing(t, [budgeted], undefined, undefined, clock);
      next.pacing.takeOver(text()!, skewMs);
      assert.equal(await runOnce(next, budgeted.key, db, firing(clock, 'D')), undefined);
      await clock.advanceAsync(120_000);
      assert.equal(next.released.length, 1);
      assert.deepEqual([...next.released[0]!.causes.alerts.keys()].toSorted(), ['C', 'D']);
    });

  it('goes on with what it knows if nothing can be read', async (t) => {
    const setup = await startPacing(t, [budgeted]);
    for (const alert of ['A', 'B']) await runOnce(setup, budgeted.key, db, firing(setup.clock, alert));
    setup.pacing.takeOver('nothing of ours', 0);
    assert.equal(await runOnce(setup, budgeted.key, db, firing(setup.clock, 'C')), undefined);
    assert.equal(setup.logger.linesOf('triggers.not_taken_over').length, 1);
  });
});
