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

function withCondition(fields: string): string {
  return manifestText('LogPipeline', 'a', `status:\n  conditions:\n    - ${fields.split('\n').join('\n      ')}`);
}

const goodCondition = [
  'type: ConfigurationGenerated',
  'status: "False"',
  'reason: ValidationFailed',
  'lastTransitionTime: "2026-11-21T04:00:00.750+01:00"',
].join('\n');

describe('conditions of a manifest', () => {
  it('writes times as Kubernetes does, and takes an absent message for an empty one', () => {
    const [pipeline] = parse(withCondition(goodCondition)).pipelines;
    assert.deepEqual(pipeline?.conditions, [
      {
        type: 'ConfigurationGenerated',
        status: 'False',
        reason: 'ValidationFailed',
        message: '',
        lastTransitionTime: '2026-11-21T03:00:00Z',
      },
    ]);
  });

  const rows: readonly (readonly [string, string, string, RegExp])[] = [
    ['a condition that is a text', withCondition('x'), '7:7', /^status\.conditions\[0\] is "x"; it must be an object$/],
    [
      'no type',
      withCondition(goodCondition.replace(/^type: .*\n/, '')),
      '7:7',
      /^status\.conditions\[0\]\.type is missing; /,
    ],
    [
      'status without quotes',
      withCondition(goodCondition.replace('"False"', 'False')),
      '8:15',
      /\.status is the boolean false; it must be one of "True", "False", "Unknown", in quotes$/,
    ],
    ['an unknown status', withCondition(goodCondition.replace('"False"', 'Maybe')), '8:15', /\.status is "Maybe"; /],
    [
      'an empty reason',
      withCondition(goodCondition.replace('ValidationFailed', '""')),
      '9:15',
      /\.reason is ""; it must be a string that is not empty$/,
    ],
    [
      'a message that is a number',
      withCondition(`${goodCondition}\nmessage: 5`),
      '11:16',
      /\.message is the number 5; it must be a string$/,
    ],
    [
      'no time',
      withCondition(goodCondition.replace(/\nlastTransitionTime.*/, '')),
      '7:7',
      /\.lastTransitionTime is missing; it must be a time as in /,
    ],
    [
      'a day that does not exist',
      withCondition(goodCondition.replace('11-21', '02-30')),
      '10:27',
      /\.lastTransitionTime is "2026-02-30/,
    ],
    ['a time without zone', withCondition(goodCondition.replace('+01:00', '')), '10:27', /\.lastTransitionTime is /],
    [
      'a negative observedGeneration',
      withCondition(`${goodCondition}\nobservedGeneration: -1`),
      '11:27',
      /\.observedGeneration is the number -1; it must be a whole number of at least 0$/,
    ],
  ];
  for (const [what, text, at, message] of rows) {
    it(`reports ${what} with its place, what was found and what is allowed`, () => {
      const problem = onlyProblem(text);
      assert.match(problem.message, message);
      assert.equal(problem.at, at);
    });
  }
});
