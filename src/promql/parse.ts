import type { Aggregation, Binary, Call, Expression, Grouping, Matching } from './expression.ts';
import { functions } from './functions.ts';
import { parseOffsetOf, parseTimestampOf } from './modifiers.ts';
import { numberOf, parsePositiveDuration } from './parse-duration.ts';
import { parseLabels, parseSelector } from './parse-selector.ts';
import type { TokenStream } from './token-stream.ts';
import { aggregators, isMetricName, PromqlError, type Token } from './token.ts';
import { unquote } from './unquote.ts';

/** How tightly the binary operators bind. A sign binds as `*` does: `-a ^ b` is `-(a ^ b)`. */
const powers: Readonly<Record<string, number>> = Object.fromEntries(
  ['or', 'and unless', '== != <= < >= > </ >/', '+ -', '* / % atan2', '^'].flatMap((operators, index) =>
    operators.split(' ').map((operator) => [operator, index + 1]),
  ),
);
const unaryPower = 5;

/**
 * Reads a whole expression by the grammar of Prometheus (promql/parser/generated_parser.y). Throws {@link PromqlError} at the first
 * token that is wrong. What only one part of the expression has wrong becomes a problem of the stream.
 */
export function parseWhole(tokens: TokenStream): Expression {
  if (tokens.next.kind === 'end of input') throw new PromqlError('no expression found in input', tokens.next);
  const expression = parse(tokens, 0);
  if (tokens.next.kind !== 'end of input') tokens.fail();
  return expression;
}

/** Reads an expression of operators that bind more tightly than `least`. */
function parse(tokens: TokenStream, least: number): Expression {
  return tokens.nested(() => {
    let left = parseUnary(tokens);
    while ((powers[tokens.next.kind] ?? 0) > least) left = parseBinary(tokens, left);
    return left;
  });
}

function parseBinary(tokens: TokenStream, left: Expression): Binary {
  tokens.countOperator();
  const operator = tokens.take();
  const bool = tokens.accept('bool') !== undefined;
  const matching = parseMatching(tokens);
  parseFill(tokens);
  const power = powers[operator.kind]!;
  // A power is read from the right, everything else from the left.
  const right = parse(tokens, operator.kind === '^' ? power - 1 : power);
  if (operator.kind === '</' || operator.kind === '>/')
    tokens.requires('3.11', `the operator ${operator.kind}`, operator);
  return {
    type: 'binary',
    operator: operator.kind,
    operatorSpan: { from: operator.from, to: operator.to },
    bool,
    matching,
    left,
    right,
    from: left.from,
    to: right.to,
  };
}

function parseMatching(tokens: TokenStream): Matching {
  const kind = (tokens.accept('on') ?? tokens.accept('ignoring'))?.kind;
  if (kind !== 'on' && kind !== 'ignoring') return { kind: undefined, labels: [], group: undefined, included: [] };
  const labels = parseLabels(tokens);
  const group = (tokens.accept('group_left') ?? tokens.accept('group_right'))?.kind;
  // A parenthesis behind group_left belongs to it, even if an expression was meant.
  const included = group !== undefined && tokens.next.kind === '(' ? parseLabels(tokens) : [];
  return { kind, labels, group: group === 'group_left' || group === 'group_right' ? group : undefined, included };
}

/** `fill(0)` and its like, which Prometheus has only with a feature flag. */
function parseFill(tokens: TokenStream): void {
  const { kind } = tokens.next;
  if (kind !== 'fill' && kind !== 'fill_left' && kind !== 'fill_right') return;
  tokens.needsFeature('binop fill modifiers are experimental and not enabled', tokens.take());
  tokens.expect('(', kind);
  parseSignedNumber(tokens, kind);
  tokens.expect(')', kind);
  if (kind !== 'fill') parseFill(tokens);
}

function parseUnary(tokens: TokenStream): Expression {
  const sign = tokens.accept('+') ?? tokens.accept('-');
  if (sign === undefined) return parseModified(tokens, parsePrimary(tokens));
  const operand = parse(tokens, unaryPower);
  const span = { from: sign.from, to: operand.to };
  if (operand.type !== 'number') return { type: 'unary', operand, ...span };
  return { type: 'number', value: sign.kind === '-' ? -operand.value : operand.value, ...span };
}

/** Reads ranges, `offset` and `@`, which bind more tightly than every operator. */
function parseModified(tokens: TokenStream, primary: Expression): Expression {
  let expression = primary;
  for (;;) {
    const { kind } = tokens.next;
    if (kind === '[') expression = parseRange(tokens, expression);
    else if (kind === 'offset') expression = parseOffsetOf(tokens, expression);
    else if (kind === '@') expression = parseTimestampOf(tokens, expression);
    else if (kind === 'anchored' || kind === 'smoothed')
      tokens.needsFeature(`${kind} modifier is experimental and not enabled`, tokens.take());
    else return expression;
    tokens.countOperator();
  }
}

