import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { newId } from './new-id.ts';

describe('newId', () => {
  it('has two hexadecimal digits per byte', () => {
    assert.match(newId(1), /^[0-9a-f]{2}$/);
    assert.match(newId(16), /^[0-9a-f]{32}$/);
  });
});
