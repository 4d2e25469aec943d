import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import type { Condition, Pipeline } from '../reconcile/ports.ts';
import { parsePipelineManifest } from './pipeline-manifest.ts';
import { condition, manifestText } from './standalone.fixture.ts';
import { conditionsOf, renderStatus, statusFileName } from './status-file.ts';

const pipeline: Pipeline = {
  apiVersion: 'telemetry.kyma-project.io/v1beta1',
  kind: 'TracePipeline',
  name: 'backend',
  generation: 1,
  spec: {},
  conditions: [],
};

describe('status file', () => {
  it('reads as kubectl shows an object', () => {
    const conditions = [
      condition('TelemetryFlowHealthy', {
        observedGeneration: 2,
        status: 'False',
        message: `long: ${'word '.repeat(30)}`,
      }),
    ];
    assert.equal(
      renderStatus(pipeline, conditions),
      [
        'apiVersion: telemetry.kyma-project.io/v1beta1',
        'kind: TracePipeline',
        'metadata:',
        '  name: backend',
        'status:',
        '  conditions:',
        '    - lastTransitionTime: "2026-11-21T03:00:00Z"',
        `      message: "long: ${'word '.repeat(30)}"`,
        '      observedGeneration: 2',
        '      reason: FlowHealthy',
        '      status: "False"',
        '      type: TelemetryFlowHealthy',
        '',
      ].join('\n'),
    );
  });

  const text = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      'True',
      'null',
      '~',
      'yes',
      '2026-01-01',
      '---',
      '- a',
      '# c',
      ' a ',
      'a: b',
      '|',
      '\t',
      'a\n\nb\n',
      '\r\n',
      '0x1',
      '*a',
      '&a',
      '!a',
    ),
  );
  const arbitraryCondition: fc.Arbitrary<Condition> = fc.record(
    {
      type: text.filter((type) => type !== ''),
      status: fc.constantFrom('True', 'False', 'Unknown'),
      reason: text.filter((reason) => reason !== ''),
      message: text,
      lastTransitionTime: fc
        .integer({ min: 0, max: 4e9 })
        .map((s) => new Date(s * 1000).toISOString().replace('.000Z', 'Z')),
      observedGeneration: fc.nat(),
    },
    { requiredKeys: ['type', 'status', 'reason', 'message', 'lastTransitionTime'] },
  );

  it('gives back the conditions that were written, whatever their texts, to us and to readers of YAML 1.1', () => {
    fc.assert(
      fc.property(fc.array(arbitraryCondition, { maxLength: 3 }), (conditions) => {
        const file = renderStatus(pipeline, conditions);
        assert.deepEqual(
          conditionsOf(parsePipelineManifest(file, 'f'), pipeline).map((read) => ({ ...read })),
          conditions.map((written) => ({ ...written })),
        );
        const old = parse(file, { version: '1.1' }) as { status: { conditions: Condition[] } };
        assert.deepEqual(
          old.status.conditions.map(({ message, lastTransitionTime }) => [message, lastTransitionTime]),
          conditions.map(({ message, lastTransitionTime }) => [message, lastTransitionTime]),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('refuses what is damaged, and the status of another pipeline', () => {
    const whole = renderStatus(pipeline, [condition('A')]);
    const rows: readonly (readonly [string, RegExp])[] = [
      ['', /^Error: it holds 0 objects instead of one$/],
      [whole.slice(0, whole.indexOf('reason')), /^Error: line 7, column 7: status\.conditions\[0\]\.type is missing/],
      [`${whole}---\n${whole}`, /^Error: it holds 2 objects/],
      [manifestText('TracePipeline', 'other'), /^Error: it is of TracePipeline other$/],
      [manifestText('LogPipeline', 'backend'), /^Error: it is of LogPipeline backend$/],
    ];
    for (const [damaged, message] of rows)
      assert.throws(() => conditionsOf(parsePipelineManifest(damaged, 'f'), pipeline), message);
  });

  it('names the file after the pipeline', () => {
    assert.equal(statusFileName('a.b'), 'a.b.yaml');
  });

  it('cuts a name that no file can bear, and keeps names apart that differ after the cut', () => {
    const names = [0, 1].map((last) => `${'a'.repeat(252)}${last}`).map(statusFileName);
    assert.equal(new Set(names).size, 2);
    for (const name of names) assert.ok(Buffer.byteLength(`.${name}.tmp`) <= 255);
    assert.equal(statusFileName('a'.repeat(245)), `${'a'.repeat(245)}.yaml`);
  });

  it('refuses a name that would lead out of the folder', () => {
    for (const name of ['../x', '..', '', 'a/b', '.a'])
      assert.throws(() => statusFileName(name), /cannot be the name of a status file/);
  });
});
