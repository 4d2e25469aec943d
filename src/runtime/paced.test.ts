import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from './clock.fixture.ts';
import { paced } from './paced.ts';

describe('paced', () => {
  function bench() {
    const clock = new FakeClock();
    const soon: (() => void)[] = [];
    const ran: string[] = [];
    const defer = paced(clock, { calls: 2, windowMs: 20 }, (run) => soon.push(run));
    const call = (name: string): void => defer(() => ran.push(name));
    const endTurn = (): void => soon.splice(0).forEach((run) => run());
    return { clock, ran, call, endTurn };
  }

  it('calls at the end of the turn after quiet', () => {
    const { clock, ran, call, endTurn } = bench();
    for (const name of ['a', 'b', 'c']) {
      call(name);
      assert.ok(!ran.includes(name));
      endTurn();
      assert.ok(ran.includes(name));
      clock.advance(20);
    }
  });

  it('lets what is too much wait for the end of the window', () => {
    const { clock, ran, call, endTurn } = bench();
    for (const name of ['a', 'b', 'c']) {
      call(name);
      endTurn();
      clock.advance(1);
    }
    assert.deepEqual(ran, ['a', 'b']);
    clock.advance(16);
    assert.deepEqual(ran, ['a', 'b']);
    clock.advance(1);
    assert.deepEqual(ran, ['a', 'b', 'c']);
    assert.equal(clock.pending(), 0);
  });

  it('waits for nothing when the clock was set back', () => {
    const { clock, ran, call, endTurn } = bench();
    for (const name of ['a', 'b', 'c']) {
      call(name);
      endTurn();
      clock.advance(-1);
    }
    assert.deepEqual(ran, ['a', 'b', 'c']);
  });
});
