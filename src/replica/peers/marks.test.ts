import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FollowerMarks, LeaderMarks, maxCuts, type Barrier } from './marks.ts';

/** Something that takes things in and finishes them in order; a barrier is over when all that was in is out. */
class Stage {
  taken = 0;
  done = 0;

  barrier(): Barrier {
    const { taken } = this;
    return () => this.done >= taken;
  }
}

describe('LeaderMarks', () => {
  it('are covered once what was taken in has become requests, and these have ended', () => {
    const [intake, requests] = [new Stage(), new Stage()];
    const marks = new LeaderMarks({ intake: () => intake.barrier(), requests: () => requests.barrier() });
    assert.equal(marks.isCovered, true);
    intake.taken = 1;
    const mark = marks.next();
    marks.look();
    assert.equal(marks.covered, 0);
    requests.taken = 1;
    intake.done = 1;
    marks.look();
    assert.equal(marks.covered, 0);
    requests.done = 1;
    marks.look();
    assert.deepEqual([marks.covered, marks.isCovered], [mark, true]);
  });

  it('go on in a storm that never ends', () => {
    const [intake, requests] = [new Stage(), new Stage()];
    const marks = new LeaderMarks({ intake: () => intake.barrier(), requests: () => requests.barrier() });
    for (let round = 1; round <= 20; round++) {
      intake.taken = round;
      marks.next();
      marks.look();
      // Everything is a few steps behind, and something is always open.
      intake.done = round - 1;
      requests.taken = round - 1;
      requests.done = round - 2;
      marks.look();
    }
    assert.ok(marks.covered >= 8, String(marks.covered));
  });
});

describe('FollowerMarks', () => {
  it('say up to which add the leader has worked', () => {
    const marks = new FollowerMarks();
    marks.acknowledged(1, 5, 10);
    marks.acknowledged(1, 6, 20);
    assert.equal(marks.covered(1, 4), undefined);
    assert.equal(marks.covered(1, 5), 10);
    assert.equal(marks.covered(1, 9), 20);
    assert.equal(marks.covered(1, 9), undefined);
  });

  it('mean nothing to another term', () => {
    const marks = new FollowerMarks();
    marks.acknowledged(1, 5, 10);
    assert.equal(marks.covered(2, 100), undefined);
    marks.acknowledged(2, 1, 12);
    assert.equal(marks.covered(1, 100), undefined);
    assert.equal(marks.covered(2, 1), 12);
    marks.acknowledged(1, 200, 30);
    assert.equal(marks.covered(2, 300), undefined);
  });

  it('go on when the terms begin again', () => {
    const marks = new FollowerMarks();
    marks.acknowledged(2 ** 31 - 1, 5, 10);
    marks.acknowledged(1, 1, 12);
    assert.equal(marks.covered(2 ** 31 - 1, 100), undefined);
    assert.equal(marks.covered(1, 1), 12);
  });

  it('are bounded', () => {
    const marks = new FollowerMarks();
    for (let mark = 1; mark <= 10 * maxCuts; mark++) marks.acknowledged(1, mark, mark);
    assert.equal(marks.told, 10 * maxCuts);
    assert.equal(marks.covered(1, 10 * maxCuts), 10 * maxCuts);
  });

  it('never let go of a request whose cause the leader has not worked on', () => {
    const step = fc.oneof(
      fc.record({
        do: fc.constantFrom('alert' as const, 'tell' as const, 'emit' as const, 'run' as const, 'look' as const),
      }),
      fc.record({ do: fc.constant('change' as const) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        // The follower adds an alert as a request at once; the leader takes in what it is told, emits it, and runs it.
        let [term, added, told] = [1, 0, 0];
        let leader = { intake: new Stage(), requests: new Stage(), worked: 0, inIntake: 0, inRequests: 0 };
        const create = (): LeaderMarks =>
          new LeaderMarks({ intake: () => leader.intake.barrier(), requests: () => leader.requests.barrier() });
        let marks = create();
        const follower = new FollowerMarks();
        for (const each of steps) {
          switch (each.do) {
            case 'alert':
              added++;
              break;
            case 'tell':
              told = added;
              leader.intake.taken++;
              leader.inIntake = told;
              follower.acknowledged(term, marks.next(), added);
              break;
            case 'emit':
              leader.inRequests = leader.inIntake;
              leader.requests.taken++;
              leader.intake.done = leader.intake.taken;
              break;
            case 'run':
              leader.worked = leader.inRequests;
              leader.requests.done = leader.requests.taken;
              break;
            case 'look': {
              marks.look();
              const dropped = follower.covered(term, marks.covered);
              if (dropped !== undefined) assert.ok(dropped <= leader.worked, `${dropped} > ${leader.worked}`);
              break;
            }
            case 'change':
              term++;
              leader = { intake: new Stage(), requests: new Stage(), worked: 0, inIntake: 0, inRequests: 0 };
              marks = create();
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
