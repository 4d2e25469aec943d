import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { describe, it } from 'node:test';
import { parts } from './parts.ts';

function source(file: string): string {
  return readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8');
}

describe('npm run mutate', () => {
  for (const { name, tests, mutations } of parts) {
    it(`has at least ten ways to break the ${name}, each of which can still be done`, () => {
      assert.ok(mutations.length >= 10, `only ${mutations.length}`);
      for (const { file, from, to } of mutations) {
        const text = source(file);
        assert.equal(text.split(from).length, 2, `src/${file} has to hold exactly once: ${from}`);
        assert.notEqual(from, to);
        // A text that no longer parses would make every test fail, and prove nothing.
        assert.doesNotThrow(() => stripTypeScriptTypes(text.replace(from, () => to)), `src/${file}: ${to}`);
      }
      for (const test of tests) assert.match(source(test), /\bit\(/);
    });
  }
});
