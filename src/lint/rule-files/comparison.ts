import { bare, comparisons, setOperators, type Binary, type Expression } from '../../promql/expression.ts';

/** A comparison of metrics with a number, the number on the right. */
export interface Comparison {
  readonly part: Binary;
  readonly operator: string;
  readonly compared: Expression;
  readonly limit: number;
}

const mirrored: Readonly<Record<string, string>> = {
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
  '==': '==',
  '!=': '!=',
};

/** The comparisons with a number on which it depends whether a condition gives a series. */
export function* decisiveComparisons(expression: Expression): Generator<Comparison> {
  const waiting = [expression];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const part = bare(next);
    if (part.type !== 'binary') continue;
    if (comparisons.has(part.operator) && !part.bool) yield* comparisonOf(part);
    else if (part.operator === 'unless') waiting.push(part.left);
    else if (setOperators.has(part.operator)) waiting.push(part.left, part.right);
  }
}

function* comparisonOf(part: Binary): Generator<Comparison> {
  const [left, right] = [bare(part.left), bare(part.right)];
  if (right.type === 'number') yield { part, operator: part.operator, compared: left, limit: right.value };
  else if (left.type === 'number')
    yield { part, operator: mirrored[part.operator]!, compared: right, limit: left.value };
}
