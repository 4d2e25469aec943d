import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { byWayOf, proxyFromEnvironment, noProxyMatcher, type Environment } from './proxy-environment.ts';

const server = 'https://kube.example.com:6443';

function chosen(environment: Environment, target = server): string | undefined {
  const proxy = proxyFromEnvironment(target, environment);
  return proxy === undefined ? undefined : `${proxy.url} by ${proxy.namedBy}`;
}

describe('proxyFromEnvironment', () => {
  it('takes HTTPS_PROXY for https and HTTP_PROXY for http, upper case before lower case', () => {
    const both = { HTTPS_PROXY: 'http://s:1', HTTP_PROXY: 'http://h:1' };
    assert.equal(chosen(both), 'http://s:1 by HTTPS_PROXY');
    assert.equal(chosen(both, 'http://prometheus.example.com'), 'http://h:1 by HTTP_PROXY');
    assert.equal(chosen({ https_proxy: 'http://l:1' }), 'http://l:1 by https_proxy');
    assert.equal(chosen({ HTTPS_PROXY: 'http://u:1', https_proxy: 'http://l:1' }), 'http://u:1 by HTTPS_PROXY');
    assert.equal(chosen({ HTTPS_PROXY: '', https_proxy: 'http://l:1' }), 'http://l:1 by https_proxy');
    for (const none of [{}, { HTTP_PROXY: 'http://h:1' }, { HTTPS_PROXY: ' ' }]) assert.equal(chosen(none), undefined);
  });

  it('takes none for what NO_PROXY names, and for this machine', () => {
    const HTTPS_PROXY = 'http://s:1';
    assert.equal(chosen({ HTTPS_PROXY, NO_PROXY: '.example.com' }), undefined);
    assert.equal(chosen({ HTTPS_PROXY, no_proxy: 'example.com:6443' }), undefined);
    assert.equal(chosen({ HTTPS_PROXY, NO_PROXY: 'example.com:443' }), 'http://s:1 by HTTPS_PROXY');
    assert.equal(chosen({ HTTPS_PROXY, NO_PROXY: 'example.com:443' }, 'https://example.com'), undefined);
    for (const local of ['https://localhost', 'https://127.0.0.1:6443', 'https://[::1]'])
      assert.equal(chosen({ HTTPS_PROXY }, local), undefined);
  });

  it('takes host:port for http', () => {
    assert.equal(chosen({ HTTPS_PROXY: 'proxy:3128' }), 'http://proxy:3128 by HTTPS_PROXY');
  });

  it('refuses what is no proxy, or one that it cannot use, and says which variable', () => {
    for (const HTTPS_PROXY of ['socks5://proxy:1080', 'http://', 'http://a b', 'ftp://proxy'])
      assert.throws(() => chosen({ HTTPS_PROXY }), /^Error: the environment variable HTTPS_PROXY is ".*", allowed: /);
  });

  it('shows no password of a proxy, be it good or refused', () => {
    const text = fc.stringMatching(/^[a-zA-Z0-9@:/?#. -]{0,8}$/);
    fc.assert(
      fc.property(fc.constantFrom('http://', 'socks5://', '', 'x:'), text, text, (scheme, before, after) => {
        const HTTPS_PROXY = `${scheme}ann:${before}Passw0rd${after}@proxy:3128`;
        let shown: string;
        try {
          shown = byWayOf(proxyFromEnvironment(server, { HTTPS_PROXY }));
        } catch (error) {
          shown = String(error);
        }
        assert.doesNotMatch(shown, /Passw0rd/);
      }),
    );
  });
});

function exempt(noProxy: string, host: string, port = '443'): boolean {
  return noProxyMatcher(noProxy)({ host, port });
}

describe('noProxyMatcher', () => {
  // The expected values are the answers of golang.org/x/net/http/httpproxy.
  const rows: readonly (readonly [noProxy: string, host: string, exempt: boolean])[] = [
    ['', 'example.com', false],
    ['', 'localhost', true],
    ['', '127.3.4.5', true],
    ['', '::1', true],
    ['', '::ffff:7f00:1', true],
    ['', 'localhost.example.com', false],
    ['*', 'example.com', true],
    [' a.com , * ', 'example.com', true],
    ['example.com', 'example.com', true],
    ['example.com', 'a.b.example.com', true],
    ['example.com', 'notexample.com', false],
    ['EXAMPLE.com', 'example.com', true],
    ['.example.com', 'a.example.com', true],
    ['.example.com', 'example.com', false],
    ['*.example.com', 'a.example.com', true],
    ['*.example.com', 'example.com', false],
    ['.svc,.cluster.local', 'prometheus.monitoring.svc', true],
    ['example.com:443', 'example.com', true],
    ['example.com:8443', 'example.com', false],
    ['example.com:', 'example.com', true],
    ['10.96.0.1', '10.96.0.1', true],
    ['10.96.0.1', '10.96.0.10', false],
    ['10.96.0.1:443', '10.96.0.1', true],
    ['10.96.0.1:6443', '10.96.0.1', false],
    ['10.96.0.0/12', '10.96.0.1', true],
    ['10.96.0.0/12', '10.112.0.1', false],
    ['10.96.0.1/12', '10.111.255.255', true],
    ['0.0.0.0/0', '8.8.8.8', true],
    ['0.0.0.0/0', 'example.com', false],
    ['10.0.0.0/33', '10.0.0.1', false],
    ['10.0.0.0/8', '::ffff:a00:1', true],
    ['.1', '10.0.0.1', false],
    ['::/0', '10.0.0.1', false],
    ['::/0', 'fd00::1', true],
    ['0.0.0.0/0', 'fd00::1', false],
    ['::ffff:10.0.0.1/104', '10.7.0.1', true],
    ['::ffff:10.0.0.1', '10.0.0.1', true],
    ['fd00::/8', 'fd00::1', true],
    ['fd00::1', 'fd00::1', true],
    ['fd00:0::1', 'fd00::1', true],
    ['[fd00::1]:443', 'fd00::1', true],
    ['[fd00::1]:80', 'fd00::1', false],
    ['[fd00::1]', 'fd00::1', false],
    ['bücher.example', 'xn--bcher-kva.example', true],
    [',, ,', 'example.com', false],
    [':443', 'example.com', false],
    ['010.0.0.1', '10.0.0.1', false],
  ];
  for (const [noProxy, host, expected] of rows)
    it(`${expected ? 'exempts' : 'does not exempt'} ${host} by "${noProxy}"`, () =>
      assert.equal(exempt(noProxy, host), expected));

  it('holds a network for just the addresses whose first bits are its own', () => {
    const address = fc.integer({ min: 0, max: 0xffffffff });
    fc.assert(
      fc.property(address, address, fc.integer({ min: 0, max: 32 }), fc.nat(31), (network, random, bits, flip) => {
        const near = (network ^ (1 << flip)) >>> 0;
        for (const host of [random, near, network]) {
          if (host >>> 24 === 127) continue;
          const mask = bits === 0 ? 0 : (-1 << (32 - bits)) >>> 0;
          const expected = (host & mask) >>> 0 === (network & mask) >>> 0;
          assert.equal(exempt(`x.example,${dotted(network)}/${bits}`, dotted(host)), expected);
        }
      }),
    );
  });

  it('holds a domain for itself and all below it, with a dot before it for those alone, and with a port for that one', () => {
    const label = fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/);
    const domain = fc.array(label, { minLength: 2, maxLength: 4 }).map((labels) => labels.join('.'));
    fc.assert(
      fc.property(
        domain,
        label,
        fc.constantFrom('', '.', '*.'),
        fc.constantFrom('', ':443', ':80'),
        (name, sub, dot, at) => {
          const entry = `${dot}${name}${at}`;
          const isPort = at !== ':80';
          assert.equal(exempt(entry, name), isPort && dot === '');
          assert.equal(exempt(entry, `${sub}.${name}`), isPort);
          assert.equal(exempt(entry, `${sub}${name}`), false);
          assert.equal(exempt(entry, `${name}.${sub}x`), false);
        },
      ),
    );
  });

  it('throws at no list', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (list) => typeof exempt(list, '10.0.0.1') === 'boolean'));
    const odd = fc.stringMatching(/^[0-9a-f:./[\],*% -]{0,24}$/);
    fc.assert(fc.property(odd, (list) => typeof exempt(list, 'fd00::1') === 'boolean'));
  });
});

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}
