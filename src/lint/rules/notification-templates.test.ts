import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { problemsOf } from '../lint.fixture.ts';

function told(text: string, name = 'alertmanager.yml'): readonly string[] {
  return problemsOf(text, name)
    .filter(({ code }) => code.startsWith('template-'))
    .map(({ line, column, code, hint }) => `${line}:${column} ${code}: ${hint}`);
}

const receiver = (text: string) =>
  `route: {receiver: a}\nreceivers:\n- name: a\n  slack_configs:\n  - api_url_file: /a\n    channel: a\n    text: ${text}\n`;

describe('a template of a notification', () => {
  it('has to close, and to name functions and fields that there are', () => {
    assert.deepEqual(told(receiver("'{{ .CommonLabels.a'")), [
      '7:12 template-syntax: Alertmanager sends nothing with it',
    ]);
    assert.deepEqual(told(receiver("'{{ toUper .Status }}'")), ['7:15 template-syntax: did you mean toUpper?']);
    assert.deepEqual(told(receiver("'{{ humanize 1 }}'")).length, 1);
    assert.deepEqual(told(receiver("'{{ .Staus }}'")), ['7:15 template-field: did you mean .Status?']);
    assert.deepEqual(told(receiver("'{{ .Labels.a }}'")), [
      '7:15 template-field: each alert has its own: {{ range .Alerts }}{{ .Labels.… }}{{ end }}, or take .CommonLabels',
    ]);
  });

  it('may be what Alertmanager takes', () => {
    const text = `>-\n      {{ range .Alerts.Firing }}{{ .Labels.a }}{{ end }} {{ template "b" . }}\n      {{ .CommonAnnotations.SortedPairs.Values | join ", " }} {{ (index .Alerts 0).Labels.a | toUpper }}`;
    assert.deepEqual(told(receiver(text)), []);
  });

  it('may stand in a file of templates, or in one in a ConfigMap', () => {
    assert.deepEqual(told('{{ define "a" }}{{ .Labels.b }}{{ end }}\n{{ define "c" }}', 'a.tmpl'), [
      '2:1 template-syntax: Alertmanager sends nothing with it',
    ]);
    const configMap = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  a.tmpl: |\n    a\n    {{ nowhere }}\n`;
    assert.deepEqual(told(configMap, 'a.yaml'), ['7:8 template-syntax: Alertmanager sends nothing with it']);
  });
});
