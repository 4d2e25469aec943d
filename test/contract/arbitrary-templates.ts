import fc from 'fast-check';

/** Templates as people write them, and the ways to have them wrong. */
export const templates: readonly string[] = [
  '{{ $labels.instance }} is down',
  '{{ $value | humanize }} of {{ $labels.job }}',
  '{{ printf "%.2f" $value }}%',
  '{{- if gt $value 5.0 -}} a {{ else if lt .Value 3.0 }} b {{ else }} c {{- end }}',
  '{{ with query "up" }}{{ . | first | value }}{{ end }}',
  '{{ range $i, $e := query "up" }}{{ $i }} {{ $e.Labels.x }}{{ break }}{{ else }}none{{ end }}',
  '{{ /* c */ }}{{/* c */}}{{- /* c */ -}}',
  '{{ define "x" }}{{ . }}{{ end }}{{ template "x" $value }}',
  '{{ block "y" . }}{{ .Value }}{{ end }}',
  '{{ (query "up" | first).Labels.x }}',
  '{{ $x := 1 }}{{ $x = 2 }}{{ $x }}',
  '{{ index $labels "a" }} {{ index .Labels `b` }}',
  "{{ true }} {{ 1.5e3 }} {{ 0x1F }} {{ 'c' }} {{ and true (not false) }}",
  '{{ .Labels.x.y }} {{ $.Labels.x }} {{ . }} {{ $externalURL }}',
  '{{ $lable.x }}',
  '{{ humanise $value }}',
  '{{ $labels.x',
  '{{ end }}',
  '{{ if }}x{{ end }}',
  '{{ if true }}',
  '}} { {',
  '{{ }}',
  '{{ "a" | 1 }}',
  '{{ range . }}{{ continue }}{{ end }}',
  '{{ else }}',
  '{{ with $x := .Labels }}{{ $x.a }}{{ else with .Value }}{{ end }}',
  '{{ template "x" }} {{ now | toTime }} {{ toDuration 5 }} {{ urlQueryEscape "a" }}',
  '{{ "a\\n\\x41\\u0041" }}',
  '{{ 1i }}{{ 0b11 }}{{ 0o7 }}{{ 1_000 }}{{ +5 }}{{ -5 }}{{ .5 }}{{ 08 }}',
];

const token = /"(?:[^"\\]|\\.)*"|\{\{-?|-?\}\}|[$.]?\w+|\s+|[^\w\s]/g;
const others = '{{ }} {{- -}} , $ . | ( ) := = " ` \' + 1a 0x 1e é 😀 # /* */ a_b $é'.split(' ');
const words = [...new Set([...templates.flatMap((template) => template.match(token) ?? []), ...others, ' ', '\n'])];

const change = fc.record({ at: fc.nat(80), removed: fc.nat(1), added: fc.constantFrom('', ...words) });

const changed = fc
  .tuple(fc.constantFrom(...templates), fc.array(change, { minLength: 1, maxLength: 3 }))
  .map(([template, changes]) => {
    const tokens: string[] = [...(template.match(token) ?? [])];
    for (const { at, removed, added } of changes) tokens.splice(at % (tokens.length + 1), removed, added);
    return tokens.join('');
  });

/** Templates of which a good part is right, and the rest nearly. */
export const arbitraryTemplate: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: changed },
  { weight: 2, arbitrary: fc.array(fc.constantFrom(...words), { maxLength: 8 }).map((some) => `{{${some.join('')}}}`) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.constantFrom(...templates), fc.constantFrom(...templates)).map((two) => two.join('')),
  },
);
