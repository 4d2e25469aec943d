import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { connectionFloods } from '../../torture/faults/connection-floods.ts';

/** `npm run torture -- connections:` runs all kinds, with all their connections. */
const kinds = ['no body, 800 short headers', 'no body, 90 long headers', 'half head', 'TLS idle'];

describe('a flood of connections, on the heap of the pod', () => {
  for (const kind of kinds)
    it(`is within the budget, and no good sender notices: ${kind}`, { timeout: 180_000 }, async () => {
      const fault = connectionFloods.find(({ name }) => name.endsWith(`: ${kind}`));
      assert.ok(fault !== undefined);
      const result = await fault.run({ quick: true });
      assert.deepEqual(result, { tried: 1, survived: 1, lost: 0, recoverMs: [], problems: [] });
    });
});
