import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { RunTimes } from './run-times.ts';

const uid = fc.constantFrom('a', 'b', undefined);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('add' as const), uid, after: fc.integer({ min: 0, max: 9 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('takeBack' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('forget' as const), most: fc.integer({ min: 1, max: 9 }) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('insert' as const), uid, times: fc.array(fc.integer({ min: 0, max: 9 })) }),
  },
);

describe('RunTimes', () => {
  it('finds the runs that may have been one for an object as a search through all of them does', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const runs = new RunTimes();
        let model: { at: number; uid: string | undefined }[] = [];
        let now = 0;
        for (const each of steps) {
          if (each.do === 'add') {
            now += each.after;
            runs.add(now, each.uid);
            model.push({ at: now, uid: each.uid });
          } else if (each.do === 'takeBack') {
            runs.takeBack();
            model.pop();
          } else if (each.do === 'forget') {
            runs.forget(now - 20, each.most);
            const first = model.findIndex(({ at }) => at > now - 20);
            model = model.slice(Math.max(first, model.length - each.most, 0));
          } else {
            runs.insert(each.times, each.uid);
            model = [...model, ...each.times.map((at) => ({ at, uid: each.uid }))].toSorted((a, b) => a.at - b.at);
            now = Math.max(now, ...each.times);
          }
          assert.equal(runs.length, model.length);
          for (const wanted of ['a', 'b', 'c', undefined]) {
            const may = model.filter((run) => [wanted, undefined].includes(run.uid) || wanted === undefined);
            for (const nth of [1, 2, 3]) assert.equal(runs.newest(nth, wanted), may.at(-nth)?.at);
            assert.equal(runs.isLastOf(wanted), model.length > 0 && may.at(-1) === model.at(-1));
          }
        }
      }),
    );
  });

  it('counts the newest run at a later time', () => {
    const runs = new RunTimes();
    for (const at of [1, 2]) runs.add(at, 'a');
    runs.delayLast(9);
    runs.delayLast(5);
    assert.deepEqual([...runs.byUid()], [['a', [1, 9]]]);
  });
});
