import type { Expression, RangeSelector, Selector, Subquery } from './expression.ts';
import { numberOf, parseOffset } from './parse-duration.ts';
import type { TokenStream } from './token-stream.ts';
import type { Span } from './token.ts';

type Modified = Selector | Subquery;

/** Reads `offset 5m` behind an expression. */
export function parseOffsetOf(tokens: TokenStream, expression: Expression): Expression {
  tokens.expect('offset', '');
  const duration = parseOffset(tokens);
  const { seconds } = duration;
  if (seconds === 0) tokens.requires('2.54', 'an offset of zero', duration);
  return modify(tokens, expression, 'offset modifier', (inner) => {
    if (inner.hasOffset) tokens.problem('offset may not be set multiple times', expression);
    return { ...inner, hasOffset: seconds !== 0 };
  });
}

/** Reads `@ 1700000000`, `@ start()` or `@ end()` behind an expression. */
export function parseTimestampOf(tokens: TokenStream, expression: Expression): Expression {
  tokens.expect('@', '');
  const isWord = tokens.next.kind === 'start' || tokens.next.kind === 'end';
  const seconds = isWord ? parseWord(tokens) : parseSeconds(tokens);
  if (!(Math.abs(seconds) < 2 ** 63)) tokens.problem(`timestamp out of bounds for @ modifier: ${seconds}`, expression);
  return modify(tokens, expression, '@ modifier', (inner) => {
    if (inner.hasTimestamp) tokens.problem('@ <timestamp> may not be set multiple times', expression);
    return { ...inner, hasTimestamp: true };
  });
}

function parseWord(tokens: TokenStream): number {
  tokens.take();
  tokens.expect('(', '@');
  tokens.expect(')', '@');
  return 0;
}

function parseSeconds(tokens: TokenStream): number {
  const sign = tokens.accept('+') ?? tokens.accept('-');
  if (tokens.next.kind !== 'number' && tokens.next.kind !== 'duration') tokens.fail('@', 'timestamp');
  if (tokens.next.kind === 'duration') tokens.requires('2.54', 'a duration as a number', tokens.next);
  const seconds = numberOf(tokens, tokens.take());
  return sign?.kind === '-' ? -seconds : seconds;
}

/** A range takes the modifier of its selector, as in `a[5m] offset 1h`. */
function modify(
  tokens: TokenStream,
  expression: Expression,
  modifier: string,
  change: (inner: Modified) => Modified,
): Expression {
  const span: Span = { from: expression.from, to: tokens.end };
  if (expression.type === 'selector' || expression.type === 'subquery') return { ...change(expression), ...span };
  if (expression.type === 'range') return modifyRange(tokens, expression, change, span);
  const allowed = 'an instant vector selector or range vector selector or a subquery';
  tokens.problem(`${modifier} must be preceded by ${allowed}`, expression);
  return expression;
}

function modifyRange(
  tokens: TokenStream,
  range: RangeSelector,
  change: (inner: Modified) => Modified,
  span: Span,
): RangeSelector {
  const { selector } = range;
  if (selector.type === 'selector') return { ...range, selector: change(selector), ...span };
  tokens.problem('ranges only allowed for vector selectors', range);
  return range;
}
