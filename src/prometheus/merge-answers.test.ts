import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../../test/support/fake-clock.ts';
import type { LabelSet } from '../alert/labels.ts';
import { SliceSchedule } from '../runtime/slice-schedule.ts';
import { Slices } from '../runtime/slices.ts';
import { mergeAnswers } from './merge-answers.ts';

const ignored = ['prometheus_replica'];

function merge(...firing: readonly (readonly LabelSet[])[]) {
  const slices = new Slices(new SliceSchedule(new FakeClock()), 'answers of Prometheus');
  const answers = firing.map((own) => ({ alerts: own.length + 1, firing: own }));
  return mergeAnswers(answers, ignored, slices);
}

describe('mergeAnswers', () => {
  it('has an alert fire if any replica says so', async () => {
    const { firing } = await merge([{ alertname: 'A' }], [], [{ alertname: 'B' }]);
    assert.deepEqual(firing, [{ alertname: 'A' }, { alertname: 'B' }]);
  });

  it('makes one alert of what replicas tell alike, whatever the order of its labels', async () => {
    const { firing } = await merge([{ alertname: 'A', pod: 'x' }], [{ pod: 'x', alertname: 'A' }]);
    assert.deepEqual(firing, [{ alertname: 'A', pod: 'x' }]);
  });

  it("leaves out the replicas' own labels, also where one alone answers", async () => {
    const [x, y] = [
      { alertname: 'A', prometheus_replica: 'x' },
      { alertname: 'A', prometheus_replica: 'y' },
    ];
    for (const answers of [[[x], [y]], [[x, y]]]) {
      assert.deepEqual((await merge(...answers)).firing, [{ alertname: 'A' }]);
    }
  });

  it('counts the active alerts as the replica that has most of them', async () => {
    assert.equal((await merge([{ alertname: 'A' }], [{ alertname: 'B' }, { alertname: 'C' }])).alerts, 3);
  });

  it('keeps a label called __proto__', async () => {
    const labels = JSON.parse('{"__proto__":"x","alertname":"A","prometheus_replica":"x"}') as LabelSet;
    const [only] = (await merge([labels])).firing;
    assert.deepEqual(Object.entries(only!), [
      ['__proto__', 'x'],
      ['alertname', 'A'],
    ]);
  });

  it('is the union, each alert once, whoever tells what', async () => {
    const label = fc.dictionary(fc.constantFrom('alertname', 'pod', 'prometheus_replica'), fc.constantFrom('a', 'b'));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(label), { minLength: 1, maxLength: 3 }), async (answers) => {
        const key = (labels: LabelSet) =>
          JSON.stringify(
            Object.entries(labels)
              .filter(([name]) => !ignored.includes(name))
              .toSorted(),
          );
        const { firing } = await merge(...answers);
        const expected = new Set(answers.flat().map(key));
        assert.deepEqual(new Set(firing.map(key)), expected);
        const isAsItWas = answers.length === 1 && firing === answers[0];
        if (!isAsItWas) assert.equal(firing.length, expected.size);
      }),
    );
  });
});
