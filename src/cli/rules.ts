import { nearestName } from '../config/settings/unknown-key.ts';
import { withSuggestion } from '../config/settings/reader.ts';
import { showValue } from '../config/settings/show-value.ts';
import { rulesCommands, type RulesCommandName } from '../config/flags/command-table.ts';
import { align } from '../config/flags/flag-table.ts';
import { exitDone, UsageError, usageOf, type Command } from './command.ts';

/** One file per command; only the file of the given command is loaded. */
const subcommands: Readonly<Record<RulesCommandName, () => Promise<Command>>> = {
  print: async () => (await import('./rules-print.ts')).rulesPrint,
  generate: async () => (await import('./rules-generate.ts')).rulesGenerate,
};

/** `tocsin rules`: alerting rules for Prometheus. The next word says what to do with them. */
export const rules: Command = {
  flags: {},
  subcommands,
  async run([word, ...rest], surroundings) {
    if (isSubcommand(word)) return (await subcommands[word]()).run(rest, surroundings);
    if (word === '--help' || word === '-h') {
      surroundings.stdout.write(help());
      return exitDone;
    }
    const problem = word === undefined ? 'no command' : `no command ${showValue(word)}`;
    throw new UsageError(
      withSuggestion(`rules: ${problem}`, nearestName(word ?? '', Object.keys(subcommands)), usageOf('rules')),
    );
  },
};

function isSubcommand(word: string | undefined): word is RulesCommandName {
  return word !== undefined && Object.hasOwn(subcommands, word);
}

function help(): string {
  const rows = Object.entries(rulesCommands).map(([name, { help: text }]) => [`tocsin rules ${name}`, text] as const);
  return ['Alerting rules for Prometheus ("tocsin rules COMMAND --help" has the flags):', ...align(rows), ''].join(
    '\n',
  );
}
