import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { routesTo } from '../routes.fixture.ts';
import { isOpen, type AccessRules } from './web-settings.ts';

const routes = routesTo(() => undefined);

describe('isOpen', () => {
  const rules: AccessRules = new Map([
    ['/metrics', 'open'],
    ['/-/ready', 'protected'],
    ['/api/*', 'open'],
    ['/api/v2/silences', 'protected'],
    ['/api/v2/a/*', 'protected'],
  ]);
  const rows: readonly (readonly [AccessRules, string, boolean])[] = [
    [new Map(), '/-/healthy', true],
    [new Map(), '/-/ready', true],
    [new Map(), '/-/reload', false],
    [new Map(), '/metrics', false],
    [new Map(), '', false],
    [rules, '/metrics', true],
    [rules, '/metrics/', false],
    [rules, '/Metrics', false],
    [rules, '/-/ready', false],
    [rules, '/-/healthy', true],
    [rules, '/api', false],
    [rules, '/api/', true],
    [rules, '/api/v2/status', true],
    [rules, '/api/v2/silences', false],
    [rules, '/api/v2/a/b/c', false],
    [rules, '/apix', false],
    [new Map([['/*', 'open']]), '/anything/at/all', true],
    [new Map([['/-/*', 'protected']]), '/-/healthy', false],
  ];
  for (const [given, path, expected] of rows) {
    it(`says ${expected} of ${path || 'a path outside'} with ${JSON.stringify([...given])}`, () =>
      assert.equal(isOpen(given, path, routes), expected));
  }

  it('opens nothing but the health of a server without rules', () => {
    fc.assert(fc.property(fc.webPath(), (path) => assert.equal(isOpen(new Map(), `/x${path}`, routes), false)));
  });
});
