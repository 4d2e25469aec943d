import { nearestName } from '../../config/settings/unknown-key.ts';
import { typeOf } from '../../promql/expression.ts';
import { functions, renamedFunctions } from '../../promql/functions.ts';
import type { PromqlProblem } from '../../promql/token.ts';
import type { RuleContext } from '../rule.ts';
import type { FileRule } from './rule-file.ts';

/** Tells what is wrong with the expression of a rule, at its place in the file. */
export function checkExpression({ expression, kind }: FileRule, report: RuleContext['report']): void {
  if (expression === undefined) return;
  const { value, read } = expression;
  if ('problems' in read) {
    for (const problem of read.problems) reportProblem(problem, read.stage, expression, report);
    return;
  }
  const type = typeOf(read.expression);
  if (type === 'range vector' || type === 'string')
    report('promql-result', value, `the expression gives a ${type}, and a rule needs an instant vector or a number`, {
      hint:
        type === 'string'
          ? 'give it an expression over metrics'
          : 'put a function such as rate() or max_over_time() around it',
    });
  else if (type === 'scalar' && kind === 'alert') reportScalar(expression, report);
  for (const { since, what, from, to } of read.requirements)
    report('newer-prometheus', value.rangeOf(from, to), `${what} needs Prometheus ${since}`, {
      hint: 'an older Prometheus refuses the whole file',
    });
}

function reportScalar({ value }: NonNullable<FileRule['expression']>, report: RuleContext['report']): void {
  report('always-fires', value, 'the expression is a number, so that the alert always fires', {
    hint: 'compare a metric with it; for a watchdog write vector(1)',
  });
}

function reportProblem(
  problem: PromqlProblem,
  stage: 'syntax' | 'types',
  { value, text }: NonNullable<FileRule['expression']>,
  report: RuleContext['report'],
): void {
  // A problem at the end of the text is shown at its last character.
  const from = Math.min(problem.from, Math.max(text.trimEnd().length - 1, 0));
  const where = value.rangeOf(from, Math.max(problem.to, from + 1));
  if (problem.needsFeature === true)
    report('promql-feature', where, problem.message, {
      hint: 'Prometheus knows it only with --enable-feature; write it without',
    });
  else
    report(stage === 'types' ? 'promql-type' : 'promql-syntax', where, problem.message, {
      hint: hintFor(problem, stage),
    });
}

function hintFor({ unknownFunction, exceedsLimit }: PromqlProblem, stage: 'syntax' | 'types'): string {
  if (exceedsLimit === true) return 'Prometheus may take it; to have it checked, split it with recording rules';
  if (unknownFunction === undefined)
    return stage === 'types'
      ? 'put the right type there; Prometheus refuses the whole file'
      : 'Prometheus refuses the whole file';
  const renamed = renamedFunctions.get(unknownFunction);
  if (renamed !== undefined) return `since Prometheus 3.0 it is ${renamed}, behind a feature flag`;
  const nearest = nearestName(unknownFunction, functions.keys());
  return nearest === undefined ? 'Prometheus refuses the whole file' : `did you mean ${nearest}?`;
}
