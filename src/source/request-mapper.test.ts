import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { LabelSet } from '../alert/labels.ts';
import { causeFields } from '../cause/causes.fixture.ts';
import { Causes, maxNamedCauses } from '../cause/causes.ts';
import { requestKey, type Request } from '../reconcile/ports.ts';
import { requestMappers } from './request-mapper.ts';

const kinds = ['MetricPipeline', 'TracePipeline', 'LogPipeline'] as const;
const pipelines: readonly Request[] = kinds.flatMap((kind) => ['a', 'b'].map((name) => ({ kind, name })));

function causesOf(...alerts: readonly LabelSet[]): Causes {
  const causes = new Causes();
  for (const [index, labels] of alerts.entries()) causes.addAlert(`${index}`, { labels }, 'firing', 0);
  return causes;
}

/** The requests as `Metric/a`, joined by blanks. */
function chosenBy(causes: Causes, from: readonly Request[] = pipelines): string {
  const requests = requestMappers.labels(causes, from);
  return requests.map((request) => requestKey(request).replace('Pipeline', '')).join(' ');
}

const everyone = 'Metric/a Metric/b Trace/a Trace/b Log/a Log/b';

describe('select: all', () => {
  it('chooses every pipeline, whatever the labels of the alerts', () => {
    for (const causes of [causesOf(), causesOf({ alertname: 'MetricX', pipeline_name: 'a' }), Causes.of('start', 0)]) {
      assert.deepEqual(requestMappers.all(causes, pipelines), pipelines);
    }
  });
});

describe('select: labels', () => {
  it('treats "undefined" as a name, or a kind, like any other', () => {
    const named = [...pipelines, { kind: 'TracePipeline', name: 'undefined' }, { kind: 'undefined', name: 'a' }];
    assert.equal(chosenBy(causesOf({ alertname: 'TraceX', pipeline_name: 'undefined' }), named), 'Trace/undefined');
    assert.equal(chosenBy(causesOf({ pipeline_name: 'a', pipeline_type: 'undefined' }), named), 'undefined/a');
  });

  const rows: readonly (readonly [name: string, labels: LabelSet, expected: string])[] = [
    [
      'all of a kind by the prefix of the alert name, metrics',
      { alertname: 'MetricGatewayThrottling' },
      'Metric/a Metric/b',
    ],
    [
      'all of a kind by the prefix of the alert name, traces',
      { alertname: 'TraceGatewayThrottling' },
      'Trace/a Trace/b',
    ],
    ['all of a kind by the prefix of the alert name, logs', { alertname: 'LogFluentBitBufferInUse' }, 'Log/a Log/b'],
    ['by the prefix alone, of a rule that nobody knows', { alertname: 'MetricFoo' }, 'Metric/a Metric/b'],
    ['by the prefix alone, with nothing behind it', { alertname: 'Log' }, 'Log/a Log/b'],
    ['everyone if the prefix is in lower case', { alertname: 'metricGatewayThrottling' }, everyone],
    ['everyone if the prefix is further behind', { alertname: 'AMetricGatewayThrottling' }, everyone],
    ['one pipeline by its name', { alertname: 'MetricX', pipeline_name: 'b' }, 'Metric/b'],
    ['nobody if the name is another one', { alertname: 'MetricX', pipeline_name: 'c' }, ''],
    ['nobody if the name is only like one', { alertname: 'MetricX', pipeline_name: 'A' }, ''],
    ['nobody if the name is empty', { alertname: 'MetricX', pipeline_name: '' }, ''],
    ['nobody if the name can be no name', { alertname: 'MetricX', pipeline_name: '/' }, ''],
    ['everyone if nothing is named', { alertname: 'InstanceDown', instance: 'a' }, everyone],
    ['everyone if there is no alert name', { severity: 'critical' }, everyone],
    ['everyone for no labels at all', {}, everyone],
    [
      'every kind of a name if no kind is named',
      { alertname: 'InstanceDown', pipeline_name: 'a' },
      'Metric/a Trace/a Log/a',
    ],
    ['every kind of a name without an alert name', { pipeline_name: 'b' }, 'Metric/b Trace/b Log/b'],
    [
      'one pipeline by a fitting type',
      { alertname: 'MetricX', pipeline_name: 'a', pipeline_type: 'metricpipeline' },
      'Metric/a',
    ],
    [
      'nobody if the type contradicts the prefix',
      { alertname: 'MetricX', pipeline_name: 'a', pipeline_type: 'tracepipeline' },
      '',
    ],
    ['nobody if the type is unknown', { alertname: 'MetricX', pipeline_name: 'a', pipeline_type: 'pipeline' }, ''],
    [
      'by the type if there is no prefix',
      { alertname: 'X', pipeline_name: 'a', pipeline_type: 'logpipeline' },
      'Log/a',
    ],
    ['nobody by an unknown type without a prefix', { alertname: 'X', pipeline_name: 'a', pipeline_type: '*' }, ''],
    ['nobody by an empty type', { alertname: 'X', pipeline_name: 'a', pipeline_type: '' }, ''],
    [
      'all of the kind, whatever the type, if no pipeline is named',
      { alertname: 'MetricX', pipeline_type: 'tracepipeline' },
      'Metric/a Metric/b',
    ],
    ['everyone by a type alone', { alertname: 'InstanceDown', pipeline_type: 'tracepipeline' }, everyone],
  ];
  for (const [name, labels, expected] of rows) {
    it(`chooses ${name}`, () => assert.equal(chosenBy(causesOf(labels)), expected));
  }

  it('chooses each pipeline that any of several alerts concerns, once and in the order of the pipelines', () => {
    const causes = causesOf(
      { alertname: 'TraceX', pipeline_name: 'b' },
      { alertname: 'MetricX', pipeline_name: 'a' },
      { alertname: 'TraceY', pipeline_name: 'b' },
      { alertname: 'TraceZ', pipeline_name: 'b', pipeline_type: 'logpipeline' },
    );
    assert.equal(chosenBy(causes), 'Metric/a Trace/b');
  });

  it('chooses all pipelines as soon as one of the alerts names none', () => {
    assert.equal(chosenBy(causesOf({ alertname: 'MetricX', pipeline_name: 'a' }, { alertname: 'Down' })), everyone);
  });

  it('chooses all pipelines if some counted alerts are no longer named', () => {
    const causes = new Causes();
    for (let n = 0; n <= maxNamedCauses; n++) {
      causes.addAlert(`${n}`, { labels: { alertname: 'MetricX', pipeline_name: 'a', n: `${n}` } }, 'firing', 0);
    }
    assert.equal(chosenBy(causes), everyone);
  });

  it('chooses all pipelines if there is no alert', () => {
    assert.equal(chosenBy(Causes.of('start', 0)), everyone);
  });

  it('is not misled by labels with the names of object properties', () => {
    const parsed = JSON.parse('{"alertname": "MetricX", "__proto__": "a", "constructor": "b"}') as LabelSet;
    assert.equal(chosenBy(causesOf(parsed)), 'Metric/a Metric/b');
    const inherited = Object.create({ alertname: 'TraceX', pipeline_name: 'a', pipeline_type: 'x' }) as LabelSet;
    assert.equal(chosenBy(causesOf(inherited)), everyone);
    for (const odd of ['__proto__', 'constructor', 'toString']) {
      assert.equal(chosenBy(causesOf({ alertname: 'MetricX', pipeline_name: odd })), '');
      assert.equal(chosenBy(causesOf({ alertname: odd, pipeline_name: 'a', pipeline_type: odd })), '');
      const requests = [{ kind: 'MetricPipeline', name: odd }];
      assert.deepEqual(
        requestMappers.labels(causesOf({ alertname: 'MetricX', pipeline_name: odd }), requests),
        requests,
      );
    }
  });

  it('chooses a namespaced pipeline by its name in every namespace', () => {
    const namespaced = ['x', 'y'].map((namespace) => ({ kind: 'LogPipeline', namespace, name: 'a' }));
    assert.equal(chosenBy(causesOf({ alertname: 'LogX', pipeline_name: 'a' }), namespaced), 'Log/x/a Log/y/a');
  });
});

