import { nearestName } from '../../config/settings/unknown-key.ts';
import { showText } from '../../config/settings/show-value.ts';
import { labelsOf, mayHave, type Labels } from '../../promql/labels.ts';
import type { TemplateSpan } from '../../text/go/scan-template.ts';
import type { TemplateUse } from '../../text/go/template-pipelines.ts';
import { goFunctions, readTemplate, type TemplateProblem } from '../../text/go/template.ts';
import type { RuleContext } from '../rule.ts';
import type { Entry, YamlValue } from '../yaml-value.ts';
import type { FileRule } from './rule-file.ts';

/** The functions of Prometheus' templates (template/template.go). */
const prometheusFunctions: readonly string[] = (
  'query first label value strvalue args reReplaceAll safeHtml match title toUpper toLower graphLink tableLink sortByLabel stripPort ' +
  'stripDomain humanize humanize1024 humanizeDuration humanizePercentage humanizeTimestamp toTime toDuration now pathPrefix ' +
  'externalURL parseDuration urlQueryEscape'
).split(' ');

/** The versions that brought those which 2.42 does not have. */
const newerFunctions: ReadonlyMap<string, string> = new Map([
  ['toDuration', '3.6'],
  ['now', '3.6'],
  ['urlQueryEscape', '3.8'],
]);

/** Every template of an alert begins with these. */
const variables = ['$labels', '$externalLabels', '$externalURL', '$value'];
const fields = ['Labels', 'ExternalLabels', 'ExternalURL', 'Value'];

const names = { functions: new Set([...goFunctions, ...prometheusFunctions]), variables };

/** Checks the templates in the labels and annotations of a rule. */
export function checkTemplates(rule: FileRule, report: RuleContext['report']): void {
  const { expression } = rule;
  const labels =
    expression !== undefined && 'expression' in expression.read ? labelsOf(expression.read.expression) : undefined;
  for (const entry of [...rule.labels, ...rule.annotations]) {
    const text = entry.value.text ?? '';
    if (rule.kind === 'alert') checkTemplate(text, entry, labels, report);
    else if (text.includes('{{'))
      report(
        'template-not-expanded',
        entry.value,
        'a recording rule has no templates: this text stands in the label as it is',
        {
          hint: 'let the expression bring the label, as by (label) or label_replace() do',
        },
      );
  }
}

function checkTemplate(
  text: string,
  { value }: Entry,
  labels: Labels | undefined,
  report: RuleContext['report'],
): void {
  const bare = text.includes('{{') ? undefined : /\$(?:labels|value)\b[.\w]*/.exec(text);
  if (bare !== undefined && bare !== null)
    report(
      'template-not-expanded',
      value.rangeOf(bare.index, bare.index + bare[0].length),
      `${bare[0]} stands there as it is`,
      {
        hint: `write {{ ${bare[0]} }}`,
      },
    );
  if (!text.includes('{{')) return;
  const read = readTemplate(text, names);
  if ('problem' in read) return reportProblem(read.problem, value, report);
  for (const use of read.uses) checkUse(use, labels, value, report);
  for (const each of read.elseWith) reportNewer('else with', '3.0', each, value, report);
  for (const each of read.functions) {
    const since = newerFunctions.get(each.text);
    if (since !== undefined) reportNewer(`the function ${each.text}`, since, each, value, report);
  }
}

function reportNewer(
  what: string,
  since: string,
  { from, to }: TemplateSpan,
  value: YamlValue,
  report: RuleContext['report'],
): void {
  report('newer-prometheus', value.rangeOf(from, to), `${what} needs Prometheus ${since}`, {
    hint: 'an older Prometheus refuses the whole file',
  });
}

function reportProblem(
  { message, from, to, unknown }: TemplateProblem,
  value: YamlValue,
  report: RuleContext['report'],
): void {
  const nearest = unknown === undefined ? undefined : nearestName(unknown, [...variables, ...names.functions]);
  const hint = nearest === undefined ? 'Prometheus refuses the whole file' : `did you mean ${nearest}?`;
  report('template-syntax', value.rangeOf(from, Math.max(to, from + 1)), `the template is wrong: ${message}`, { hint });
}

/** Checks the fields of `$` and of the variables: Prometheus finds out when the alert fires, and then shows the error instead. */
function checkUse(use: TemplateUse, labels: Labels | undefined, value: YamlValue, report: RuleContext['report']): void {
  const range = value.rangeOf(use.from, use.to);
  const [first, ...rest] = use.fields;
  if (use.variable === '$' && first !== undefined) {
    if (fields.includes(first))
      return checkUse({ ...use, variable: variables[fields.indexOf(first)]!, fields: rest }, labels, value, report);
    const nearest = nearestName(first, fields);
    const hint =
      nearest === undefined ? `there are ${fields.map((name) => `.${name}`).join(', ')}` : `did you mean .${nearest}?`;
    report('template-field', range, `there is no .${showText(first)}: the alert shows an error instead of the text`, {
      hint,
    });
  } else if (use.variable === '$labels' && first !== undefined) {
    if (rest.length > 0) reportField(range, `$labels.${first}`, 'text', report);
    else checkLabel(first, labels, range, report);
  } else if (use.variable === '$value' && first !== undefined) reportField(range, '$value', 'number', report);
  else if (use.variable === '$externalURL' && first !== undefined) reportField(range, '$externalURL', 'text', report);
}

function reportField(
  range: { start: number; end: number },
  name: string,
  what: string,
  report: RuleContext['report'],
): void {
  report(
    'template-field',
    range,
    `${showText(name)} is a ${what} and has no fields: the alert shows an error instead of the text`,
    {
      hint: 'write a blank or the end of the action behind it',
    },
  );
}

function checkLabel(
  label: string,
  labels: Labels | undefined,
  range: { start: number; end: number },
  report: RuleContext['report'],
): void {
  if (labels === undefined || mayHave(labels, label)) return;
  const kept = labels.kind === 'only' ? [...labels.names] : [];
  const nearest = nearestName(label, kept);
  const left = kept.length > 0 ? `the expression leaves ${kept.join(', ')}` : 'the expression leaves no labels';
  const hint =
    nearest === undefined
      ? `keep it with by (${label}) or group_left (${label})${labels.kind === 'only' ? `; ${left}` : ''}`
      : `did you mean ${nearest}?`;
  report('template-label', range, `the expression drops the label ${showText(label)}: here is nothing`, { hint });
}
