import assert from 'node:assert/strict';
import { access } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { skipWithoutKube, startKubeApiServer, type KubeApiServer } from './kube-api-server.ts';
import { tryKubectl } from './kubectl.ts';

const pipeline = {
  apiVersion: 'telemetry.kyma-project.io/v1beta1',
  kind: 'MetricPipeline',
  metadata: { name: 'backend' },
  spec: { output: { otlp: { endpoint: { value: 'https://metrics.example.com:4317' } } } },
};

describe('the Kubernetes API server', { skip: skipWithoutKube() }, () => {
  let server: () => KubeApiServer;
  before(async () => {
    const started = await startKubeApiServer();
    server = () => started;
  });
  after(() => server?.().stop());

  it('has the kinds of the pipelines, in both versions, with a status of its own', async () => {
    await server().apply(pipeline);
    const patch = JSON.stringify({
      spec: { input: {} },
      status: {
        conditions: [
          { type: 'Ours', status: 'True', reason: 'Fine', message: '', lastTransitionTime: '2026-11-02T08:15:00Z' },
        ],
      },
    });
    const target = ['metricpipelines.v1alpha1.telemetry.kyma-project.io', 'backend'];
    await server().kubectl(['patch', ...target, '--subresource=status', '--type=merge', '-p', patch]);
    const { spec, status } = (await server().get('metricpipelines', 'backend')) as Pipeline;

    assert.deepEqual(spec, pipeline.spec);
    assert.deepEqual(
      status.conditions.map(({ type }) => type),
      ['Ours'],
    );
  });

  it('knows a ServiceAccount by its token, and gives it no right that it has not', async () => {
    await server().apply({
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: 'reader', namespace: 'default' },
    });
    const kubeconfig = await server().kubeconfigFor(await server().createToken('reader', 'default', '10m'));
    const { code, stderr } = await tryKubectl(['get', 'metricpipelines'], { kubeconfig });

    assert.equal(code, 1);
    assert.match(stderr, /User "system:serviceaccount:default:reader" cannot list resource "metricpipelines"/);
  });

  it('says what kubectl complained of', async () => {
    await assert.rejects(server().kubectl(['get', 'nothing']), /kubectl get nothing ended with 1: .*"nothing"/);
  });

  it('comes back with the same objects after a crash', async () => {
    await server().apply(pipeline);
    const killed = server().pid('apiserver');
    process.kill(killed, 'SIGKILL');
    await server().restart();
    const names = ((await server().get('metricpipelines')) as readonly Pipeline[]).map(({ metadata }) => metadata.name);

    assert.deepEqual(names, ['backend']);
    assert.notEqual(server().pid('apiserver'), killed);
  });

  it('leaves nothing behind when it is stopped, though one of its programs does not move', async () => {
    const pids = [server().pid('apiserver'), server().pid('etcd')];
    process.kill(pids[1]!, 'SIGSTOP');
    await server().stop();

    for (const pid of pids) assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
    await assert.rejects(access(server().folder), { code: 'ENOENT' });
  });
});

interface Pipeline {
  readonly metadata: { readonly name: string };
  readonly spec: object;
  readonly status: { readonly conditions: readonly { readonly type: string }[] };
}
