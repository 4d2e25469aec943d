import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { allCategories, preCategories, type CheckSources } from '../../src/check/categories.ts';
import { read } from '../support/documentation.ts';

/** Nothing is read before a check runs, so any sources will do. */
const nothing: object = new Proxy({}, { get: (): object => nothing });
const sources = nothing as CheckSources;

describe('docs/checks.md', () => {
  const [, page = ''] = /^# Checks$([^]*?)(?=^# |$(?![^]))/m.exec(read('docs/checks.md')) ?? [];
  const documented = [...page.matchAll(/^### ([\w-]+)$/gm)].map(([, id]) => id!);
  const categories = [...allCategories(sources), ...preCategories(sources)];
  const ids = categories.flatMap(({ checks }) => checks.map(({ id }) => id));

  it('has a paragraph for each check, and a check for each paragraph', () => {
    assert.deepEqual(documented.toSorted(), [...new Set(ids)].toSorted());
    assert.equal(new Set(documented).size, documented.length);
  });

  it('says in each paragraph what it means and how to mend it', () => {
    for (const [, id, text = ''] of page.matchAll(/^### ([\w-]+)$([^]*?)(?=^#|$(?![^]))/gm))
      assert.ok(text.trim().length > 100, `${id}: ${text.trim()}`);
  });

  it('has the categories as headings, in the order in which they run', () => {
    const headings = [...page.matchAll(/^## (.+)$/gm)].map(([, name]) => name!);
    assert.deepEqual(headings, [...new Set(categories.map(({ name }) => name))]);
  });

  it('has an anchor for each id: a heading of GitHub keeps it as it is', () => {
    for (const id of ids) assert.match(id, /^[a-z0-9]+(?:-[a-z0-9]+)*$/);
  });
});
