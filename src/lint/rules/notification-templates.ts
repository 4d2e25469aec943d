import { nearestName } from '../../config/settings/unknown-key.ts';
import { showText } from '../../config/settings/show-value.ts';
import type { TemplateUse } from '../../text/go/template-pipelines.ts';
import { goFunctions, readTemplate } from '../../text/go/template.ts';
import { everyValue, type Rule, type RuleContext } from '../rule.ts';
import type { YamlValue } from '../yaml-value.ts';

/** The functions of Alertmanager 0.34's templates (template/template.go). */
const functions: ReadonlySet<string> = new Set([
  ...goFunctions,
  ...'toUpper toLower title trimSpace join match safeHtml safeUrl urlUnescape reReplaceAll stringSlice routeLabels date tz now since'
    .concat(' humanizeDuration toDate mustToDate toJson base64encode base64decode list append dict')
    .split(' '),
]);

const names = { functions, variables: [] };

/** What a notification has. The labels of one alert are only in `.Alerts`. */
const fields =
  'Receiver Status Alerts NotificationReason GroupLabels CommonLabels CommonAnnotations RouteLabels ExternalURL'.split(
    ' ',
  );

/**
 * Checks the templates of notifications, in a template file and in the receivers: Alertmanager reads those of receivers only when it
 * sends one, and then sends nothing.
 */
export const notificationTemplates: Rule = ({ subject, report }) => {
  if (subject.kind === 'template') return checkTemplate(subject.root, report);
  for (const { value } of everyValue(subject.root)) checkTemplate(value, report);
};

function checkTemplate(value: YamlValue, report: RuleContext['report']): void {
  const text = value.text ?? '';
  if (!text.includes('{{')) return;
  const read = readTemplate(text, names);
  if ('uses' in read) {
    for (const use of read.uses) checkField(use, value, report);
    return;
  }
  const { message, from, to, unknown } = read.problem;
  const nearest = unknown === undefined ? undefined : nearestName(unknown, functions);
  report('template-syntax', value.rangeOf(from, Math.max(to, from + 1)), `the template is wrong: ${message}`, {
    hint: nearest === undefined ? 'Alertmanager sends nothing with it' : `did you mean ${nearest}?`,
  });
}

function checkField(
  { variable, fields: [first], from, to }: TemplateUse,
  value: YamlValue,
  report: RuleContext['report'],
): void {
  if (variable !== '$' || first === undefined || fields.includes(first)) return;
  const nearest = nearestName(first, fields);
  const hint = /^(?:Labels|Annotations)$/.test(first)
    ? `each alert has its own: {{ range .Alerts }}{{ .${first}.… }}{{ end }}, or take .Common${first}`
    : nearest === undefined
      ? `there are ${fields.map((name) => `.${name}`).join(', ')}`
      : `did you mean .${nearest}?`;
  report(
    'template-field',
    value.rangeOf(from, to),
    `a notification has no .${showText(first)}: Alertmanager sends nothing with it`,
    { hint },
  );
}
