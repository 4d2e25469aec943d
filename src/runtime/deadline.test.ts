import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, it } from 'node:test';
import { FakeClock } from './clock.fixture.ts';
import { startDeadline } from './deadline.ts';

function start() {
  const clock = new FakeClock();
  const caller = new AbortController();
  return { clock, caller, deadline: startDeadline(clock, 1000, caller.signal) };
}

describe('startDeadline', () => {
  it('aborts when the time is over, and not before', () => {
    const { clock, deadline } = start();
    clock.advance(999);
    assert.equal(deadline.signal.aborted, false);
    clock.advance(1);
    assert.ok(deadline.signal.aborted && deadline.expired());
    deadline.end();
  });

  it('aborts with the caller, and then does not count as expired', () => {
    const { clock, caller, deadline } = start();
    caller.abort();
    assert.ok(deadline.signal.aborted);
    clock.advance(1000);
    assert.equal(deadline.expired(), false);
    deadline.end();
  });

  it('aborts with the reason of whichever came first', () => {
    for (const first of ['time', 'caller'] as const) {
      const [clock, caller] = [new FakeClock(), new AbortController()];
      const deadline = startDeadline(clock, 1000, caller.signal, () => new Error('time'));
      if (first === 'time') clock.advance(1000);
      caller.abort(new Error('caller'));
      clock.advance(1000);
      assert.throws(() => deadline.signal.throwIfAborted(), { message: first });
      deadline.end();
    }
  });

  it('stays expired when the caller aborts later', () => {
    const { clock, caller, deadline } = start();
    clock.advance(1000);
    caller.abort();
    assert.equal(deadline.expired(), true);
    deadline.end();
  });

  it('ignores the time once it is lifted, but still obeys the caller', () => {
    const { clock, caller, deadline } = start();
    deadline.lift();
    assert.equal(clock.pending(), 0);
    clock.advance(5000);
    assert.deepEqual([deadline.signal.aborted, deadline.expired()], [false, false]);
    caller.abort();
    assert.equal(deadline.signal.aborted, true);
    deadline.end();
  });

  it('leaves no timer and no listener behind, and ends what still runs', () => {
    const { clock, caller, deadline } = start();
    deadline.end();
    assert.equal(clock.pending(), 0);
    assert.equal(getEventListeners(caller.signal, 'abort').length, 0);
    assert.ok(deadline.signal.aborted);
    assert.equal(deadline.expired(), false);
  });
});
