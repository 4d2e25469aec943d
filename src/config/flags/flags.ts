import type { LogFormat, LogLevel } from '../../runtime/logger.ts';
import type { AnchoredRegexp } from '../../matcher/anchored-regexp.ts';
import { givenArguments, readFlags, type FlagValues, type GivenFlag } from './arguments.ts';
import { findFlag, flagTable } from './flag-table.ts';
import { routePrefixOf, type ListenAddress } from './listen-address.ts';
import { nearestName } from '../settings/unknown-key.ts';
import { describeRefusal, withSuggestion, type Reader } from '../settings/reader.ts';
import { showValue } from '../settings/show-value.ts';
import { askCommandNames, isAskCommand } from './command-table.ts';
import { readPath } from '../settings/value-readers.ts';

/** The flags that override the configuration file. */
export interface ConfigFlags {
  readonly configFile?: string | undefined;
  readonly prometheusUrl?: string | undefined;
  readonly pipelinesFolder?: string | undefined;
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
}

/** The flags with which Tocsin serves, including defaults. */
export interface Flags extends ConfigFlags {
  /** `--config.watch`: whether a changed configuration file is reloaded by itself. */
  readonly configWatch: 'auto' | 'on' | 'off';
  readonly listenAddress: ListenAddress;
  readonly storagePath: string;
  /** `--web.config.file`: TLS, who may send, response headers. */
  readonly webConfigFile?: string | undefined;
  /** `--web.admission-listen-address` and its two files; undefined: nobody is asked. */
  readonly admission?: AdmissionFlags | undefined;
  /** The prefix of every path: '' or `/prefix`. */
  readonly routePrefix: string;
  /** The URL under which others reach Tocsin. */
  readonly externalUrl?: string | undefined;
  /** The origins of web pages that may call the API; undefined: none. */
  readonly corsOrigin?: AnchoredRegexp | undefined;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

/** Where the API server asks whether a trigger is good; always by TLS, because it asks in no other way. */
export interface AdmissionFlags {
  readonly listenAddress: ListenAddress;
  readonly certFile: string;
  readonly keyFile: string;
}

/** The commands that take a FILE. */
export const commandNames = ['check-config', 'check-web-config'] as const;

/** Those that ask a Tocsin that runs have to be the first word. */
const allCommandNames = [...commandNames, ...askCommandNames] as const;

/** The request of a command line. Each problem is one line. */
type CommandLine =
  | { readonly command: 'serve'; readonly flags: Flags }
  | { readonly command: (typeof commandNames)[number]; readonly file: string }
  | { readonly command: 'help' }
  | { readonly command: 'version' }
  | { readonly command: 'error'; readonly problems: readonly string[] };

interface ParseOptions {
  /** Whether the log goes to a terminal: the log is logfmt there and JSON elsewhere. */
  readonly terminal: boolean;
  /** The keys of the configuration file, `receiver.max_alerts`: some are typed as flags. */
  readonly keys: () => readonly string[];
}

/**
 * Reads the command line, without the program's own name. Never throws.
 */
export function parseFlags(args: readonly string[], options: ParseOptions): CommandLine {
  const { flags, words } = givenArguments(args, flagTable);
  const { values, problems } = readFlags(flags, flagTable, (typed) => describeUnknownFlag(typed, options.keys()));
  // A request for help is served even if there is a mistake beside it.
  if (values.help !== undefined) return { command: 'help' };
  if (values.version !== undefined) return { command: 'version' };
  const command = commandNames.find((name) => name === words[0]);
  if (command !== undefined) return checkFile(command, flags, words.slice(1), problems);
  problems.push(...describeStrayWords(words), ...missingForAdmission(values));
  return problems.length > 0
    ? { command: 'error', problems }
    : { command: 'serve', flags: withDefaults(values, options.terminal) };
}

/** The flags of admission belong together. */
function missingForAdmission(values: FlagValues<typeof flagTable>): readonly string[] {
  const keys = ['admissionListenAddress', 'admissionCertFile', 'admissionKeyFile'] as const;
  const missing = keys.filter((key) => values[key] === undefined).map((key) => `--${flagTable[key].name}`);
  if (missing.length === 0 || missing.length === keys.length) return [];
  const names = keys.map((key) => `--${flagTable[key].name}`).join(', ');
  return [`${missing.join(' and ')}: missing, allowed: all of ${names}, or none of them`];
}

function admissionOf(values: FlagValues<typeof flagTable>): AdmissionFlags | undefined {
  const { admissionListenAddress: listenAddress, admissionCertFile: certFile, admissionKeyFile: keyFile } = values;
  if (listenAddress === undefined || certFile === undefined || keyFile === undefined) return undefined;
  return { listenAddress, certFile, keyFile };
}

function checkFile(
  command: (typeof commandNames)[number],
  flags: readonly GivenFlag[],
  words: readonly string[],
  problems: string[],
): CommandLine {
  const usage = `tocsin ${command} FILE`;
  const [file, ...strays] = words;
  for (const { typed, name } of flags) {
    if (findFlag(name) !== undefined) problems.push(`${typed}: not a flag of ${command}, allowed: ${usage}`);
  }
  if (file === undefined) problems.push(`${command}: FILE missing, allowed: ${usage}`);
  else if (!('value' in readPath(file))) problems.push(`${command}: ${describeRefusal(file, { allowed: usage })}`);
  problems.push(...strays.map((word) => withSuggestion(`${showValue(word)}: stray argument`, undefined, usage)));
  return file === undefined || problems.length > 0 ? { command: 'error', problems } : { command, file };
}

/** After a misspelt command, its FILE does not count as a second mistake. */
function describeStrayWords(words: readonly string[]): string[] {
  const isMisspeltCommand = words[0] !== undefined && nearestName(words[0], allCommandNames) !== undefined;
  return (isMisspeltCommand ? words.slice(0, 1) : words).map(describeStrayWord);
}

function withDefaults(values: FlagValues<typeof flagTable>, terminal: boolean): Flags {
  return {
    configFile: values.configFile,
    prometheusUrl: values.prometheusUrl,
    pipelinesFolder: values.pipelinesFolder,
    kubeconfig: values.kubeconfig,
    context: values.context,
    configWatch: values.configWatch ?? defaultOf(flagTable.configWatch),
    listenAddress: values.listenAddress ?? defaultOf(flagTable.listenAddress),
    storagePath: values.storagePath ?? defaultOf(flagTable.storagePath),
    webConfigFile: values.webConfigFile,
    admission: admissionOf(values),
    routePrefix: values.routePrefix ?? (values.externalUrl === undefined ? '' : routePrefixOf(values.externalUrl)),
    externalUrl: values.externalUrl,
    corsOrigin: values.corsOrigin,
    logLevel: values.logLevel ?? defaultOf(flagTable.logLevel),
    logFormat: values.logFormat ?? (terminal ? 'logfmt' : 'json'),
  };
}

function defaultOf<T>(flag: { readonly default: string; readonly read: Reader<T> }): T {
  const reading = flag.read(flag.default);
  if ('value' in reading) return reading.value;
  throw new Error(`default ${describeRefusal(flag.default, reading)}`);
}

/** The message about a flag that does not exist; a key of the configuration file is recognised. */
function describeUnknownFlag(typed: string, keys: readonly string[]): string {
  const name = typed.replace(/^-+/, '');
  const shown = /^-[\w.-]{1,60}$/.test(typed) ? typed : showValue(typed);
  const key = keys.find((path) => path === name.replaceAll('-', '_'));
  const nearest = nearestName(name, flagNames());
  if (key !== undefined && nearest !== name) {
    return `${shown}: unknown flag, use the key ${key} of the configuration file (--config.file)`;
  }
  return withSuggestion(`${shown}: unknown flag`, nearest && `--${nearest}`, 'the flags in tocsin --help');
}

/** The message about a word that belongs to no flag and is not a command. */
function describeStrayWord(word: string): string {
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
