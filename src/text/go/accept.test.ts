import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { acceptsJson } from './accept.ts';

describe('acceptsJson', () => {
  const rows: readonly (readonly [string | undefined, boolean])[] = [
    [undefined, true],
    ['', false],
    ['*/*', true],
    ['application/*', true],
    ['APPLICATION/JSON', true],
    ['application/json; charset=latin1', true],
    ['text/html, application/json;q=0.1', true],
    ['*/*, application/json;q=0', true],
    ['text/html', false],
    ['garbage', false],
    ['application/json;q=0', false],
    ['*/*; q=0.000', false],
    ['application/yaml, text/*;q=0.3', false],
  ];
  for (const [header, accepted] of rows)
    it(`says ${accepted} to ${header}`, () => assert.equal(acceptsJson(header), accepted));
});
