import { areSame, statesOf, type FileStates } from './file-states.ts';

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
