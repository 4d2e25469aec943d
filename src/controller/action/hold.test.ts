import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { holdVerdict, type Hold } from './hold.ts';

const graceMs = 120_000;
const now = 1_000_000;
const reason = 'GatewayAllTelemetryDataDropped';

describe('holdVerdict', () => {
  const since = (ms: number, ofReason = reason): Hold => ({ reason: ofReason, since: now - ms });
  const cases: readonly (readonly [
    what: string,
    earlier: Hold | undefined,
    isPushed: boolean,
    hold: Hold | undefined,
    isHeld: boolean,
  ])[] = [
    ['no push contradicts', undefined, false, undefined, false],
    ['the push has ended', since(1000), false, undefined, false],
    ['a push contradicts for the first time', undefined, true, since(0), true],
    ['it goes on', since(60_000), true, since(60_000), true],
    ['the grace is over by a millisecond less', since(graceMs - 1), true, since(graceMs - 1), true],
    ['the grace is over', since(graceMs), true, since(graceMs), false],
    ['the grace is over, and could not be written', since(2 * graceMs), true, since(2 * graceMs), false],
    ['another verdict was held before', since(graceMs, 'GatewayThrottling'), true, since(0), true],
    ['the clock was set back', since(-5000), true, since(0), true],
  ];
  for (const [what, earlier, isPushed, hold, isHeld] of cases) {
    it(`${isHeld ? 'keeps the verdict' : 'lets the answers win'}: ${what}`, () => {
      assert.deepEqual(holdVerdict(earlier, { reason, isPushed, now, graceMs }), { hold, isHeld });
    });
  }

  it('keeps nothing without a grace', () => {
    assert.equal(holdVerdict(undefined, { reason, isPushed: true, now, graceMs: 0 }).isHeld, false);
  });
});
