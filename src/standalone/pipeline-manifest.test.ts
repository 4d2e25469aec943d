import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { manifestText } from './standalone.fixture.ts';
import { isDnsSubdomain } from '../text/kubernetes.ts';
import { parsePipelineManifest } from './pipeline-manifest.ts';

const parse = (text: string): ReturnType<typeof parsePipelineManifest> => parsePipelineManifest(text, 'p.yaml');

describe('pipeline manifest', () => {
  it('reads a pipeline, and fills in what is absent', () => {
    const { pipelines, problems, incomplete } = parse(manifestText('MetricPipeline', 'backend', ''));
    assert.deepEqual(problems, []);
    assert.equal(incomplete, false);
    assert.deepEqual(pipelines, [
      {
        apiVersion: 'telemetry.kyma-project.io/v1beta1',
        kind: 'MetricPipeline',
        name: 'backend',
        generation: 1,
        spec: {},
        conditions: [],
      },
    ]);
  });

  it('reads generation, spec and conditions as they stand, and ignores the namespace', () => {
    const text = [
      'apiVersion: telemetry.kyma-project.io/v1alpha1',
      'kind: LogPipeline',
      'metadata: {name: a.b-c, generation: 7, namespace: elsewhere}',
      'spec: {output: {otlp: {endpoint: {value: x}}}}',
      'status:',
      '  conditions:',
      '    - {type: A, status: "Unknown", reason: R, message: m, observedGeneration: 3, lastTransitionTime: "2026-01-02T03:04:05Z"}',
    ].join('\n');
    assert.deepEqual(parse(text), {
      pipelines: [
        {
          apiVersion: 'telemetry.kyma-project.io/v1alpha1',
          kind: 'LogPipeline',
          name: 'a.b-c',
          generation: 7,
          spec: { output: { otlp: { endpoint: { value: 'x' } } } },
          conditions: [
            {
              type: 'A',
              status: 'Unknown',
              reason: 'R',
              message: 'm',
              lastTransitionTime: '2026-01-02T03:04:05Z',
              observedGeneration: 3,
            },
          ],
        },
      ],
      problems: [],
      incomplete: false,
    });
  });

  it('reads JSON, indented with tabs too', () => {
    const object = {
      apiVersion: 'telemetry.kyma-project.io/v1beta1',
      kind: 'LogPipeline',
      metadata: { name: 'a' },
      spec: { x: 'é\u2028/' },
    };
    for (const indent of [undefined, 2, '\t']) {
      const { pipelines, problems } = parsePipelineManifest(JSON.stringify(object, null, indent), 'p.json');
      assert.deepEqual(problems, []);
      assert.deepEqual(pipelines[0]?.spec, { x: 'é\u2028/' });
    }
  });

  it('reads the items of a List, and reports the broken ones where they stand', () => {
    const items = ['a', '../b', 'c'].map((name) => {
      return `  - {apiVersion: telemetry.kyma-project.io/v1beta1, kind: LogPipeline, metadata: {name: ${name}}}\n`;
    });
    const { pipelines, problems } = parse(`apiVersion: v1\nkind: List\nitems:\n${items.join('')}`);
    assert.deepEqual(
      pipelines.map(({ name }) => name),
      ['a', 'c'],
    );
    assert.equal(problems.length, 1);
    assert.equal(problems[0]?.line, 5);
    assert.match(problems[0].message, /^items\[1\]\.metadata\.name is "\.\.\/b"; it must be a DNS-1123 subdomain/);
  });
});

describe('DNS subdomain', () => {
  it('takes the names that Kubernetes takes', () => {
    const names = ['a', '0', 'a-b', 'a--b', 'a.b', '1.2.3', 'a-1.b-2', 'a'.repeat(253), `${'a.'.repeat(126)}a`];
    for (const name of names) assert.equal(isDnsSubdomain(name), true, name);
  });

  it('refuses all others', () => {
    const names = [
      '',
      '.',
      '..',
      '../x',
      'a/b',
      'a\\b',
      '.a',
      'a.',
      'a..b',
      '-a',
      'a-',
      'a.-b',
      'A',
      'ä',
      'a_b',
      'a b',
      'a\n',
      'a\0',
    ];
    for (const name of [...names, 'a'.repeat(254)]) assert.equal(isDnsSubdomain(name), false, JSON.stringify(name));
  });

  it('joins two good names by a dot, and by nothing else', () => {
    const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?$/);
    fc.assert(
      fc.property(label, label, (first, second) => {
        assert.equal(isDnsSubdomain(`${first}.${second}`), true);
        for (const joint of ['..', '/', '.-', '_', ' '])
          assert.equal(isDnsSubdomain(`${first}${joint}${second}`), false);
      }),
    );
  });
});
