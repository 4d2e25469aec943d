import assert from 'node:assert/strict';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { connect } from 'node:tls';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { eventually } from '../../../src/runtime/eventually.fixture.ts';
import { createAuthority, type Authority, type Certificate } from '../../../src/server/certificates.fixture.ts';
import { freePort } from '../../support/free-port.ts';
import { skipWithoutKube } from '../../support/kube-api-server.ts';
import { tryKubectl } from '../../support/kubectl.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';
import { startTocsin, type TocsinProcess } from '../../support/tocsin-process.ts';

const manifest = new URL('../../../k8s/components/admission/webhook.yaml', import.meta.url);
const good = {
  matchers: ['severity="critical"'],
  targets: [{ apiVersion: 'v1', kind: 'Service', name: 'orders' }],
  action: { log: {} },
};
/** The schema of the resource takes it: whether an expression compiles is beyond a schema. */
const bad = { ...good, matchers: ['severity="critical"', 'pod=~"("'] };

interface Applied {
  readonly code: number | null;
  readonly stderr: string;
}

interface Answer {
  readonly status: number | undefined;
  readonly body: string;
}

describe('k8s/components/admission, by a real API server', { skip: skipWithoutKube() }, () => {
  const server = useSharedKubeApiServer();
  let authority: Authority;
  let certificate: Certificate;
  let port: number;
  let tocsin: TocsinProcess;

  const start = (): Promise<TocsinProcess> =>
    startTocsin({
      args: [
        `--kubeconfig=${server().kubeconfig}`,
        `--web.admission-listen-address=127.0.0.1:${port}`,
        `--web.admission-cert-file=${certificate.certFile}`,
        `--web.admission-key-file=${certificate.keyFile}`,
      ],
      config: 'triggers: { from_namespaces: all, limits: { max_matchers: 3, min_interval: 5s } }',
    });

  const apply = (name: string, spec: object, kind = 'AlertTrigger'): Promise<Applied> =>
    tryKubectl(['apply', '-f', '-'], {
      kubeconfig: server().kubeconfig,
      input: JSON.stringify({ apiVersion: 'tocsin.dev/v1alpha1', kind, metadata: { name }, spec }),
    });

  const call = async (body: string, headers = {}, method = 'POST', path = '/admission/validate'): Promise<Answer> => {
    const ca = await authority.read(authority.caFile);
    const sent = { host: '127.0.0.1', port, path, method, ca, agent: false as const };
    return new Promise((resolve, reject) => {
      const sending = request({ ...sent, headers: { 'Content-Type': 'application/json', ...headers } }, (response) => {
        text(response).then((answer) => resolve({ status: response.statusCode, body: answer }), reject);
      });
      sending.on('error', reject);
      sending.end(body);
    });
  };

  before(async () => {
    authority = await createAuthority();
    certificate = await authority.issue('admission');
    port = await freePort();
    await server().kubectl(['apply', '--server-side', '-k', 'k8s/crds']);
    await server().kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
    tocsin = await start();
    const webhook = parse(await readFile(manifest, 'utf8')) as { webhooks: { clientConfig: object }[] };
    const caBundle = Buffer.from(await authority.read(authority.caFile)).toString('base64');
    webhook.webhooks[0]!.clientConfig = { url: `https://127.0.0.1:${port}/admission/validate`, caBundle };
    await server().apply(webhook);
    // The API server takes a moment to hear of its own webhooks.
    await eventually(
      () => apply('probe', bad),
      ({ code }) => code === 1,
    );
  });

  after(async () => {
    await server().kubectl(['delete', 'validatingwebhookconfiguration', 'tocsin', '--ignore-not-found']);
    await server().kubectl(['delete', 'alerttriggers,clusteralerttriggers', '--all']);
    await tocsin.stop();
    await authority.remove();
  });

  it('refuses a trigger that is not good, with its field', async () => {
    for (const kind of ['AlertTrigger', 'ClusterAlertTrigger']) {
      const { code, stderr } = await apply('orders-db', bad, kind);
      assert.equal(code, 1);
      assert.match(stderr, /spec\.matchers\[1\]: found "pod=~\\?"\(\\?"", allowed: a Prometheus matcher/);
      assert.match(stderr, new RegExp(`The ${kind} "orders-db" is invalid|${kind}.tocsin.dev "orders-db" is invalid`));
    }
    const many = await apply('orders-db', { ...good, matchers: ['a="1"', 'b="1"', 'c="1"', 'd="1"'] });
    assert.match(many.stderr, /max_matchers/);
    assert.ok(tocsin.log.all.some(({ event }) => event === 'admission.refused'));
  });

  it('lets a good one pass, and shows what is clamped', async () => {
    const { code, stderr } = await apply('good', { ...good, minInterval: '1s' });
    assert.equal(code, 0, stderr);
    assert.match(stderr, /Warning: minInterval is raised from 1s to 5s/);
    assert.equal((await apply('good', good)).code, 0);
  });

  it('answers what is no review as HTTP does', async () => {
    assert.equal((await call('{')).status, 400);
    assert.equal((await call('{}', { 'Content-Type': 'application/yaml' })).status, 415);
    assert.equal((await call('', {}, 'GET')).status, 405);
    assert.equal((await call('{}', {}, 'POST', '/api/v2/alerts')).status, 404);
    assert.equal((await call('x'.repeat(9 * 1024 * 1024))).status, 413);
    const { status, body } = await call('{}');
    assert.equal(status, 200);
    assert.equal((JSON.parse(body) as { response: { allowed: boolean } }).response.allowed, false);
  });

  it('uses another certificate as soon as the files have it', async () => {
    const serial = (): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
          resolve(socket.getPeerCertificate().serialNumber);
          socket.end();
        });
        socket.on('error', reject);
      });
    const earlier = await serial();
    const next = await authority.issue('renewed');
    await writeFile(`${certificate.keyFile}.new`, await authority.read(next.keyFile));
    await writeFile(`${certificate.certFile}.new`, await authority.read(next.certFile));
    await rename(`${certificate.keyFile}.new`, certificate.keyFile);
    await rename(`${certificate.certFile}.new`, certificate.certFile);
    await eventually(serial, (now) => now !== earlier);
    assert.equal((await apply('orders-db', bad)).code, 1);
  });

  it('hinders nobody while Tocsin is away, which then says in the status what is wrong', async () => {
    await tocsin.stop();
    const { code, stderr } = await apply('orders-db', bad);
    assert.equal(code, 0, stderr);
    tocsin = await start();
    const status = (): Promise<string> =>
      server().kubectl(['get', 'alerttrigger', 'orders-db', '-o', 'jsonpath={.status.conditions}']);
    const told = JSON.parse(await eventually(status, (found) => found.includes('Accepted'))) as readonly {
      readonly type: string;
      readonly status: string;
      readonly message: string;
    }[];
    const accepted = told.find(({ type }) => type === 'Accepted');
    assert.equal(accepted?.status, 'False');
    assert.match(accepted.message, /spec\.matchers\[1\]/);
    // Who leaves the spec as it is may change the rest.
    await server().kubectl(['label', 'alerttrigger', 'orders-db', 'team=a']);
    await eventually(
      () => apply('orders-db', { ...bad, mode: 'observe' }),
      (again) => again.code === 1,
    );
  });
});
