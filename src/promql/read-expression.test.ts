import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { walk, type Expression } from './expression.ts';
import { readExpression } from './read-expression.ts';

/** The first problem as `from-to: message`; undefined if there is none. */
function problemOf(text: string): string | undefined {
  const read = readExpression(text);
  if ('expression' in read) return undefined;
  const { from, to, message } = read.problems[0]!;
  return `${from}-${to}: ${message}`;
}

function expressionOf(text: string): Expression {
  const read = readExpression(text);
  assert.ok('expression' in read, `${text}: ${JSON.stringify(read)}`);
  return read.expression;
}

/** An expression with all its parentheses. */
function written(expression: Expression): string {
  if (expression.type === 'binary')
    return `(${written(expression.left)} ${expression.operator} ${written(expression.right)})`;
  if (expression.type === 'unary') return `-${written(expression.operand)}`;
  if (expression.type === 'parentheses') return written(expression.expression);
  return expression.type === 'number'
    ? String(expression.value)
    : expression.type === 'selector'
      ? expression.name!
      : '?';
}

describe('readExpression', () => {
  it('tells where an expression is wrong, in the words of promtool', () => {
    const expected: readonly (readonly [string, string])[] = [
      ['', '0-0: no expression found in input'],
      ['sum(up', '6-6: unclosed left parenthesis'],
      ['sum by (job (up)', '12-13: unexpected "(" in grouping opts, expected "," or ")"'],
      ['up)', "2-3: unexpected right parenthesis ')'"],
      ['up == ', '6-6: unexpected end of input'],
      ['up down', '3-7: unexpected identifier "down"'],
      ['up{job=prometheus}', '7-17: unexpected identifier "prometheus" in label matching, expected string'],
      ['up{job="a" instance="b"}', '11-19: unexpected identifier "instance" in label matching, expected "," or "}"'],
      ['up{job="a}', '7-10: unterminated quoted string'],
      ['up{job="a"', '10-10: unexpected end of input inside braces'],
      ['{job=""}', '0-8: vector selector must contain at least one non-empty matcher'],
      ['up{job=~"*"}', '8-11: error parsing regexp: missing argument to repetition operator: `*`'],
      ['up{__name__="down"}', '0-19: metric name must not be set twice: "up" or "down"'],
      ['rate(up)', '5-7: expected type range vector in call to function "rate", got instant vector'],
      ['rate(up[5 minutes])', "10-11: unexpected character: 'm', expected ':'"],
      ['rate(up[5mn])', '8-11: bad number or duration syntax: "5mn"'],
      ['rate(up[0s])', '8-10: duration must be greater than 0'],
      ['rates(up[5m])', '0-5: unknown function with name "rates"'],
      ['up[5m] > 1', '0-6: binary expression must contain only scalar and instant vector types'],
      ['1 > 2', '2-3: comparisons between scalars must use BOOL modifier'],
      ['up and 1', '0-8: set operator "and" not allowed in binary scalar expression'],
      ['a * on (b) group_left (b) c', '2-3: label "b" must not occur in ON and GROUP clause at once'],
      ['topk(up)', '0-8: wrong number of arguments for aggregate expression provided, expected 2, got 1'],
      ['round(up, 1, 2)', '0-15: expected at most 2 argument(s) in call to "round", got 3'],
      [
        'sum(up) offset 5m',
        '0-7: offset modifier must be preceded by an instant vector selector or range vector selector or a subquery',
      ],
      ['up @ Inf', '0-2: timestamp out of bounds for @ modifier: Infinity'],
      ['sum(rate(a[5m])', '15-15: unclosed left parenthesis'],
      ['a =~ b', "2-4: unexpected character after '=': '~'"],
      ['mad_over_time(a[5m])', '0-13: function "mad_over_time" is not enabled'],
      ['a + "b"', '4-7: binary expression must contain only scalar and instant vector types'],
      ['clamp(a, b, 1)', '9-10: expected type scalar in call to function "clamp", got instant vector'],
    ];
    for (const [text, problem] of expected) assert.equal(problemOf(text) ?? '', problem, text);
  });

  it('takes what Prometheus takes, however it is written', () => {
    for (const text of [
      'sum by (job, instance,) (rate(http_requests_total{code=~"5..",}[5m] offset 1h)) > 0 # a comment',
      'histogram_quantile(1./6., sum(rate(a_bucket[5m])) without (pod))',
      'SUM(a) BY (on, ignoring) + on() group_right(sum) b',
      'offset{step="1s"}[5m]',
      'and and and',
      'max_over_time((1 - avg(a))[1d:5m] @ end())',
      '{"http.status", "a b"=~`\\d+`}',
      'a > 1h and a < 0x1F and a != .5e-3 or vector(Inf)',
      "label_replace(a, 'b', \"\\u00e9$1\", `c`, '\\xc3\\xa9(.*)')",
      'start + end + range - step',
      'a[max_of(step() * 2, 5m):-(-1m)] @ -1.5 offset (5m) * 2',
    ])
      assert.equal(problemOf(text), undefined, text);
  });

  it('binds operators as Prometheus does', () => {
    const expected = {
      'a + b * c ^ d ^ e': '(a + (b * (c ^ (d ^ e))))',
      'a - b - c': '((a - b) - c)',
      '-a ^ b * c': '(-(a ^ b) * c)',
      'a ^ -b * c': '((a ^ -b) * c)',
      'a or b and c == d unless e': '(a or ((b and (c == d)) unless e))',
      '-1 ^ 2': '-(1 ^ 2)',
      '- -1': '1',
    };
    for (const [text, result] of Object.entries(expected)) assert.equal(written(expressionOf(text)), result, text);
  });

  it('reads what an expression selects', () => {
    const [selector] = [...walk(expressionOf('sum(rate({__name__="a", b!~"c.*", d=\'e\\\'f\'}[5m]))'))].filter(
      (part) => part.type === 'selector',
    );
    assert.equal(selector?.name, 'a');
    assert.deepEqual(
      selector?.matchers.map(({ label, operator, value }) => label + operator + value),
      ['b!~c.*', "d=e'f"],
    );
  });

  it('names the version of Prometheus that an expression needs', () => {
    const read = readExpression('histogram_avg({"a.b"}) > 5m');
    assert.ok('requirements' in read);
    assert.deepEqual(read.requirements.map(({ since, what }) => `${since} ${what}`).toSorted(), [
      '2.51 the function histogram_avg',
      '2.54 a duration as a number',
      '3.0 a quoted name of a metric or a label',
    ]);
  });

  it('turns a hostile expression into a problem, with no deep stack and in a moment', () => {
    const many = 25_000;
    for (const text of [
      '('.repeat(2 * many),
      `${'('.repeat(many)}a${')'.repeat(many)}`,
      `${'-'.repeat(2 * many)}1`,
      `${'a^'.repeat(many)}a`,
      `${'a+'.repeat(many)}a`,
      `${'abs('.repeat(many / 2)}a${')'.repeat(many / 2)}`,
      `a[${'('.repeat(many)}5m${')'.repeat(many)}]`,
      `a[${'-'.repeat(2 * many)}5m]`,
      `a${'[5m:]'.repeat(many / 2)}`,
      `a${' offset 5m'.repeat(many / 5)}`,
      'sum by (a) ('.repeat(many / 5),
      '"'.repeat(2 * many),
      'x'.repeat(12 * many),
    ])
      assert.ok(problemOf(text), text.slice(0, 20));
  });

  it('reads a chain of operators as long as the limit', () => {
    assert.equal(problemOf(`${'a or '.repeat(1999)}a`), undefined);
    assert.equal(problemOf(`${'1+'.repeat(1999)}1 > a`), undefined);
  });

  it('never throws, and every problem is at a place in the text', () => {
    const pieces =
      'a up sum rate by on ( ) [ ] { } , : 5m 1 "x" \' ` \\ = == =~ ! > - + ^ @ offset bool # \n é 😀 \ud83d \0 start 0x 1e'.split(
        ' ',
      );
    const texts = fc.array(fc.constantFrom(...pieces, ' ', ' '), { maxLength: 15 }).map((some) => some.join(''));
    fc.assert(
      fc.property(fc.oneof(texts, fc.string({ unit: 'binary-ascii' })), (text) => {
        const read = readExpression(text);
        const spans = 'problems' in read ? read.problems : [...walk(read.expression), ...read.requirements];
        assert.ok(spans.length > 0 || 'expression' in read);
        for (const { from, to } of spans) assert.ok(0 <= from && from <= to && to <= text.length, `${from}-${to}`);
      }),
      { numRuns: 300 },
    );
  });
});
