import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { pipelineOf } from '../../controller/controller.fixture.ts';
import type { Decision, ConditionTransition } from '../../reconcile/ports.ts';
import { kubernetesEvent } from './kubernetes-event.ts';

const at = Date.parse('2026-11-21T03:00:00.125Z');
const identity = { instance: 'tocsin-0', id: '0123456789abcdef', at };
const transition: ConditionTransition = {
  type: 'TelemetryFlowHealthy',
  from: 'True',
  fromReason: 'FlowHealthy',
  to: 'False',
  reason: 'GatewayThrottling',
  message: 'too much',
};
const pipeline = pipelineOf('TracePipeline', 'cls', { uid: 'u1' });

const throttling: Decision = { by: 'alert', labels: { alertname: 'TraceGatewayThrottling', token: 'hunter2' } };

function noteOf(changes: Partial<ConditionTransition>, decision: Decision): string {
  return kubernetesEvent(pipeline, { ...transition, ...changes }, decision, identity).note;
}

describe('kubernetesEvent', () => {
  it('is a warning about the pipeline, in namespace default, with the reason of the condition', () => {
    assert.deepEqual(kubernetesEvent(pipeline, transition, throttling, identity), {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: 'cls.0123456789abcdef', namespace: 'default' },
      eventTime: '2026-11-21T03:00:00.125000Z',
      reportingController: 'tocsin.dev/tocsin',
      reportingInstance: 'tocsin-0',
      action: 'UpdateCondition',
      reason: 'GatewayThrottling',
      type: 'Warning',
      note: 'TraceGatewayThrottling firing: TelemetryFlowHealthy of TracePipeline cls was True (FlowHealthy), is False: too much',
      regarding: { apiVersion: 'telemetry.kyma-project.io/v1beta1', kind: 'TracePipeline', name: 'cls', uid: 'u1' },
    });
  });

  it('stands beside an object that has a namespace', () => {
    const event = kubernetesEvent({ ...pipeline, namespace: 'apps' }, transition, throttling, identity);
    assert.deepEqual([event.metadata.namespace, event.regarding.namespace], ['apps', 'apps']);
  });

  it('is normal when all is well, a warning when nobody knows', () => {
    const typeOf = (to: ConditionTransition['to']) =>
      kubernetesEvent(pipeline, { ...transition, to }, throttling, identity).type;
    assert.deepEqual([typeOf('True'), typeOf('Unknown')], ['Normal', 'Warning']);
  });

  it('says in its note what was before, if anything was', () => {
    const note = noteOf({ from: '', fromReason: '' }, throttling);
    assert.equal(note, 'TraceGatewayThrottling firing: TelemetryFlowHealthy of TracePipeline cls is False: too much');
  });

  it('begins its note with what decided', () => {
    const decisions: readonly (readonly [decision: Decision, words: string])[] = [
      [throttling, 'TraceGatewayThrottling firing'],
      [{ by: 'no alert' }, 'no alert of this pipeline fires'],
      [{ by: 'push', labels: { alertname: 'a' } }, 'a still pushed as firing'],
      [
        { by: 'end of grace', labels: { alertname: 'a' } },
        'a still pushed as firing, but Prometheus has not reported it for prometheus.heal_grace',
      ],
      [{ by: 'failed query', error: new Error('refused by http://10.0.0.1') }, 'Prometheus could not be asked'],
      [
        { by: 'condition', type: 'ConfigurationGenerated', status: 'False', reason: 'EndpointInvalid' },
        'ConfigurationGenerated is False (EndpointInvalid)',
      ],
      [{ by: 'alert', labels: { alertname: 'a\u2028b\n' } }, 'a b  firing'],
    ];
    for (const [decision, words] of decisions)
      assert.equal(noteOf({}, decision).split(': TelemetryFlowHealthy of ')[0], words);
  });

  it('keeps to the limits of the API server, whatever the names and messages are', () => {
    const text = fc.string({ unit: 'binary', maxLength: 2000 });
    const name = fc.stringMatching(/^[a-z0-9]([-.a-z0-9]{0,250}[a-z0-9])?$/);
    fc.assert(
      fc.property(text, text, text, name, (message, alertname, instance, objectName) => {
        const of = pipelineOf('TracePipeline', objectName);
        const decision: Decision = { by: 'alert', labels: { alertname } };
        const event = kubernetesEvent(of, { ...transition, message }, decision, { ...identity, instance });
        assert.ok(Buffer.byteLength(event.note) <= 1024);
        assert.ok(!event.note.includes('\uFFFD') || (message + alertname).includes('\uFFFD'));
        assert.match(event.metadata.name, /^(?=.{1,253}$)[a-z0-9]([-.a-z0-9]*[a-z0-9])?\.[a-z0-9]{16}$/);
        assert.ok(event.reportingInstance.length <= 128);
      }),
    );
  });
});
