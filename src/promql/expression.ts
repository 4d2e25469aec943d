import type { PromqlFunction, ValueType } from './functions.ts';
import type { Span } from './token.ts';

export type MatchOperator = '=' | '!=' | '=~' | '!~';

export interface LabelMatcher extends Span {
  readonly label: string;
  readonly operator: MatchOperator;
  readonly value: string;
}

export interface NumberLiteral extends Span {
  readonly type: 'number';
  readonly value: number;
}

export interface StringLiteral extends Span {
  readonly type: 'string';
  readonly value: string;
}

export interface Selector extends Span {
  readonly type: 'selector';
  /** The name of the metric: in front of the braces, alone in them, or as the matcher of `__name__` with `=`. */
  readonly name: string | undefined;
  /** Without that of the name. */
  readonly matchers: readonly LabelMatcher[];
  readonly hasOffset: boolean;
  readonly hasTimestamp: boolean;
}

export interface RangeSelector extends Span {
  readonly type: 'range';
  readonly selector: Expression;
  /** Undefined if it is arithmetic. */
  readonly seconds: number | undefined;
}

export interface Subquery extends Span {
  readonly type: 'subquery';
  readonly expression: Expression;
  readonly seconds: number | undefined;
  readonly hasOffset: boolean;
  readonly hasTimestamp: boolean;
}

export interface Call extends Span {
  readonly type: 'call';
  readonly function: PromqlFunction;
  readonly args: readonly Expression[];
}

export interface Grouping {
  readonly kind: 'by' | 'without';
  readonly labels: readonly string[];
}

export interface Aggregation extends Span {
  readonly type: 'aggregation';
  readonly operator: string;
  readonly grouping: Grouping | undefined;
  readonly parameter: Expression | undefined;
  readonly expression: Expression;
}

export interface Matching {
  /** Undefined if all labels have to be equal. */
  readonly kind: 'on' | 'ignoring' | undefined;
  readonly labels: readonly string[];
  readonly group: 'group_left' | 'group_right' | undefined;
  /** The labels that `group_left` or `group_right` copies from the side with one series. */
  readonly included: readonly string[];
}

export interface Binary extends Span {
  readonly type: 'binary';
  readonly operator: string;
  readonly operatorSpan: Span;
  readonly bool: boolean;
  readonly matching: Matching;
  readonly left: Expression;
  readonly right: Expression;
}

export interface Unary extends Span {
  readonly type: 'unary';
  readonly operand: Expression;
}

export interface Parentheses extends Span {
  readonly type: 'parentheses';
  readonly expression: Expression;
}

/** An expression of PromQL, as it was written. */
export type Expression =
  | NumberLiteral
  | StringLiteral
  | Selector
  | RangeSelector
  | Subquery
  | Call
  | Aggregation
  | Binary
  | Unary
  | Parentheses;

export const comparisons: ReadonlySet<string> = new Set(['==', '!=', '<', '<=', '>', '>=']);
export const setOperators: ReadonlySet<string> = new Set(['and', 'or', 'unless']);

export function typeOf(expression: Expression): ValueType {
  switch (expression.type) {
    case 'number':
      return 'scalar';
    case 'string':
      return 'string';
    case 'range':
    case 'subquery':
      return 'range vector';
    case 'call':
      return expression.function.result;
    case 'unary':
      return typeOf(expression.operand);
    case 'parentheses':
      return typeOf(expression.expression);
    case 'binary':
      return isScalar(expression) ? 'scalar' : 'instant vector';
    case 'selector':
    case 'aggregation':
      return 'instant vector';
  }
}

/** A loop down the left side: a chain of operators is as deep as it is long. */
function isScalar(expression: Expression): boolean {
  let left = expression;
  while (left.type === 'binary') {
    if (typeOf(left.right) !== 'scalar') return false;
    left = left.left;
  }
  return typeOf(left) === 'scalar';
}

/** The parts of an expression, in the order in which they stand. */
export function partsOf(expression: Expression): readonly Expression[] {
  switch (expression.type) {
    case 'range':
      return [expression.selector];
    case 'subquery':
    case 'parentheses':
      return [expression.expression];
    case 'call':
      return expression.args;
    case 'aggregation':
      return expression.parameter === undefined
        ? [expression.expression]
        : [expression.parameter, expression.expression];
    case 'binary':
      return [expression.left, expression.right];
    case 'unary':
      return [expression.operand];
    case 'number':
    case 'string':
    case 'selector':
      return [];
  }
}

/** The expression and everything in it, outside first. */
export function* walk(expression: Expression): Generator<Expression> {
  const waiting = [expression];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    yield next;
    waiting.push(...partsOf(next).toReversed());
  }
}

/** The expression without the parentheses around it. */
export function bare(expression: Expression): Expression {
  let inner = expression;
  while (inner.type === 'parentheses') inner = inner.expression;
  return inner;
}
