import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nodeVersionProblem } from './node-version.ts';

describe('nodeVersionProblem', () => {
  const tooOld = ['v20.20.2', 'v22.18.9', 'v9.11.2'];
  for (const found of tooOld) {
    it(`refuses ${found}`, () => {
      assert.equal(
        nodeVersionProblem(found, '>=22.19'),
        `needs Node 22.19 or newer, found ${found}: https://nodejs.org has newer ones`,
      );
    });
  }

  const newEnough = ['v22.19.0', 'v22.20.1', 'v23.0.0', 'v24.21.0', 'v25.0.0-nightly20260101', 'v100.0.0'];
  for (const found of newEnough) {
    it(`has nothing against ${found}`, () => assert.equal(nodeVersionProblem(found, '>=22.19'), undefined));
  }
});
