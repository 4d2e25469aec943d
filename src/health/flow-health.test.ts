import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FiringAlerts } from '../alert/firing-alerts.ts';
import type { LabelSet } from '../alert/labels.ts';
import { healthRules, type Component, type Flavour } from './health-rules.ts';
import {
  configurationNotGenerated,
  flavourOf,
  flowHealth,
  probedComponents,
  probingFailed,
  setCondition,
  type DesiredCondition,
} from './flow-health.ts';
import type { Condition, Pipeline } from '../reconcile/ports.ts';

type Ranked = readonly (readonly [alertname: string, reason: string])[];

// The order of precedence in the design, the worst first, written down independently of the table of rules.
const worstFirst: Readonly<Record<Flavour, Ranked>> = {
  trace: [
    ['TraceGatewayAllDataDropped', 'GatewayAllTelemetryDataDropped'],
    ['TraceGatewaySomeDataDropped', 'GatewaySomeTelemetryDataDropped'],
    ['TraceGatewayThrottling', 'GatewayThrottling'],
  ],
  metric: [
    ['MetricGatewayAllDataDropped', 'GatewayAllTelemetryDataDropped'],
    ['MetricAgentAllDataDropped', 'AgentAllTelemetryDataDropped'],
    ['MetricGatewaySomeDataDropped', 'GatewaySomeTelemetryDataDropped'],
    ['MetricAgentSomeDataDropped', 'AgentSomeTelemetryDataDropped'],
    ['MetricGatewayThrottling', 'GatewayThrottling'],
  ],
  'log-otlp': [
    ['LogAgentAllDataDropped', 'AgentAllTelemetryDataDropped'],
    ['LogGatewayAllDataDropped', 'GatewayAllTelemetryDataDropped'],
    ['LogAgentSomeDataDropped', 'AgentSomeTelemetryDataDropped'],
    ['LogGatewaySomeDataDropped', 'GatewaySomeTelemetryDataDropped'],
    ['LogGatewayThrottling', 'GatewayThrottling'],
  ],
  'log-fluent-bit': [
    ['LogFluentBitAllDataDropped', 'AgentAllTelemetryDataDropped'],
    ['LogFluentBitSomeDataDropped', 'AgentSomeTelemetryDataDropped'],
    ['LogFluentBitNoLogsDelivered', 'AgentNoLogsDelivered'],
    ['LogFluentBitBufferInUse', 'AgentBufferFillingUp'],
  ],
};
const flavours = ['trace', 'metric', 'log-otlp', 'log-fluent-bit'] as const satisfies readonly Flavour[];
const kinds = {
  trace: 'TracePipeline',
  metric: 'MetricPipeline',
  'log-otlp': 'LogPipeline',
  'log-fluent-bit': 'LogPipeline',
};

function pipelineOf(flavour: Flavour, changes: Partial<Pipeline> = {}): Pipeline {
  return {
    apiVersion: 'telemetry.kyma-project.io/v1beta1',
    kind: kinds[flavour],
    name: 'cls',
    generation: 1,
    spec: { output: flavour === 'log-fluent-bit' ? { http: {} } : { otlp: {} } },
    conditions: [],
    ...changes,
  };
}

function reasonOf(pipeline: Pipeline, ...alerts: readonly LabelSet[]): string {
  return flowHealth(pipeline, FiringAlerts.of(alerts)).condition.reason;
}

describe('flowHealth, two alerts at once', () => {
  it('has a rank for every alert that there is a rule for', () => {
    const { alertnamePrefix, alerts } = healthRules;
    for (const flavour of flavours) {
      const named = alerts
        .filter((alert) => alert.flavour === flavour)
        .map(({ rule }) => alertnamePrefix[flavour] + rule);
      assert.deepEqual(worstFirst[flavour].map(([name]) => name).toSorted(), named.toSorted());
    }
  });

  for (const flavour of flavours) {
    const ranked = worstFirst[flavour];
    const pairs = ranked.flatMap((worse, rank) => ranked.slice(rank + 1).map((lesser) => [worse, lesser] as const));
    for (const [[worse, reason], [lesser]] of pairs) {
      it(`ranks ${worse} above ${lesser}`, () => {
        const [a, b] = [{ alertname: worse, pipeline_name: 'cls' }, { alertname: lesser }];
        assert.equal(reasonOf(pipelineOf(flavour), a, b), reason);
        assert.equal(reasonOf(pipelineOf(flavour), b, a), reason);
      });
    }
  }
});

