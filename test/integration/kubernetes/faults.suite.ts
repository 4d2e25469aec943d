import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { systemClock } from '../../../src/runtime/clock.ts';
import { createApiClient } from '../../../src/kubernetes/api/api-client.ts';
import { requestKey, type PipelineChange } from '../../../src/reconcile/ports.ts';
import { KubernetesPipelines } from '../../../src/kubernetes/kubernetes-pipelines.ts';
import { ObjectWriter } from '../../../src/kubernetes/write/object-writer.ts';
import { createReflectorMetrics } from '../../../src/kubernetes/watch/reflector-report.ts';
import { SliceSchedule } from '../../../src/runtime/slices.ts';
import { kymaResources } from '../../../src/kubernetes/pipeline-object.ts';
import { eventually } from '../../../src/runtime/eventually.fixture.ts';
import { fastClock } from '../../../src/runtime/clock.fixture.ts';
import { startFaultProxy, type FaultProxy } from '../../support/fault-proxy.ts';
import { KubeAdmin } from '../../support/kube-admin.ts';
import { skipWithoutKube, type KubeApiServer } from '../../support/kube-api-server.ts';
import { pipelineCrd } from '../../support/pipeline-crds.ts';
import { RecordingLogger } from '../../../src/runtime/logger.fixture.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';

interface Bench {
  readonly pipelines: KubernetesPipelines;
  readonly changes: PipelineChange[];
  readonly logger: RecordingLogger;
}

