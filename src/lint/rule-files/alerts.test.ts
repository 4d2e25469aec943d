import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { alertFile, codesOfAlert, problemsOfFiles } from './rules.fixture.ts';

const annotations = (text: string) => ({ annotations: { runbook_url: 'a', summary: text } });

function hintsOf(keys: Readonly<Record<string, unknown>>): readonly string[] {
  return problemsOfFiles(alertFile(keys)).map(({ code, hint }) => `${code}: ${hint}`);
}

describe('a template of an alert', () => {
  it('has to close, and to name what there is', () => {
    assert.deepEqual(hintsOf(annotations('{{ $labels.instance')), [
      'template-syntax: Prometheus refuses the whole file',
    ]);
    assert.deepEqual(hintsOf(annotations('{{ $lables.x }}')), ['template-syntax: did you mean $labels?']);
    assert.deepEqual(hintsOf(annotations('{{ humanise $value }}')), ['template-syntax: did you mean humanize?']);
    assert.deepEqual(hintsOf({ labels: { severity: '{{ if }}' } }), [
      'template-syntax: Prometheus refuses the whole file',
    ]);
    assert.deepEqual(hintsOf(annotations('{{ .Label.x }}')), ['template-field: did you mean .Labels?']);
    assert.deepEqual(codesOfAlert(annotations('{{ $value.x }} {{ $labels.a.b }}')), [
      'template-field',
      'template-field',
    ]);
  });

  it('has its problem at the place in the text', () => {
    const text = `groups:\n- name: g\n  rules:\n  - alert: A\n    expr: a > 1\n    labels: {severity: a}\n    annotations:\n      runbook_url: a\n      summary: >-\n        a is at\n        {{ $valu }}\n`;
    const [problem] = problemsOfFiles(text);
    assert.deepEqual([problem?.line, problem?.column, problem?.endColumn], [11, 12, 17]);
  });

  it('may use every label that the expression leaves', () => {
    const expr = 'sum by (job) (a) > 1';
    assert.deepEqual(hintsOf({ expr, ...annotations('{{ $labels.job }} {{ .Labels.pod }}') }), [
      'template-label: keep it with by (pod) or group_left (pod); the expression leaves job',
    ]);
    assert.deepEqual(hintsOf({ expr, ...annotations('{{ index $labels "jop" }}') }), [
      'template-label: did you mean job?',
    ]);
    assert.deepEqual(codesOfAlert({ expr: 'a > 1', ...annotations('{{ $labels.anything }}') }), []);
    assert.deepEqual(codesOfAlert({ expr: 'max without (pod) (a) > 1', ...annotations('{{ $labels.pod }}') }), [
      'template-label',
    ]);
  });

  it('has braces, and stands in an alert', () => {
    assert.deepEqual(hintsOf(annotations('$labels.instance is down')), [
      'template-not-expanded: write {{ $labels.instance }}',
    ]);
    const record = { alert: undefined, record: 'a:b', annotations: undefined, labels: { l: '{{ $labels.a }}' } };
    assert.deepEqual(codesOfAlert(record), ['template-not-expanded']);
  });

  it('needs a newer Prometheus for some functions', () => {
    assert.deepEqual(codesOfAlert(annotations('{{ now }} {{ with $value }}{{ else with 1 }}{{ end }}')), [
      'newer-prometheus',
      'newer-prometheus',
    ]);
  });
});

describe('an alert', () => {
  it('has a severity and a runbook', () => {
    assert.deepEqual(codesOfAlert({ labels: {}, annotations: {} }), ['alert-runbook', 'alert-severity']);
    const grouped = { groups: [{ name: 'g', labels: { severity: 'a' }, rules: [{ alert: 'A', expr: 'a > 1' }] }] };
    assert.deepEqual(
      problemsOfFiles(JSON.stringify(grouped)).map(({ code }) => code),
      ['newer-prometheus', 'alert-runbook'],
    );
  });

  it('needs neither, if it is one of Kyma, and wakes pipelines', () => {
    assert.deepEqual(codesOfAlert({ alert: 'MetricGatewayAllDataDropped', labels: {}, annotations: {} }), []);
  });

  it('waits at least as long as the interval', () => {
    const prometheus = JSON.stringify({ global: { evaluation_interval: '1m' }, scrape_configs: [] });
    assert.deepEqual(codesOfAlert({ for: '30s' }), []);
    assert.deepEqual(codesOfAlert({ for: '30s' }, prometheus), ['for-below-interval']);
    assert.deepEqual(codesOfAlert({ for: '1m' }, prometheus), []);
    const group = (interval: string) =>
      alertFile({ for: '30s' }).replace('"rules"', `"interval": "${interval}", "rules"`);
    assert.deepEqual(
      problemsOfFiles(group('15s'), prometheus).map(({ code }) => code),
      [],
    );
    assert.deepEqual(
      problemsOfFiles(group('2m')).map(({ code }) => code),
      ['for-below-interval'],
    );
  });

  it('names a pipeline that there is, if the manifests of pipelines are there', () => {
    const pipeline = (kind: string, name: string) =>
      JSON.stringify({ apiVersion: 'telemetry.kyma-project.io/v1beta1', kind, metadata: { name } });
    const keys = (alert: string, name: string) => ({ alert, labels: { severity: 'a', pipeline_name: name } });
    const manifests = [pipeline('MetricPipeline', 'backend'), pipeline('LogPipeline', 'loki')];
    assert.deepEqual(codesOfAlert(keys('MetricGatewayX', 'bakcend')), []);
    assert.deepEqual(codesOfAlert(keys('MetricGatewayX', 'bakcend'), ...manifests), ['alert-pipeline']);
    assert.deepEqual(codesOfAlert(keys('MetricGatewayX', 'loki'), ...manifests), ['alert-pipeline']);
    assert.deepEqual(codesOfAlert(keys('MetricGatewayX', 'backend'), ...manifests), []);
    assert.deepEqual(codesOfAlert(keys('Other', 'loki'), ...manifests), []);
    assert.deepEqual(codesOfAlert(keys('MetricX', '{{ $labels.pipeline_name }}'), ...manifests), []);
    const [problem] = problemsOfFiles(alertFile(keys('MetricGatewayX', 'bakcend')), ...manifests);
    assert.equal(problem?.hint, 'did you mean backend?');
  });
});