describe('flowHealth, which alerts concern a pipeline', () => {
  const trace = pipelineOf('trace');
  const alertname = 'TraceGatewayAllDataDropped';
  const dropped = 'GatewayAllTelemetryDataDropped';
  const rows: readonly (readonly [name: string, labels: LabelSet, reason: string])[] = [
    ['counts one with its name', { alertname, pipeline_name: 'cls' }, dropped],
    ['counts one without a pipeline_name', { alertname, receiver: 'otlp' }, dropped],
    ['counts one with its name and kind', { alertname, pipeline_name: 'cls', pipeline_type: 'tracepipeline' }, dropped],
    [
      'counts one without a pipeline_name whatever its kind, as Kyma does',
      { alertname, pipeline_type: 'logpipeline' },
      dropped,
    ],
    [
      'ignores one of another kind',
      { alertname, pipeline_name: 'cls', pipeline_type: 'metricpipeline' },
      'FlowHealthy',
    ],
    [
      'ignores one whose kind is not in lower case',
      { alertname, pipeline_name: 'cls', pipeline_type: 'TracePipeline' },
      'FlowHealthy',
    ],
    ['ignores one of another pipeline', { alertname, pipeline_name: 'other' }, 'FlowHealthy'],
    ['ignores one of a pipeline whose name begins like its own', { alertname, pipeline_name: 'cls-2' }, 'FlowHealthy'],
    ['ignores one of a pipeline whose name its own begins with', { alertname, pipeline_name: 'cl' }, 'FlowHealthy'],
    ['ignores one with an empty pipeline_name', { alertname, pipeline_name: '' }, 'FlowHealthy'],
    ['ignores an unknown one', { alertname: 'TraceGatewayMelting', pipeline_name: 'cls' }, 'FlowHealthy'],
    ['ignores a name that only begins right', { alertname: `${alertname}2` }, 'FlowHealthy'],
    ['ignores a name in lower case', { alertname: alertname.toLowerCase() }, 'FlowHealthy'],
    ['ignores a name without the prefix', { alertname: 'GatewayAllDataDropped' }, 'FlowHealthy'],
    ['ignores one without an alertname', { pipeline_name: 'cls' }, 'FlowHealthy'],
  ];
  for (const [name, labels, reason] of rows) {
    it(name, () => assert.equal(reasonOf(trace, labels), reason));
  }

  for (const flavour of flavours) {
    it(`ignores the rules of every other flavour for a ${flavour} pipeline`, () => {
      const others = flavours.filter((other) => other !== flavour);
      const alerts = others.flatMap((other) => worstFirst[other].map(([name]) => ({ alertname: name })));
      assert.equal(reasonOf(pipelineOf(flavour), ...alerts), 'FlowHealthy');
    });
  }

  it('ignores the alerts of a component that the inputs of a log pipeline do not use', () => {
    const firing = [{ alertname: 'LogAgentAllDataDropped' }, { alertname: 'LogGatewayThrottling' }];
    const withInput = (input: object): Pipeline => pipelineOf('log-otlp', { spec: { input, output: { otlp: {} } } });
    assert.equal(reasonOf(withInput({ otlp: {} }), ...firing), 'GatewayThrottling');
    assert.equal(reasonOf(withInput({ runtime: {} }), ...firing), 'AgentAllTelemetryDataDropped');
    assert.equal(reasonOf(withInput({ runtime: {} }), { alertname: 'LogGatewayAllDataDropped' }), 'FlowHealthy');
  });

  it('works for a pipeline with the name of an object property', () => {
    assert.equal(
      reasonOf(pipelineOf('trace', { name: 'constructor' }), { alertname, pipeline_name: 'x' }),
      'FlowHealthy',
    );
    const odd = JSON.parse(`{"alertname": "${alertname}", "pipeline_name": "constructor", "__proto__": "x"}`);
    assert.equal(reasonOf(pipelineOf('trace', { name: 'constructor' }), odd), dropped);
  });

  it('has no rules for another kind', () => {
    const other = pipelineOf('trace', { kind: 'Deployment', conditions: [generated('False', 'EndpointInvalid')] });
    const error = {
      name: 'TerminalError',
      message: /^Deployment\/cls: there are no health rules for the kind Deployment/,
    };
    assert.throws(() => flowHealth(other, FiringAlerts.of([{ alertname }])), error);
    assert.throws(() => probingFailed(other, new Error()), error);
    assert.equal(configurationNotGenerated(other), undefined);
  });

  it('reads the alerts once, however many pipelines ask', () => {
    let reads = 0;
    const counted = (labels: LabelSet): LabelSet =>
      new Proxy(labels, {
        getOwnPropertyDescriptor: (...args) => (reads++, Reflect.getOwnPropertyDescriptor(...args)),
      });
    const alerts = Array.from({ length: 500 }, (_, i) => counted({ alertname, pipeline_name: `p-${i}` }));
    const firing = FiringAlerts.of(alerts);
    for (let i = 0; i < 1000; i++) {
      const reason = flowHealth(pipelineOf('trace', { name: `p-${i}` }), firing).condition.reason;
      assert.equal(reason, i < 500 ? dropped : 'FlowHealthy');
    }
    assert.ok(reads <= 4 * alerts.length, `${reads} reads of ${alerts.length} alerts`);
  });
});

