import packageJson from '../../package.json' with { type: 'json' };
import { readHttpUrl } from '../config/settings/http-url.ts';
import { readChoice, readPath } from '../config/settings/value-readers.ts';
import { showText } from '../config/settings/show-value.ts';
import { lintFiles, stdinName, type FileChange } from '../lint/lint-files.ts';
import type { Severity } from '../lint/codes.ts';
import { isAtLeast, type Problem } from '../lint/problem.ts';
import { exitDone, exitFailed, plainCommand, UsageError, usageOf, type PlainCall } from './command.ts';

const flags = {
  output: {
    name: 'output',
    short: 'o',
    placeholder: 'FORMAT',
    read: readChoice(['text', 'json', 'sarif']),
    help: 'How to show the problems; sarif is for code review.',
    unit: 'text, json, sarif',
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
  fix: { name: 'fix', help: 'Mend what can be mended safely, in the files, and show what is left.' },
  docsUrl: {
    name: 'docs-url',
    placeholder: 'URL',
    read: readHttpUrl,
    help: 'Where the folder with docs/ is on the web, for links in SARIF.',
    unit: 'http or https URL',
    otherwise: 'none, then there are no links',
  },
  pipelinesFolder: {
    name: 'pipelines.folder',
    placeholder: 'DIR',
    read: readPath,
    help: 'Manifests of the pipelines that alerts may name; they are not checked themselves.',
    unit: 'path, or - for standard input',
    otherwise: 'those among the files',
  },
  recursive: { name: 'recursive', short: 'R', help: 'Read the folders in a folder as well.' },
} as const;

/** `tocsin lint`: every problem of files, with its place and what to do. */
export const lint = plainCommand({ name: 'lint', flags, run });

async function run({ values, words, surroundings }: PlainCall<typeof flags>): Promise<number> {
  if (words.length === 0) throw new UsageError(`lint: no file, allowed: ${usageOf('lint')}`);
  if (values.fix !== undefined && words.includes(stdinName))
    throw new UsageError('--fix: not for standard input, allowed: with files');
  const { stdout, stderr } = surroundings;
  const options = {
    stdin: process.stdin,
    recursive: values.recursive === true,
    fix: values.fix === true,
    beside: values.pipelinesFolder,
  };
  const { changes, problems } = await lintFiles(words, options);
  const format = values.output ?? 'text';
  // The other formats have the problems, and nothing else.
  for (const change of changes) (format === 'text' ? stdout : stderr).write(`${changeText(change)}\n`);
  if (format === 'json') stdout.write(`${JSON.stringify(problems, null, 2)}\n`);
  else if (format === 'sarif') {
    const { sarifOf } = await import('../lint/sarif.ts');
    const about = { version: packageJson.version, docsUrl: values.docsUrl };
    stdout.write(`${JSON.stringify(sarifOf(problems, about), null, 2)}\n`);
  } else stdout.write(`${[...problems.map(textOf), summaryOf(problems)].join('\n')}\n`);
  const limit = values.failOn ?? 'error';
  return problems.some(({ severity }) => isAtLeast(severity, limit)) ? exitFailed : exitDone;
}

function changeText({ file, line, column, code, does }: FileChange): string {
  return `${showText(file)}:${line}:${column}: fixed: ${showText(does)} [${code}]`;
}

function textOf({ file, line, column, severity, message, hint, code, fix }: Problem): string {
  const fixable = fix === undefined ? '' : ` (--fix ${showText(fix.does)})`;
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
