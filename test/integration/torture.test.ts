import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { areGood, guardsOf, type FaultResult } from '../../torture/fault.ts';
import { faults } from '../../torture/faults.ts';
import { hostileInput } from '../../torture/hostile-input.ts';

describe('npm run torture, a short round', () => {
  it('finds nothing wrong with what hostile requests of one seed do', { timeout: 180_000 }, async () => {
    const result = await hostileInput({
      seed: 6,
      requests: 2000,
      timeMs: 3000,
      idleConnections: 300,
      // The promise is 200 ms, but other tests use the machine at the same time.
      healthyWithinMs: 500,
    });
    assert.deepEqual(result.violations, []);
    assert.ok(result.connections > 100, `only ${result.connections} connections`);
  });

  it('is not good when nothing was tried', { timeout: 180_000 }, async () => {
    const { violations } = await hostileInput({
      seed: 6,
      requests: 9,
      timeMs: 0,
      idleConnections: 0,
      healthyWithinMs: 1000,
    });
    assert.equal(violations.filter((violation) => violation.includes('nothing was tried')).length, 1);

    const good: FaultResult = { tried: 2, survived: 2, lost: 0, recoverMs: [], problems: [] };
    const skipped: FaultResult = { ...good, tried: 0, survived: 0, skipped: 'no rights' };
    assert.ok(areGood([good, skipped]));
    assert.ok(!areGood([skipped]));
    assert.ok(!areGood([good, { ...good, survived: 1 }]));
  });

  for (const fault of faults)
    it(`has for "${fault.name}" a guard that can be broken`, async () => {
      for (const { file, from, to } of guardsOf(fault)) {
        const text = await readFile(new URL(`../../src/${file}`, import.meta.url), 'utf8');
        assert.equal(text.split(from).length, 2, `src/${file} has to hold exactly once: ${from}`);
        assert.notEqual(from, to);
      }
    });
});