/** The same rules, alert by alert and pipeline by pipeline, at any cost. */
function concerns(labels: LabelSet, request: Request): boolean {
  const { alertname = '', pipeline_name: name, pipeline_type: type } = labels as Partial<Record<string, string>>;
  const prefixes = { Metric: 'MetricPipeline', Trace: 'TracePipeline', Log: 'LogPipeline' };
  for (const [prefix, kind] of Object.entries(prefixes)) {
    if (alertname.startsWith(prefix) && request.kind !== kind) return false;
  }
  if (name === undefined) return true;
  if (type !== undefined && type !== request.kind.toLowerCase() && type !== request.kind) return false;
  return request.name === name;
}

describe('request mappers, whatever the alerts', () => {
  const word = fc.oneof(fc.constantFrom('a', 'b', '', '/', '*', '=a', '__proto__', 'MetricPipeline/a'), fc.string());
  const labels = fc.record(
    {
      alertname: fc.oneof(fc.constantFrom('Metric', 'MetricX', 'TraceX', 'LogX', 'Down', 'xLog', 'trace', ''), word),
      pipeline_name: word,
      pipeline_type: fc.oneof(
        fc.constantFrom('metricpipeline', 'tracepipeline', 'logpipeline', 'MetricPipeline', 'LOGPIPELINE'),
        word,
      ),
      other: word,
    },
    { requiredKeys: [], noNullPrototype: true },
  );
  const alerts = fc.array(labels, { maxLength: 5 });
  const plain = fc.constantFrom('a', 'b', '__proto__', 'c*=');
  const request = fc.record({ kind: fc.constantFrom(...kinds), name: plain }, { noNullPrototype: true });
  const some = fc.uniqueArray(request, { selector: requestKey, maxLength: 12 });

  it('choose by labels what a naive matcher chooses', () => {
    fc.assert(
      fc.property(alerts, some, (given, among) => {
        const expected = among.filter((one) => given.length === 0 || given.some((alert) => concerns(alert, one)));
        assert.deepEqual(requestMappers.labels(causesOf(...given), among), expected);
      }),
      { numRuns: 2_000 },
    );
  });

  it('choose by labels a part of the pipelines, in the same order, and change no argument', () => {
    fc.assert(
      fc.property(alerts, some, (given, among) => {
        const causes = causesOf(...given);
        const before = structuredClone([among, [...causes.alerts.values()].map(causeFields)]);
        const all = requestMappers.all(causes, among);
        const chosen = new Set(requestMappers.labels(causes, among));
        assert.deepEqual(all, among);
        assert.deepEqual(
          all.filter((one) => chosen.has(one)),
          [...chosen],
        );
        assert.deepEqual([among, [...causes.alerts.values()].map(causeFields)], before);
      }),
    );
  });
});
