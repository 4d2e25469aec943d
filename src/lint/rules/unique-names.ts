import { shown } from '../leaf-values.ts';
import type { Rule, RuleContext } from '../rule.ts';
import type { YamlValue } from '../yaml-value.ts';

/** The lists whose items share their names, and the key of the name. */
const lists: Readonly<Record<string, readonly (readonly [sections: readonly string[], key: string])[]>> = {
  alertmanager: [
    [['receivers'], 'name'],
    [['time_intervals', 'mute_time_intervals'], 'name'],
  ],
  prometheus: [
    [['scrape_configs'], 'job_name'],
    [['remote_write'], 'name'],
    [['remote_read'], 'name'],
  ],
};

/** Names that have to be given, each once. */
export const uniqueNames: Rule = (context) => {
  for (const [sections, key] of lists[context.subject.kind] ?? [])
    checkNames(
      sections.flatMap((section) => context.subject.root.get(section)?.items ?? []),
      sections[0]!,
      key,
      context,
    );
};

function checkNames(items: readonly YamlValue[], section: string, key: string, { report }: RuleContext): void {
  const seen = new Set<string>();
  for (const item of items) {
    const name = item.get(key);
    if (item.kind !== 'map') continue;
    const isNeeded = !section.startsWith('remote_');
    if (!name?.text && isNeeded)
      report('missing-key', item, `${section}: an item without ${key}`, { hint: `add ${key}` });
    else if (name?.text && seen.has(name.text))
      report('duplicate-name', name, `${key} ${shown(name.text)} is given twice in ${section}`, {
        hint: 'give each its own name',
      });
    if (name?.text) seen.add(name.text);
  }
}
