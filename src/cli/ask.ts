import type { AskCommandName } from '../config/flags/command-table.ts';
import { systemClock } from '../runtime/clock.ts';
import { ApiError } from './client.ts';
import { CommandError, exitFailed, exitUsage, UsageError, type Command, type Surroundings } from './command.ts';

/** One file per command; only the file of the given command is loaded. */
export const loadCommand: Readonly<Record<AskCommandName, () => Promise<Command>>> = {
  why: async () => (await import('./why.ts')).why,
  what: async () => (await import('./what.ts')).what,
  tail: async () => (await import('./tail.ts')).tail,
  reconcile: async () => (await import('./reconcile.ts')).reconcile,
  resume: async () => (await import('./resume.ts')).resume,
  explain: async () => (await import('./explain.ts')).explain,
  'test-alert': async () => (await import('./test-alert.ts')).testAlert,
  check: async () => (await import('./check.ts')).check,
  lint: async () => (await import('./lint.ts')).lint,
  rules: async () => (await import('./rules.ts')).rules,
  trigger: async () => (await import('./trigger.ts')).trigger,
  completion: async () => (await import('./completion.ts')).completion(loadCommand),
};

/** Those of this process. */
export function ourSurroundings(packageFolder: string): Surroundings {
  const { env: environment, stdout, stderr } = process;
  return { environment, stdout, stderr, clock: systemClock, packageFolder };
}

/** Runs a command that asks a running Tocsin. Resolves to the exit code. */
export async function ask(name: AskCommandName, args: readonly string[], surroundings: Surroundings): Promise<number> {
  // A reader of the beginning only, such as head, has seen enough.
  if (surroundings.stdout === process.stdout) process.stdout.on('error', () => process.exit(exitFailed));
  let called: string = name;
  try {
    const command = await loadCommand[name]();
    const [first] = args;
    if (first !== undefined && Object.hasOwn(command.subcommands ?? {}, first)) called = `${name} ${first}`;
    return await command.run(args, surroundings);
  } catch (error) {
    const complain = (line: string): unknown => surroundings.stderr.write(`tocsin: ${line}\n`);
    if (error instanceof UsageError) {
      for (const problem of [...error.problems, `try: tocsin ${called} --help`]) complain(problem);
      return exitUsage;
    }
    if (!(error instanceof CommandError || error instanceof ApiError)) throw error;
    for (const line of error.message.split('\n')) complain(line);
    return exitFailed;
  }
}

/** A pipe takes 64 KiB at once, and an exit before it has taken everything would lose the rest. */
export async function exitWhenWritten(exitCode: number): Promise<never> {
  await Promise.all([process.stdout, process.stderr].map(written));
  process.exit(exitCode);
}

async function written(stream: NodeJS.WritableStream): Promise<void> {
  await new Promise<void>((resolve) => void stream.write('', () => resolve()));
}
