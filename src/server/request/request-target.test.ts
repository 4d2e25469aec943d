import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Routes } from '../routes.ts';
import { readTarget } from './request-target.ts';

const api = '/api/v2/';
const routes = new Routes([
  { path: '/metrics', methods: {} },
  ...['alerts', 'alerts/groups', 'silence/:id'].map((path) => ({ path: api + path, methods: {}, api })),
]);

describe('readTarget', () => {
  const rows: readonly (readonly [prefix: string, target: string, path: string, url: string])[] = [
    ['', '/x', '/x', '/x'],
    ['', '/x?a=1?b', '/x', '/x?a=1?b'],
    ['', '/metrics#x', '/metrics%23x', '/metrics%23x'],
    ['', '/x?a#b', '/x', '/x?a%23b'],
    ['', '/x\xa0?\t', '/x%A0', '/x%A0?%09'],
    ['', 'http://host/x?y', '/x', '/x?y'],
    ['', 'FTP://u:p@[::1]:1/x', '/x', '/x'],
    ['', 'http://host', '/', '/'],
    ['', 'http://host?x', '/', '/?x'],
    ['', 'http://host/http://other/x', '/http://other/x', '/http://other/x'],
    ['', '//host/x', '//host/x', '//host/x'],
    ['', '*', '', '*'],
    ['', '/api/v2/alerts/', '/api/v2/alerts', '/api/v2/alerts'],
    ['', '/api/v2/alerts/groups/?x', '/api/v2/alerts/groups', '/api/v2/alerts/groups?x'],
    ['', '/api/v2/alerts//', '/api/v2/alerts//', '/api/v2/alerts//'],
    ['', '/api/v2/%61lerts', '/api/v2/%61lerts', '/api/v2/%61lerts'],
    ['', '/api/v2/nope/', '/api/v2/nope/', '/api/v2/nope/'],
    ['', '/api/v2/silence/', '/api/v2/silence/', '/api/v2/silence/'],
    ['', '/api/v2/silence/%61-%2f/', '/api/v2/silence/a-%2F', '/api/v2/silence/a-%2F'],
    ['', '/api/v2/silence/%e9', '/api/v2/silence/%25e9', '/api/v2/silence/%25e9'],
    ['', '/metrics/', '/metrics/', '/metrics/'],
    ['/am', '/am/api?x=1', '/api', '/api?x=1'],
    ['/am', 'http://host/am/api', '/api', '/api'],
    ['/am', '/am/', '/', '/'],
    ['/am', '/am//x', '//x', '//x'],
    ['/am', '/am', '', '/am'],
    ['/am', '/am?x', '', '/am?x'],
    ['/am', '/amx/api', '', '/amx/api'],
    ['/am', '/AM/api', '', '/AM/api'],
    ['/am', '//am/api', '', '//am/api'],
    ['/am', '*', '', '*'],
  ];
  for (const [prefix, target, path, url] of rows) {
    it(`reads ${JSON.stringify(target)} below ${prefix || 'no prefix'} as ${url}`, () => {
      const read = readTarget(prefix, target, routes);
      assert.deepEqual([read.path, read.url], [path, url]);
    });
  }

  it('distinguishes the routes', () => {
    const targets = ['/metrics?x', '/api/v2/silence/x', '/api/v2/silence/x/', '/api/v2/silence/x/y', '/metrics/', '/'];
    assert.deepEqual(
      targets.map((target) => readTarget('', target, routes).route),
      ['/metrics', '/api/v2/silence/:id', '/api/v2/silence/:id', 'other', 'other', 'other'],
    );
  });

  it('removes the prefix, and leaves a good target unchanged', () => {
    fc.assert(
      fc.property(fc.webPath(), (path) => assert.equal(readTarget('/a/b', `/a/b/x/${path}`, routes).url, `/x/${path}`)),
    );
  });

  it('gives a URL that every parser splits in the same places', () => {
    const target = fc.string({ unit: fc.constantFrom(...'/?#%:@\\.;&=aZ9~ \t\xa0é') }).map((text) => `/${text}`);
    fc.assert(
      fc.property(target, (text) => {
        const { path, url } = readTarget('', text, routes);
        assert.match(url, /^\/[!"$-~]*$/);
        assert.equal(url.split('?', 1)[0], path);
      }),
    );
  });
});
