import { parseArgs, type ParseArgsOptionsConfig } from 'node:util';

type Values<Flags extends ParseArgsOptionsConfig> = ReturnType<typeof parseArgs<{ options: Flags }>>['values'];

/** One of the project's own commands: bench, soak, torture, mutate. */
export interface Tool<Flags extends ParseArgsOptionsConfig, Choice extends { readonly name: string }> {
  /** The output of `--help`. */
  readonly usage: string;
  readonly flags: Flags;
  /** The choices that a word selects, by name or else by part of a name; without a word, all of them are selected. */
  readonly choices: readonly Choice[];
  /** Resolves to false if the result is not good. Rejects with UsageError, before it does anything, if a number is wrong. */
  run(values: Values<Flags>, chosen: readonly Choice[]): Promise<boolean | void>;
}

/** A mistake on the command line; the message is one line. */
export class UsageError extends Error {}

/**
 * Runs a tool and resolves to the exit code: 0 if the result is good, 1 if it is not, 2 for a wrong command line. A mistyped command
 * line runs nothing: a proof that tried something else, or nothing at all, must not look like one that found nothing wrong.
 */
export async function runTool<Flags extends ParseArgsOptionsConfig, Choice extends { readonly name: string }>(
  tool: Tool<Flags, Choice>,
  args: readonly string[] = process.argv.slice(2),
): Promise<number> {
  try {
    if (args.includes('--help')) return say(process.stdout, tool.usage, 0);
    const { values, words } = read(tool, args);
    return (await tool.run(values, chosenBy(words, tool.choices))) === false ? 1 : 0;
  } catch (error) {
    if (error instanceof UsageError) return say(process.stderr, `${error.message}; --help tells more`, 2);
    throw error;
  }
}

function read<Flags extends ParseArgsOptionsConfig>(
  { flags, choices }: Pick<Tool<Flags, { readonly name: string }>, 'flags' | 'choices'>,
  args: readonly string[],
): { readonly values: Values<Flags>; readonly words: readonly string[] } {
  try {
    const parsed = parseArgs({ args, options: flags, allowPositionals: choices.length > 0 });
    return { values: parsed.values, words: parsed.positionals };
  } catch (error) {
    // Only the first sentence of the message is useful here.
    const problem = (error as Error).message.split(/\.?\s*\n|\. /)[0];
    const allowed = Object.keys(flags).map((name) => `--${name}`);
    throw new UsageError(`${problem}: there ${allowed.length === 0 ? 'are no flags' : `is ${allowed.join(', ')}`}`);
  }
}

function chosenBy<Choice extends { readonly name: string }>(
  words: readonly string[],
  choices: readonly Choice[],
): readonly Choice[] {
  const chosen = new Set(words.flatMap((word) => named(word, choices)));
  return words.length === 0 ? choices : choices.filter((choice) => chosen.has(choice));
}

function named<Choice extends { readonly name: string }>(word: string, choices: readonly Choice[]): readonly Choice[] {
  const exact = choices.filter(({ name }) => name === word);
  const found = exact.length > 0 ? exact : choices.filter(({ name }) => word !== '' && name.includes(word));
  if (found.length > 0) return found;
  throw new UsageError(`Nothing is named "${word}": there is ${choices.map(({ name }) => name).join(' | ')}`);
}

/** A whole number of at least `least`. Throws UsageError. */
export function wholeNumber(flag: string, text: string, least: number): number {
  if (/^\d{1,15}$/.test(text) && Number(text) >= least) return Number(text);
  throw new UsageError(`--${flag} has to be a whole number, ${least} or more, and is "${text}"`);
}

/** A number greater than 0, such as 0.5. Throws UsageError. */
export function positiveNumber(flag: string, text: string): number {
  if (/^\d{1,15}(?:\.\d+)?$/.test(text) && Number(text) > 0) return Number(text);
  throw new UsageError(`--${flag} has to be a number over 0, such as 0.5, and is "${text}"`);
}

function say(stream: NodeJS.WriteStream, text: string, exitCode: number): number {
  stream.write(`${text}\n`);
  return exitCode;
}
