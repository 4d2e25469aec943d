import {
  comparisons,
  setOperators,
  typeOf,
  walk,
  type Aggregation,
  type Binary,
  type Call,
  type Expression,
} from './expression.ts';
import type { PromqlFunction, ValueType } from './functions.ts';
import type { PromqlProblem, Span } from './token.ts';

type Report = (message: string, where: Span) => void;

/** Checks the types of an expression, as checkAST of promql/parser/parse.go does. */
export function check(expression: Expression): PromqlProblem[] {
  const problems: PromqlProblem[] = [];
  const report: Report = (message, { from, to }) => void problems.push({ message, from, to });
  for (const part of walk(expression)) checkPart(part, report);
  return problems;
}

function checkPart(part: Expression, report: Report): void {
  switch (part.type) {
    case 'aggregation':
      return checkAggregation(part, report);
    case 'binary':
      return checkBinary(part, report);
    case 'call':
      return checkCall(part, report);
    case 'unary':
      if (!isSimple(typeOf(part.operand)))
        report(
          `unary expression only allowed on expressions of type scalar or instant vector, got "${typeOf(part.operand)}"`,
          part,
        );
      return;
    case 'subquery':
      if (typeOf(part.expression) !== 'instant vector')
        report(`subquery is only allowed on instant vector, got ${typeOf(part.expression)} instead`, part);
      return;
    default:
  }
}

function isSimple(type: ValueType): boolean {
  return type === 'scalar' || type === 'instant vector';
}

function expectType(part: Expression, wanted: ValueType, context: string, report: Report): void {
  const type = typeOf(part);
  if (type !== wanted) report(`expected type ${wanted} in ${context}, got ${type}`, part);
}

function checkAggregation({ operator, parameter, expression }: Aggregation, report: Report): void {
  expectType(expression, 'instant vector', 'aggregation expression', report);
  if (parameter === undefined) return;
  expectType(parameter, operator === 'count_values' ? 'string' : 'scalar', 'aggregation parameter', report);
}

function checkBinary(binary: Binary, report: Report): void {
  const { operator, operatorSpan, bool, left, right } = binary;
  const [leftType, rightType] = [typeOf(left), typeOf(right)];
  const isComparison = comparisons.has(operator);
  if (bool && !isComparison) report('bool modifier can only be used on comparison operators', operatorSpan);
  if (isComparison && !bool && leftType === 'scalar' && rightType === 'scalar')
    report('comparisons between scalars must use BOOL modifier', operatorSpan);
  for (const [side, type] of [
    [left, leftType],
    [right, rightType],
  ] as const)
    if (!isSimple(type)) report('binary expression must contain only scalar and instant vector types', side);
  checkMatching(binary, leftType === 'instant vector' && rightType === 'instant vector', report);
  if (setOperators.has(operator) && (leftType === 'scalar' || rightType === 'scalar'))
    report(`set operator "${operator}" not allowed in binary scalar expression`, binary);
}

function checkMatching(binary: Binary, areVectors: boolean, report: Report): void {
  const { kind, labels, group, included } = binary.matching;
  for (const label of kind === 'on' ? labels.filter((each) => included.includes(each)) : [])
    report(`label "${label}" must not occur in ON and GROUP clause at once`, binary.operatorSpan);
  if (!areVectors) {
    if (labels.length > 0) report('vector matching only allowed between instant vectors', binary);
  } else if (group !== undefined && setOperators.has(binary.operator))
    report(`no grouping allowed for "${binary.operator}" operation`, binary);
}

function checkCall({ function: called, args, from, to }: Call, report: Report): void {
  const count = countProblem(called, args.length);
  if (count !== undefined) report(`${count} argument(s) in call to "${called.name}", got ${args.length}`, { from, to });
  const isRepeated = called.most > called.parameters.length;
  for (const [index, argument] of args.entries()) {
    const wanted = called.parameters[index] ?? (isRepeated ? called.parameters.at(-1) : undefined);
    if (wanted !== undefined) expectType(argument, wanted, `call to function "${called.name}"`, report);
  }
}

function countProblem({ least, most }: PromqlFunction, found: number): string | undefined {
  if (least === most) return found === least ? undefined : `expected ${least}`;
  if (found < least) return `expected at least ${least}`;
  return found > most ? `expected at most ${most}` : undefined;
}
