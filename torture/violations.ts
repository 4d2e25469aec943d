/** What should never have happened, by kind: the number of cases, and the first case in words. */
export class Violations {
  readonly #found = new Map<string, { count: number; readonly first: string }>();

  add(kind: string, what: string): void {
    const found = this.#found.get(kind);
    if (found === undefined) this.#found.set(kind, { count: 1, first: what.slice(0, 1500) });
    else found.count++;
  }

  get all(): readonly string[] {
    return [...this.#found].map(([kind, { count, first }]) => `${kind}, ${count} times; the first: ${first}`);
  }
}
