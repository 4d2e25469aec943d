import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { reach, type OwnAddresses } from './own-addresses.ts';

const own: OwnAddresses = {
  advertisedUrls: [],
  host: undefined,
  port: 9093,
  routePrefix: '',
  machine: ['tocsin-7d9f', '10.0.0.7', 'fd00::7'],
};
const far = 'http://prometheus.monitoring:9090/prom';
const near = 'http://127.0.0.1:9090';

function judge(urls: readonly string[], changes: Partial<OwnAddresses> = {}, prometheus = far): string {
  return reach(
    urls.map((url) => `${url}/api/v2/alerts`),
    prometheus,
    { ...own, ...changes },
  );
}

describe('reach', () => {
  it('is no without any Alertmanager', () => assert.equal(judge([]), 'no'));

  for (const [what, url, changes, prometheus] of [
    ['an address of this machine', 'http://10.0.0.7:9093', {}, far],
    ['an IPv6 address of this machine', 'https://[fd00::7]:9093', {}, far],
    ['the name of this machine, in any case', 'http://TOCSIN-7d9f:9093', {}, far],
    ['an address below the route prefix', 'http://10.0.0.7:9093/tocsin', { routePrefix: '/tocsin' }, far],
    ['the host on which it listens', 'http://alarm.example:9093', { host: 'alarm.example' }, far],
    ['the loopback, if Prometheus is on it too', 'http://localhost:9093', { host: '127.0.0.1' }, near],
    ['the default port', 'http://10.0.0.7', { port: 80 }, far],
    ['the external URL', 'https://a.example/x', { externalUrl: 'https://a.example/x', routePrefix: '/x' }, far],
    ['an advertised URL', 'http://tocsin.ns.svc:80', { advertisedUrls: ['http://tocsin.ns.svc'] }, far],
  ] as const) {
    it(`is yes for ${what}, whatever else there is`, () => {
      assert.equal(judge(['http://other:9093', url], changes, prometheus), 'yes');
    });
  }

  for (const [what, url, changes, prometheus] of [
    ['another port of this machine', 'http://10.0.0.7:9094', {}, far],
    ['another path', 'http://10.0.0.7:9093/alertmanager', {}, far],
    ['the loopback of both, another port', 'http://127.0.0.1:1', {}, near],
    ['an address of this machine on which it does not listen', 'http://10.0.0.7:9093', { host: '127.0.0.1' }, far],
    ['a name that is not advertised', 'http://tocsin:9093', { advertisedUrls: ['http://tocsin.ns.svc:9093'] }, far],
  ] as const) {
    it(`is no for ${what}`, () => assert.equal(judge([url], changes, prometheus), 'no'));
  }

  for (const [what, url, changes, prometheus] of [
    ['a name', 'http://tocsin.ns.svc:9093', {}, far],
    ['an address of another machine, which may be a Service', 'http://10.96.0.1:9093', {}, far],
    ['the loopback of another machine', 'http://localhost:9093', {}, far],
    ['another port of this machine, if there may be a proxy', 'http://10.0.0.7:80', { externalUrl: 'http://a.b' }, far],
    ['what is no URL', 'nonsense', {}, near],
  ] as const) {
    it(`is unknown for ${what}`, () => assert.equal(judge([url], changes, prometheus), 'unknown'));
  }
});
