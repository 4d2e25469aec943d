import { join } from 'node:path';
import { configurationFileBytes, readRegularFileSync } from '../runtime/regular-file.ts';

/** The groups of rules, each a file of `rules/`, in the order in which they are printed. */
export const ruleGroups = ['alert-path', 'pipelines', 'node', 'tocsin', 'node-disk-rate'] as const;

export type RuleGroup = (typeof ruleGroups)[number];

/** Without what is opt-in. */
export const defaultRuleGroups: readonly RuleGroup[] = ruleGroups.filter((group) => group !== 'node-disk-rate');

/** A file of rules: what it says about itself, and the rest. */
export interface RuleFile {
  /** Its name, also that of the group in it. */
  readonly name: string;
  /** Lines of comment, which also say where expressions come from. */
  readonly header: string;
  /** From `groups:` on. */
  readonly body: string;
}

/**
 * Reads groups of rules, in the order of {@link ruleGroups}.
 * @param folder `rules/` of the package
 * @param runbookUrl where the folder with `docs/` is on the web, without a trailing slash; undefined: links stay paths below it
 */
export function readRuleFiles(
  folder: string,
  groups: readonly RuleGroup[],
  runbookUrl: string | undefined,
): readonly RuleFile[] {
  return ruleGroups
    .filter((group) => groups.includes(group))
    .map((group) => {
      const text = readRegularFileSync(join(folder, `${group}.yml`), configurationFileBytes).toString('utf8');
      const start = text.indexOf('groups:\n');
      return { name: nameOf(group), header: text.slice(0, start), body: withLinks(text.slice(start), runbookUrl) };
    });
}

function nameOf(group: RuleGroup): string {
  return group === 'tocsin' ? group : `tocsin-${group}`;
}

function withLinks(body: string, runbookUrl: string | undefined): string {
  return runbookUrl === undefined ? body : body.replaceAll('runbook_url: docs/', `runbook_url: ${runbookUrl}/docs/`);
}
