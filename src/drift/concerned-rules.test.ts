import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LabelSet } from '../alert/labels.ts';
import type { Pipeline, Pipelines } from '../reconcile/ports.ts';
import type { AlertingRule } from '../reconcile/server-facts.ts';
import { alertsOf, canFail, concernAny, type RuleScope } from './concerned-rules.ts';

function pipelineOf(kind: string, name = 'backend', spec: Pipeline['spec'] = {}): Pipeline {
  return { apiVersion: 'telemetry.kyma-project.io/v1beta1', kind, name, generation: 1, spec, conditions: [] };
}

function homeOf(...all: readonly Pipeline[]): Pipelines {
  return {
    list: () => all,
    get: (request) => all.find(({ kind, name }) => kind === request.kind && name === request.name),
    updateConditions: () => Promise.reject(new Error('nobody writes here')),
  };
}

function rule(name: string, labels: LabelSet = {}): AlertingRule {
  return { name, labels, intervalMs: 60_000 };
}

const trace = pipelineOf('TracePipeline');
const health: RuleScope = { action: 'condition', select: 'all' };

describe('canFail', () => {
  for (const [what, found, expected] of [
    ['a rule of its health', rule('TraceGatewayThrottling'), true],
    ['a rule of another kind', rule('MetricGatewayThrottling'), false],
    ['a rule that only wakes', rule('InstanceDown'), false],
    ['a rule that names it', rule('TraceGatewayThrottling', { pipeline_name: 'backend' }), true],
    ['a rule that names another pipeline', rule('TraceGatewayThrottling', { pipeline_name: 'other' }), false],
    ['a rule with a template for the name', rule('TraceGatewayThrottling', { pipeline_name: '{{ $labels.x }}' }), true],
    [
      'a rule that names another kind',
      rule('TraceGatewayThrottling', { pipeline_name: 'backend', pipeline_type: 'metricpipeline' }),
      false,
    ],
  ] as const) {
    it(`is ${expected} with ${what}`, () => assert.equal(canFail(trace, alertsOf([found])), expected));
  }

  it('looks at the components that the pipeline has', () => {
    const agents = pipelineOf('LogPipeline', 'logs', { output: { otlp: {} }, input: { runtime: {} } });
    assert.equal(canFail(agents, alertsOf([rule('LogGatewayThrottling')])), false);
    assert.equal(canFail(agents, alertsOf([rule('LogAgentAllDataDropped')])), true);
  });
});

describe('concernAny', () => {
  it('is true if the health of any pipeline can fail', () => {
    const home = homeOf(pipelineOf('MetricPipeline'), trace);
    assert.equal(concernAny([rule('InstanceDown'), rule('TraceGatewayThrottling')], home, health), true);
    assert.equal(concernAny([rule('InstanceDown')], home, health), false);
    assert.equal(concernAny([], home, health), false);
  });

  it('is true if a rule names a pipeline', () => {
    assert.equal(concernAny([rule('InstanceDown', { pipeline_name: 'backend' })], homeOf(trace), health), true);
    assert.equal(concernAny([rule('InstanceDown', { pipeline_name: 'other' })], homeOf(trace), health), false);
  });

  it('asks for the alerts that select a pipeline if the action has no health rules', () => {
    const home = homeOf(pipelineOf('HelmRelease', 'shop'), pipelineOf('HelmRelease', 'bank'));
    const scope = { action: 'annotate', select: 'all' } as const;
    assert.equal(concernAny([rule('Anything')], home, scope), true);
    const byLabels = { ...scope, select: 'labels' } as const;
    assert.equal(concernAny([rule('Anything', { pipeline_name: 'shop' })], home, byLabels), true);
    assert.equal(concernAny([rule('Anything', { pipeline_name: 'inn' })], home, byLabels), false);
    assert.equal(concernAny([], home, scope), false);
  });
});
