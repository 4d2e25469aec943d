import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Query } from './query.ts';

describe('Query', () => {
  const rows: readonly (readonly [url: string, values: readonly string[]])[] = [
    ['/x', []],
    ['/x?', []],
    ['/x?filter', ['']],
    ['/x?filter=', ['']],
    ['/x?filter=a&filter=b', ['a', 'b']],
    ['/x?filter=a=b?c', ['a=b?c']],
    ['/x?filter=a+b%20c%2B', ['a b c+']],
    ['/x?%66ilter=a', ['a']],
    ['/x?Filter=a', []],
    ['/x?filter=%zz&filter=b', ['b']],
    ['/x?filter=a%2', []],
    ['/x?filter=a;b&filter=c', ['c']],
    ['/x?&&filter=a', ['a']],
    ['/x?filter=%D0%BA%F0%9F%98%80', ['к😀']],
    ['/x?filter=\xd0\xba', ['к']],
    ['/x?filter=a%FFb%D0', ['a\udcffb\udcd0']],
    ['/x?filter=%ED%A0%80', ['\udced\udca0\udc80']],
    ['/x?filter=%EF%BB%BFx', ['\ufeffx']],
  ];
  for (const [url, values] of rows)
    it(`reads ${JSON.stringify(url)}`, () => assert.deepEqual(new Query(url).all('filter'), values));

  it('gives the last of several values', () => {
    assert.equal(new Query('/x?receiver=a&receiver=b').last('receiver'), 'b');
    assert.equal(new Query('/x?receiver=a&receiver=').last('receiver'), undefined);
  });

  const flags: readonly (readonly [string, boolean])[] = [
    ['', true],
    ['active', true],
    ['active=', true],
    ['active=TRUE', true],
    ['active=checked', true],
    ['active=1', true],
    ['active=false', false],
    ['active=maybe', false],
    ['active=0', false],
    ['active=false&active=true', true],
    ['active=false&active=', true],
  ];
  for (const [parameters, value] of flags)
    it(`takes "${parameters}" for ${value}`, () => assert.equal(new Query(`/x?${parameters}`).flag('active'), value));

  it('reads whatever has been escaped', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (name, value) => {
        const query = new Query(`/?${encodeURIComponent(name)}=${encodeURIComponent(value)}&`);
        assert.deepEqual(query.all(name), [value]);
      }),
    ));
});
