import type { FlagTable } from '../config/flags/arguments.ts';
import { askCommands, type AskCommandName } from '../config/flags/command-table.ts';
import { flagTable } from '../config/flags/flag-table.ts';
import { commandNames } from '../config/flags/flags.ts';
import { command, exitDone, UsageError, usageOf, type Command } from './command.ts';

interface Completed {
  readonly name: string;
  readonly help: string;
  /** `--since=`, or `--all` where there is no value; a word that is no flag. */
  readonly flags: readonly string[];
}

const scripts: Readonly<Record<string, (commands: readonly Completed[], serving: readonly string[]) => string>> = {
  bash: bashScript,
  zsh: (...parts) => `#compdef tocsin\n${zshStart}${bashScript(...parts)}`,
  fish: fishScript,
};

/** A shell that has not read its completions yet knows no `compdef`, on which the others rest. */
const zshStart =
  '(( $+functions[compdef] )) || { autoload -U compinit && compinit; }\nautoload -U +X bashcompinit && bashcompinit\n';

/** `tocsin completion`: writes a script for a shell. */
export function completion(loadCommand: Readonly<Record<AskCommandName, () => Promise<Command>>>): Command {
  return command({
    name: 'completion',
    flags: {},
    run: async ({ words, surroundings }) => {
      const [shell = '', ...strays] = words;
      const script = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined;
      if (script === undefined || strays.length > 0)
        throw new UsageError(`completion: no such shell, allowed: ${usageOf('completion')}`);
      const asking = Object.entries(askCommands).map(async ([name, { help }]) => {
        if (name === 'completion') return { name, help, flags: Object.keys(scripts) };
        const { flags, subcommands = {} } = await loadCommand[name as AskCommandName]();
        const all = await Promise.all(Object.values(subcommands).map(async (load) => (await load()).flags));
        const shown = [...Object.keys(subcommands), ...[flags, ...all].flatMap(flagNames)];
        return { name, help, flags: [...new Set(shown)] };
      });
      const checking = commandNames.map((name) => ({ name, help: 'check a file', flags: [] }));
      surroundings.stdout.write(script([...(await Promise.all(asking)), ...checking], flagNames(flagTable)));
      return exitDone;
    },
  });
}

function flagNames(flags: FlagTable): string[] {
  return Object.values(flags).map(({ name, placeholder }) => `--${name}${placeholder === undefined ? '' : '='}`);
}

/** In the first place a command or a flag of the server; after a command its flags, and files. */
function bashScript(commands: readonly Completed[], serving: readonly string[]): string {
  const first = [...commands.map(({ name }) => name), ...serving].join(' ');
  const cases = commands.map(({ name, flags }) => `    ${name}) words="${flags.join(' ')}" ;;`);
  return `_tocsin() {
  local words cur="\${COMP_WORDS[COMP_CWORD]}"
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
    *) words="${serving.join(' ')}" ;;
  esac
  [ "$COMP_CWORD" -eq 1 ] && words="${first}"
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
  case "\${COMPREPLY[0]}" in *=) compopt -o nospace 2>/dev/null ;; esac
}
complete -o default -F _tocsin tocsin
`;
}

function fishScript(commands: readonly Completed[], serving: readonly string[]): string {
  const lines = [
    // No names of files in the place of a command; a flag with a value has them.
    ...commands.map(({ name, help }) => `complete -c tocsin -n __fish_use_subcommand -f -a ${name} -d '${help}'`),
    ...serving.map((flag) => `complete -c tocsin -n __fish_use_subcommand ${fishOption(flag)}`),
    ...commands.flatMap(({ name, flags }) =>
      flags.map((flag) => `complete -c tocsin -n '__fish_seen_subcommand_from ${name}' ${fishOption(flag)}`),
    ),
  ];
  return `${lines.join('\n')}\n`;
}

function fishOption(flag: string): string {
  if (!flag.startsWith('-')) return `-f -a ${flag}`;
  return `-l '${flag.replace(/^--|=$/g, '')}'${flag.endsWith('=') ? ' -r' : ''}`;
}
