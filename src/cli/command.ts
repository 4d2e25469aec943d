import type { FlagTable, FlagValues } from '../config/flags/arguments.ts';
import { givenArguments, readFlags } from '../config/flags/arguments.ts';
import { askCommands, type AskCommandName } from '../config/flags/command-table.ts';
import type { Flag } from '../config/flags/flag-table.ts';
import { readHttpUrl } from '../config/settings/http-url.ts';
import { nearestName } from '../config/settings/unknown-key.ts';
import { withSuggestion, type Reader } from '../config/settings/reader.ts';
import { showValue } from '../config/settings/show-value.ts';
import { readChoice, readPath } from '../config/settings/value-readers.ts';
import type { Clock } from '../runtime/clock.ts';
import { ApiClient } from './client.ts';
import { Output, outputFormats, type OutputStream } from './output.ts';

/** The exit codes of commands. */
export const exitDone = 0;
export const exitFailed = 1;
export const exitUsage = 2;

/** A command line that cannot be run: one line for each problem. */
export class UsageError extends Error {
  readonly problems: readonly string[];

  constructor(...problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/** Something that could not be done: the message says what was wrong, where, and what to do. */
export class CommandError extends Error {}

/** The environment in which a command runs. */
export interface Surroundings {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly stdout: OutputStream;
  readonly stderr: { write(text: string): unknown };
  readonly clock: Clock;
}

/** The flags of every command that asks a running Tocsin. */
const sharedFlags = {
  url: {
    name: 'url',
    placeholder: 'URL',
    read: readHttpUrl,
    help: 'Which Tocsin to ask, with its route prefix.',
    unit: 'http or https URL',
    otherwise: '$TOCSIN_URL, otherwise http://127.0.0.1:9093',
  },
  httpConfig: {
    name: 'http.config.file',
    placeholder: 'FILE',
    read: readPath,
    help: 'Passwords, tokens, certificates, in the format of amtool.',
    unit: 'path',
    otherwise: 'none',
  },
  output: {
    name: 'output',
    short: 'o',
    placeholder: 'FORMAT',
    read: readChoice(outputFormats),
    help: 'How to show the answer; json and yaml are the objects of the API.',
    unit: outputFormats.join(', '),
    default: 'table',
  },
  help: { name: 'help', short: 'h', help: 'Show this help.' },
} as const satisfies FlagTable;

/** The parsed flags of a command, and what it works with. */
export interface Call<Table extends FlagTable> {
  readonly values: FlagValues<Table>;
  /** The words that are neither a flag nor the value of a flag. */
  readonly words: readonly string[];
  readonly api: ApiClient;
  readonly output: Output;
  readonly surroundings: Surroundings;
}

interface Definition<Table extends FlagTable> {
  readonly name: AskCommandName;
  readonly flags: Table;
  /** Resolves to the exit code. Rejects with UsageError or CommandError. */
  readonly run: (call: Call<Table>) => Promise<number>;
}

export interface Command {
  /** The command's own flags, and those of every command. */
  readonly flags: FlagTable;
  run(args: readonly string[], surroundings: Surroundings): Promise<number>;
}

export function command<Table extends FlagTable>(definition: Definition<Table>): Command {
  const flags = { ...definition.flags, ...sharedFlags };
  return { flags, run: (args, surroundings) => run(definition, flags, args, surroundings) };
}

async function run<Table extends FlagTable>(
  { name, run: perform }: Definition<Table>,
  flags: Table & typeof sharedFlags,
  args: readonly string[],
  surroundings: Surroundings,
): Promise<number> {
  const { flags: given, words } = givenArguments(args, flags);
  const { values, problems } = readFlags(given, flags, (typed) => describeUnknown(name, flags, typed));
  const shared = values as FlagValues<typeof sharedFlags>;
  const { stdout, environment, clock } = surroundings;
  if (shared.help !== undefined) {
    const { commandHelp } = await import('./command-help.ts');
    stdout.write(commandHelp(name, flags));
    return exitDone;
  }
  if (problems.length > 0) throw new UsageError(...problems);
  const url = shared.url ?? urlOf(environment);
  const access = shared.httpConfig === undefined ? undefined : await readAccess(shared.httpConfig);
  const output = new Output({ format: shared.output ?? 'table', stdout, environment, clock });
  const api = new ApiClient({ url, access, clock });
  return perform({ values, words, api, output, surroundings });
}

async function readAccess(file: string): Promise<ConstructorParameters<typeof ApiClient>[0]['access']> {
  const { loadHttpAccess } = await import('./http-access.ts');
  const loaded = loadHttpAccess(file);
  if ('problems' in loaded) throw new CommandError(loaded.problems.join('\n'));
  return loaded;
}

function urlOf({ TOCSIN_URL: given = '' }: Surroundings['environment']): string {
  if (given === '') return 'http://127.0.0.1:9093';
  const reading = readHttpUrl(given);
  if ('value' in reading) return reading.value;
  throw new UsageError(withSuggestion(`TOCSIN_URL: found ${showValue(given)}`, reading.suggestion, reading.allowed));
}

function describeUnknown(name: AskCommandName, flags: FlagTable, typed: string): string {
  const names = Object.values<Flag>(flags).map((flag) => flag.name);
  const nearest = nearestName(typed.replace(/^-+/, ''), names);
  const shown = /^-[\w.-]{1,60}$/.test(typed) ? typed : showValue(typed);
  return withSuggestion(`${shown}: unknown flag`, nearest && `--${nearest}`, `the flags in tocsin ${name} --help`);
}

/** The usage of a command, for an error. */
export function usageOf(name: AskCommandName): string {
  return `tocsin ${name} ${askCommands[name].usage}`;
}

/** Reads a point in time, or how long ago it was, as the API does. */
export const readSince: Reader<string> = (found) =>
  typeof found === 'string' && /^(?:\d+(?:ms|[smhdwy]))+$|^\d{4}-\d\d-\d\dT\S{5,40}$/.test(found)
    ? { value: found }
    : { allowed: 'so long ago, such as 90m, or a time such as 2026-11-30T09:00:00Z' };

export const readText: Reader<string> = (found) =>
  typeof found === 'string' && found !== '' ? { value: found } : { allowed: 'a text that is not empty' };

/** A whole number from 1 up. */
export const readNumber: Reader<number> = (found) =>
  typeof found === 'string' && /^[1-9]\d{0,8}$/.test(found)
    ? { value: Number(found) }
    : { allowed: 'a whole number from 1 up' };
