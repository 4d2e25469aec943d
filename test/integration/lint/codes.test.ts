import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { lintCodes } from '../../../src/lint/codes.ts';
import { read } from '../../support/documentation.ts';

describe('the lint codes', () => {
  const page = read('docs/checks.md').split(/^# Lint codes$/m)[1]!;

  it('have a paragraph each in docs/checks.md, in the order of their table, and no other', () => {
    const documented = [...page.matchAll(/^### ([a-z-]+)\n\n\S/gm)].map(([, code]) => code);
    assert.deepEqual(documented, Object.keys(lintCodes));
  });
});
