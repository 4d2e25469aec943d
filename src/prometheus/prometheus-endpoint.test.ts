import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { prometheusEndpoint, withAccess } from './prometheus-endpoint.ts';

const basic = (credentials: string): string => `Basic ${Buffer.from(credentials).toString('base64')}`;

describe('prometheusEndpoint', () => {
  const addresses = [
    ['a bare host', 'http://prometheus:9090', 'http://prometheus:9090'],
    ['a trailing slash', 'http://prometheus:9090/', 'http://prometheus:9090'],
    ['a path prefix', 'https://example.org/prom/a', 'https://example.org/prom/a'],
    ['a path prefix with slashes at its end', 'https://example.org/prom//', 'https://example.org/prom'],
    ['an IPv6 address', 'http://[::1]:9090/', 'http://[::1]:9090'],
    ['a fragment', 'http://prometheus:9090/graph#x', 'http://prometheus:9090/graph'],
  ] as const;
  for (const [what, url, address] of addresses) {
    it(`asks below ${what}`, () => {
      const endpoint = prometheusEndpoint(url);
      assert.equal(endpoint.address, address);
      assert.equal(endpoint.url, `${address}/api/v1/alerts`);
      assert.equal(endpoint.authorization, undefined);
    });
  }

  it('sends the parameters along, each value of each, and does not show them', () => {
    const params = new Map([
      ['namespace', ['shop', 'a&b c']],
      ['dedup', ['true']],
    ]);
    const endpoint = prometheusEndpoint('http://proxy/prom/', { params });
    assert.equal(endpoint.url, 'http://proxy/prom/api/v1/alerts?namespace=shop&namespace=a%26b+c&dedup=true');
    assert.equal(endpoint.address, 'http://proxy/prom');
  });

  it('names the one address that is asked, which is no part of what is sent', () => {
    const endpoint = prometheusEndpoint('http://prometheus:9090', { ip: '10.0.0.7' });
    assert.equal(endpoint.url, 'http://prometheus:9090/api/v1/alerts');
    assert.equal(endpoint.address, 'http://prometheus:9090 (10.0.0.7)');
  });

  const credentials = [
    ['user and password', 'http://ann:s3cret@h', 'ann:s3cret'],
    ['a user without password', 'http://ann@h', 'ann:'],
    ['a password without user', 'http://:s3cret@h', ':s3cret'],
    ['escapes', 'http://a%40b:p%3A%2F%C3%A9@h', 'a@b:p:/é'],
    ['a percent sign that is no escape', 'http://ann:100%@h', 'ann:100%'],
  ] as const;
  for (const [what, url, plain] of credentials) {
    it(`turns ${what} into basic authentication and out of the URL`, () => {
      const endpoint = prometheusEndpoint(url);
      assert.equal(endpoint.authorization, basic(plain));
      assert.equal(endpoint.url, 'http://h/api/v1/alerts');
      assert.equal(endpoint.address, 'http://h');
    });
  }

  it('quotes what a server said without the credentials that it echoes, in whatever form', () => {
    const { quote } = prometheusEndpoint('http://ann:s3cr%25t@h');
    assert.equal(quote(`authorization: ${basic('ann:s3cr%t')}\n`), 'authorization: Basic <secret>');
    assert.equal(quote('no "ann" with "s3cr%t" or s3cr%25t here'), 'no "ann" with "<secret>" or <secret> here');
    assert.equal(prometheusEndpoint('http://ann@h').quote('no ann here'), 'no ann here');
  });

  it('masks a secret that holds another one as a whole', () => {
    const secrets = { authorization: undefined, secrets: ['s3cret', 's3cret-tenant'] };
    const { quote } = withAccess(prometheusEndpoint('http://ann:ten@h'), secrets);
    assert.equal(quote('s3cret-tenant, s3cret, ten'), '<secret>, <secret>, <secret>');
  });
});
