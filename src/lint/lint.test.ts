import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { placesOf, problemsOf } from './lint.fixture.ts';

const configMap = `apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data:
  alertmanager.yml: |
    route: {receiver: a}
    receivers:
      - name: a
        slack_configs:
          - api_url_file: /etc/slack
            channel: #monitoring
            text: a
            text: b
`;

describe('lint', () => {
  it('names every problem of all documents in one go, in the order of the file', () => {
    assert.deepEqual(placesOf('a: 1\na: 2\n---\nb: #c\n---\nd: [\n---\ne: *f\n'), [
      '1:1 file-unknown',
      '2:1 duplicate-key',
      '4:1 file-unknown',
      '4:4 null-comment',
      '7:1 yaml-syntax',
      '8:1 file-unknown',
      '8:4 yaml-alias',
    ]);
  });

  it('has the places of the outer file for problems of a file in a ConfigMap', () => {
    assert.deepEqual(placesOf(configMap), ['11:22 null-comment', '13:13 duplicate-key']);
  });

  it('reads the objects of a list, and a file in a ConfigMap among them', () => {
    const list = `apiVersion: v1\nkind: List\nitems:\n- ${configMap.trimEnd().replaceAll('\n', '\n  ')}\n`;
    assert.deepEqual(placesOf(list), ['14:24 null-comment', '16:15 duplicate-key']);
  });

  it('says of aliases that write out to billions of values that they do, at once', () => {
    const lines = Array.from({ length: 30 }, (_, index) => `k${index}: &a${index} [*a${index - 1}, *a${index - 1}]`);
    assert.deepEqual(placesOf(['x: &a-1 [1]', ...lines].join('\n')), ['1:1 yaml-bomb']);
    const merged = `a: &a {${Array.from({ length: 999 }, (_, key) => `k${key}: 1`).join(', ')}}\n<<: [${'*a,'.repeat(999)}]`;
    assert.deepEqual(placesOf(merged).includes('2:1 yaml-bomb'), true);
  });

  it('says of a template of a chart that it has to be rendered', () => {
    assert.deepEqual(placesOf('a: b\n{{- if .Values.x }}\nc: d\n{{- end }}\n'), ['2:1 yaml-template']);
    assert.deepEqual(placesOf('{{ .Values.x }}\n', 'prometheus.yaml'), ['1:1 yaml-template']);
  });

  it('reads what a Secret has in base64, at the place of the value, and mends nothing there', () => {
    const inner = 'route: {receiver: b}\nreceivers: [{name: bb}]\n';
    const data = Buffer.from(inner).toString('base64');
    const problems = problemsOf(`apiVersion: v1\nkind: Secret\ndata:\n  alertmanager.yaml: ${data}\n`);
    assert.deepEqual(
      problems.map(({ line, column, code, fix }) => `${line}:${column} ${code} ${fix === undefined}`),
      ['4:22 undefined-receiver true'],
    );
  });

  it('reads a list of scrape configurations alone', () => {
    assert.deepEqual(placesOf('- job_name: a\n- job_name: a\n  schema: https\n', 'prometheus-additional.yaml'), [
      '2:13 duplicate-name',
      '3:3 unknown-key',
    ]);
  });

  it('tells of a value with aliases once', () => {
    const text = 'a: &a {receiver: b}\nroute: {receiver: c, routes: [*a, *a]}\nreceivers: [{name: c}]\n';
    assert.deepEqual(
      placesOf(text, 'alertmanager.yml').filter((place) => place.endsWith('undefined-receiver')),
      ['1:18 undefined-receiver'],
    );
  });

  it('searches a line of a megabyte, and one of secrets that are none', () => {
    assert.deepEqual(placesOf(`groups: []\na: "${'eyJ-'.repeat(250_000)}"\n`), ['2:1 unknown-key']);
    assert.deepEqual(placesOf(`groups: []\na: |\n${'  x\n'.repeat(1000)}  -----BEGIN PRIVATE KEY-----\n`), [
      '2:1 unknown-key',
      '1003:3 secret-in-clear',
    ]);
  });

  it('says of a map in a map two thousand times that it is nested too deeply', () => {
    const text = Array.from({ length: 2000 }, (_, depth) => `${' '.repeat(depth)}a:\n`).join('');
    assert.deepEqual(
      problemsOf(text).map(({ message }) => message),
      ['not read: it is nested too deeply'],
    );
  });

  it('tells of a carriage return alone, behind which it reads something else than the programs do', () => {
    assert.deepEqual(placesOf('# a\rgroups: []\r'), ['1:4 yaml-syntax']);
    assert.deepEqual(placesOf('groups: []\r\n# a\r\n'), []);
  });

  it('tells of the first document only, where a program reads no other', () => {
    const text = 'scrape_configs: []\n---\nscrape_configs: [{}]\n';
    assert.deepEqual(placesOf(text, 'prometheus.yml'), ['3:1 ignored-document']);
    assert.deepEqual(placesOf('groups: []\n---\ngroups: [{}]\n', 'rules.yml'), ['3:1 ignored-document']);
    const rule =
      'apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nmetadata: {name: a}\nspec: {groups: []}\n';
    assert.deepEqual(placesOf(`${rule}---\n${rule}`), []);
  });

  it('never throws, and every position lies in the file, whatever the text is', () => {
    const words =
      `a|:| |\n|- |  |#b|"|'|\\|&a |*a|[|]|{|}|,|<<|!t |---\n|apiVersion: v1\nkind: ConfigMap\ndata:\n|route:\n|receivers:\n`
        .concat(`|  x.yml: |😀|\r|groups:\n|kind: List\nitems:\n|scrape_configs:\n|null|1|http://a|{{|\t|? `)
        .split('|');
    const word = fc.constantFrom(...words, '|', '|\n    ', '>\n');
    const text = fc.oneof(
      fc.string({ unit: 'binary-ascii' }),
      fc.array(word, { maxLength: 30 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (source) => {
        const lines = source.split('\n');
        for (const { line, column, endLine, endColumn, code } of problemsOf(source)) {
          assert.notEqual(code, 'rule-failed');
          assert.ok(line >= 1 && line <= lines.length && endLine >= line && endLine <= lines.length);
          assert.ok(column >= 1 && column <= lines[line - 1]!.length + 1);
          assert.ok(endColumn >= 1 && endColumn <= lines[endLine - 1]!.length + 1);
        }
      }),
      { numRuns: 150 },
    );
  });
});
