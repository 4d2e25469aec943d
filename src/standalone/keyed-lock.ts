/** Runs tasks of one key one after the other, in the order in which they came; tasks of different keys do not wait for each other. */
export class KeyedLock {
  /** The last task of each key that has one; it never rejects. */
  readonly #tails = new Map<string, Promise<unknown>>();

  /** Settles as the task does. A task that fails does not stop those behind it. */
  run<Result>(key: string, task: () => Promise<Result>): Promise<Result> {
    const result = (this.#tails.get(key) ?? Promise.resolve()).then(task);
    const tail: Promise<void> = result.catch(() => undefined).then(() => this.#release(key, tail));
    this.#tails.set(key, tail);
    return result;
  }

  /** When every task given so far is done. */
  async idle(): Promise<void> {
    await Promise.all(this.#tails.values());
  }

  /** How many keys have a task that is not done. */
  get size(): number {
    return this.#tails.size;
  }

  #release(key: string, tail: Promise<unknown>): void {
    if (this.#tails.get(key) === tail) this.#tails.delete(key);
  }
}
