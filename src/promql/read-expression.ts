import { check } from './check.ts';
import type { Expression } from './expression.ts';
import { parseWhole } from './parse.ts';
import { TokenStream, type Requirement } from './token-stream.ts';
import { PromqlError, type PromqlProblem } from './token.ts';

export type ReadExpression =
  | { readonly expression: Expression; readonly requirements: readonly Requirement[] }
  | { readonly stage: 'syntax' | 'types'; readonly problems: readonly PromqlProblem[] };

/** The limit on the length of an expression, in UTF-16 units. The longest that people write has a few thousand. */
export const maxExpressionLength = 256 * 1024;

/**
 * Reads an expression of PromQL with the verdict of promtool 3.15 without feature flags. The grammar and the checks are Prometheus'
 * own, told from its source: what they refuse is a problem at its offsets, in promtool's words. Never throws.
 */
export function readExpression(text: string): ReadExpression {
  if (text.length > maxExpressionLength)
    return refused({ message: tooLong(text), from: 0, to: text.length, exceedsLimit: true });
  try {
    const tokens = new TokenStream(text);
    const expression = parseWhole(tokens);
    if (tokens.problems.length > 0) return refused(...tokens.problems);
    const problems = check(expression);
    return problems.length > 0 ? { stage: 'types', problems } : { expression, requirements: tokens.requirements };
  } catch (error) {
    if (error instanceof PromqlError) return refused(error.problem);
    throw error;
  }
}

function refused(...problems: readonly PromqlProblem[]): ReadExpression {
  return { stage: 'syntax', problems };
}

function tooLong(text: string): string {
  return `the expression has ${text.length} characters; at most ${maxExpressionLength} are read`;
}
