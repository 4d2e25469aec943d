import { existsSync, globSync, readdirSync, statSync } from 'node:fs';
import { realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { describeReadError } from '../config/settings/settings-file.ts';
import { createRegularFile, FileRefusedError, readRegularFile } from '../runtime/regular-file.ts';
import { fixText, type Change } from './fix.ts';
import { lintTexts } from './lint.ts';
import type { LintCode } from './codes.ts';
import type { Problem } from './problem.ts';
import type { Disk } from './rule.ts';
import type { TextFile } from './subjects.ts';

/** A larger file is not read, bytes. The manifests of the Prometheus operator with all its resources have 4 MiB. */
export const maxLintBytes = 16 * 1024 * 1024;

/** The name of standard input among the files. */
export const stdinName = '-';

interface LintOptions {
  readonly stdin: AsyncIterable<Uint8Array | string>;
  /** True: the files of the folders in a folder as well. */
  readonly recursive: boolean;
  /** True: what can be mended safely is mended in the files. */
  readonly fix?: boolean;
  /** A folder, or standard input, with what the files may name, such as the manifests of pipelines. It is not checked itself. */
  readonly beside?: string | undefined;
}

export interface LintResult {
  /** What was mended. */
  readonly changes: readonly FileChange[];
  /** In the order of the files as they were given, and of their lines. */
  readonly problems: readonly Problem[];
}

export interface FileChange extends Change {
  readonly file: string;
}

/** Reads and checks files, and the `.yaml`, `.yml` and `.json` files of folders, as kubectl takes them. Never rejects. */
export async function lintFiles(names: readonly string[], options: LintOptions): Promise<LintResult> {
  let texts: TextFile[] = [];
  const refused = new Map<string, Problem>();
  const all = [...new Set(names.flatMap((name) => filesIn(name, options.recursive)))];
  for (const name of all) {
    const text = await readText(name, options.stdin);
    if (typeof text === 'string') texts.push({ name, text });
    else refused.set(name, text);
  }
  const given = new Set(all);
  const beside = (await readBeside(options, refused)).filter(({ name }) => !given.has(name));
  const changes: FileChange[] = [];
  for (const file of options.fix === true ? texts : []) {
    const fixed = fixText(file, [...texts, ...beside], disk);
    const problem = fixed.changes.length === 0 ? undefined : await replaceFile(file, fixed.text);
    if (problem !== undefined) refused.set(file.name, problem);
    else {
      changes.push(...fixed.changes.map((change) => ({ ...change, file: file.name })));
      texts = texts.map((each) => (each === file ? fixed : each));
    }
  }
  const found = new Map(lintTexts([...texts, ...beside], disk).map(({ name, problems }) => [name, problems]));
  for (const { name } of beside) found.delete(name);
  const problems = [...new Set([...all, ...refused.keys()])].flatMap((name) => [
    ...(refused.has(name) ? [refused.get(name)!] : []),
    ...(found.get(name) ?? []),
  ]);
  return { changes, problems };
}

async function readBeside({ beside, stdin }: LintOptions, refused: Map<string, Problem>): Promise<readonly TextFile[]> {
  const texts: TextFile[] = [];
  for (const name of beside === undefined ? [] : filesIn(beside, false)) {
    const text = await readText(name, stdin);
    if (typeof text === 'string') texts.push({ name, text });
    else refused.set(name, text);
  }
  return texts;
}

/** Replaces a file in one step, or says why it is as it was. A link stays one, and the file keeps its permissions. */
async function replaceFile({ name, text }: TextFile, fixed: string): Promise<Problem | undefined> {
  const temporary = `${name}.tocsin-${process.pid}`;
  try {
    const path = await realpath(name);
    const beside = join(dirname(path), basename(temporary));
    const { mode, uid, gid } = await stat(path);
    if ((await readRegularFile(path, maxLintBytes)).toString('utf8') !== text)
      return fileProblem(name, 'file-unwritable', 'the file has changed meanwhile', 'run this again');
    try {
      const file = await createRegularFile(beside, mode & 0o777);
      try {
        // Only root has files of others to mend, and they keep their owner.
        if (process.geteuid?.() === 0) await file.chown(uid, gid);
        await file.chmod(mode & 0o777);
        await file.writeFile(fixed);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(beside, path);
    } catch (error) {
      await rm(beside, { force: true });
      throw error;
    }
    return undefined;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    return fileProblem(
      name,
      'file-unwritable',
      `cannot be written: ${code}`,
      'check its permissions and those of its folder, and the disk',
    );
  }
}

const fileEndings = /\.(?:ya?ml|json)$/;

/** A folder stands for the files in it; anything else for itself. */
function filesIn(name: string, recursive: boolean): readonly string[] {
  try {
    if (name === stdinName || !statSync(name).isDirectory()) return [name];
    const found = filesOfFolder(name, recursive);
    return found.length === 0 ? [name] : found.toSorted();
  } catch {
    return [name];
  }
}

/** Links to folders are not followed, as kubectl does: they may lead to where they stand. `..data` is what a mounted ConfigMap links to. */
function filesOfFolder(folder: string, recursive: boolean): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return recursive && !entry.name.startsWith('..') ? filesBelow(path) : [];
    return fileEndings.test(entry.name) && !isFolder(path) ? [path] : [];
  });
}

