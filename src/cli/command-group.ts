import type { AskCommand, AskCommandName } from '../config/flags/command-table.ts';
import { align } from '../config/flags/flag-table.ts';
import { withSuggestion } from '../config/settings/reader.ts';
import { showValue } from '../config/settings/show-value.ts';
import { nearestName } from '../config/settings/unknown-key.ts';
import { exitDone, UsageError, usageOf, type Command } from './command.ts';

interface Group<Name extends string> {
  readonly name: AskCommandName;
  /** What its commands are about, for the help. */
  readonly about: string;
  readonly table: Readonly<Record<Name, AskCommand>>;
  /** One file per command; only the file of the given command is loaded. */
  readonly load: Readonly<Record<Name, () => Promise<Command>>>;
}

/** A command whose next word says what to do. */
export function commandGroup<Name extends string>({ name, about, table, load }: Group<Name>): Command {
  const isSubcommand = (word: string | undefined): word is Name => word !== undefined && Object.hasOwn(load, word);
  const help = (): string => {
    const rows = Object.entries<AskCommand>(table).map(
      ([command, { help: text }]) => [`tocsin ${name} ${command}`, text] as const,
    );
    return [`${about} ("tocsin ${name} COMMAND --help" has the flags):`, ...align(rows), ''].join('\n');
  };
  return {
    flags: {},
    subcommands: load,
    async run([word, ...rest], surroundings) {
      if (isSubcommand(word)) return (await load[word]()).run(rest, surroundings);
      if (word === '--help' || word === '-h') {
        surroundings.stdout.write(help());
        return exitDone;
      }
      const problem = word === undefined ? 'no command' : `no command ${showValue(word)}`;
      throw new UsageError(
        withSuggestion(`${name}: ${problem}`, nearestName(word ?? '', Object.keys(load)), usageOf(name)),
      );
    },
  };
}
