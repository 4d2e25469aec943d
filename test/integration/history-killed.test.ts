import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { historyKilled } from '../../torture/faults/history.ts';

/** `npm run torture -- "what history has"` kills it 200 times. */
describe('the history of a process that is killed ten times under load', () => {
  it('is there again each time, without the last second at most, and no alert was refused', async (t) => {
    const { problems, ...result } = await historyKilled.run({ quick: true });
    assert.deepEqual(problems, []);
    assert.deepEqual([result.tried, result.survived, result.lost], [10, 10, 0]);
    t.diagnostic(`time to recover, ms: ${result.recoverMs.map(Math.round).join(', ')}`);
  });
});