describe('the cache of pipelines, while the API server and the network fail', { skip: skipWithoutKube() }, () => {
  const server = useSharedKubeApiServer();
  let proxy: FaultProxy;
  let bench: Bench;
  let admin: KubeAdmin;

  before(async () => {
    admin = new KubeAdmin(server());
    await admin.create('TracePipeline', ['a', 'b']);
  });
  after(() => admin.close());

  beforeEach(async () => {
    proxy = await startFaultProxy(server());
    bench = await open(server(), proxy);
    await watchesAreOpen();
  });

  afterEach(async () => {
    await bench.pipelines.close();
    await proxy.close();
  });

  it('follows what is created, changed and deleted; a change of a status is no occasion for a reconcile', async () => {
    await create('c');
    await told('added TracePipeline/c');
    await admin.setSpec('TracePipeline', 'c', { output: { otlp: { endpoint: { value: 'http://other:4317' } } } });
    await told('changed TracePipeline/c');
    await admin.setConditions('TracePipeline', 'c', []);
    await remove('c');
    await told('removed TracePipeline/c');
    assert.deepEqual(texts(bench.changes), [
      'added TracePipeline/c',
      'changed TracePipeline/c',
      'removed TracePipeline/c',
    ]);
  });

  it('writes a condition that the API server then shows, over few connections', async () => {
    const signal = new AbortController().signal;
    const condition = (message: string) =>
      ({
        type: 'TelemetryFlowHealthy',
        status: 'True',
        reason: 'FlowHealthy',
        message,
        lastTransitionTime: '2026-11-21T03:00:00Z',
      }) as const;
    for (let write = 0; write < 20; write++) {
      const request = { kind: 'TracePipeline', name: 'a' };
      assert.equal(await bench.pipelines.updateConditions(request, () => [condition(String(write))], signal), true);
    }
    assert.equal((await admin.conditions('TracePipeline', 'a'))[0]?.message, '19');
    assert.ok(proxy.connections() <= 3 + 3, `${proxy.connections()} connections`);
  });

  it('goes on after a watch broke off in the middle of an object', async () => {
    proxy.breakWatches('{"type":"DELETED","object":{"kind":"TracePipeline","metadata":{"name":"a"');
    await changesComeThrough('reset');
    assert.ok(reasons().includes('Truncated'));
  });

  it('finds out that a watch is dead, and takes another', async () => {
    await reopen({ idleMs: 8000 });
    proxy.freezeWatches();
    await changesComeThrough('frozen');
    assert.ok(reasons().includes('Idle'));
  });

  it('lists again when its version has expired, and tells what vanished meanwhile', async () => {
    await create('gone');
    await told('added TracePipeline/gone');
    proxy.fault = ({ watch }) => (watch ? { kind: 'status', status: 410 } : undefined);
    proxy.breakWatches('');
    await remove('gone');
    await told('removed TracePipeline/gone');
    proxy.fault = () => undefined;
    await changesComeThrough('expired');
  });

  it('tries for as long as everything is a 500, then lacks nothing', async () => {
    proxy.fault = () => ({ kind: 'status', status: 500 });
    proxy.breakWatches('');
    await create('meanwhile');
    await eventually(reasons, (found) => found.filter((reason) => reason === 'InternalError').length >= 6);
    proxy.fault = () => undefined;
    await told('added TracePipeline/meanwhile');
    await remove('meanwhile');
    await told('removed TracePipeline/meanwhile');
  });

  it('comes back when a 429 says so', async () => {
    let refused = 0;
    proxy.fault = () => (refused++ < 4 ? { kind: 'status', status: 429, retryAfterSeconds: 1 } : undefined);
    proxy.breakWatches('');
    await changesComeThrough('throttled');
    assert.ok(reasons().includes('Truncated'));
  });

  it('takes a list that is slow, and no list that was cut off', async () => {
    let lists = 0;
    proxy.fault = ({ watch, url }) => {
      if (watch) return { kind: 'status', status: 410 };
      if (!url.includes('limit=')) return undefined;
      return lists++ % 2 === 0 ? { kind: 'cut', bytes: 100, how: 'end' } : { kind: 'delay', delayMs: 300 };
    };
    proxy.breakWatches('');
    await eventually(
      () => lists,
      (count) => count >= 4,
    );
    proxy.fault = () => undefined;
    await changesComeThrough('slow');
    assert.deepEqual(names(), ['TracePipeline/a', 'TracePipeline/b']);
    assert.ok(!texts(bench.changes).includes('removed TracePipeline/a'), 'a cut list was taken for a whole one');
  });

  it('survives an API server that is killed and started again on the same data', async () => {
    await server().restart();
    await changesComeThrough('restarted');
    assert.deepEqual(names(), ['TracePipeline/a', 'TracePipeline/b']);
    assert.ok(!texts(bench.changes).some((text) => text.endsWith('/a')), 'what did not change was told of');
  });

  it('forgets the pipelines of a CRD that is deleted, finds them when it is back, and takes up its better version', async () => {
    await server().kubectl(['delete', 'crd', 'tracepipelines.telemetry.kyma-project.io']);
    await eventually(names, (found) => found.length === 0);
    await eventually(
      () => bench.logger.linesOf('reflector.not_installed').length,
      (count) => count > 0,
    );
    await server().apply(pipelineCrd('TracePipeline', ['v1alpha1']));
    await server().kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
    const back = ['a', 'b'].map((name) => ({
      apiVersion: 'telemetry.kyma-project.io/v1alpha1',
      kind: 'TracePipeline',
      metadata: { name },
      spec: { output: { otlp: {} } },
    }));
    await server().apply(...back);
    await eventually(names, (found) => found.length === 2);
    assert.equal(versionOf('a'), 'v1alpha1');

    await server().apply(pipelineCrd('TracePipeline', ['v1alpha1', 'v1beta1']));
    await eventually(
      () => versionOf('a'),
      (version) => version === 'v1beta1',
    );
    await changesComeThrough('better');
    assert.deepEqual(
      texts(bench.changes).filter((text) => text.endsWith('/a')),
      ['removed TracePipeline/a', 'added TracePipeline/a'],
    );
  });

  const versionOf = (name: string): string | undefined =>
    bench.pipelines.get({ kind: 'TracePipeline', name })?.apiVersion.split('/')[1];
  const create = (name: string): Promise<void> => admin.create('TracePipeline', [name]);
  const remove = (name: string): Promise<void> => admin.delete('TracePipeline', name);

  async function reopen(options: BenchOptions): Promise<void> {
    await bench.pipelines.close();
    bench = await open(server(), proxy, options);
    await watchesAreOpen();
  }

  /** Watches of a closed bench do not count. */
  async function watchesAreOpen(): Promise<void> {
    await eventually(
      () => proxy.watches(),
      (watches) => watches === kymaResources.length,
    );
  }

  async function told(text: string): Promise<void> {
    await eventually(
      () => texts(bench.changes),
      (found) => found.includes(text),
    );
  }

  /** A pipeline is created and deleted: whatever the fault was, the watch works again. */
  async function changesComeThrough(name: string): Promise<void> {
    await create(name);
    await told(`added TracePipeline/${name}`);
    await remove(name);
    await told(`removed TracePipeline/${name}`);
    // The fault leaves nothing behind either: one watch of each kind, and the connections of simultaneous calls.
    await watchesAreOpen();
    await eventually(
      () => proxy.connections(),
      (connections) => connections <= 3 + 3,
    );
  }

  function names(): string[] {
    return bench.pipelines.list().map(requestKey);
  }

  function reasons(): unknown[] {
    return bench.logger.fieldsOf('reflector.failed').map(({ reason }) => reason);
  }
});

function texts(changes: readonly PipelineChange[]): string[] {
  return changes.map(({ kind, request }) => `${kind} ${requestKey(request)}`);
}

interface BenchOptions {
  readonly idleMs?: number;
}

/** The home of the pipelines, in this process, through the proxy, with pauses an eighth as long as usual. */
async function open(server: KubeApiServer, proxy: FaultProxy, options: BenchOptions = {}): Promise<Bench> {
  const logger = new RecordingLogger();
  const registry = new Registry();
  const changes: PipelineChange[] = [];
  const token = /token: "([^"]+)"/.exec(await readFile(server.kubeconfig, 'utf8'))?.[1] ?? '';
  const client = createApiClient({
    clock: systemClock,
    registry,
    access: { kubeconfigs: [await server.kubeconfigFor(token, proxy.url)] },
    qps: 200,
    burst: 200,
    version: 'test',
  });
  const pipelines = new KubernetesPipelines({
    ...options,
    clock: fastClock(8),
    schedule: new SliceSchedule(systemClock),
    logger,
    registry,
    client,
    metrics: createReflectorMetrics(registry),
    writer: new ObjectWriter({ client, clock: systemClock, logger, registry }),
    resources: kymaResources,
    onChange: (change) => changes.push(change),
    pageLimit: 1,
  });
  await pipelines.open();
  await pipelines.synced();
  return { pipelines, changes, logger };
}
