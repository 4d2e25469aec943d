import { compileRegexp, MatcherError, maxRegexpSize, regexpSize } from '../matcher/anchored-regexp.ts';
import type { LabelMatcher, MatchOperator, Selector } from './expression.ts';
import type { TokenStream } from './token-stream.ts';
import { isLabelName, type Token } from './token.ts';
import { unquote } from './unquote.ts';

const operators: ReadonlySet<string> = new Set<MatchOperator>(['=', '!=', '=~', '!~']);

/** Reads `name{…}`, `name` or `{…}`. */
export function parseSelector(tokens: TokenStream): Selector {
  const { from } = tokens.next;
  const outside = tokens.next.kind === '{' ? undefined : tokens.take().text;
  const all = tokens.next.kind === '{' ? parseMatchers(tokens) : [];
  const span = { from, to: tokens.end };
  const names = all.filter(({ label }) => label === '__name__');
  if (outside !== undefined && names.length > 0)
    tokens.problem(`metric name must not be set twice: "${outside}" or "${names[0]!.value}"`, span);
  if (outside === undefined && all.every(matchesEmpty))
    tokens.problem('vector selector must contain at least one non-empty matcher', span);
  const equal = names.find(({ operator }) => operator === '=');
  return {
    type: 'selector',
    name: outside ?? equal?.value,
    matchers: all.filter((matcher) => matcher !== equal),
    hasOffset: false,
    hasTimestamp: false,
    ...span,
  };
}

function parseMatchers(tokens: TokenStream): readonly LabelMatcher[] {
  const matchers: LabelMatcher[] = [];
  tokens.expect('{', 'label matching');
  while (tokens.accept('}') === undefined) {
    matchers.push(parseMatcher(tokens));
    if (tokens.accept(',') === undefined && tokens.next.kind !== '}') tokens.fail('label matching', '"," or "}"');
  }
  return matchers;
}

function parseMatcher(tokens: TokenStream): LabelMatcher {
  const { kind } = tokens.next;
  if (kind !== 'string' && kind !== 'identifier') tokens.fail('label matching', 'identifier or "}"');
  const label = tokens.take();
  if (kind === 'string') tokens.requires('3.0', 'a quoted name of a metric or a label', label);
  if (!operators.has(tokens.next.kind)) return nameMatcher(tokens, label);
  const operator = tokens.take().kind as MatchOperator;
  const value = tokens.expect('string', 'label matching', 'string');
  const matcher: LabelMatcher = {
    label: kind === 'string' ? unquote(label.text) : label.text,
    operator,
    value: unquote(value.text),
    from: label.from,
    to: value.to,
  };
  checkRegexp(tokens, matcher, value);
  return matcher;
}

function nameMatcher(tokens: TokenStream, { kind, text, from, to }: Token): LabelMatcher {
  if (kind !== 'string') tokens.fail('label matching', 'label matching operator');
  return { label: '__name__', operator: '=', value: unquote(text), from, to };
}

function checkRegexp(tokens: TokenStream, { operator, value }: LabelMatcher, where: Token): void {
  if (operator !== '=~' && operator !== '!~') return;
  // Prometheus compares a text without special characters as it is, since 3.0 even one that is not UTF-8.
  if (!value.isWellFormed() && !/[\\.+*?()[\]{}^$]/.test(value))
    return tokens.requires('3.0', 'a regular expression that is not UTF-8', where);
  const compiled = compile(value);
  if (typeof compiled === 'string') tokens.problem(compiled, where);
}

/** Undefined if the expression is too large to be compiled here, a message if RE2 refuses it. */
function compile(expression: string): ReturnType<typeof compileRegexp> | string | undefined {
  if (regexpSize(expression) > maxRegexpSize) return undefined;
  try {
    return compileRegexp(expression);
  } catch (error) {
    if (error instanceof MatcherError) return error.message;
    throw error;
  }
}

/** True if the matcher takes a series without the label. */
function matchesEmpty({ operator, value }: LabelMatcher): boolean {
  if (operator === '=') return value === '';
  if (operator === '!=') return value !== '';
  if (!value.isWellFormed()) return value.split('|').includes('') === (operator === '=~');
  const compiled = compile(`^(?:${value})$`);
  return typeof compiled === 'object' && compiled.test('') === (operator === '=~');
}

/** Reads the labels in the parentheses of `by`, `without`, `on`, `ignoring`, `group_left` and `group_right`. */
export function parseLabels(tokens: TokenStream): readonly string[] {
  const labels: string[] = [];
  tokens.expect('(', 'grouping opts');
  while (tokens.accept(')') === undefined) {
    labels.push(parseLabel(tokens));
    if (tokens.accept(',') === undefined && tokens.next.kind !== ')') tokens.fail('grouping opts', '"," or ")"');
  }
  return labels;
}

function parseLabel(tokens: TokenStream): string {
  if (tokens.next.kind !== 'string' && !isLabelName(tokens.next)) tokens.fail('grouping opts', 'label');
  const token = tokens.take();
  if (token.kind === 'string' || token.text.includes(':'))
    tokens.requires('3.0', 'a label whose name is not of letters, digits and underscores', token);
  if (token.kind !== 'string') return token.text;
  const label = unquote(token.text);
  if (label === '' || !label.isWellFormed()) tokens.problem(`invalid label name for grouping: ${token.text}`, token);
  return label;
}
