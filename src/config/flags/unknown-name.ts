import { Config } from '../config.ts';
import { askCommandNames, isAskCommand } from './command-table.ts';
import { flagTable } from './flag-table.ts';
import { nearestName, keyElsewhere } from '../settings/unknown-key.ts';
import { withSuggestion } from '../settings/reader.ts';
import { keyPaths, keysAt } from '../settings/setting.ts';
import { showPath, showValue } from '../settings/show-value.ts';

/**
 * The message about a key of the file that does not exist: `receiver.max_alert: unknown key, did you mean "max_alerts"?
 * allowed: ...`. A key that belongs to another section, or is a flag, is recognised.
 * @param section the path of the section that holds the key
 */
export function describeUnknownKey(section: readonly string[], key: string): string {
  const siblings = [...(keysAt(Config, section)?.keys() ?? [])];
  const flags = flagsFor([...section, key].join('.'));
  const problem = `${showPath([...section, key])}: unknown key`;
  if (flags.length > 0) return `${problem}, use the flag ${flags.join(', ')}; allowed here: ${siblings.join(', ')}`;
  return withSuggestion(problem, nearestName(key, siblings) ?? keyElsewhere(key, section, Config), siblings.join(', '));
}

/** The flags that set this path, or something below it: `log.level`, `web`. */
function flagsFor(path: string): string[] {
  const wanted = path.replaceAll('_', '-');
  return Object.values(flagTable)
    .map((flag) => flag.name)
    .filter((name) => name === wanted || name.startsWith(`${wanted}.`))
    .map((name) => `--${name}`);
}

/** The message about a flag that does not exist; a key of the configuration file is recognised. */
export function describeUnknownFlag(typed: string): string {
  const name = typed.replace(/^-+/, '');
  const shown = /^-[\w.-]{1,60}$/.test(typed) ? typed : showValue(typed);
  const key = keyPaths(Config).find((path) => path.join('.') === name.replaceAll('-', '_'));
  const nearest = nearestName(name, flagNames());
  if (key !== undefined && nearest !== name) {
    return `${shown}: unknown flag, use the key ${key.join('.')} of the configuration file (--config.file)`;
  }
  return withSuggestion(`${shown}: unknown flag`, nearest && `--${nearest}`, 'the flags in tocsin --help');
}

/** The commands that take a FILE. */
export const commandNames = ['check-config', 'check-web-config'] as const;

/** Those that ask a Tocsin that runs have to be the first word. */
export const allCommandNames = [...commandNames, ...askCommandNames] as const;

/** The message about a word that belongs to no flag and is not a command. */
export function describeStrayWord(word: string): string {
  if (isAskCommand(word))
    return `${showValue(word)}: stray argument, allowed: as the first word, before every flag: tocsin ${word} [FLAG]...`;
  const isFile = /\.ya?ml$/i.test(word);
  const flag = nearestName(word, flagNames());
  const command = nearestName(word, allCommandNames);
  const suggestion = isFile ? `--config.file=${word}` : (command ?? (flag && `--${flag}`));
  return withSuggestion(`${showValue(word)}: stray argument`, suggestion, 'flags, a command of tocsin --help');
}

function flagNames(): string[] {
  return Object.values(flagTable).map((flag) => flag.name);
}
