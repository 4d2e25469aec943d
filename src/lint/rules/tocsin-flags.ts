import { isAskCommand } from '../../config/flags/command-table.ts';
import { parseFlags } from '../../config/flags/flags.ts';
import { configKeys } from '../../config/load-config.ts';
import type { Rule, RuleContext } from '../rule.ts';
import type { YamlValue } from '../yaml-value.ts';

/** The command line of a container that runs Tocsin: with a wrong flag it ends at once, again and again. */
export const tocsinFlagsRule: Rule = (context) => {
  const { root } = context.subject;
  const pod = root.get('kind')?.text === 'Pod' ? root : root.get('spec', 'template');
  for (const container of pod?.get('spec', 'containers')?.items ?? [])
    if (/(?:^|\/)tocsin(?:[:@]|$)/.test(container.get('image')?.text ?? '') && !container.has('command'))
      checkArguments(container.get('args')?.items ?? [], context);
};

function checkArguments(args: readonly YamlValue[], { report }: RuleContext): void {
  const words = args.map((arg) => arg.text ?? '');
  // Kubernetes puts the values of variables into `$(NAME)` later.
  if (isAskCommand(words[0]) || words.some((word) => word.includes('$('))) return;
  const line = parseFlags(words, { terminal: false, keys: configKeys });
  if (line.command !== 'error') return;
  for (const problem of line.problems) {
    const [typed = ''] = /^[^\s:"]+/.exec(problem) ?? [];
    const where = args.find(({ text = '' }) => typed !== '' && text.startsWith(typed)) ?? args[0];
    if (where === undefined) continue;
    const [message, hint] = problem.split(/(?:, |\? )(?=did you mean|allowed: |use )/s, 2) as [string, string?];
    report('bad-setting', where, message, { hint: hint ?? 'tocsin --help has every flag' });
  }
}
