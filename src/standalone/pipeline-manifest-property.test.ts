import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { isDnsSubdomain } from '../text/kubernetes.ts';
import { parsePipelineManifest } from './pipeline-manifest.ts';

const parse = (text: string): ReturnType<typeof parsePipelineManifest> => parsePipelineManifest(text, 'p.yaml');

describe('pipeline manifest of any text', () => {
  const fragment = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom(
      '---\n',
      '...\n',
      '%YAML 1.1\n',
      '\n',
      '  ',
      '\t',
      '- ',
      '[',
      ']',
      '{',
      '}',
      '"',
      "'",
      '|\n',
      '&a ',
      '*a',
      '<<: ',
      '? ',
      ': ',
      '#',
      '!!binary ',
      '\u2028',
    ),
    fc.constantFrom(
      'apiVersion: telemetry.kyma-project.io/v1beta1\n',
      'kind: LogPipeline\n',
      'metadata: {name: a}\n',
      'items: [',
      'apiVersion: v1\nkind: List\n',
    ),
  );
  const arbitraryText = fc.array(fragment, { maxLength: 30 }).map((fragments) => fragments.join(''));

  it('never throws, whatever the text, and places every problem inside of it', () => {
    fc.assert(
      fc.property(arbitraryText, (text) => {
        const lines = text.split('\n').length;
        for (const { line, column } of parse(text).problems) assert.ok(line >= 1 && line <= lines && column >= 1);
      }),
      { numRuns: 2000 },
    );
  });

  it('accepts only names that are safe as file names', () => {
    const name = fc.oneof(
      fc.string({ maxLength: 8 }),
      fc.stringMatching(/^[-a-z0-9./\\]{0,8}$/),
      fc.constantFrom('a', '..', '../a', 'a/../b', '.a', '/etc/passwd', 'a\0', 'a.b'),
    );
    let accepted = 0;
    fc.assert(
      fc.property(name, (value) => {
        const object = {
          apiVersion: 'telemetry.kyma-project.io/v1beta1',
          kind: 'LogPipeline',
          metadata: { name: value },
        };
        const { pipelines, problems } = parse(JSON.stringify(object));
        assert.equal(pipelines.length + problems.length, 1);
        if (isDnsSubdomain(value)) assert.equal(pipelines[0]?.name, value);
        for (const pipeline of pipelines) assert.match(pipeline.name, /^(?!\.)(?!.*\.\.)[-a-z0-9.]{1,253}$/);
        accepted += pipelines.length;
      }),
    );
    assert.ok(accepted > 0);
  });
});
