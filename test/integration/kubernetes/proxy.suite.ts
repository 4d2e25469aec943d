import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { Registry } from 'prom-client';
import { systemClock } from '../../../src/runtime/clock.ts';
import { createApiClient } from '../../../src/kubernetes/api/api-client.ts';
import { createAuthority } from '../../../src/server/certificates.fixture.ts';
import { startConnectProxy, type ConnectProxy, type ConnectProxyOptions } from '../../support/connect-proxy.ts';
import { skipWithoutKube } from '../../support/kube-api-server.ts';
import { postAlerts } from '../../../src/receiver/post-alerts.fixture.ts';
import { startPrometheus } from '../../support/prometheus-server.ts';
import { skipWithout } from '../../support/servers.ts';
import { kubeconfigWith } from '../../support/service-account.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';
import { startTocsin } from '../../support/tocsin-process.ts';

const files = ['base/cluster-role-reader.yaml', 'base/cluster-role-writer.yaml'];

describe('by way of a proxy', { skip: skipWithoutKube() || skipWithout('prometheus') }, () => {
  const kube = useSharedKubeApiServer();

  /** A name that is in the server's certificate, and that only the proxy can resolve. */
  const server = (): string => `https://kubernetes.default.svc:${kube().port}`;

  async function kubeconfig(account: string, cluster = ''): Promise<string> {
    const path = await kubeconfigWith(kube(), account, files);
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace(/server: .*/, `server: ${server()}${cluster}`));
    return path;
  }

  async function proxyFor(t: TestContext, options?: ConnectProxyOptions): Promise<ConnectProxy> {
    const proxy = await startConnectProxy(options);
    t.after(() => proxy.stop());
    return proxy;
  }

  it('the API server and Prometheus are reached, as the environment says, and nobody sees the password', async (t) => {
    const [proxy, prometheus] = [await proxyFor(t, { credentials: 'ann:s3cret' }), await startPrometheus()];
    t.after(() => prometheus.stop());
    const apiVersion = 'telemetry.kyma-project.io/v1beta1';
    const spec = { output: { otlp: {} } };
    await kube().apply({ apiVersion, kind: 'TracePipeline', metadata: { name: 'by-proxy' }, spec });
    t.after(() => kube().kubectl(['delete', 'tracepipeline', 'by-proxy']));
    const prometheusUrl = `http://prometheus.test:${new URL(prometheus.url).port}`;
    const tocsin = await startTocsin({
      args: [`--kubeconfig=${await kubeconfig('by-proxy')}`, `--prometheus.url=${prometheusUrl}`],
      environment: {
        HTTPS_PROXY: `http://ann:s3cret@${proxy.address}`,
        http_proxy: `ann:s3cret@${proxy.address}`,
        NO_PROXY: '10.0.0.0/8,.internal',
      },
    });
    t.after(() => tocsin.stop());
    await postAlerts(tocsin.url, [{ labels: { alertname: 'TraceGatewayThrottling' } }]);
    await tocsin.log.waitForLine(({ event, status }) => event === 'prometheus.queried' && status === 'success');

    assert.ok(proxy.seen.includes(`CONNECT kubernetes.default.svc:${kube().port}`), proxy.seen.join('\n'));
    assert.ok(proxy.seen.includes(`GET ${prometheusUrl}/api/v1/alerts`), proxy.seen.join('\n'));
    const told = tocsin.log.all.filter(({ event }) => event === 'proxy.used');
    assert.deepEqual(
      told.map((line) => [line['target'], line['proxy'], line['named_by']]).toSorted(),
      [
        [prometheusUrl, `http://***@${proxy.address}`, 'http_proxy'],
        [server(), `http://***@${proxy.address}`, 'HTTPS_PROXY'],
      ].toSorted(),
    );
    assert.doesNotMatch(JSON.stringify(tocsin.log.all), /s3cret/);
  });

  it('a kubeconfig names its own, for which NO_PROXY does not hold', async (t) => {
    const proxy = await proxyFor(t);
    const own = await kubeconfig('own-proxy', `\n      proxy-url: http://${proxy.address}`);
    const client = clientOf(t, own, { NO_PROXY: '*', HTTPS_PROXY: 'http://127.0.0.1:1' });
    assert.match(JSON.stringify(await client.call({ method: 'GET', path: '/version' })), /gitVersion/);
    assert.deepEqual(proxy.seen, [`CONNECT kubernetes.default.svc:${kube().port}`]);
  });

  it('a client certificate goes through the tunnel', async (t) => {
    const [authority, proxy] = [await createAuthority(), await proxyFor(t)];
    t.after(() => authority.remove());
    const [own, mine] = [await authority.issue('server', { names: 'DNS:kube.test' }), await authority.issue('tocsin')];
    const [ca, cert, key] = await Promise.all(
      [authority.caFile, own.certFile, own.keyFile].map((file) => readFile(file)),
    );
    const https = createServer({ ca, cert, key, requestCert: true }, ({ socket }, response) => {
      const { subject } = (socket as TLSSocket).getPeerCertificate();
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ user: subject.CN }));
    }).listen(0, '127.0.0.1');
    await once(https, 'listening');
    t.after(() => https.close());
    const { port } = https.address() as AddressInfo;
    const path = join(authority.folder, 'kubeconfig');
    await writeFile(
      path,
      JSON.stringify({
        'current-context': 'c',
        contexts: [{ name: 'c', context: { cluster: 'c', user: 'c' } }],
        clusters: [
          { name: 'c', cluster: { server: `https://kube.test:${port}`, 'certificate-authority': authority.caFile } },
        ],
        users: [{ name: 'c', user: { 'client-certificate': mine.certFile, 'client-key': mine.keyFile } }],
      }),
    );
    const client = clientOf(t, path, { HTTPS_PROXY: proxy.address });
    assert.deepEqual(await client.call({ method: 'GET', path: '/version' }), { user: 'tocsin' });
    assert.deepEqual(proxy.seen, [`CONNECT kube.test:${port}`]);
  });

  it('a failure names the proxy, who named it, and the list that lacks the API server', async (t) => {
    const path = await kubeconfig('refused-proxy');
    const proxies = {
      'refuses the tunnel': { proxy: await proxyFor(t, { refuseWith: 403 }), says: /403/ },
      'wants credentials': { proxy: await proxyFor(t, { credentials: 'bob:x' }), says: /407/ },
      'is not there': { proxy: { address: '127.0.0.1:1' }, says: /ECONNREFUSED/ },
    };
    for (const [what, { proxy, says }] of Object.entries(proxies)) {
      const client = clientOf(t, path, { HTTPS_PROXY: `http://ann:s3cret@${proxy.address}` });
      await assert.rejects(client.call({ method: 'GET', path: '/version' }), ({ message }: Error) => {
        assert.match(message, says, what);
        assert.ok(
          message.includes(
            `no answer from ${server()} by way of the proxy http://***@${proxy.address} (HTTPS_PROXY): `,
          ),
          message,
        );
        assert.match(
          message,
          /; if it is to be reached without the proxy, NO_PROXY has to name kubernetes\.default\.svc$/,
        );
        return true;
      });
    }
  });
});

function clientOf(t: TestContext, kubeconfig: string, environment: Readonly<Record<string, string>>) {
  const access = { kubeconfigs: [kubeconfig] };
  const registry = new Registry();
  const client = createApiClient({ clock: systemClock, registry, access, version: 'test', environment });
  t.after(() => client.close());
  return client;
}
