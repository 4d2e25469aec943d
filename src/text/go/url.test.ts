import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isRequestUri, Query } from './url.ts';

/** A generatorURL that Alertmanager 0.34.2 accepted. */
const accepted = [
  'http://host:9090/graph?g0.expr=up%20%3D%3D%200&g0.tab=1',
  'https://host/a%20b#x',
  'HTTP://HOST/',
  'http://',
  'http:',
  'http:/x',
  'http:/a^b',
  'https:///x',
  'mailto:x',
  'javascript:alert(1)',
  'prom:9090/graph',
  'x:a b%zz',
  'a+b-c.1:x',
  '*',
  '/',
  '/graph?x=1',
  '//x/y',
  '//a b',
  '/a b',
  '/a%20b',
  '/a?%zz',
  '/é',
  '/#\n',
  '/a\u0080',
  'http://a/b?c d',
  'http://a/b c',
  'http://a?b',
  'http://a?b c',
  'http://a#b c',
  'http://ключ/',
  'http://a_b~c!/',
  'http://a"<>;=,/',
  'http://a%25/',
  'http://a%e9/',
  'http://a%E4%B8%AD/',
  'http://h:99999/',
  'http://h:/',
  'http://:80/',
  'ftp://h:80:81/',
  'http://user@h/',
  'http://user:pass@h:80/',
  'http://u:p@ss@h/',
  'http://u:%41@h/',
  'http://@',
  'http://h#@f',
  'http://h@/x@y',
  'http://[::1]',
  'http://[::1]:9090/',
  'http://[::1]:/',
  'http://u@[::1]/',
  'http://[::]/',
  'http://[1:2:3:4:5:6:7:8]/',
  'http://[1:2:3:4:5:6:7::]/',
  'http://[::ffff:1.2.3.4]/',
  'http://[fe80::1%25eth0]:80/',
  'http://[fe80::1%25e%20h%41%25]/',
  'http://[fe80::1%25é]/',
  'http://[fe80::1%25%21%3e%5b%7E]/',
  'http://a]b/',
];

/** A generatorURL that Alertmanager 0.34.2 refused. */
const refused = [
  '1a:x',
  ':x',
  'a_b:x',
  'é:x',
  '**',
  '/a%zz',
  '/a%2',
  '/\n',
  '/a\u007f',
  'foo',
  'not a url',
  '?x',
  '#x',
  ' /x',
  'http://a b/',
  'http:// a',
  'http://a\\b/',
  'http://a|b/',
  'http://a{b}/',
  'http://a^b/',
  'http://a`b/',
  'http://a%41/',
  'http://a%7f/',
  'http://a%zz/',
  'http://h:abc/',
  'http://h:8x/',
  'http://h:80:81/',
  'https://h:80:81',
  'ftp://h:80:x/',
  'http://u:%zz@h/',
  'http://u r@h/',
  'http://ü@h/',
  'http://u[@h/',
  'http://[::1]:x/',
  'http://[::1]x/',
  'http://[::1',
  'http://::1]/',
  'http://a[::1]/',
  'http://[]/',
  'http://[:]/',
  'http://[1:2:3:4:5:6:7]/',
  'http://[1:2:3:4:5:6:7:8::]/',
  'http://[1::2::3]/',
  'http://[12345::]/',
  'http://[g::]/',
  'http://[1:]/',
  'http://[::ffff:1.2.3.04]/',
  'http://[::1.2.3]/',
  'http://[1.2.3.4]/',
  'http://[fe80::1%25]/',
  'http://[fe80::1%eth0]/',
  'http://[fe80::1%25a%2f]/',
  'http://[fe80::1%25%23]/',
  'http://[fe80::1%25%3f]/',
  'http://[fe80::1%25%40]/',
  'http://[fe80::1%25%5c]/',
  'http://[fe80::1%25%60]/',
  'http://[fe80::1%25%7f]/',
  'http://[::1%25[]/',
  'http://[fe80::1%25a%e9]/',
  'http://[fe80::1%25a b]/',
  'http://[%65::1]/',
  'http://[%25::1]/',
  'http://[[::1]]/',
  'http://[::1]]/',
];

describe('isRequestUri', () => {
  for (const text of accepted) {
    it(`takes ${JSON.stringify(text)}`, () => assert.equal(isRequestUri(text), true));
  }

  for (const text of refused) {
    it(`refuses ${JSON.stringify(text)}`, () => assert.equal(isRequestUri(text), false));
  }

  it('refuses an empty text', () => {
    assert.equal(isRequestUri(''), false);
  });

  it('takes what a browser would open', () => {
    fc.assert(
      fc.property(fc.webUrl({ withFragments: true, withQueryParameters: true }), (url) => assert.ok(isRequestUri(url))),
    );
  });

  it('takes every IPv6 address in brackets and none without', () => {
    fc.assert(
      fc.property(fc.ipV6(), fc.constantFrom('', ':', ':9090'), (address, port) => {
        assert.equal(isRequestUri(`http://[${address}]${port}/`), true);
        assert.equal(isRequestUri(`http://${address}${port || ':'}/`), false);
      }),
    );
  });

  it('agrees with the short way about a URL with a fragment, which rules the short way out', () => {
    const unit = fc.constantFrom(...'h09:/?[]@!%41 e\\^\n~é', '%41', '%e9', '%25', '://', '[::1]', 'http://', ':80');
    const beginning = fc.constantFrom('', '/', 'http://', 'https://h', 'http://h:9090/graph?', 'x:', 'ftp://h:1');
    const text = fc.tuple(beginning, fc.string({ unit, maxLength: 12 })).map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, (input) => assert.equal(isRequestUri(input), isRequestUri(`${input}#\n`))),
      { numRuns: 2000 },
    );
  });
});

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

  it('reads every text that has been escaped', () =>
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (name, value) => {
        const query = new Query(`/?${encodeURIComponent(name)}=${encodeURIComponent(value)}&`);
        assert.deepEqual(query.all(name), [value]);
      }),
    ));
});