describe('configurationNotGenerated', () => {
  it('is undefined while the configuration is generated, unknown, or not yet checked', () => {
    const rest = [generated('True', 'TLSCertificateAboutToExpire'), generated('Unknown', 'Pending')];
    for (const condition of rest) {
      assert.equal(configurationNotGenerated(pipelineOf('trace', { conditions: [condition] })), undefined);
    }
    assert.equal(configurationNotGenerated(pipelineOf('trace')), undefined);
  });

  it('names that condition as the decision', () => {
    const conditions = [generated('False', 'EndpointInvalid')];
    assert.deepEqual(configurationNotGenerated(pipelineOf('trace', { conditions }))?.decision, {
      by: 'condition',
      type: 'ConfigurationGenerated',
      status: 'False',
      reason: 'EndpointInvalid',
    });
  });

  it('ignores every other condition', () => {
    const conditions = [{ ...generated('False', 'GatewayNotReady'), type: 'GatewayHealthy' }];
    assert.equal(configurationNotGenerated(pipelineOf('trace', { conditions })), undefined);
  });
});

describe('probingFailed', () => {
  it('names the gateway for a log pipeline with only the otlp input', () => {
    const pipeline = pipelineOf('log-otlp', { spec: { input: { otlp: {} }, output: { otlp: {} } } });
    assert.equal(probingFailed(pipeline, new Error()).condition.reason, 'GatewayProbingFailed');
  });

  it('names the failed query as the decision', () => {
    const error = new Error('refused');
    assert.deepEqual(probingFailed(pipelineOf('trace'), error).decision, { by: 'failed query', error });
  });
});

function generated(status: Condition['status'], reason: string): Condition {
  return { type: 'ConfigurationGenerated', status, reason, message: '', lastTransitionTime: '2026-11-21T03:00:00Z' };
}

const anyAlert = fc.record(
  {
    alertname: fc.constantFrom(...Object.values(worstFirst).flatMap((ranked) => ranked.map(([name]) => name)), 'Other'),
    pipeline_name: fc.constantFrom('cls', 'cls-2', 'constructor'),
    pipeline_type: fc.constantFrom('tracepipeline', 'metricpipeline', 'logpipeline'),
  },
  { requiredKeys: ['alertname'] },
);

