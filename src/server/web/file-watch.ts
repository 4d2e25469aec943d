import { statSync, type Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { ReadFile } from '../../config/settings/settings-file.ts';

/** Whether files are others than those that were read, and have stayed so from one look to the next. */
export class FileWatch {
  #read: FileStates = new Map();
  #seen: FileStates = new Map();

  /** These were read: from now on it is they that are looked at. */
  follow(read: FileStates): void {
    this.#read = this.#seen = read;
  }

  /**
   * `quiet`: they have looked the same since the last look, so that nobody is writing them.
   * `changed`: they do not look as they did when they were read.
   */
  async look(): Promise<{ readonly quiet: boolean; readonly changed: boolean }> {
    const read = this.#read;
    const now = await statesOf(read.keys());
    // Others were read meanwhile.
    if (read !== this.#read) return { quiet: false, changed: false };
    const quiet = areSame(now, this.#seen);
    this.#seen = now;
    return { quiet, changed: !areSame(now, read) };
  }
}

/**
 * What files look like, by path. It changes with a file's content, also where only a link to it is swapped, as the kubelet
 * does with a Secret, and when the file comes or goes.
 */
export type FileStates = ReadonlyMap<string, string>;

/** Reads files, and notes in `states` what each of them looked like right before. */
export function noting(readFile: ReadFile, states: Map<string, string>): ReadFile {
  return (path) => {
    if (!states.has(path)) states.set(path, stateNow(path));
    return readFile(path);
  };
}

/** True if one of the files looks otherwise now. */
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
