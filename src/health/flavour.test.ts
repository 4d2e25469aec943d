import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Component, type Flavour, flavourOf, probedComponents } from './flavour.ts';

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
