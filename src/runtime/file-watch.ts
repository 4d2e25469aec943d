import { lstatSync, realpathSync, statSync, type Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/** Reads a file as text, and throws as `node:fs` does. */
type ReadFile = (path: string) => string;

/** Watches whether files differ from the ones that were read, and have been stable since the last look. */
export class FileWatch {
  #read: FileStates = new Map();
  #seen: FileStates = new Map();

  /** Watches these files from now on, as they were read. */
  follow(read: FileStates): void {
    this.#read = this.#seen = read;
  }

  /**
   * `quiet`: they have not changed since the last look, so nobody is writing them. `changed`: they differ from when they were
   * read.
   */
  async look(): Promise<{ readonly quiet: boolean; readonly changed: boolean }> {
    const read = this.#read;
    const now = await statesOf(read.keys());
    // Other files were read meanwhile.
    if (read !== this.#read) return { quiet: false, changed: false };
    const quiet = areSame(now, this.#seen);
    this.#seen = now;
    return { quiet, changed: !areSame(now, read) };
  }
}

/**
 * The state of files, by path. It changes with a file's content, when a file appears or disappears, and also if only a link to it
 * is swapped, as the kubelet does with a Secret.
 */
export type FileStates = ReadonlyMap<string, string>;

/** Reads files, and records in `states` the state of each right before it is read. */
export function noting(readFile: ReadFile, states: Map<string, string>): ReadFile {
  return (path) => {
    if (!states.has(path)) states.set(path, stateNow(path));
    return readFile(path);
  };
}

/**
 * True for a file of a mounted ConfigMap or Secret: the kubelet keeps it current. That also holds for a file in a folder of it
 * (`items`) and for a link to one. It does not hold for a `subPath`, which has no link `..data` above it.
 */
export function isInVolume(file: string): boolean {
  let folder = dirname(realPath(file));
  for (; ; folder = dirname(folder)) {
    if (lstatSync(join(folder, '..data'), { throwIfNoEntry: false })?.isSymbolicLink() === true) return true;
    if (folder === dirname(folder)) return false;
  }
}

function realPath(file: string): string {
  try {
    return realpathSync(file);
  } catch {
    // It is not there now: the message about that comes from who reads it.
    return resolve(file);
  }
}

/** True if the state of one of the files has changed. */
export function haveChanged(states: FileStates): boolean {
  return [...states].some(([path, state]) => stateNow(path) !== state);
}

async function statesOf(paths: Iterable<string>): Promise<FileStates> {
  const each = [...paths].map(async (path) => [path, await stat(path).then(describe, codeOf)] as const);
  return new Map(await Promise.all(each));
}

export function areSame(one: FileStates, other: FileStates): boolean {
  return one.size === other.size && [...one].every(([path, state]) => other.get(path) === state);
}

function stateNow(path: string): string {
  try {
    return describe(statSync(path));
  } catch (error) {
    return codeOf(error);
  }
}

function describe({ dev, ino, size, mtimeMs, ctimeMs }: Stats): string {
  return `${dev} ${ino} ${size} ${mtimeMs} ${ctimeMs}`;
}

function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException).code);
}
