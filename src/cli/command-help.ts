import { commandNamed, type CommandName } from '../config/flags/command-table.ts';
import { align, flagRows } from '../config/flags/flag-table.ts';
import type { FlagTable } from '../config/flags/arguments.ts';

const exitCodes = [
  ['0', 'done'],
  ['1', 'failed, or nothing was found'],
  ['2', 'the command line is wrong'],
] as const;

/** The text of `tocsin COMMAND --help`, with a line feed at its end. */
export function commandHelp(name: CommandName, flags: FlagTable): string {
  const { usage, help } = commandNamed(name);
  const lines = [
    `tocsin ${name} ${usage} [FLAG]...`.replace('  ', ' '),
    '',
    `  ${help}`,
    '',
    'Flags (also as "--flag VALUE"):',
    ...align(Object.values(flags).flatMap(flagRows)),
    '',
    'Exit codes:',
    ...align(exitCodes),
  ];
  return `${lines.join('\n')}\n`;
}
