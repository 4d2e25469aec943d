import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseYaml } from './yaml-file.ts';
import { cpuMsOf } from '../../runtime/slices.fixture.ts';

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
      'a:\n  b:\n  |  c: SECRET\nd:\n',
      'users:\n- user:\n   | token: SECRET\ncontexts:\n',
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

  it('refuses what has too many words and signs before it makes anything of it, and says how many may be there', () => {
    const hostile = [
      `a: [${'[],'.repeat(340_000)}]`,
      'a: 1\n'.repeat(200_000),
      '\n'.repeat(1_000_000),
      `a: [${'1,'.repeat(20_000)}]`,
    ];
    for (const text of hostile)
      assert.equal(
        problemsOf(text),
        '1:1: too many words and signs (YAML tokens), allowed: 20000; is it the right file? If so, shorten it',
      );
    assert.equal(problemsOf(`a: [${'1,'.repeat(6000)}]`), '');
  });

  for (const signs of ['[', '{a: ', '- ', '? ', ': ', '!a ', '&a '])
    it(`refuses a nesting of "${signs}" before the parser falls into it`, () => {
      const tookMs = cpuMsOf(() =>
        assert.equal(problemsOf(signs.repeat(16_000)), '1:1: nested too deeply, allowed: sections and their keys'),
      );
      // It used to take seconds.
      assert.ok(tookMs < 500, `${tookMs} ms`);
    });

  it('finds the opening of each of very many quotes that are not closed', () => {
    const problems = problemsOf(Array.from({ length: 3000 }, (_, n) => `k${n}: "v`).join('\n')).split('\n');
    assert.equal(problems.length, 3000);
    assert.equal(problems[1234], '1235:8: not valid YAML: this quote is not closed');
  });
});
