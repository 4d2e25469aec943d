import { parseArgs } from 'node:util';
import type { LogFormat, LogLevel } from '../../runtime/logger.ts';
import type { AnchoredRegexp } from '../../matcher/anchored-regexp.ts';
import { findFlag, flagTable, type Flag, type FlagKey } from './flag-table.ts';
import { routePrefixOf, type ListenAddress } from './listen-address.ts';
import { nearestName } from '../settings/unknown-key.ts';
import { describeRefusal, withSuggestion, type Reader, type Reading } from '../settings/reader.ts';
import { showValue } from '../settings/show-value.ts';
import { commandNames, describeStrayWord, describeUnknownFlag } from './unknown-name.ts';
import { readPath } from '../settings/value-readers.ts';

/** The flags that win over the configuration file. */
export interface ConfigFlags {
  readonly configFile?: string | undefined;
  readonly prometheusUrl?: string | undefined;
  readonly pipelinesFolder?: string | undefined;
  readonly kubeconfig?: string | undefined;
  readonly context?: string | undefined;
}

/** The flags with which Tocsin serves, defaults filled in. */
export interface Flags extends ConfigFlags {
  readonly listenAddress: ListenAddress;
  readonly storagePath: string;
  /** `--web.config.file`: TLS, who may send, response headers. */
  readonly webConfigFile?: string | undefined;
  /** What stands before every path: '' or `/prefix`. */
  readonly routePrefix: string;
  /** Under which others reach it. */
  readonly externalUrl?: string | undefined;
  /** The origins of web pages that may call the API; undefined: none. */
  readonly corsOrigin?: AnchoredRegexp | undefined;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

/** What a command line asks for. Each problem is one line. */
type CommandLine =
  | { readonly command: 'serve'; readonly flags: Flags }
  | { readonly command: (typeof commandNames)[number]; readonly file: string }
  | { readonly command: 'help' }
  | { readonly command: 'version' }
  | { readonly command: 'error'; readonly problems: readonly string[] };

/**
 * Reads the command line, without the program's own name. Never throws.
 * @param options.terminal whether the log goes to a terminal: it is logfmt there and JSON elsewhere
 */
export function parseFlags(args: readonly string[], options: { readonly terminal: boolean }): CommandLine {
  const { flags, words } = givenArguments(args);
  const { values, problems } = readFlags(flags);
  // Whoever asks for help gets it, also with a mistake beside it.
  if (values.help !== undefined) return { command: 'help' };
  if (values.version !== undefined) return { command: 'version' };
  const command = commandNames.find((name) => name === words[0]);
  if (command !== undefined) return checkFile(command, flags, words.slice(1), problems);
  problems.push(...describeStrayWords(words));
  return problems.length > 0
    ? { command: 'error', problems }
    : { command: 'serve', flags: withDefaults(values, options.terminal) };
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

/** After a misspelt command its FILE is not a second mistake. */
function describeStrayWords(words: readonly string[]): string[] {
  const isMisspeltCommand = words[0] !== undefined && nearestName(words[0], commandNames) !== undefined;
  return (isMisspeltCommand ? words.slice(0, 1) : words).map(describeStrayWord);
}

function withDefaults(values: FlagValues, terminal: boolean): Flags {
  return {
    configFile: values.configFile,
    prometheusUrl: values.prometheusUrl,
    pipelinesFolder: values.pipelinesFolder,
    kubeconfig: values.kubeconfig,
    context: values.context,
    listenAddress: values.listenAddress ?? defaultOf(flagTable.listenAddress),
    storagePath: values.storagePath ?? defaultOf(flagTable.storagePath),
    webConfigFile: values.webConfigFile,
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

/** What a command line gave, read; a flag that was not given is not there. */
type FlagValues = { readonly [Key in FlagKey]?: ValueOf<(typeof flagTable)[Key]> | undefined };

type ValueOf<F> = F extends { readonly read: (found: unknown) => Reading<infer T> } ? T : true;

/** Reads the value of every flag and collects all problems, a line each. */
function readFlags(given: readonly GivenFlag[]): { readonly values: FlagValues; readonly problems: string[] } {
  const values: Partial<Record<FlagKey, unknown>> = {};
  const problems: string[] = [];
  for (const { typed, name, value } of given) {
    const [key, flag] = findFlag(name) ?? [];
    if (key === undefined || flag === undefined) problems.push(describeUnknownFlag(typed));
    else if (key in values && flag.read !== undefined) problems.push(`${typed}: given twice, allowed: once`);
    else {
      const reading = readFlag(flag, value);
      // Also after a problem, so that a second one of the same name is still seen to be given twice.
      values[key] = typeof reading === 'string' ? undefined : reading.value;
      if (typeof reading === 'string') problems.push(reading);
    }
  }
  // Each value comes from the reader of its own key.
  return { values: values as FlagValues, problems };
}

/** The value, or the problem with it. */
function readFlag({ name, placeholder, read }: Flag, text: string | undefined): { readonly value: unknown } | string {
  if (read === undefined) {
    return text === undefined ? { value: true } : `--${name}: ${describeRefusal(text, { allowed: 'no value' })}`;
  }
  if (text === undefined) return `--${name}: value missing, allowed: --${name}=${placeholder}`;
  const reading = read(text);
  return 'value' in reading ? reading : `--${name}: ${describeRefusal(text, reading)}`;
}

/** A flag as it was typed. */
interface GivenFlag {
  /** With its dashes, without its value. */
  readonly typed: string;
  /** Without dashes; of a short flag the long name. */
  readonly name: string;
  readonly value: string | undefined;
}

/** A command line taken apart; nothing of it is judged yet. */
interface GivenArguments {
  readonly flags: readonly GivenFlag[];
  /** What is neither a flag nor a flag's value. */
  readonly words: readonly string[];
}

/**
 * Takes apart `--a=b` and `--a b`. A value that begins with a dash needs the first form: otherwise a flag whose value was
 * forgotten would swallow the flag after it.
 */
function givenArguments(args: readonly string[]): GivenArguments {
  const flags: GivenFlag[] = [];
  const words: string[] = [];
  const tokens = tokenize(args);
  for (let token = tokens.shift(); token !== undefined; token = tokens.shift()) {
    if (token.kind === 'positional') words.push(token.value);
    if (token.kind !== 'option') continue;
    const [typed = ''] = (args[token.index] ?? '').split('=', 1);
    const flag = { typed, name: token.name, value: token.value };
    const next = tokens[0];
    const takesNext = flag.value === undefined && takesValue(flag.name) && next?.kind === 'positional';
    flags.push(takesNext ? { ...flag, value: next.value } : flag);
    if (takesNext) tokens.shift();
  }
  return { flags, words };
}

type Token = NonNullable<ReturnType<typeof parseArgs>['tokens']>[number];

/** Every flag is declared without a value, so that parseArgs leaves it to us which word is a flag's value. */
function tokenize(args: readonly string[]): Token[] {
  const options = Object.fromEntries(
    Object.values<Flag>(flagTable).map(({ name, short }) => [
      name,
      { type: 'boolean' as const, ...(short === undefined ? {} : { short }) },
    ]),
  );
  const config = { args: withoutGroups(args), options, strict: false, allowPositionals: true, tokens: true } as const;
  return parseArgs(config).tokens;
}

/** parseArgs would read `-config.file`, Go's way to write a flag, as eleven short ones; it is one mistake. */
function withoutGroups(args: readonly string[]): string[] {
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  return args.map((arg, index) => (index < end && /^-[^-]./s.test(arg) ? `--${arg}` : arg));
}

/** An unknown flag takes the word after it as well: that word is not a second mistake. */
function takesValue(name: string): boolean {
  const flag = findFlag(name)?.[1];
  return flag === undefined || flag.placeholder !== undefined;
}
