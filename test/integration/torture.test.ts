import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { faults } from '../../torture/faults.ts';
import { hostileInput } from '../../torture/hostile-input.ts';

describe('npm run torture, a short round', () => {
  it('finds nothing wrong with what hostile requests of one seed do', { timeout: 60_000 }, async () => {
    const result = await hostileInput({
      seed: 6,
      requests: 2000,
      timeMs: 3000,
      idleConnections: 300,
      // The promise is 200 ms; tests that run beside this one have the machine, too.
      healthyWithinMs: 500,
    });
    assert.deepEqual(result.violations, []);
    assert.ok(result.connections > 100, `only ${result.connections} connections`);
  });

  for (const { name, guard } of faults)
    it(`has for "${name}" a guard that can be broken`, async () => {
      const text = await readFile(new URL(`../../src/${guard.file}`, import.meta.url), 'utf8');
      assert.equal(text.split(guard.from).length, 2, `src/${guard.file} has to hold exactly once: ${guard.from}`);
      assert.notEqual(guard.from, guard.to);
    });
});
