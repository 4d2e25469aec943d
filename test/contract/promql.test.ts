import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { readExpression } from '../../src/promql/read-expression.ts';
import { expressionVerdicts, skipWithoutPromtool, type PromtoolVersion } from '../support/promtool.ts';
import { arbitraryPromql } from './arbitrary-promql.ts';
import { corpus } from './promql-corpus.ts';

const randomExpressions = 6000;
const seed = Number(process.env['FUZZ_SEED'] ?? 20_261_130);

/** What version 2.42 takes by mistake (`@ start()` before a range, a word in brackets, `0x5e`), and a function that was renamed. */
const onlyOldTakes =
  /no @ modifiers allowed before range|unexpected character: '[a-z]', expected ':'|bad number .*"0x|holt_winters/i;

/** True if an expression is refused: for an old Prometheus that includes what only a newer one knows. */
function refusal(version: PromtoolVersion, expression: string): string | undefined {
  const read = readExpression(expression);
  if ('problems' in read) return read.problems[0]!.message;
  return version === '2.42' ? read.requirements[0]?.what : undefined;
}

interface Difference {
  readonly expression: string;
  readonly promtool: string | undefined;
  readonly tocsin: string | undefined;
}

function differences(version: PromtoolVersion, expressions: readonly string[]): readonly Difference[] {
  const verdicts = expressionVerdicts(version, expressions);
  return expressions
    .map((expression, index) => ({ expression, promtool: verdicts[index], tocsin: refusal(version, expression) }))
    .filter(({ promtool, tocsin }) => (promtool === undefined) !== (tocsin === undefined))
    .filter(({ promtool, tocsin }) => {
      const isKnown = version === '2.42' && promtool === undefined && onlyOldTakes.test(tocsin ?? '');
      return !isKnown;
    });
}

describe('an expression of PromQL, beside promtool', { skip: skipWithoutPromtool }, () => {
  for (const version of ['3.15', '2.42'] as const) {
    it(`has the verdict of promtool ${version}, over the corpus`, () => {
      assert.deepEqual(
        differences(
          version,
          corpus.filter((text) => text.trim() !== ''),
        ),
        [],
      );
    });

    it(`has the verdict of promtool ${version}, over random expressions`, (test) => {
      const expressions = [...new Set(fc.sample(arbitraryPromql, { seed, numRuns: randomExpressions }))];
      test.diagnostic(`seed ${seed}, ${expressions.length} expressions`);
      assert.deepEqual(differences(version, expressions), []);
    });
  }

  it('is right in a good part of the random expressions, so that both verdicts are tried', () => {
    const expressions = fc.sample(arbitraryPromql, { seed, numRuns: 1000 });
    const right = expressions.filter((expression) => 'expression' in readExpression(expression)).length;
    assert.ok(right > 100 && right < 900, `${right} of 1000`);
  });

  it('is wrong at the place that promtool names, for most of the corpus', () => {
    const wrong = corpus.filter(
      (text) => text.trim() !== '' && 'problems' in readExpression(text) && !text.includes('\n'),
    );
    const verdicts = expressionVerdicts('3.15', wrong);
    const elsewhere = wrong.filter((text, index) => {
      const column = Number(/: 1:(\d+): parse error/.exec(verdicts[index] ?? '')?.[1]);
      const read = readExpression(text);
      return !('problems' in read && read.problems[0]!.from + 1 === column);
    });
    // Where promtool points at a whole expression or at the end of a word, we point at the word.
    assert.ok(elsewhere.length < wrong.length / 4, `${elsewhere.length} of ${wrong.length}: ${elsewhere.join('   ')}`);
  });
});
