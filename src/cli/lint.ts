import { readChoice } from '../config/settings/value-readers.ts';
import { showText } from '../config/settings/show-value.ts';
import { lintFiles } from '../lint/lint-files.ts';
import type { Severity } from '../lint/codes.ts';
import { isAtLeast, type Problem } from '../lint/problem.ts';
import {
  exitDone,
  exitFailed,
  plainCommand,
  UsageError,
  usageOf,
  type PlainCall,
  type Surroundings,
} from './command.ts';

const flags = {
  output: {
    name: 'output',
    short: 'o',
    placeholder: 'FORMAT',
    read: readChoice(['text', 'json']),
    help: 'How to show the problems.',
    unit: 'text, json',
    default: 'text',
  },
  failOn: {
    name: 'fail-on',
    placeholder: 'SEVERITY',
    read: readChoice(['error', 'warning', 'info']),
    help: 'The least severe problem that makes the exit code 1.',
    unit: 'error, warning, info',
    default: 'error',
  },
  recursive: { name: 'recursive', short: 'R', help: 'Read the folders in a folder as well.' },
} as const;

/** `tocsin lint`: every problem of files, with its place and what to do. */
export const lint = plainCommand({ name: 'lint', flags, run });

async function run({ values, words, surroundings }: PlainCall<typeof flags>): Promise<number> {
  if (words.length === 0) throw new UsageError(`lint: no file, allowed: ${usageOf('lint')}`);
  const { problems } = await lintFiles(words, { stdin: process.stdin, recursive: values.recursive === true });
  await show(problems, values.output ?? 'text', surroundings);
  const limit = values.failOn ?? 'error';
  return problems.some(({ severity }) => isAtLeast(severity, limit)) ? exitFailed : exitDone;
}

async function show(problems: readonly Problem[], format: 'text' | 'json', { stdout }: Surroundings): Promise<void> {
  if (format === 'json') stdout.write(`${JSON.stringify(problems, null, 2)}\n`);
  else for (const problem of problems) stdout.write(`${textOf(problem)}\n`);
  if (format === 'text') stdout.write(`${summaryOf(problems)}\n`);
}

function textOf({ file, line, column, severity, message, hint, code, fix }: Problem): string {
  const fixable = fix === undefined ? '' : ` (fix: ${showText(fix.does)})`;
  const place = `${showText(file)}:${line}:${column}`;
  return `${place}: ${severity}: ${showText(message)} [${code}]\n    ${showText(hint)}${fixable}`;
}

function summaryOf(problems: readonly Problem[]): string {
  const counts = (['error', 'warning', 'info'] as const).map((severity) => counted(problems, severity));
  return problems.length === 0 ? 'no problems' : counts.filter(Boolean).join(', ');
}

function counted(problems: readonly Problem[], severity: Severity): string {
  const count = problems.filter((problem) => problem.severity === severity).length;
  if (count === 0) return '';
  return severity === 'info' ? `${count} to know` : `${count} ${severity}${count === 1 ? '' : 's'}`;
}
