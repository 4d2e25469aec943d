import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { clientOf } from './api-server.fixture.ts';
import { clusterServer } from './cluster-server.ts';

const cluster = { name: 'c', server: 'https://kube.example.com:6443/prefix/', skipTLSVerify: false };
const environment = { HTTPS_PROXY: 'http://env:3128' };

describe('clusterServer', () => {
  it('takes name and password out of the URL, and the query', () => {
    const server = 'https://ann:p%40ss@kube.example.com:6443/prefix/?token=abc';
    assert.deepEqual(clusterServer({ ...cluster, server }, {}), {
      server: 'https://kube.example.com:6443/prefix',
      authorization: `Basic ${Buffer.from('ann:p@ss').toString('base64')}`,
      proxy: undefined,
    });
    assert.equal(clusterServer(cluster, {}).authorization, undefined);
  });

  it('takes the proxy of the kubeconfig, whatever NO_PROXY says, or else that of the environment', () => {
    const proxyUrl = 'http://own:1';
    const own = clusterServer({ ...cluster, proxyUrl }, { ...environment, NO_PROXY: '*' });
    assert.deepEqual(own.proxy, { url: proxyUrl, namedBy: 'proxy-url of the kubeconfig' });
    assert.equal(clusterServer(cluster, environment).proxy?.namedBy, 'HTTPS_PROXY');
    assert.equal(clusterServer(cluster, { ...environment, NO_PROXY: '.example.com' }).proxy, undefined);
  });
});

describe('a secret in a URL of the API server or of a proxy', () => {
  it('is in no error of a call, whatever it is made of and whatever else is wrong', async (t) => {
    const odd = fc.stringMatching(/^[a-zA-Z0-9@:/?#.%& -]{0,6}$/);
    const place = fc.constantFrom('name', 'query', 'proxy', 'both');
    await fc.assert(
      fc.asyncProperty(odd, odd, place, fc.constantFrom('http', 'https'), async (before, after, where, scheme) => {
        const secret = `${before}Passw0rd${after}`;
        const inside = where === 'name' || where === 'both' ? `ann:${secret}@` : '';
        const isProxied = where === 'proxy' || where === 'both';
        const host = isProxied ? 'kube.invalid' : '127.0.0.1:1';
        const url = `${scheme}://${inside}${host}${where === 'query' ? `/?token=${secret}` : ''}`;
        const proxy = `http://ann:${secret}@127.0.0.1:1`;
        const options = { environment: isProxied ? { HTTPS_PROXY: proxy, HTTP_PROXY: proxy } : {} };
        const client = clientOf(t, { url }, options);
        const error: unknown = await client
          .call({ method: 'GET', path: '/version' })
          .catch((reason: unknown) => reason);
        assert.ok(error instanceof Error);
        assert.doesNotMatch(error.message, /Passw0rd/);
      }),
      { numRuns: 60 },
    );
  });
});
