import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { goFunctions, readTemplate } from './template.ts';

const names = { functions: new Set([...goFunctions, 'humanize', 'query', 'first']), variables: ['$labels', '$value'] };

/** The problem as `from-to: message`; undefined if there is none. */
function problemOf(text: string): string | undefined {
  const read = readTemplate(text, names);
  return 'problem' in read ? `${read.problem.from}-${read.problem.to}: ${read.problem.message}` : undefined;
}

function usesOf(text: string): readonly string[] {
  const read = readTemplate(text, names);
  assert.ok('uses' in read, `${text}: ${JSON.stringify(read)}`);
  return read.uses.map(
    ({ variable, fields, from, to }) => `${[variable, ...fields].join('.')} ${text.slice(from, to)}`,
  );
}

describe('readTemplate', () => {
  it('tells where a template is wrong, in the words of Go', () => {
    const expected: Readonly<Record<string, string>> = {
      '{{ $labels.job': '0-14: unclosed action',
      'a {{ "b }} c': '2-12: unterminated quoted string',
      '{{ $lable.job }}': '3-9: undefined variable "$lable"',
      '{{ humanise $value }}': '3-11: function "humanise" not defined',
      '{{ if $value }} a': '0-2: unexpected EOF: an action such as {{ if }} has no {{ end }}',
      'a {{ end }}': '9-11: unexpected {{end}}',
      '{{ else }}': '8-10: unexpected {{else}}',
      '{{ }}': '3-5: missing value for command',
      '{{ if }}a{{ end }}': '6-8: missing value for if',
      '{{ $value | 1 }}': '12-13: non executable command in pipeline stage 2',
      '{{ (humanize $value }}': '0-20: unclosed left paren',
      '{{ humanize $value) }}': '18-19: unexpected right paren',
      '{{ $value % 2 }}': '10-11: unexpected "%" in operand',
      '{{ break }}': '3-8: {{break}} outside {{range}}',
      '{{ "\\q" }}': '3-7: invalid syntax',
      '{{ 08 }}': '3-5: bad number syntax: "08"',
      '{{/* a': '0-6: unclosed comment',
      '{{ $labels.b-c }}': '12-13: bad character "-" behind a name',
      '{{ define "a" }}{{ $value }}{{ end }}': '19-25: undefined variable "$value"',
    };
    for (const [text, problem] of Object.entries(expected)) assert.equal(problemOf(text), problem, text);
  });

  it('takes what Go takes', () => {
    for (const text of [
      '',
      '} }} { {',
      '{{- printf "%.2f" $value -}} {{- /* a */ -}}',
      '{{ if gt $value 5.0 }}a{{ else if lt .Value 1e3 }}b{{ else }}c{{ end }}',
      '{{ range $i, $e := query "up" }}{{ $i }}{{ $e.Labels.a }}{{ continue }}{{ else }}{{ end }}'.replace(
        '{{ break }}',
        '',
      ),
      '{{ with $x := first (query `up`) }}{{ $x }}{{ else with $value }}{{ . }}{{ end }}',
      '{{ define "a" }}{{ . }}{{ end }}{{ template "a" $value }}{{ block "b" . }}c{{ end }}',
      '{{ $x := \'c\' }}{{ $x = 0x1F }}{{ index $labels "a" }}{{ true }}{{ nil | not }}',
    ])
      assert.equal(problemOf(text), undefined, text);
  });

  it('names what a template reads from its data, and where', () => {
    assert.deepEqual(usesOf('{{ $labels.job }} {{ .Labels.pod }} {{ $.Value | humanize }} {{ index $labels "a" }}'), [
      '$labels.job $labels.job',
      '$.Labels.pod .Labels.pod',
      '$.Value $.Value',
      '$labels $labels',
      '$labels.a $labels "a"',
    ]);
  });

  it('does not take the dot of a loop for the data', () => {
    const text =
      '{{ range query "up" }}{{ .Labels.a }}{{ end }}{{ with $labels }}{{ .b }}{{ else }}{{ .Value }}{{ end }}';
    assert.deepEqual(usesOf(text), ['$labels $labels', '$.Value .Value']);
  });

  it('turns deep nesting into a problem', () => {
    assert.match(problemOf('{{ if 1 }}'.repeat(20_000)) ?? '', /max expression depth/);
    assert.match(problemOf(`{{ ${'('.repeat(20_000)}1${')'.repeat(20_000)} }}`) ?? '', /max expression depth/);
  });

  it('never throws, and every problem is at a place in the text', () => {
    const pieces =
      '{{ }} {{- -}} {{/* */}} if else end range with define "a" `b` $labels .Value $x := = , | ( ) 1 0x .5 + \' \n é 😀 %'.split(
        ' ',
      );
    const texts = fc.array(fc.constantFrom(...pieces, ' ', ' '), { maxLength: 15 }).map((some) => some.join(''));
    fc.assert(
      fc.property(
        fc.oneof(
          texts,
          texts.map((text) => `{{ ${text} }}`),
          fc.string(),
        ),
        (text) => {
          const read = readTemplate(text, names);
          const spans = 'problem' in read ? [read.problem] : [...read.uses, ...read.functions, ...read.elseWith];
          for (const { from, to } of spans) assert.ok(0 <= from && from <= to && to <= text.length, `${from}-${to}`);
        },
      ),
      { numRuns: 300 },
    );
  });
});