describe('flowHealth, which alert decided', () => {
  const alertname = 'TraceGatewayAllDataDropped';
  const decidingLabels = (...alerts: readonly LabelSet[]): LabelSet | undefined => {
    const { decision } = flowHealth(pipelineOf('trace'), FiringAlerts.of(alerts));
    return decision.by === 'alert' ? decision.labels : undefined;
  };

  it('is the worst one, with its labels, and no other firing alert', () => {
    const worst = { alertname, pipeline_name: 'cls', pod: 'a' };
    const others = ['LogFluentBitBufferInUse', 'TraceGatewayThrottling', 'TraceGatewaySomeDataDropped'];
    assert.deepEqual(decidingLabels(...others.map((name) => ({ alertname: name })), worst), worst);
  });

  it('is an alert that names the pipeline before one that concerns all', () => {
    const own = { alertname, pipeline_name: 'cls', pod: 'z' };
    assert.deepEqual(decidingLabels({ alertname }, own), own);
    assert.deepEqual(decidingLabels({ alertname }, { ...own, pipeline_type: 'logpipeline' }), { alertname });
  });

  it('is none if no firing alert concerns the pipeline', () => {
    const { decision } = flowHealth(pipelineOf('trace'), FiringAlerts.of([{ alertname, pipeline_name: 'other' }]));
    assert.deepEqual(decision, { by: 'no alert' });
  });

  it('is the same in whatever order Prometheus lists the alerts', () => {
    const labels = fc.record(
      { alertname: fc.constant(alertname), pipeline_name: fc.constant('cls'), pod: fc.string(), zone: fc.string() },
      { requiredKeys: ['alertname'], noNullPrototype: true },
    );
    const orders = fc
      .array(labels, { minLength: 1, maxLength: 8 })
      .chain((alerts) => fc.tuple(fc.constant(alerts), fc.shuffledSubarray(alerts, { minLength: alerts.length })));
    fc.assert(
      fc.property(orders, ([alerts, shuffled]) => {
        assert.deepEqual(decidingLabels(...alerts), decidingLabels(...shuffled));
      }),
    );
  });
});

describe('flowHealth, for any alerts', () => {
  it('reports the worst that concerns the pipeline', () => {
    fc.assert(
      fc.property(fc.constantFrom(...flavours), fc.array(anyAlert, { maxLength: 8 }), (flavour, alerts) => {
        const pipeline = pipelineOf(flavour);
        const concerning = alerts.filter(
          ({ pipeline_name: name, pipeline_type: type }) =>
            name === undefined ||
            (name === 'cls' && (type ?? pipeline.kind.toLowerCase()) === pipeline.kind.toLowerCase()),
        );
        const worst = worstFirst[flavour].find(([name]) => concerning.some(({ alertname }) => alertname === name));
        const { status, reason } = flowHealth(pipeline, FiringAlerts.of(alerts)).condition;
        assert.deepEqual([status, reason], worst ? ['False', worst[1]] : ['True', 'FlowHealthy']);
      }),
      { numRuns: 1000 },
    );
  });
});

const now = Date.parse('2026-11-21T03:08:54.987Z');
const before = '2026-11-20T10:00:00Z';
const desired: DesiredCondition = {
  type: 'TelemetryFlowHealthy',
  status: 'True',
  reason: 'FlowHealthy',
  message: 'No problems detected in the telemetry flow',
  observedGeneration: 3,
};
const existing: Condition = { ...desired, lastTransitionTime: before };
const foreign: Condition = {
  type: 'GatewayHealthy',
  status: 'True',
  reason: 'GatewayReady',
  message: '',
  lastTransitionTime: before,
};

