import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isDnsSubdomain } from './dns-subdomain.ts';

describe('DNS subdomain', () => {
  it('takes the names that Kubernetes takes', () => {
    const names = ['a', '0', 'a-b', 'a--b', 'a.b', '1.2.3', 'a-1.b-2', 'a'.repeat(253), `${'a.'.repeat(126)}a`];
    for (const name of names) assert.equal(isDnsSubdomain(name), true, name);
  });

  it('refuses all others', () => {
    const names = [
      '',
      '.',
      '..',
      '../x',
      'a/b',
      'a\\b',
      '.a',
      'a.',
      'a..b',
      '-a',
      'a-',
      'a.-b',
      'A',
      'ä',
      'a_b',
      'a b',
      'a\n',
      'a\0',
    ];
    for (const name of [...names, 'a'.repeat(254)]) assert.equal(isDnsSubdomain(name), false, JSON.stringify(name));
  });

  it('joins two good names by a dot, and by nothing else', () => {
    const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?$/);
    fc.assert(
      fc.property(label, label, (first, second) => {
        assert.equal(isDnsSubdomain(`${first}.${second}`), true);
        for (const joint of ['..', '/', '.-', '_', ' '])
          assert.equal(isDnsSubdomain(`${first}${joint}${second}`), false);
      }),
    );
  });
});
