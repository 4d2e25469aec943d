import type { FlagTable, FlagValues } from '../config/flags/arguments.ts';
import { givenArguments, readFlags } from '../config/flags/arguments.ts';
import { commandNamed, type CommandName } from '../config/flags/command-table.ts';
import type { Flag } from '../config/flags/flag-table.ts';
import { readHttpUrl } from '../config/settings/http-url.ts';
import { nearestName } from '../config/settings/unknown-key.ts';
import { withSuggestion, type Reader } from '../config/settings/reader.ts';
import { showValue } from '../config/settings/show-value.ts';
import { readChoice, readPath } from '../config/settings/value-readers.ts';
import type { Clock } from '../runtime/clock.ts';
import { ApiClient, type ApiClientOptions } from './client.ts';
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
  /** The folder of the package: what comes with the program, such as `rules/`. */
  readonly packageFolder: string;
}

/** The flag of every command. */
const helpFlag = { help: { name: 'help', short: 'h', help: 'Show this help.' } } as const satisfies FlagTable;

/** Which Tocsin to ask, and how to get in. */
export const clientFlags = {
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
} as const satisfies FlagTable;

/** The flags of every command that asks a running Tocsin and tells a story. */
const sharedFlags = {
  ...clientFlags,
  output: {
    name: 'output',
    short: 'o',
    placeholder: 'FORMAT',
    read: readChoice(outputFormats),
    help: 'How to show the answer; json and yaml are the objects of the API.',
    unit: outputFormats.join(', '),
    default: 'table',
  },
} as const satisfies FlagTable;

/** The parsed flags of a command, and its surroundings. */
export interface PlainCall<Table extends FlagTable> {
  readonly values: FlagValues<Table>;
  /** The words that are neither a flag nor the value of a flag. */
  readonly words: readonly string[];
  readonly surroundings: Surroundings;
}

/** The call of a command that asks a running Tocsin. */
export interface Call<Table extends FlagTable> extends PlainCall<Table> {
  readonly api: ApiClient;
  readonly output: Output;
}

interface Definition<CallOf, Table extends FlagTable> {
  readonly name: CommandName;
  readonly flags: Table;
  /** Resolves to the exit code. Rejects with UsageError or CommandError. */
  readonly run: (call: CallOf) => Promise<number>;
}

export interface Command {
  /** The command's own flags, and those of every command. */
  readonly flags: FlagTable;
  /** The commands that its first word names. */
  readonly subcommands?: Readonly<Record<string, () => Promise<Command>>>;
  run(args: readonly string[], surroundings: Surroundings): Promise<number>;
}

/** A command that asks a running Tocsin and tells a story. */
export function command<Table extends FlagTable>({
  name,
  flags,
  run: perform,
}: Definition<Call<Table>, Table>): Command {
  return plainCommand({
    name,
    flags: { ...flags, ...sharedFlags },
    run: async ({ values, words, surroundings }) => {
      const shared = values as FlagValues<typeof sharedFlags>;
      const api = await createClient(shared, surroundings);
      const output = new Output({ ...surroundings, format: shared.output ?? 'table' });
      return perform({ values, words, api, output, surroundings });
    },
  });
}

/** A command that has no flags but its own, and `--help`. */
export function plainCommand<Table extends FlagTable>(definition: Definition<PlainCall<Table>, Table>): Command {
  const flags = { ...definition.flags, ...helpFlag };
  return { flags, run: (args, surroundings) => run(definition, flags, args, surroundings) };
}

async function run<Table extends FlagTable>(
  { name, run: perform }: Definition<PlainCall<Table>, Table>,
  flags: Table & typeof helpFlag,
  args: readonly string[],
  surroundings: Surroundings,
): Promise<number> {
  const { flags: given, words } = givenArguments(args, flags);
  const { values, problems } = readFlags(given, flags, (typed) => describeUnknown(name, flags, typed));
  if ((values as FlagValues<typeof helpFlag>).help !== undefined) {
    const { commandHelp } = await import('./command-help.ts');
    surroundings.stdout.write(commandHelp(name, flags));
    return exitDone;
  }
  if (problems.length > 0) throw new UsageError(...problems);
  return perform({ values, words, surroundings });
}

/** The client of the Tocsin that the flags or the environment name. Rejects with UsageError or CommandError. */
export async function createClient(
  flags: FlagValues<typeof clientFlags>,
  surroundings: Surroundings,
  options: Pick<ApiClientOptions, 'timeoutMs'> = {},
): Promise<ApiClient> {
  const access = flags.httpConfig === undefined ? undefined : await readAccess(flags.httpConfig);
  return new ApiClient({ url: urlFor(flags, surroundings), access, clock: surroundings.clock, ...options });
}

/** The URL of the Tocsin that the flag or the environment names. Throws UsageError. */
export function urlFor({ url }: FlagValues<Pick<typeof clientFlags, 'url'>>, { environment }: Surroundings): string {
  return url ?? urlOf(environment);
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

function describeUnknown(name: CommandName, flags: FlagTable, typed: string): string {
  const names = Object.values<Flag>(flags).map((flag) => flag.name);
  const nearest = nearestName(typed.replace(/^-+/, ''), names);
  const shown = /^-[\w.-]{1,60}$/.test(typed) ? typed : showValue(typed);
  return withSuggestion(`${shown}: unknown flag`, nearest && `--${nearest}`, `the flags in tocsin ${name} --help`);
}

/** The usage of a command, for an error. */
export function usageOf(name: CommandName): string {
  return `tocsin ${name} ${commandNamed(name).usage}`.trimEnd();
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
