import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from 'node:test';

const source = join(import.meta.dirname, '../src');
const files = globSync('**/*.test.ts', { cwd: source }).sort();

assert.ok(files.length > 100, `only ${files.length} test files in ${source}`);

/**
 * The tests beside the code, all in this one process: a process for each of the files took three times as long. A file is a suite, so
 * that its hooks run for its own tests alone. The runner starts files in the order of their names; this one takes a minute, so its name
 * is among the first.
 */
for (const file of files) describe(`src/${file}`, async () => void (await import(join(source, file))));