/** A folder that may not be listed stands for itself, so that it is told. */
function filesBelow(folder: string): readonly string[] {
  try {
    return filesOfFolder(folder, true);
  } catch {
    return [folder];
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false; // What is wrong with it is told when it is read.
  }
}

async function readText(name: string, stdin: LintOptions['stdin']): Promise<string | Problem> {
  try {
    const bytes = name === stdinName ? await readAll(stdin) : await readRegularFile(name, maxLintBytes);
    const text = bytes.toString('utf8');
    const wrong = firstWrong(bytes, text);
    if (wrong === undefined) return text;
    const before = text.slice(0, wrong).split('\n');
    const position = { line: before.length, column: before.at(-1)!.length + 1 };
    return fileProblem(
      name,
      'file-not-text',
      'it is no text in UTF-8',
      'is it the right file? If so, save it as UTF-8',
      position,
    );
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why =
      code === 'EISDIR'
        ? 'is a directory that may not be listed, or has no .yaml, .yml and .json files'
        : describeReadError(error);
    const [message = '', hint = 'check the path'] = why.split(/; (.*)/s);
    return fileProblem(name, 'file-unreadable', message, hint);
  }
}

/** The first unit that no text has: a NUL, or what stands for bytes that are no UTF-8. */
function firstWrong(bytes: Buffer, text: string): number | undefined {
  const isUtf8 = Buffer.from(text).equals(bytes);
  const wrong = text.search(isUtf8 ? /\0/ : /[\0\ufffd]/);
  return wrong === -1 ? undefined : wrong;
}

async function readAll(stdin: LintOptions['stdin']): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of stdin) {
    pieces.push(Buffer.from(piece));
    size += pieces.at(-1)!.length;
    if (size > maxLintBytes)
      throw new FileRefusedError(`has more than ${maxLintBytes} bytes, allowed: ${maxLintBytes} bytes`);
  }
  return Buffer.concat(pieces);
}

function fileProblem(
  file: string,
  code: LintCode,
  message: string,
  hint: string,
  at = { line: 1, column: 1 },
): Problem {
  return { file, ...at, endLine: at.line, endColumn: at.column, code, severity: 'error', message, hint };
}

const disk: Disk = {
  matches: (file, pattern) => {
    if (file === stdinName) return 'unknown';
    const path = resolve(dirname(file), pattern);
    if (globSync(path).length > 0) return 'some';
    const folder = dirname(path.replace(/[*?[].*$/s, 'x'));
    return existsSync(folder) ? 'none' : 'no folder';
  },
};
