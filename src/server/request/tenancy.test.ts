import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { nameTenant, type KnownTenants, type Naming } from './tenancy.ts';

const known: KnownTenants = {
  has: (name) => ['a', 'b(c)'].includes(name),
  isOfProcess: (path) => ['/', '/-/ready', '/metrics'].includes(path),
};
const byPath: Naming = { by: 'path' };
const byHeader: Naming = { by: 'header', header: 'X-Scope-OrgID' };
const byLabel: Naming = { by: 'label' };

describe('nameTenant', () => {
  for (const [path, expected] of [
    ['/a/api/v2/alerts', { path: '/api/v2/alerts', mark: { name: 'a' } }],
    ['/a/prom/alertmanager/api/v2/alerts', { path: '/api/v2/alerts', mark: { name: 'a' } }],
    ['/a/alertmanager/api/v2/alerts', { path: '/api/v2/alerts', mark: { name: 'a' } }],
    ['/a/alertmanager', { path: '/', mark: { name: 'a' } }],
    ['/a/alertmanagers', { path: '/alertmanagers', mark: { name: 'a' } }],
    ['/a/alertmanager/alertmanager/x', { path: '/alertmanager/x', mark: { name: 'a' } }],
    ['/a/', { path: '/', mark: { name: 'a' } }],
    ['/a', { path: '/', mark: { name: 'a', problem: 'bare' } }],
    ['/a/metrics', { path: '/metrics', mark: { name: 'a' } }],
    ['/b%28c%29/x', { path: '/x', mark: { name: 'b(c)' } }],
    ['/A/x', { path: '/x', mark: { problem: 'unknown' } }],
    ['/c/api/v2/alerts', { path: '/api/v2/alerts', mark: { problem: 'unknown' } }],
    ['/api/v2/alerts', { path: '/api/v2/alerts', mark: { problem: 'missing' } }],
    ['/alertmanager/api/v2/alerts', { path: '/alertmanager/api/v2/alerts', mark: { problem: 'missing' } }],
    ['//a/x', { path: '//a/x', mark: { problem: 'missing' } }],
    ['/-/ready', { path: '/-/ready', mark: undefined }],
    ['/-/other', { path: '/-/other', mark: { problem: 'missing' } }],
  ] as const)
    it(`reads ${path}`, () => {
      assert.deepEqual(nameTenant(byPath, path, {}, known), expected);
    });

  for (const [path, name, expected] of [
    ['/api/v2/alerts', 'a', { path: '/api/v2/alerts', mark: { name: 'a' } }],
    ['/alertmanager/api/v2/alerts', 'a', { path: '/api/v2/alerts', mark: { name: 'a' } }],
    ['/prom/alertmanager/api/v2/alerts', 'a', { path: '/api/v2/alerts', mark: { name: 'a' } }],
    ['/', 'a', { path: '/', mark: { name: 'a' } }],
    ['/', undefined, { path: '/', mark: undefined }],
    ['/metrics', 'a', { path: '/metrics', mark: undefined }],
    ['/alertmanager/metrics', 'a', { path: '/metrics', mark: undefined }],
    ['/api/v2/alerts', undefined, { path: '/api/v2/alerts', mark: { problem: 'missing' } }],
    ['/api/v2/alerts', '', { path: '/api/v2/alerts', mark: { problem: 'missing' } }],
    ['/api/v2/alerts', 'a, b', { path: '/api/v2/alerts', mark: { problem: 'unknown' } }],
    ['/a/api/v2/alerts', 'c', { path: '/a/api/v2/alerts', mark: { problem: 'unknown' } }],
  ] as const)
    it(`reads ${path} with the header ${name}`, () => {
      const headers = name === undefined ? {} : { 'x-scope-orgid': name };
      assert.deepEqual(nameTenant(byHeader, path, headers, known), expected);
    });

  it('leaves to the alerts whose they are', () => {
    assert.deepEqual(nameTenant(byLabel, '/api/v2/alerts', {}, known), { path: '/api/v2/alerts', mark: {} });
    assert.deepEqual(nameTenant(byLabel, '/metrics', {}, known), { path: '/metrics', mark: undefined });
  });

  it('names no tenant that is not known, whatever the path, and gives a path', () => {
    const segment = fc.constantFrom(
      'a',
      'b(c)',
      '%61',
      '..',
      '',
      'api',
      'prom',
      'alertmanager',
      '%2F',
      '%',
      'metrics',
      '-',
    );
    fc.assert(
      fc.property(
        fc.array(segment, { maxLength: 6 }),
        fc.constantFrom(byPath, byHeader, byLabel),
        (segments, naming) => {
          const found = nameTenant(naming, `/${segments.join('/')}`, { 'x-scope-orgid': segments[0] ?? 'a' }, known);
          assert.ok(found.path.startsWith('/'));
          if (found.mark?.name !== undefined) assert.ok(known.has(found.mark.name));
          if (found.mark === undefined) assert.ok(known.isOfProcess(found.path));
        },
      ),
    );
  });
});
