import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hostileInput } from '../../torture/hostile-input.ts';

describe('npm run torture, a short round', () => {
  it('finds nothing wrong with what hostile requests of one seed do', { timeout: 60_000 }, async () => {
    const result = await hostileInput({
      seed: 6,
      requests: 3000,
      timeMs: 8000,
      idleConnections: 300,
      // The promise is 200 ms; tests that run beside this one have the machine, too.
      healthyWithinMs: 2000,
    });
    assert.deepEqual(result.violations, []);
    assert.ok(result.connections > 100, `only ${result.connections} connections`);
  });
});
