import { parseArgs } from 'node:util';
import { findFlag, flagTable } from './flag-table.ts';
import type { Flag } from './flag-table.ts';

/** A flag as it was typed. */
export interface GivenFlag {
  /** With its dashes, without its value. */
  readonly typed: string;
  /** Without dashes; of a short flag the long name. */
  readonly name: string;
  readonly value: string | undefined;
}

/** A command line taken apart; nothing of it is judged yet. */
export interface GivenArguments {
  readonly flags: readonly GivenFlag[];
  /** What is neither a flag nor a flag's value. */
  readonly words: readonly string[];
}

/**
 * Takes apart `--a=b` and `--a b`. A value that begins with a dash needs the first form: otherwise a flag whose value was
 * forgotten would swallow the flag after it.
 */
export function givenArguments(args: readonly string[]): GivenArguments {
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
