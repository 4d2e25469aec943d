import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Because, Verdict } from '../../src/explain/schema.ts';
import { skipWithout } from '../support/servers.ts';
import { assertTold } from './reasons.check.ts';
import { clusterCases, standaloneCases } from './reasons.cases.ts';

/** An alert and a run may have the same reason. */
const reasons = [...new Set([...Verdict.options, ...Because.options])];

describe('the reasons why an alert did nothing, or a run changed nothing', () => {
  it('are all staged', () => {
    const staged = new Set([...standaloneCases, ...clusterCases].map(({ reason }) => reason));
    assert.deepEqual([...staged].toSorted(), reasons.toSorted());
  });
});

// Each has a Tocsin of its own, and waits for it most of the time.
describe('tocsin what names', { concurrency: 3 }, () => {
  for (const { reason, how, needs = [], stage } of standaloneCases)
    it(`${reason}: ${how}`, { skip: needs.map((name) => skipWithout(name)).find(Boolean) ?? false }, async (t) => {
      await assertTold(reason, await stage(t));
    });
});
