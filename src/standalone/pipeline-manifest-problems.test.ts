import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { manifestText } from './standalone.fixture.ts';
import { parsePipelineManifest } from './pipeline-manifest.ts';

const parse = (text: string): ReturnType<typeof parsePipelineManifest> => parsePipelineManifest(text, 'p.yaml');

function onlyProblem(text: string): { at: string; message: string } {
  const { problems, pipelines } = parse(text);
  assert.deepEqual(pipelines, []);
  assert.equal(problems.length, 1, JSON.stringify(problems));
  const [problem] = problems;
  assert.ok(problem);
  assert.equal(problem.file, 'p.yaml');
  return { at: `${problem.line}:${problem.column}`, message: problem.message };
}

describe('problems of a pipeline manifest', () => {
  const rows: readonly (readonly [string, string, string, RegExp])[] = [
    [
      'another kind',
      manifestText('Pod', 'a'),
      '2:7',
      /^kind is "Pod"; it must be one of LogPipeline, MetricPipeline, TracePipeline$/,
    ],
    [
      'another group',
      manifestText('LogPipeline', 'a').replace('telemetry.', 'tele.'),
      '1:13',
      /^apiVersion is "tele.kyma-project.io\/v1beta1"; it must be one of telemetry/,
    ],
    [
      'another version',
      manifestText('LogPipeline', 'a').replace('v1beta1', 'v1'),
      '1:13',
      /^apiVersion is "telemetry.kyma-project.io\/v1"; /,
    ],
    ['no kind', 'apiVersion: telemetry.kyma-project.io/v1beta1\nmetadata: {name: a}\n', '1:1', /^kind is missing; /],
    ['a text', 'just text\n', '1:1', /^the document is "just text"; it must be an object$/],
    ['a list', '- a\n', '1:1', /^the document is a list; it must be an object$/],
    [
      'no metadata',
      'apiVersion: telemetry.kyma-project.io/v1beta1\nkind: LogPipeline\n',
      '1:1',
      /^metadata is missing; it must be an object$/,
    ],
    ['no name', manifestText('LogPipeline', ''), '4:9', /^metadata\.name is empty; it must be a DNS-1123 subdomain/],
    ['a numeric name', manifestText('LogPipeline', '12'), '4:9', /^metadata\.name is the number 12; /],
    ['a path as name', manifestText('LogPipeline', '../x'), '4:9', /^metadata\.name is "\.\.\/x"; /],
    ['an upper-case name', manifestText('LogPipeline', 'A'), '4:9', /^metadata\.name is "A"; /],
    [
      'a name too long',
      manifestText('LogPipeline', 'a'.repeat(254)),
      '4:9',
      /^metadata\.name is "a{60}"…; .*at most 253 characters$/,
    ],
    [
      'generation 0',
      manifestText('LogPipeline', 'a\n  generation: 0'),
      '5:15',
      /^metadata\.generation is the number 0; it must be a positive whole number$/,
    ],
    [
      'generation 1.5',
      manifestText('LogPipeline', 'a\n  generation: 1.5'),
      '5:15',
      /^metadata\.generation is the number 1\.5; /,
    ],
    [
      'generation in quotes',
      manifestText('LogPipeline', 'a\n  generation: "1"'),
      '5:15',
      /^metadata\.generation is "1"; /,
    ],
    ['spec a list', manifestText('LogPipeline', 'a', 'spec: []'), '5:7', /^spec is a list; it must be an object$/],
    [
      'status a text',
      manifestText('LogPipeline', 'a', 'status: fine'),
      '5:9',
      /^status is "fine"; it must be an object$/,
    ],
    [
      'conditions an object',
      manifestText('LogPipeline', 'a', 'status: {conditions: {}}'),
      '5:22',
      /^status\.conditions is an object; it must be a list$/,
    ],
    ['a List without items', 'apiVersion: v1\nkind: List\n', '1:1', /^items is missing; it must be a list$/],
    [
      'an item that is empty',
      'apiVersion: v1\nkind: List\nitems: [~]\n',
      '3:9',
      /^items\[0\] is empty; it must be an object$/,
    ],
    [
      'a key twice',
      `${manifestText('LogPipeline', 'a')}kind: LogPipeline\n`,
      '6:1',
      /^not valid YAML: Map keys must be unique$/,
    ],
  ];
  for (const [what, text, at, message] of rows) {
    it(`reports ${what} with its place, what was found and what is allowed`, () => {
      const problem = onlyProblem(text);
      assert.match(problem.message, message);
      assert.equal(problem.at, at);
    });
  }

  it('reports every problem of an object at once', () => {
    const { problems } = parse(
      manifestText('LogPipeline', 'A\n  generation: -1', 'spec: 1\nstatus: {conditions: [{}, 3]}'),
    );
    assert.deepEqual(
      problems.map(({ message }) => message.split(' ')[0]),
      [
        'metadata.name',
        'metadata.generation',
        'spec',
        'status.conditions[0].type',
        'status.conditions[0].status',
        'status.conditions[0].reason',
        'status.conditions[0].lastTransitionTime',
        'status.conditions[1]',
      ],
    );
  });

  it('is incomplete when a pipeline may be missing, and not because of an object of another kind', () => {
    assert.equal(parse(manifestText('MetricPipline', 'a')).incomplete, true);
    assert.equal(parse(manifestText('LogPipeline', 'a', 'spec: 1')).incomplete, true);
    assert.equal(parse('kind: LogPipeline\n').incomplete, true);
    assert.equal(parse('apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n').incomplete, false);
  });

  it('never shows more than a piece of the text in a message', () => {
    const secret = `p${'assword'.repeat(100)}`;
    for (const text of [
      `kind: ${secret}\n`,
      `a: *${secret}\n`,
      `{a: ${secret}`,
      `a: "\n${secret}`,
      `${secret}: 1\n${secret}: 2\n`,
    ]) {
      for (const { message } of parse(text).problems) assert.ok(message.length < 400, message);
    }
  });
});