function parseRange(tokens: TokenStream, expression: Expression): Expression {
  const open = tokens.expect('[', 'range');
  const context = 'subquery or range selector';
  const { seconds } = parsePositiveDuration(tokens, context);
  if (tokens.accept(':') !== undefined) {
    if (tokens.next.kind !== ']') parsePositiveDuration(tokens, 'subquery selector');
    const { to } = tokens.expect(']', 'subquery selector');
    return { type: 'subquery', expression, seconds, hasOffset: false, hasTimestamp: false, from: expression.from, to };
  }
  const { to } = tokens.expect(']', 'subquery or range', '":" or "]"');
  const brackets = { from: open.from, to };
  if (expression.type !== 'selector') tokens.problem('ranges only allowed for vector selectors', brackets);
  else if (expression.hasOffset) tokens.problem('no offset modifiers allowed before range', brackets);
  else if (expression.hasTimestamp) tokens.problem('no @ modifiers allowed before range', brackets);
  return { type: 'range', selector: expression, seconds, from: expression.from, to };
}

function parsePrimary(tokens: TokenStream): Expression {
  const { kind, text, from, to } = tokens.next;
  switch (kind) {
    case 'number':
      return { type: 'number', value: numberOf(tokens, tokens.take()), from, to };
    case 'duration':
      tokens.requires('2.54', 'a duration as a number', tokens.next);
      return { type: 'number', value: numberOf(tokens, tokens.take()), from, to };
    case 'string':
      tokens.take();
      return { type: 'string', value: unquote(text), from, to };
    case '(':
      return parseParentheses(tokens);
    case '{':
      return parseSelector(tokens);
    default:
      return parseNamed(tokens);
  }
}

function parseParentheses(tokens: TokenStream): Expression {
  const { from } = tokens.expect('(', '');
  const expression = parse(tokens, 0);
  const { to } = tokens.expect(')', '');
  return { type: 'parentheses', expression, from, to };
}

const callable: ReadonlySet<string> = new Set(['identifier', 'start', 'end', 'step', 'range', 'max_of', 'min_of']);

/** Reads what begins with a name: a metric, a function or an aggregation. */
function parseNamed(tokens: TokenStream): Expression {
  const { kind } = tokens.next;
  if (!isMetricName(tokens.next)) return tokens.fail();
  const { following } = tokens;
  if (aggregators.has(kind) && (following === '(' || following === 'by' || following === 'without'))
    return parseAggregation(tokens);
  return callable.has(kind) && following === '(' ? parseCall(tokens) : parseSelector(tokens);
}

function parseCall(tokens: TokenStream): Call {
  const name = tokens.take();
  const known = functions.get(name.text);
  if (known === undefined)
    throw new PromqlError(`unknown function with name "${name.text}"`, name, { unknownFunction: name.text });
  const args = parseArguments(tokens);
  if (known.isExperimental) tokens.needsFeature(`function "${known.name}" is not enabled`, name);
  if (known.since !== undefined) tokens.requires(known.since, `the function ${known.name}`, name);
  return { type: 'call', function: known, args, from: name.from, to: tokens.end };
}

function parseArguments(tokens: TokenStream): readonly Expression[] {
  const args: Expression[] = [];
  tokens.expect('(', '');
  if (tokens.accept(')') !== undefined) return args;
  do {
    if (args.length > 0 && tokens.next.kind === ')')
      throw new PromqlError('trailing commas not allowed in function call args', tokens.next);
    args.push(parse(tokens, 0));
  } while (tokens.accept(',') !== undefined);
  tokens.expect(')', '', '"," or ")"');
  return args;
}

const parametrised: ReadonlySet<string> = new Set('topk bottomk count_values quantile limitk limit_ratio'.split(' '));

function parseAggregation(tokens: TokenStream): Aggregation {
  const operator = tokens.take();
  const before = parseGrouping(tokens);
  const args = parseArguments(tokens);
  const grouping = before ?? parseGrouping(tokens);
  const span = { from: operator.from, to: tokens.end };
  const hasParameter = parametrised.has(operator.kind);
  const expected = hasParameter ? 2 : 1;
  if (args.length !== expected) throw new PromqlError(wrongCount(args.length, expected), span);
  if (operator.kind.startsWith('limit'))
    tokens.needsFeature(
      `${operator.kind}() is experimental and must be enabled with --enable-feature=promql-experimental-functions`,
      span,
    );
  return {
    type: 'aggregation',
    operator: operator.kind,
    grouping,
    parameter: hasParameter ? args[0] : undefined,
    expression: args[expected - 1]!,
    ...span,
  };
}

function parseGrouping(tokens: TokenStream): Grouping | undefined {
  const kind = (tokens.accept('by') ?? tokens.accept('without'))?.kind;
  if (kind !== 'by' && kind !== 'without') return undefined;
  return { kind, labels: parseLabels(tokens) };
}

function wrongCount(found: number, expected: number): string {
  if (found === 0) return 'no arguments for aggregate expression provided';
  return `wrong number of arguments for aggregate expression provided, expected ${expected}, got ${found}`;
}

/** Reads the number of `fill`, with a sign or without. */
function parseSignedNumber(tokens: TokenStream, context: string): Token {
  if (tokens.accept('+') === undefined) tokens.accept('-');
  if (tokens.next.kind !== 'number' && tokens.next.kind !== 'duration') tokens.fail(context, 'number');
  const token = tokens.take();
  numberOf(tokens, token);
  return token;
}
