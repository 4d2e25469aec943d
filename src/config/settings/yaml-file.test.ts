import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseYaml } from './yaml-file.ts';

function problemsOf(text: string): string {
  const { problems, position } = parseYaml(text);
  return problems.map((problem) => `${position(problem.offset)}: ${problem.text}`).join('\n');
}

describe('parseYaml', () => {
  it('says where a text is wrong, and quotes nothing of it, which may be a password', () => {
    const wrong = [
      'a: |SECRET\n',
      'a: >SECRET\n',
      'a: "x\\USECRET"',
      'a: "SECRET\nb: c',
      'a: *SECRET',
      'a: !SECRET x',
      'a: @SECRET',
      'a: [SECRET\nb',
      'a: SECRET: b',
      'a: "SECRET" SECRET',
      'a:\n  b: SECRET\n c: SECRET',
      '%SECRET\n---\na: b',
    ];
    for (const text of wrong) {
      const problems = problemsOf(text);
      assert.match(problems, /^\d+:\d+: /, text);
      assert.doesNotMatch(problems, /SECRET/, text);
    }
  });

  it('says what to do about a backslash that begins no escape', () => {
    assert.equal(
      problemsOf('a: "C:\\Windows"'),
      '1:7: not valid YAML: a "\\" in double quotes that begins no escape; write "\\\\", or take single quotes',
    );
  });
});
