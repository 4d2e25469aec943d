import { maxDurationSeconds, readDuration, readNumber } from './number.ts';
import type { TokenStream } from './token-stream.ts';
import type { Span, Token } from './token.ts';

/** A duration in brackets, or behind `offset`. */
export interface Duration extends Span {
  /** Undefined if it is arithmetic, so that Prometheus knows it only when it evaluates the expression. */
  readonly seconds: number | undefined;
}

const powers: Readonly<Record<string, number>> = { '+': 1, '-': 1, '*': 2, '/': 2, '%': 2, '^': 3 };
const unaryPower = 2;

/** Reads a number or a duration as a number of seconds. */
export function numberOf(tokens: TokenStream, token: Token): number {
  if (token.kind === 'number') {
    const value = readNumber(token.text);
    if (value === undefined) tokens.problem(`error parsing number: "${token.text}"`, token);
    if (token.text.includes('_')) tokens.requires('2.54', 'an underscore in a number', token);
    return value ?? 0;
  }
  const read = readDuration(token.text);
  if ('message' in read) tokens.problem(read.message, token);
  return 'seconds' in read ? read.seconds : 0;
}

/** Reads the length of a range or the step of a subquery. */
export function parsePositiveDuration(tokens: TokenStream, context: string): Duration {
  const duration = parseDuration(tokens, context);
  if (duration.seconds !== undefined && duration.seconds <= 0)
    tokens.problem('duration must be greater than 0', duration);
  return duration;
}

/**
 * Reads what stands behind `offset`. `offset 5m * 2` is a product; only behind parentheses, as in `offset (5m) * 2`, does Prometheus go
 * on reading a duration.
 */
export function parseOffset(tokens: TokenStream): Duration {
  const sign = acceptSign(tokens);
  const { kind } = tokens.next;
  if (sign === undefined && kind === '(') return parseDuration(tokens, 'offset');
  if (sign !== undefined && (kind === '+' || kind === '-'))
    return parseOperators(tokens, parseDuration(tokens, 'offset', unaryPower), 'offset', 0);
  if (kind !== 'number' && kind !== 'duration' && kind !== '(' && !isWord(tokens.next))
    tokens.fail('offset', 'number, duration, step(), or range()');
  const operand = parseOperand(tokens, 'offset');
  return sign === undefined ? operand : signed(tokens, sign, operand);
}

function parseDuration(tokens: TokenStream, context: string, least = 0): Duration {
  return tokens.nested(() => parseOperators(tokens, parseSigned(tokens, context), context, least));
}

function parseOperators(tokens: TokenStream, first: Duration, context: string, least: number): Duration {
  let left = first;
  for (;;) {
    const operator = tokens.next;
    const power = powers[operator.kind] ?? 0;
    if (power <= least) return left;
    tokens.take();
    tokens.countOperator();
    // A power is read from the right.
    const right = parseDuration(tokens, context, operator.kind === '^' ? power - 1 : power);
    if (right.seconds === 0 && (operator.kind === '/' || operator.kind === '%'))
      tokens.problem(`${operator.kind === '/' ? 'division' : 'modulo'} by zero`, operator);
    left = arithmetic(tokens, { from: left.from, to: right.to });
  }
}

function parseSigned(tokens: TokenStream, context: string): Duration {
  const sign = acceptSign(tokens);
  if (sign === undefined) return parseOperand(tokens, context);
  tokens.requires('3.4', 'a sign in a duration', sign);
  return signed(tokens, sign, parseDuration(tokens, context, unaryPower));
}

function acceptSign(tokens: TokenStream): Token | undefined {
  return tokens.accept('+') ?? tokens.accept('-');
}

function signed(tokens: TokenStream, sign: Token, { seconds, to }: Duration): Duration {
  const span = { from: sign.from, to };
  if (seconds === undefined) return { seconds, ...span };
  return inRange(tokens, { seconds: sign.kind === '-' ? -seconds : seconds, ...span });
}

function parseOperand(tokens: TokenStream, context: string): Duration {
  const { kind, from, to } = tokens.next;
  if (kind === 'number' || kind === 'duration') {
    const token = tokens.take();
    if (kind === 'number') tokens.requires('2.54', 'a number as a duration', token);
    return inRange(tokens, { seconds: numberOf(tokens, token), from, to });
  }
  if (kind === '(') return parseParentheses(tokens, context);
  if (isWord(tokens.next)) return parseWord(tokens, context);
  return tokens.fail(context, 'number, duration, step(), or range()');
}

function isWord({ kind }: Token): boolean {
  return kind === 'step' || kind === 'range' || kind === 'max_of' || kind === 'min_of';
}

function parseParentheses(tokens: TokenStream, context: string): Duration {
  const { from } = tokens.expect('(', context);
  parseDuration(tokens, context);
  const { to } = tokens.expect(')', context);
  return arithmetic(tokens, { from, to });
}

function parseWord(tokens: TokenStream, context: string): Duration {
  const word = tokens.take();
  tokens.expect('(', context);
  if (word.kind === 'max_of' || word.kind === 'min_of') {
    parseDuration(tokens, context);
    tokens.expect(',', context);
    parseDuration(tokens, context);
  }
  const { to } = tokens.expect(')', context);
  return arithmetic(tokens, { from: word.from, to });
}

function arithmetic(tokens: TokenStream, span: Span): Duration {
  tokens.requires('3.14', 'arithmetic in a duration', span);
  return { seconds: undefined, from: span.from, to: span.to };
}

function inRange(tokens: TokenStream, duration: Duration): Duration {
  // NaN is in range, as it is for Prometheus.
  if (Math.abs(duration.seconds ?? 0) > maxDurationSeconds) tokens.problem('duration out of range', duration);
  return duration;
}
