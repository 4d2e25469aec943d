import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { insidePrefix } from './outside-prefix.ts';

describe('insidePrefix', () => {
  const rows: readonly (readonly [prefix: string, url: string, inside: string | undefined])[] = [
    ['', '/api', '/api'],
    ['/am', '/am/api?x=1', '/api?x=1'],
    ['/am', '/am/', '/'],
    ['/am', '/am//x', '//x'],
    ['/am', '/am', undefined],
    ['/am', '/am?x', undefined],
    ['/am', '/amx/api', undefined],
    ['/am', '/AM/api', undefined],
    ['/am', '/', undefined],
    ['/am', '//am/api', undefined],
    ['/am', 'http://host/am/api', undefined],
  ];
  for (const [prefix, url, inside] of rows) {
    it(`takes ${url} below ${prefix || 'no prefix'} for ${inside ?? 'a path outside'}`, () =>
      assert.equal(insidePrefix(prefix, url), inside));
  }

  it('takes the prefix away and nothing else', () => {
    fc.assert(fc.property(fc.webPath(), (path) => assert.equal(insidePrefix('/a/b', `/a/b/${path}`), `/${path}`)));
  });
});
