import assert from 'node:assert/strict';
import { before, describe, it, type TestContext } from 'node:test';
import { Registry } from 'prom-client';
import { systemClock } from '../../../src/runtime/clock.ts';
import { metricOf, pipelineOf } from '../../../src/controller/controller.fixture.ts';
import type { Decision, Condition } from '../../../src/reconcile/ports.ts';
import { ForbiddenError } from '../../../src/reconcile/errors.ts';
import { AnnotationWriter } from '../../../src/kubernetes/write/annotation-writer.ts';
import { createApiClient, type ApiClient } from '../../../src/kubernetes/api/api-client.ts';
import { ApiError } from '../../../src/kubernetes/api/api-error.ts';
import { Doubts } from '../../../src/kubernetes/write/own-writes.ts';
import { ConditionWriter, createConflictMetric } from '../../../src/kubernetes/write/condition-writer.ts';
import { EventRecorder } from '../../../src/kubernetes/write/event-recorder.ts';
import { createEventMetrics, EventReport, EventWriter } from '../../../src/kubernetes/write/event-writer.ts';
import type { ApiObject } from '../../../src/kubernetes/api-object.ts';
import { readConditions } from '../../../src/kubernetes/pipeline-object.ts';
import { WriteFailures } from '../../../src/kubernetes/write/write-failures.ts';
import { condition, setFlow } from '../../contract/condition-writer.cases.ts';
import { eventually } from '../../../src/runtime/eventually.fixture.ts';
import { FakeClock } from '../../../src/runtime/clock.fixture.ts';
import { skipWithoutKube } from '../../support/kube-api-server.ts';
import { RecordingLogger } from '../../../src/runtime/logger.fixture.ts';
import { kubeconfigWith } from '../../support/service-account.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';

const apiVersion = 'telemetry.kyma-project.io/v1beta1';
const collection = `/apis/${apiVersion}/tracepipelines`;
const never = new AbortController().signal;
const mergePatch = 'application/merge-patch+json';
const others = [condition('ConfigurationGenerated'), condition('GatewayHealthy')];

function clientOf(t: TestContext, kubeconfig: string): ApiClient {
  const access = { kubeconfigs: [kubeconfig] };
  const registry = new Registry();
  const client = createApiClient({ clock: systemClock, registry, access, version: 'test', qps: 1000, burst: 1000 });
  t.after(() => client.close());
  return client;
}

function writerOf(client: ApiClient) {
  const [logger, registry] = [new RecordingLogger(), new Registry()];
  const failures = new WriteFailures({ clock: systemClock, logger });
  const conditions = new ConditionWriter({
    doubts: new Doubts(),
    client,
    failures,
    conflicted: createConflictMetric(registry),
  });
  return { logger, registry, conditions, annotations: new AnnotationWriter({ client, failures }) };
}

async function createPipeline(client: ApiClient, name: string, conditions: readonly Condition[]): Promise<string> {
  const path = `${collection}/${name}`;
  const body = { apiVersion, kind: 'TracePipeline', metadata: { name }, spec: { output: { otlp: {} } } };
  await client.call({ method: 'POST', path: collection, body });
  await patchStatus(client, path, conditions);
  return path;
}

function patchStatus(client: ApiClient, path: string, conditions: readonly Condition[]): Promise<ApiObject> {
  const body = { status: { conditions } };
  return client.call({ method: 'PATCH', path: `${path}/status`, contentType: mergePatch, body });
}

function read(client: ApiClient, path: string): Promise<ApiObject> {
  return client.call<ApiObject>({ method: 'GET', path });
}

async function conditionsOf(client: ApiClient, path: string): Promise<readonly string[]> {
  const { status } = await read(client, path);
  return readConditions(status?.conditions).map(({ type, reason }) => `${type}=${reason}`);
}

/** Another operator, like controller-runtime's Status().Update(): reads, changes its entry, writes everything, repeats after a 409. */
async function updateAsAnother(client: ApiClient, path: string, type: string, reason: string): Promise<number> {
  for (let conflicts = 0; ; conflicts++) {
    const object = await read(client, path);
    const found = readConditions(object.status?.conditions);
    const conditions = found.map((entry) => (entry.type === type ? { ...entry, reason } : entry));
    try {
      const body = { ...object, status: { ...object.status, conditions } };
      await client.call({ method: 'PUT', path: `${path}/status`, body });
      return conflicts;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 409) throw error;
    }
  }
}

