import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { byWayOf, proxyFromEnvironment, type Environment } from './proxy-environment.ts';

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
