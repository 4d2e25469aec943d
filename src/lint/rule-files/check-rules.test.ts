import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { placesOf, problemsOf } from '../lint.fixture.ts';
import { alertFile, codesOfAlert } from './rules.fixture.ts';

/** An alert with its expression as it is written in YAML, indented by eight. */
function withExpression(expression: string): string {
  const lines = ['groups:', '- name: g', '  rules:', '  - alert: A', `    expr: ${expression}`];
  return [...lines, '    labels: {severity: warning}', '    annotations: {runbook_url: a}', ''].join('\n');
}

describe('the structure of a rule file', () => {
  it('has nothing wrong for a file of every key', () => {
    const text = `groups:
- name: a
  interval: 30s
  limit: 5
  rules:
  - alert: A
    expr: c{job="a"} < 0.5 and absent(b)
    for: 5m
    keep_firing_for: 1h30m
    labels: {severity: warning, n: 1}
    annotations: {runbook_url: 'https://example.com', summary: '{{ $labels.instance }} is at {{ $value }}'}
  - record: a:b:rate5m
    expr: rate(a[5m])
    labels: {team: b}
`;
    assert.deepEqual(placesOf(text), []);
  });

  it('tells every problem of its keys in one go', () => {
    const text = `groups:
- name: a
  intervall: 1m
  rules:
  - alerts: A
    expr: up
  - alert: A
    exp: a > 1
    For: 5m
    labels: [a]
  - record: a{b="c"}
    expr: a
    for: 5m
  - alert: B
    record: b
    expr: {a: b}
    for: 5 minutes
- name: a
  rules: {a: b}
- rules: []
`;
    const errors = problemsOf(text).filter(({ severity }) => severity === 'error');
    assert.deepEqual(
      errors.map(({ line, column, code, hint }) => `${line}:${column} ${code}: ${hint}`),
      [
        '3:3 unknown-key: did you mean interval?',
        '5:5 unknown-key: did you mean alert?',
        '5:5 missing-key: alert names an alert, record the metric that the rule writes',
        '7:12 missing-key: give it an expression of PromQL',
        '8:5 unknown-key: did you mean expr?',
        '9:5 unknown-key: did you mean for?',
        '10:13 wrong-type: Prometheus refuses the whole file; docs/checks.md shows the form',
        '11:13 rule-metric-name: labels belong into labels, an expression into expr',
        '13:5 conflicting-keys: only an alert has it',
        '15:13 conflicting-keys: make two rules of it',
        '16:11 missing-key: give it an expression of PromQL',
        '16:11 wrong-type: Prometheus refuses the whole file; docs/checks.md shows the form',
        '17:5 conflicting-keys: only an alert has it',
        '17:10 bad-duration: write it as 30s, 5m or 1h30m: whole numbers with units, the largest first',
        '18:9 duplicate-name: Prometheus refuses the whole file: rename one of them, or join them',
        '19:10 wrong-type: Prometheus refuses the whole file; docs/checks.md shows the form',
        '20:3 missing-key: give it a name that no other group of the file has',
      ],
    );
  });

  it('tells of labels and annotations that no Prometheus takes, and that only a new one does', () => {
    assert.deepEqual(codesOfAlert({ labels: { severity: 'a', __name__: 'b', 'c-d': 'e' } }), [
      'rule-label-name',
      'newer-prometheus',
    ]);
    assert.deepEqual(codesOfAlert({ annotations: { runbook_url: 'a', 'run-book': 'b' } }), ['newer-prometheus']);
  });

  it('tells of a rule that is there twice, in any group of the file', () => {
    const rule = (name: string, label: string) => `{record: ${name}, expr: a, labels: {l: ${label}}}`;
    const text = `groups:\n- {name: a, rules: [${rule('a', 'x')}, ${rule('a', 'y')}]}\n- {name: b, rules: [\n  ${rule('a', 'x')}]}\n`;
    assert.deepEqual(placesOf(text), ['4:12 rule-duplicate']);
  });

  it('lets a PrometheusRule have the key that is for Thanos', () => {
    const object = `apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: a}\nspec:\n  groups:\n  - name: a\n    partial_response_strategy: warn\n    rules: []\n`;
    assert.deepEqual(placesOf(object), []);
    assert.deepEqual(placesOf('groups:\n- name: a\n  partial_response_strategy: warn\n'), ['3:3 unknown-key']);
  });
});

