import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JsonError } from './json-scanner.ts';

describe('JsonError', () => {
  it('is an error with its own name', () => {
    const error = new JsonError('at character 0');
    assert.ok(error instanceof Error);
    assert.equal(String(error), 'JsonError: at character 0');
  });
});
