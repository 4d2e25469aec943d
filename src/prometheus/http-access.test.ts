import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HttpConfig } from '../config/http-config.ts';
import { prometheusProxy, type ProxyOptions } from './http-access.ts';

const url = 'http://prometheus.monitoring.svc:9090';
const environment = { HTTP_PROXY: 'http://env:3128' };

function proxyOf(config: object, changes: Partial<ProxyOptions> = {}): string | undefined {
  const proxy = prometheusProxy({ url, environment, httpConfig: HttpConfig.parse(config), ...changes });
  return proxy && `${proxy.url} by ${proxy.namedBy}`;
}

describe('prometheusProxy', () => {
  it('is that of http_config, whatever the environment says', () => {
    const own = 'http://own:1 by prometheus.http_config.proxy_url';
    assert.equal(proxyOf({ proxy_url: 'http://own:1' }, { environment: { ...environment, NO_PROXY: '*' } }), own);
    assert.equal(proxyOf({ proxy_url: 'http://own:1', no_proxy: '.example.com' }), own);
    assert.equal(proxyOf({ proxy_url: 'http://own:1', no_proxy: '.svc' }), undefined);
  });

  it('is that of the environment, unless the configuration says no', () => {
    assert.equal(proxyOf({}), 'http://env:3128 by HTTP_PROXY');
    assert.equal(proxyOf({ proxy_from_environment: true }), 'http://env:3128 by HTTP_PROXY');
    assert.equal(proxyOf({ proxy_from_environment: false }), undefined);
    assert.equal(proxyOf({}, { environment: { ...environment, NO_PROXY: '.svc' } }), undefined);
  });

  it('is an error where the one address of a name is to be asked, which a proxy cannot promise', () => {
    const ip = '10.0.0.7';
    assert.throws(() => proxyOf({}, { ip }), {
      name: 'PrometheusError',
      message:
        /^Prometheus at prometheus\.monitoring\.svc \(10\.0\.0\.7\) would be asked by way of the proxy http:\/\/env:3128 \(HTTP_PROXY\).*: let NO_PROXY name prometheus\.monitoring\.svc, or set prometheus\.resolve to one\.$/,
    });
    for (const NO_PROXY of ['.svc', '10.0.0.0/8'])
      assert.equal(proxyOf({}, { ip, environment: { ...environment, NO_PROXY } }), undefined);
    assert.throws(() => proxyOf({}, { ip: 'fd00::7' }), /\(fd00::7\)/);
  });

  it('is an error where the environment names none', () => {
    assert.throws(() => proxyOf({}, { environment: { HTTP_PROXY: 'socks5://ann:s3cret@proxy' } }), {
      name: 'PrometheusError',
      message: /^the environment variable HTTP_PROXY is "socks5:\/\/\*\*\*@proxy", allowed: /,
    });
  });
});