describe('a problem of an expression', () => {
  it('stands where it is in the file, however the expression is written', () => {
    const expected: Readonly<Record<string, string>> = {
      'rates(a[5m]) > 1': '5:11 promql-syntax',
      '"sum by (\\"a\\") (rates(a[5m])) > 1"': '5:28 promql-syntax',
      "'a{b=''c''} > rates(a[5m])'": '5:25 promql-syntax',
      '|\n        sum(\n          rates(a[5m])\n        ) > 1': '7:11 promql-syntax',
      '>-\n        sum(\n        rates(a[5m])\n        ) > 1': '7:9 promql-syntax',
      'sum(\n        rates(a[5m])) > 1': '6:9 promql-syntax',
      '>\n        a > 1\n\n        or up{b="c"': '8:19 promql-syntax',
      '|-\n        rate(a) > 1': '6:14 promql-type',
      '# a comment\n        rate(a[5m]) > mad_over_time(b[5m])': '6:23 promql-feature',
      '(a > 1': '5:16 promql-syntax',
    };
    for (const [expression, place] of Object.entries(expected))
      assert.deepEqual(
        placesOf(withExpression(expression)).filter((each) => !/newer/.test(each)),
        [place],
        expression,
      );
  });

  it('stands there as well in a PrometheusRule, and in a rule file in a ConfigMap', () => {
    const file = withExpression('|\n        a\n          == rates(b[5m])');
    const indented = (by: number): string => file.replaceAll(/^(?=.)/gm, ' '.repeat(by));
    const head = (kind: string): string => `apiVersion: v1\nkind: ${kind}\nmetadata: {name: a}\n`;
    assert.deepEqual(placesOf(file), ['7:14 promql-syntax']);
    assert.deepEqual(placesOf(`${head('PrometheusRule')}spec:\n${indented(2)}`), ['11:16 promql-syntax']);
    assert.deepEqual(placesOf(`${head('ConfigMap')}data:\n  rules.yml: |\n${indented(4)}`), ['12:18 promql-syntax']);
  });

  it('comes with a hint: a function that is nearly right, was renamed or needs a feature flag', () => {
    const hint = (expr: string): string | undefined => problemsOf(alertFile({ expr }))[0]?.hint;
    assert.equal(hint('rates(a[5m]) > 1'), 'did you mean rate?');
    assert.equal(
      hint('holt_winters(a[5m], 0.5, 0.5) > 1'),
      'since Prometheus 3.0 it is double_exponential_smoothing, behind a feature flag',
    );
    assert.equal(hint('mad_over_time(a[5m]) > 1'), 'Prometheus knows it only with --enable-feature; write it without');
  });

  it('is told of what promtool takes and no rule can use', () => {
    assert.deepEqual(codesOfAlert({ expr: 'a[5m]' }), ['promql-result']);
    assert.deepEqual(codesOfAlert({ expr: '"a"' }).includes('promql-result'), true);
    assert.deepEqual(codesOfAlert({ expr: '1 > bool 2' }), ['always-fires']);
  });

  it('names the version that an older Prometheus lacks', () => {
    const [problem] = problemsOf(alertFile({ expr: 'histogram_avg(a) > 1h' }));
    assert.equal(problem?.message, 'the function histogram_avg needs Prometheus 2.51');
    assert.equal(problem.severity, 'info');
  });
});

describe('a rule file', () => {
  it('never makes lint throw, and every position lies in the file', () => {
    const pieces =
      'groups:|- name: a|  rules:|  - alert: A|    expr: |a >|up == 0|rate(|{{ $labels.|"|\'|: |[|]|{|}|\n|\n    |>-|labels: {a: b}|record|for: 5|1|null'.split(
        '|',
      );
    const texts = fc.array(fc.constantFrom(...pieces), { maxLength: 20 }).map((some) => some.join(''));
    const rules = fc.record(
      { expr: fc.oneof(texts, fc.constant(['x'])), labels: fc.dictionary(fc.string(), texts), for: texts },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          texts.map((text) => `groups:\n- name: a\n  rules:\n  - alert: A\n    expr: ${text}`),
          texts,
          rules.map(alertFile),
        ),
        (text) => {
          const lines = text.split('\n');
          for (const { line, column } of problemsOf(text))
            assert.ok(column <= (lines[line - 1]?.length ?? -1) + 1, `${line}:${column}`);
        },
      ),
      { numRuns: 150 },
    );
  });
});