describe('setCondition', () => {
  it('adds a new condition at the end, with the time in whole seconds', () => {
    const { type, status, reason, message } = desired;
    assert.deepEqual(setCondition([foreign], desired, now), {
      conditions: [foreign, { ...desired, lastTransitionTime: '2026-11-21T03:08:54Z' }],
      transition: { type, from: '', to: status, fromReason: '', reason, message },
    });
  });

  it('returns undefined if nothing differs', () => {
    assert.equal(setCondition([foreign, existing], desired, now), undefined);
  });

  it('moves the time and reports the transition when the status changes', () => {
    const failing: DesiredCondition = { ...desired, status: 'False', reason: 'GatewayThrottling', message: 'slow' };
    assert.deepEqual(setCondition([existing, foreign], failing, now), {
      conditions: [{ ...failing, lastTransitionTime: '2026-11-21T03:08:54Z' }, foreign],
      transition: {
        type: 'TelemetryFlowHealthy',
        from: 'True',
        to: 'False',
        fromReason: 'FlowHealthy',
        reason: 'GatewayThrottling',
        message: 'slow',
      },
    });
  });

  it('keeps the time and reports the transition when only the reason changes', () => {
    const update = setCondition([existing], { ...desired, reason: 'Other' }, now);
    assert.equal(update?.conditions[0]?.lastTransitionTime, before);
    assert.deepEqual([update.transition?.fromReason, update.transition?.reason], ['FlowHealthy', 'Other']);
  });

  it('reports a change of status without a change of reason', () => {
    const { transition } = setCondition([existing], { ...desired, status: 'Unknown' }, now) ?? {};
    assert.deepEqual([transition?.from, transition?.to], ['True', 'Unknown']);
  });

  it('writes a changed message or generation without a transition', () => {
    for (const change of [{ message: 'other' }, { observedGeneration: 4 }]) {
      assert.deepEqual(setCondition([existing], { ...desired, ...change }, now), {
        conditions: [{ ...existing, ...change }],
      });
    }
  });

  it('writes the generation if it was missing', () => {
    const { observedGeneration, ...without } = existing;
    assert.deepEqual(setCondition([without], desired, now), { conditions: [{ ...without, observedGeneration }] });
  });

  it('keeps unknown fields', () => {
    const extended = { ...existing, severity: 'Info' };
    assert.deepEqual(setCondition([extended], { ...desired, message: 'other' }, now), {
      conditions: [{ ...extended, message: 'other' }],
    });
  });

  it('updates the first of several of the type and removes the others, in place', () => {
    const last = { ...foreign, type: 'AgentHealthy' };
    const duplicates = [foreign, { ...existing, status: 'False' as const }, last, existing];
    const update = setCondition(duplicates, desired, now);
    assert.deepEqual(update?.conditions, [foreign, { ...desired, lastTransitionTime: '2026-11-21T03:08:54Z' }, last]);
    assert.equal(update.transition?.from, 'False');
  });

  it('removes a duplicate even when the first is as desired', () => {
    assert.deepEqual(setCondition([existing, { ...existing, reason: 'Other' }], desired, now), {
      conditions: [existing],
    });
  });

  it('gives a time to an entry without one', () => {
    const update = setCondition([{ ...existing, lastTransitionTime: '' }], { ...desired, message: 'other' }, now);
    assert.equal(update?.conditions[0]?.lastTransitionTime, '2026-11-21T03:08:54Z');
  });

  it('does not change the given conditions', () => {
    const given = [Object.freeze({ ...existing }), foreign];
    setCondition(Object.freeze(given), { ...desired, status: 'False' }, now);
    assert.deepEqual(given, [existing, foreign]);
  });
});

const status = fc.constantFrom<Condition['status'][]>('True', 'False', 'Unknown');
const word = fc.constantFrom('a', 'b');
const generation = fc.integer({ min: 1, max: 2 });
const anyDesired = fc.record({
  type: fc.constant('TelemetryFlowHealthy'),
  status,
  reason: word,
  message: word,
  observedGeneration: generation,
});
const anyCondition = fc
  .tuple(
    fc.record({
      type: fc.constantFrom('TelemetryFlowHealthy', 'GatewayHealthy', 'ConfigurationGenerated'),
      status,
      reason: word,
      message: word,
      lastTransitionTime: fc.constantFrom(before, '2026-11-20T11:00:00Z'),
    }),
    fc.option(fc.record({ observedGeneration: generation }), { nil: {} }),
    fc.option(fc.record({ severity: word }), { nil: {} }),
  )
  .map(([condition, ...more]): Condition => Object.assign({}, condition, ...more));
const anyConditions = fc.array(anyCondition, { maxLength: 6 });

describe('setCondition, for any conditions', () => {
  it('has nothing left to do afterwards, at any later time', () => {
    fc.assert(
      fc.property(anyConditions, anyDesired, (current, wanted) => {
        const conditions = setCondition(current, wanted, now)?.conditions ?? current;
        assert.equal(setCondition(conditions, wanted, now + 60_000), undefined);
        assert.equal(conditions.filter(({ type }) => type === wanted.type).length, 1);
      }),
    );
  });

  it('keeps every foreign condition, untouched and in order', () => {
    fc.assert(
      fc.property(anyConditions, anyDesired, (current, wanted) => {
        const foreignOf = (all: readonly Condition[]) => all.filter(({ type }) => type !== wanted.type);
        const conditions = setCondition(current, wanted, now)?.conditions ?? current;
        assert.deepEqual(foreignOf(conditions), foreignOf(current));
      }),
    );
  });

  it('moves the time exactly when the status changes', () => {
    fc.assert(
      fc.property(anyConditions, anyDesired, (current, wanted) => {
        const oursOf = (all: readonly Condition[]) => all.find(({ type }) => type === wanted.type);
        const [was, is] = [oursOf(current), oursOf(setCondition(current, wanted, now)?.conditions ?? current)];
        const expected = was?.status === wanted.status ? was.lastTransitionTime : '2026-11-21T03:08:54Z';
        assert.equal(is?.lastTransitionTime, expected);
      }),
    );
  });

  it('reports a transition exactly when status or reason change', () => {
    fc.assert(
      fc.property(anyConditions, anyDesired, (current, wanted) => {
        const was = current.find(({ type }) => type === wanted.type);
        const changes = was?.status !== wanted.status || was.reason !== wanted.reason;
        assert.equal(setCondition(current, wanted, now)?.transition !== undefined, changes);
      }),
    );
  });
});