describe('writing to a real API server', { skip: skipWithoutKube() }, () => {
  const kube = useSharedKubeApiServer();

  const rights = (name: string, ...files: readonly string[]): Promise<string> => kubeconfigWith(kube(), name, files);

  describe('conditions', () => {
    it('loses nothing, moves nothing and is never refused while another operator hammers the same object', async (t) => {
      const client = clientOf(t, kube().kubeconfig);
      const { conditions, registry, logger } = writerOf(client);
      const flow = condition('TelemetryFlowHealthy', 'Start', { observedGeneration: 1 });
      const path = await createPipeline(client, 'hammered', [others[0]!, flow, others[1]!]);
      const rounds = 60;
      let theirConflicts = 0;

      const another = async (): Promise<void> => {
        for (let round = 1; round <= rounds; round++) {
          theirConflicts += await updateAsAnother(client, path, 'GatewayHealthy', `Round${round}`);
        }
      };
      const we = async (): Promise<void> => {
        let known = { conditions: readConditions([others[0], flow, others[1]]), resourceVersion: '' };
        for (let round = 1; round <= rounds; round++) {
          const written = await conditions.write({ path, known }, setFlow(`Round${round}`), never);
          const { metadata, status } = written!;
          known = { conditions: readConditions(status?.conditions), resourceVersion: metadata.resourceVersion! };
        }
      };
      await Promise.all([another(), we()]);

      const expected = [
        'ConfigurationGenerated=Good',
        `TelemetryFlowHealthy=Round${rounds}`,
        `GatewayHealthy=Round${rounds}`,
      ];
      assert.deepEqual(await conditionsOf(client, path), expected);
      assert.equal(await metricOf(registry, 'tocsin_condition_write_conflicts_total'), 0);
      assert.deepEqual(logger.lines, []);
      t.diagnostic(`${rounds} writes each: 0 conflicts of the JSON patch, ${theirConflicts} of the update`);
    });

    it('comes through, after conflicts, while another moves and removes our entry all the time', async (t) => {
      const client = clientOf(t, kube().kubeconfig);
      const { conditions } = writerOf(client);
      const path = await createPipeline(client, 'shuffled', others);
      const over = new AbortController();
      const shuffle = async (): Promise<void> => {
        for (let round = 0; !over.signal.aborted; round++) {
          const list = readConditions((await read(client, path)).status?.conditions);
          const [first, ...rest] = list;
          await patchStatus(client, path, round % 3 === 0 ? others : [...rest, first!]);
        }
      };
      const shuffling = shuffle();
      let [written, refused] = [0, 0];
      for (let round = 0; round < 40; round++) {
        try {
          await conditions.write({ path }, setFlow(`Round${round}`), never);
          written++;
        } catch (error) {
          assert.ok(error instanceof ApiError && (error.status === 422 || error.status === 409), String(error));
          refused++;
        }
      }
      over.abort();
      await shuffling;
      await conditions.write({ path }, setFlow('Last'), never);
      const found = await conditionsOf(client, path);
      assert.deepEqual(found.toSorted(), [
        'ConfigurationGenerated=Good',
        'GatewayHealthy=Good',
        'TelemetryFlowHealthy=Last',
      ]);
      assert.ok(written > 0);
      t.diagnostic(`${written} came through, ${refused} were left to the queue's back-off`);
    });

    it('would lose the conditions of others with server-side apply, and be refused by a label with an update', async (t) => {
      const client = clientOf(t, kube().kubeconfig);
      const path = await createPipeline(client, 'other-ways', others);
      const object = await read(client, path);
      const labels = { body: { metadata: { labels: { a: 'b' } } }, contentType: mergePatch };
      await client.call({ method: 'PATCH', path, ...labels });
      await assert.rejects(client.call({ method: 'PUT', path: `${path}/status`, body: object }), { status: 409 });

      await client.call({
        method: 'PATCH',
        path: `${path}/status`,
        query: { fieldManager: 'tocsin', force: true },
        contentType: 'application/apply-patch+yaml',
        body: { apiVersion, kind: 'TracePipeline', status: { conditions: [condition('TelemetryFlowHealthy')] } },
      });
      assert.deepEqual(await conditionsOf(client, path), ['TelemetryFlowHealthy=Good']);
    });

    it('forgets an object that is gone', async (t) => {
      const client = clientOf(t, kube().kubeconfig);
      const { conditions, annotations, logger } = writerOf(client);
      const target = { path: `${collection}/gone`, known: { conditions: others, resourceVersion: '1' } };
      assert.equal(await conditions.write(target, setFlow('New'), never), undefined);
      assert.equal(await conditions.write({ path: target.path }, setFlow('New'), never), undefined);
      assert.equal(await annotations.write(target, { a: 'b' }, never), false);
      assert.deepEqual(logger.lines, []);
    });

    it('leaves the successor of the same name alone', async (t) => {
      const client = clientOf(t, kube().kubeconfig);
      const path = await createPipeline(client, 'phoenix', others);
      const { metadata, status } = await read(client, path);
      await client.call({ method: 'DELETE', path });
      await createPipeline(client, 'phoenix', others);
      const known = { conditions: readConditions(status?.conditions), resourceVersion: metadata.resourceVersion! };
      const target = { path, uid: metadata.uid!, known };
      assert.equal(await writerOf(client).conditions.write(target, setFlow('One'), never), undefined);
      assert.equal((await conditionsOf(client, path)).length, others.length);
    });

    it('says that there is no status subresource, which the API server calls not found as well', async (t) => {
      const client = clientOf(t, kube().kubeconfig);
      const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
      const names = { kind: 'Note', plural: 'notes', singular: 'note', listKind: 'NoteList' };
      const versions = [{ name: 'v1', served: true, storage: true, schema }];
      await kube().apply({
        apiVersion: 'apiextensions.k8s.io/v1',
        kind: 'CustomResourceDefinition',
        metadata: { name: 'notes.example.net' },
        spec: { group: 'example.net', scope: 'Cluster', names, versions },
      });
      await kube().kubectl(['wait', '--for=condition=Established', 'crd/notes.example.net']);
      await kube().apply({ apiVersion: 'example.net/v1', kind: 'Note', metadata: { name: 'a' } });
      const target = { path: '/apis/example.net/v1/notes/a' };
      await assert.rejects(writerOf(client).conditions.write(target, setFlow('One'), never), {
        name: 'TerminalError',
        message: /notes\.example\.net has no status subresource/,
      });
    });

    it('is refused what the schema does not allow, without trying five times', async (t) => {
      const client = clientOf(t, kube().kubeconfig);
      const { conditions, registry } = writerOf(client);
      const path = await createPipeline(client, 'invalid', others);
      await assert.rejects(conditions.write({ path }, setFlow('not a reason'), never), { status: 422 });
      assert.equal(await metricOf(registry, 'tocsin_condition_write_conflicts_total'), 0);
    });
  });

  describe('rights', () => {
    let admin: string;
    before(() => void (admin = kube().kubeconfig));

    it('are those of k8s/base/cluster-role-writer.yaml; without them one line says so', async (t) => {
      const path = await createPipeline(clientOf(t, admin), 'rights', others);
      const without = writerOf(clientOf(t, await rights('account-1', 'base/cluster-role-reader.yaml')));
      for (const round of ['One', 'Two', 'Three']) {
        await assert.rejects(without.conditions.write({ path }, setFlow(round), never), ForbiddenError);
      }
      const [line, ...more] = without.logger.fieldsOf('write.forbidden');
      const { verb, resource, manifest, error } = line!;
      assert.deepEqual(
        [verb, resource, manifest, more],
        ['patch', 'tracepipelines/status.telemetry.kyma-project.io', 'k8s/base/cluster-role-writer.yaml', []],
      );
      assert.match(String(error), /system:serviceaccount:default:.* cannot patch resource "tracepipelines\/status"/);

      const files = ['base/cluster-role-reader.yaml', 'base/cluster-role-writer.yaml'];
      const granted = writerOf(clientOf(t, await rights('account-2', ...files)));
      await granted.conditions.write({ path }, setFlow('Granted'), never);
      await assert.rejects(granted.annotations.write({ path }, { a: 'b' }, never), ForbiddenError);
      assert.deepEqual(await conditionsOf(clientOf(t, admin), path), [
        'ConfigurationGenerated=Good',
        'GatewayHealthy=Good',
        'TelemetryFlowHealthy=Granted',
      ]);
    });

    it('are not blamed where an admission policy refuses: the server is quoted', async (t) => {
      const sentence = 'pipelines are frozen until Monday';
      await kube().apply(...freezing('frozen', sentence));
      t.after(() => kube().kubectl(['delete', 'validatingadmissionpolicy,validatingadmissionpolicybinding', 'frozen']));
      const path = await createPipeline(clientOf(t, admin), 'frozen', others);
      const files = ['base/cluster-role-reader.yaml', 'base/cluster-role-writer.yaml'];
      const { conditions, logger } = writerOf(clientOf(t, await rights('account-6', ...files)));

      // The API server takes a moment to compile the policy.
      const rejection = await eventually(
        () =>
          conditions.write({ path }, setFlow(`R${Math.trunc(performance.now())}`), never).then(() => undefined, String),
        (error) => error?.includes('denied request') === true,
      );

      assert.match(rejection!, new RegExp(`ValidatingAdmissionPolicy 'frozen' .* denied request: ${sentence}$`));
      assert.doesNotMatch(rejection!, /right|manifest|k8s\//);
      assert.deepEqual(logger.linesOf('write.forbidden'), []);
      const [line, ...more] = logger.fieldsOf('write.refused');
      assert.deepEqual([line?.['object'], String(line?.['error']).endsWith(sentence), more], [path, true, []]);
    });

    it('to annotate are those of the component annotate', async (t) => {
      const path = await createPipeline(clientOf(t, admin), 'annotated', others);
      const client = clientOf(t, await rights('account-3', 'components/annotate/cluster-role-annotator.yaml'));
      const { annotations } = writerOf(client);
      assert.equal(await annotations.write({ path }, { 'tocsin.dev/cause': 'InstanceDown firing' }, never), true);
      const object = (await read(clientOf(t, admin), path)) as ApiObject & { metadata: { annotations: object } };
      assert.deepEqual(object.metadata.annotations, { 'tocsin.dev/cause': 'InstanceDown firing' });
      assert.equal(object.metadata.generation, 1);
    });
  });

  describe('Events', () => {
    const transition = {
      type: 'TelemetryFlowHealthy',
      from: 'True',
      fromReason: 'FlowHealthy',
      to: 'False',
      reason: 'GatewayThrottling',
      message: 'too much',
    } as const;

    function recorderOf(client: ApiClient) {
      const [clock, logger, registry] = [new FakeClock(systemClock.now()), new RecordingLogger(), new Registry()];
      const report = new EventReport({ clock, logger, count: createEventMetrics(registry) });
      const recorder = new EventRecorder({
        clock,
        writer: new EventWriter({ client, clock, report }),
        instance: 'tocsin-0',
      });
      return { clock, logger, registry, recorder };
    }

    it('are shown by kubectl describe, repeats as a series, with no more rights than the manifest gives', async (t) => {
      const adminClient = clientOf(t, kube().kubeconfig);
      const path = await createPipeline(adminClient, 'told', others);
      const { uid } = (await read(adminClient, path)).metadata;
      const client = clientOf(t, await rights('account-4', 'base/cluster-role-writer.yaml'));
      const { clock, recorder, registry, logger } = recorderOf(client);
      const pipeline = pipelineOf('TracePipeline', 'told', { uid: uid! });
      const written = (result: string) => metricOf(registry, 'tocsin_kubernetes_events_total', { result });
      const throttles: Decision = { by: 'alert', labels: { alertname: 'TraceGatewayThrottling' } };

      for (let time = 0; time < 5; time++) recorder.record(pipeline, transition, throttles);
      await eventually(
        () => written('created'),
        (count) => count === 1,
      );
      clock.advance(60_000);
      const healed = { ...transition, to: 'True', reason: 'FlowHealthy', from: 'False' } as const;
      recorder.record(pipeline, healed, { by: 'no alert' });
      await eventually(
        () => written('created'),
        (count) => count === 2,
      );
      assert.equal(await written('updated'), 1);
      recorder.record(pipeline, transition, throttles);
      await recorder.close(5000);

      const text = await kube().kubectl(['describe', 'tracepipeline', 'told']);
      assert.match(
        text,
        /Warning +GatewayThrottling +.*\(x6 over .*\) +tocsin\.dev\/tocsin +TraceGatewayThrottling firing: /,
      );
      assert.match(text, /Normal +FlowHealthy +.* +tocsin\.dev\/tocsin +no alert of this pipeline fires: /);
      const events = (await kube().get('events.events.k8s.io', '--namespace=default')) as readonly { reason: string }[];
      assert.equal(events.length, 2);
      assert.deepEqual([logger.lines, clock.pending()], [[], 0]);
    });

    it('that are as long as may be are taken, and a name of 253 characters too', async (t) => {
      const client = clientOf(t, kube().kubeconfig);
      const { recorder, registry, logger } = recorderOf(client);
      const name = `${'a'.repeat(62)}.`.repeat(4).slice(0, 252) + 'b';
      const pipeline = pipelineOf('TracePipeline', name, { uid: 'u' });
      recorder.record(pipeline, { ...transition, message: 'ö'.repeat(2000) }, { by: 'no alert' });
      await recorder.close(5000);
      assert.deepEqual(logger.lines, []);
      assert.equal(await metricOf(registry, 'tocsin_kubernetes_events_total', { result: 'created' }), 1);
    });

    it('are lost in a namespace that goes away, in the words of the server and without blaming a right', async (t) => {
      await kube().apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'leaving' } });
      // Nothing here removes the finalizer, so the namespace stays in this state.
      await kube().kubectl(['delete', 'namespace', 'leaving', '--wait=false']);
      const client = clientOf(t, await rights('account-7', 'base/cluster-role-writer.yaml'));
      const { recorder, logger } = recorderOf(client);
      const pipeline = pipelineOf('TracePipeline', 'cls', { namespace: 'leaving', uid: 'u' });
      recorder.record(pipeline, transition, { by: 'no alert' });
      await recorder.close(5000);
      const [line] = logger.fieldsOf('events.lost');
      assert.match(String(line?.['error']), /403 Forbidden: .* in namespace leaving because it is being terminated/);
      assert.equal(line?.['manifest'], undefined);
    });

    it('that may not be written are two lines, at first and at the end, and harm nobody', async (t) => {
      const client = clientOf(t, await rights('account-5', 'base/cluster-role-reader.yaml'));
      const { recorder, logger } = recorderOf(client);
      for (const name of ['a', 'b', 'c'])
        recorder.record(pipelineOf('TracePipeline', name, { uid: 'u' }), transition, { by: 'no alert' });
      await recorder.close(5000);
      const manifest = 'k8s/base/cluster-role-writer.yaml';
      assert.deepEqual(logger.valuesOf('events.lost', 'failed', 'manifest'), [
        [1, manifest],
        [2, manifest],
      ]);
      for (const [error] of logger.valuesOf('events.lost', 'error'))
        assert.match(String(error), /cannot create resource "events" in API group "events.k8s.io"/);
    });
  });
});

/** A policy that forbids everyone to write the status of one pipeline. */
function freezing(name: string, message: string): readonly object[] {
  const api = { apiVersion: 'admissionregistration.k8s.io/v1', metadata: { name } };
  const rule = {
    apiGroups: ['telemetry.kyma-project.io'],
    apiVersions: ['*'],
    operations: ['UPDATE'],
    resources: ['tracepipelines/status'],
  };
  const policy = {
    failurePolicy: 'Fail',
    matchConstraints: { resourceRules: [rule] },
    validations: [{ expression: `object.metadata.name != '${name}'`, message, reason: 'Forbidden' }],
  };
  return [
    { ...api, kind: 'ValidatingAdmissionPolicy', spec: policy },
    { ...api, kind: 'ValidatingAdmissionPolicyBinding', spec: { policyName: name, validationActions: ['Deny'] } },
  ];
}
