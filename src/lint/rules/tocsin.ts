import { configFormat } from '../../config/load-config.ts';
import { checkSettings, type SettingsFormat } from '../../config/settings/settings-file.ts';
import { describeUnknownKeyOf } from '../../config/settings/unknown-key.ts';
import type { YamlNode } from '../../config/settings/yaml-file.ts';
import { WebConfig } from '../../server/web/web-config.ts';
import type { Rule, RuleContext } from '../rule.ts';
import type { YamlValue } from '../yaml-value.ts';

/** Tocsin's own configuration, held against what the program itself takes. */
export const tocsinRule: Rule = (context) => checkWith(configFormat, context);

/** The same for a file of --web.config.file. The files that it names are not read: they are where the program runs. */
export const tocsinWebRule: Rule = (context) =>
  checkWith({ schema: WebConfig, describeUnknownKey: describeUnknownKeyOf(WebConfig) }, context);

function checkWith(format: SettingsFormat<unknown>, { subject, report }: RuleContext): void {
  const checked = checkSettings(format, nodeOf(subject.root, subject.root.range.start));
  if ('settings' in checked) return;
  for (const { offset, text } of checked.problems) {
    // `receiver.max_alert: unknown key, did you mean "max_alerts"? allowed: …`
    const [message, hint] = text.split(/(?:, |\? )(?=did you mean|allowed: |use )/s, 2) as [string, string?];
    report('bad-setting', { start: offset, end: offset }, message, { hint: hint ?? 'see docs/configuration.md' });
  }
}

/** The same values in the form that the reader of settings has. */
function nodeOf(value: YamlValue, keyOffset: number): YamlNode {
  const children = new Map<string, YamlNode>();
  for (const { key, keyRange, value: member } of value.entries) children.set(key, nodeOf(member, keyRange.start));
  for (const [index, item] of value.items.entries()) children.set(String(index), nodeOf(item, item.range.start));
  return { value: plainOf(value, children), offset: value.range.start, keyOffset, children };
}

function plainOf({ kind, scalar }: YamlValue, children: ReadonlyMap<string, YamlNode>): unknown {
  if (kind === 'map') return Object.fromEntries([...children].map(([key, child]) => [key, child.value]));
  if (kind === 'list') return [...children.values()].map((child) => child.value);
  return kind === 'null' ? null : scalar;
}
