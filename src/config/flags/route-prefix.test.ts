import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readExternalUrl, readRoutePrefix, routePrefixOf } from './route-prefix.ts';

describe('readRoutePrefix', () => {
  const rows: readonly (readonly [string, string])[] = [
    ['/', ''],
    ['', ''],
    ['/tocsin', '/tocsin'],
    ['tocsin/', '/tocsin'],
    ['//a/b//', '/a/b'],
    ['/a%20b', '/a%20b'],
    ['/..a', '/..a'],
  ];
  for (const [text, value] of rows) {
    it(`reads ${JSON.stringify(text)} as ${JSON.stringify(value)}`, () =>
      assert.deepEqual(readRoutePrefix(text), { value }));
  }

  const refused: readonly (readonly [unknown, string | undefined])[] = [
    ['/a//b', '/a/b'],
    ['/a b', '/a/b'],
    ['/a/../b', undefined],
    ['/.', undefined],
    ['/a?b', undefined],
    ['/é', undefined],
    ['/%zz', undefined],
    [7, undefined],
  ];
  for (const [found, suggestion] of refused) {
    it(`refuses ${JSON.stringify(found)}`, () => {
      const reading = readRoutePrefix(found);
      assert.ok(!('value' in reading));
      assert.equal(reading.suggestion, suggestion);
    });
  }

  it('gives only what a URL leaves as it is, whatever comes', () => {
    const text = fc.oneof(
      fc.string(),
      fc.array(fc.constantFrom('/', '.', 'a', '%', '2e', ' ')).map((c) => c.join('')),
    );
    fc.assert(
      fc.property(text, (found) => {
        const reading = readRoutePrefix(found);
        if (!('value' in reading)) return;
        assert.match(reading.value, /^(?:\/[^/]+)*$/);
        assert.equal(new URL(`http://host${reading.value}/x`).pathname, `${reading.value}/x`);
      }),
    );
  });
});

describe('readExternalUrl', () => {
  it('gives the URL, whose path is the prefix', () => {
    const reading = readExternalUrl('https://example.com/a/b/');
    assert.deepEqual(reading, { value: 'https://example.com/a/b' });
    assert.equal(routePrefixOf('https://example.com/a/b'), '/a/b');
    assert.equal(routePrefixOf('https://example.com'), '');
  });

  it('refuses what is no http URL, and a path that can be no prefix', () => {
    for (const found of ['ftp://example.com', 'example.com/a', 'http://example.com/a//b']) {
      assert.ok(!('value' in readExternalUrl(found)), found);
    }
  });
});
