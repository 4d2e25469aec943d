import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { systemClock } from '../../src/runtime/clock.ts';

export interface ChildOptions {
  /** The name in error messages. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  /** Variables added to the environment of the test. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Called with each line of stdout and stderr, without its line feed. */
  readonly onLine?: (line: string) => void;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Child {
  readonly name: string;
  readonly pid: number;
  /** Resolves, and never rejects, when the child has ended and all its output has been read. */
  readonly exited: Promise<Exit>;
  /** Undefined while it runs. */
  exit(): Exit | undefined;
  /** The last 50 lines of stdout and stderr together, for error messages. */
  recentOutput(): string;
  kill(signal: NodeJS.Signals): void;
  /** Stops reading its stdout, like a log reader that hangs, or continues reading. */
  readOutput(reads: boolean): void;
  /** SIGTERM, and SIGKILL if the child has not ended `graceMs` later (default 10,000). Resolves when the child has ended. */
  stop(graceMs?: number): Promise<Exit>;
}

const recentLines = 50;

/**
 * Starts a program. Rejects if it cannot be started at all. A child that a test forgets dies with the test's process. One that fails
 * though no test ended it says so on stderr, with its last errors: the test itself sees no more than a broken connection.
 */
export async function startChild({ name, command, args, cwd, environment, onLine }: ChildOptions): Promise<Child> {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [recent, errors] = [new Array<string>(), new Array<string>()];
  const keep = (line: string, ...kept: string[][]): void => {
    for (const lines of kept) if (lines.push(line) > recentLines) lines.shift();
    onLine?.(line);
  };
  readLines(child.stdout, (line) => keep(line, recent));
  // Apart, too: what was written to stdout before may be read after it, and push it out.
  readLines(child.stderr, (line) => keep(line, recent, errors));
  const { exited, exit } = watchExit(child);
  child.once('close', (code, signal) => {
    if (!child.killed && code !== 0) tellEnd(`${name} (${child.pid})`, { code, signal }, errors);
  });
  await once(child, 'spawn');
  return {
    name,
    pid: child.pid ?? NaN,
    exited,
    exit,
    recentOutput: () => recent.join('\n'),
    kill: (signal) => void child.kill(signal),
    readOutput: (reads) => void (reads ? child.stdout.resume() : child.stdout.pause()),
    stop: (graceMs = 10_000) => stop(child, exited, graceMs),
  };
}

function tellEnd(who: string, { code, signal }: Exit, errors: readonly string[]): void {
  process.stderr.write(`${who} ended by itself: ${code ?? signal}; its last errors:\n${errors.join('\n')}\n`);
}

function watchExit(child: ChildProcess): Pick<Child, 'exited' | 'exit'> {
  const { promise, resolve } = Promise.withResolvers<Exit>();
  let exit: Exit | undefined;
  const killWithTest = (): void => void child.kill('SIGKILL');
  process.once('exit', killWithTest);
  child.once('close', (code, signal) => {
    process.off('exit', killWithTest);
    exit = { code, signal };
    resolve(exit);
  });
  return { exited: promise, exit: () => exit };
}

async function stop(child: ChildProcess, exited: Promise<Exit>, graceMs: number): Promise<Exit> {
  child.kill('SIGTERM');
  child.kill('SIGCONT'); // a test may have paused it
  const cancel = systemClock.setTimeout(() => child.kill('SIGKILL'), graceMs);
  return exited.finally(cancel);
}

/** Resolves when `url` answers with a 2xx; rejects when the child ends earlier, or after `timeoutMs`. */
export async function waitUntilReady(
  child: Child,
  url: string,
  timeoutMs = 60_000,
  isReady: (url: string) => Promise<boolean> = answers,
): Promise<void> {
  const deadline = systemClock.now() + timeoutMs;
  while (!(await isReady(url))) {
    const exit = child.exit();
    if (exit !== undefined) throw new Error(describe(child, `ended (${exit.code ?? exit.signal}) before it was ready`));
    if (systemClock.now() >= deadline) throw new Error(describe(child, `is not ready after ${timeoutMs} ms (${url})`));
    await Promise.race([child.exited, pause(20)]);
  }
}

function describe(child: Child, what: string): string {
  return `${child.name} ${what}; its last lines:\n${child.recentOutput()}`;
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(5000) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false; // nobody listens yet
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => systemClock.setTimeout(resolve, ms));
}

/** Splits at line feeds only: other separators can be part of a JSON line. */
function readLines(stream: Readable, onLine: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  stream.on('end', () => {
    if (rest !== '') onLine(rest);
  });
}
