import { parseArgs } from 'node:util';
import { describeRefusal, type Reading } from '../settings/reader.ts';
import type { Flag } from './flag-table.ts';

/** The flags of a command, by their names in the program. */
export type FlagTable = Readonly<Record<string, Flag>>;

/** The parsed values of the flags on a command line; a flag that was not given is missing. */
export type FlagValues<Table extends FlagTable> = { readonly [Key in keyof Table]?: ValueOf<Table[Key]> | undefined };

type ValueOf<F> = F extends { readonly read: (found: unknown) => Reading<infer T> }
  ? F extends { readonly isList: true }
    ? readonly T[]
    : T
  : true;

/**
 * Reads the value of every flag and collects all problems, one line each.
 * @param describeUnknown says what is wrong with a flag that the table does not have
 */
export function readFlags<Table extends FlagTable>(
  given: readonly GivenFlag[],
  table: Table,
  describeUnknown: (typed: string) => string,
): { readonly values: FlagValues<Table>; readonly problems: string[] } {
  const values: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const { typed, name, value } of given) {
    const [key, flag] = findFlag(table, name) ?? [];
    if (key === undefined || flag === undefined) problems.push(describeUnknown(typed));
    else if (key in values && flag.read !== undefined && flag.isList !== true)
      problems.push(`${typed}: given twice, allowed: once`);
    else {
      const reading = readFlag(flag, value);
      // Set even after a problem, so that a second flag of the same name is still reported as given twice.
      values[key] = typeof reading === 'string' ? undefined : withValue(flag, values[key], reading.value);
      if (typeof reading === 'string') problems.push(reading);
    }
  }
  // Each value comes from the reader of its own key.
  return { values: values as FlagValues<Table>, problems };
}

function withValue(flag: Flag, before: unknown, value: unknown): unknown {
  return flag.isList === true ? [...((before as readonly unknown[] | undefined) ?? []), value] : value;
}

/** The flag of that name, without dashes. */
function findFlag(table: FlagTable, name: string): readonly [string, Flag] | undefined {
  return Object.entries(table).find(([, flag]) => flag.name === name);
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
export interface GivenFlag {
  /** With its dashes, without its value. */
  readonly typed: string;
  /** Without dashes; for a short flag, the long name. */
  readonly name: string;
  readonly value: string | undefined;
}

/** A command line split into its parts, before anything is checked. */
interface GivenArguments {
  readonly flags: readonly GivenFlag[];
  /** The words that are neither a flag nor the value of a flag. */
  readonly words: readonly string[];
}

/**
 * Splits `--a=b` and `--a b`. A value that begins with a dash needs the first form: otherwise a flag whose value was forgotten
 * would swallow the next flag.
 */
export function givenArguments(args: readonly string[], table: FlagTable): GivenArguments {
  const flags: GivenFlag[] = [];
  const words: string[] = [];
  const tokens = tokenize(args, table);
  for (let token = tokens.shift(); token !== undefined; token = tokens.shift()) {
    if (token.kind === 'positional') words.push(token.value);
    if (token.kind !== 'option') continue;
    const [typed = ''] = (args[token.index] ?? '').split('=', 1);
    const flag = { typed, name: token.name, value: token.value };
    const next = tokens[0];
    const takesNext = flag.value === undefined && takesValue(table, flag.name) && next?.kind === 'positional';
    flags.push(takesNext ? { ...flag, value: next.value } : flag);
    if (takesNext) tokens.shift();
  }
  return { flags, words };
}

type Token = NonNullable<ReturnType<typeof parseArgs>['tokens']>[number];

/** Declares every flag without a value, so that parseArgs leaves it to us which word is a flag's value. */
function tokenize(args: readonly string[], table: FlagTable): Token[] {
  const options = Object.fromEntries(
    Object.values(table).map(({ name, short }) => [
      name,
      { type: 'boolean' as const, ...(short === undefined ? {} : { short }) },
    ]),
  );
  const config = {
    args: withoutGroups(args, table),
    options,
    strict: false,
    allowPositionals: true,
    tokens: true,
  } as const;
  return parseArgs(config).tokens;
}

/**
 * parseArgs would read `-config.file`, Go's notation of a flag, as eleven short flags; it is one mistake. It would do so with
 * `-o=json` as well, which kubectl accepts.
 */
function withoutGroups(args: readonly string[], table: FlagTable): string[] {
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  return args.map((arg, index) => (index < end && /^-[^-]./s.test(arg) ? withLongName(arg, table) : arg));
}

function withLongName(arg: string, table: FlagTable): string {
  const [, short, value] = /^-([a-z])=(.*)$/is.exec(arg) ?? [];
  const flag = short === undefined ? undefined : Object.values(table).find((each) => each.short === short);
  return flag === undefined ? `--${arg}` : `--${flag.name}=${value}`;
}

/** An unknown flag also takes the next word: that word is not a second mistake. */
function takesValue(table: FlagTable, name: string): boolean {
  const flag = findFlag(table, name)?.[1];
  return flag === undefined || flag.placeholder !== undefined;
}
