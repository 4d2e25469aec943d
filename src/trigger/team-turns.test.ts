import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { sliceMs, SliceSchedule } from '../runtime/slices.ts';
import { SharedWork, TeamTurns } from './team-turns.ts';

describe('TeamTurns', () => {
  it('gives each team a slice in turn, however much one of them has', async () => {
    const clock = new FakeClock();
    const turns = new TeamTurns(new SliceSchedule(clock));
    const done: string[] = [];
    const long = (team: string): Promise<void> =>
      turns.run(team, async (slices) => {
        for (let piece = 0; piece < 5; piece++) {
          clock.advance(sliceMs);
          done.push(team);
          if (slices.isOver) await slices.yieldTurn();
        }
      });
    const all = [long('greedy'), long('greedy'), long('greedy'), long('modest')];
    assert.equal(turns.isBusy('greedy'), true);
    await Promise.all(all);
    assert.equal(done.lastIndexOf('modest'), 9);
    assert.equal(done.filter((team) => team === 'greedy').length, 15);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(turns.isBusy('greedy'), false);
  });

  it('goes on with the next work when one fails', async () => {
    const turns = new TeamTurns(new SliceSchedule(new FakeClock()));
    const failing = turns.run('a', () => Promise.reject(new Error('no')));
    const next = turns.run('a', async () => 'done');
    await assert.rejects(failing, /no/);
    assert.equal(await next, 'done');
  });
});

describe('SharedWork', () => {
  it('goes on while somebody waits, and is given up when nobody does', async () => {
    let isStopped = false;
    const result = Promise.withResolvers<string>();
    const work = new SharedWork((stop) => {
      stop.addEventListener('abort', () => (isStopped = true));
      return result.promise;
    });
    const [first, second] = [new AbortController(), new AbortController()];
    const waiting = [work.wait(first.signal), work.wait(second.signal)];
    first.abort(new Error('first'));
    await assert.rejects(waiting[0]!, /first/);
    assert.equal(isStopped, false);
    second.abort(new Error('second'));
    await assert.rejects(waiting[1]!, /second/);
    assert.deepEqual([isStopped, work.isGivenUp], [true, true]);
  });

  it('keeps its result', async () => {
    const work = new SharedWork(() => Promise.resolve(1));
    const { signal } = new AbortController();
    assert.deepEqual([await work.wait(signal), await work.wait(signal), work.isGivenUp], [1, 1, false]);
  });
});