interface Row {
  readonly name: string;
  readonly kind: string;
  readonly spec: Readonly<Record<string, unknown>>;
  readonly flavour: Flavour | undefined;
  readonly probed: readonly Component[];
}

const otlp = { endpoint: { value: 'https://backend:4317' } };
const output = { otlp };
const http = { host: { value: 'backend' } };

const rows: readonly Row[] = [
  { name: 'a trace pipeline', kind: 'TracePipeline', spec: { output }, flavour: 'trace', probed: ['gateway'] },
  {
    name: 'a metric pipeline without any agent input',
    kind: 'MetricPipeline',
    spec: { output },
    flavour: 'metric',
    probed: ['gateway', 'agent'],
  },
  { name: 'another kind', kind: 'Deployment', spec: { output }, flavour: undefined, probed: [] },
  { name: 'a kind in lower case', kind: 'tracepipeline', spec: { output }, flavour: undefined, probed: [] },
  {
    name: 'a kind called as a property of every object',
    kind: 'constructor',
    spec: {},
    flavour: undefined,
    probed: [],
  },
  ...logOutputs('log-fluent-bit', ['agent'], {
    'with an http output': { output: { http } },
    'with a custom output': { output: { custom: 'name null' } },
    'with an http output and an OTLP input': { input: { otlp: {} }, output: { http } },
    'without an output': {},
    'with an empty output': { output: {} },
    'with an output of no value': { output: null },
    'with a text for an output': { output: 'otlp' },
    'with otlp of no value': { output: { otlp: null } },
  }),
  ...logOutputs('log-otlp', ['agent', 'gateway'], {
    'with both inputs': { input: { otlp: {}, runtime: {} }, output },
    'with both inputs, as v1alpha1 calls them': { input: { otlp: {}, application: {} }, output },
    'without an input': { output },
    'with an empty input': { input: {}, output },
    'with an input of no value': { input: null, output },
    'with inputs of no value': { input: { runtime: null, otlp: null }, output },
    'with an empty otlp output': { output: { otlp: {} } },
  }),
  ...logOutputs('log-otlp', ['agent'], {
    'with the runtime input': { input: { runtime: {} }, output },
    'with the runtime input, as v1alpha1 calls it': { input: { application: { enabled: true } }, output },
    'with a disabled runtime input: presence counts': { input: { runtime: { enabled: false } }, output },
  }),
  ...logOutputs('log-otlp', ['gateway'], {
    'with the otlp input': { input: { otlp: {} }, output },
    'with the otlp input and a runtime input of no value': { input: { otlp: {}, runtime: null }, output },
  }),
];

function logOutputs(flavour: Flavour, probed: readonly Component[], specs: Record<string, Row['spec']>): Row[] {
  return Object.entries(specs).map(([name, spec]) => {
    return { name: `a log pipeline ${name}`, kind: 'LogPipeline', spec, flavour, probed };
  });
}

describe('flavourOf', () => {
  for (const { name, flavour, ...pipeline } of rows) {
    it(`recognizes ${name}`, () => assert.equal(flavourOf(pipeline), flavour));
  }
});

describe('probedComponents', () => {
  for (const { name, probed, ...pipeline } of rows) {
    it(`names ${probed.join(' then ') || 'none'} for ${name}`, () =>
      assert.deepEqual(probedComponents(pipeline), probed));
  }
});
