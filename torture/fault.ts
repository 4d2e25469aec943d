/** A line of the source, which a fault shows to be needed. */
export interface Guard {
  /** The file in `src/`. */
  readonly file: string;
  /** The text to replace, which the file contains exactly once. */
  readonly from: string;
  readonly to: string;
}

export interface FaultOptions {
  /** Only a few tries, so that it takes seconds. */
  readonly quick: boolean;
  /** The program; default: `src/main.ts`. */
  readonly main?: string;
}

export interface FaultResult {
  /** How many times the fault was brought about. */
  readonly tried: number;
  /** How many times Tocsin survived it, or came back intact. */
  readonly survived: number;
  /** The number of conditions, silences and answers that were wrong in the end. */
  readonly lost: number;
  /** How long each recovery took, in milliseconds. */
  readonly recoverMs: readonly number[];
  /** The first few problems. */
  readonly problems: readonly string[];
  /** More that must not happen, and how often it did. */
  readonly counts?: Readonly<Record<string, number>>;
  /** Why the fault could not be tried on this machine. */
  readonly skipped?: string;
}

export interface Fault {
  readonly name: string;
  /**
   * If this is broken, the row must not be good; `npm run torture -- --prove` breaks it. Where one of several is enough, they are all
   * broken together.
   */
  readonly guard: Guard | readonly Guard[];
  run(options: FaultOptions): Promise<FaultResult>;
}

const mostProblems = 5;

/** Collects the counts while a fault runs. */
export class Tally {
  readonly #recoverMs: number[] = [];
  readonly #problems: string[] = [];
  readonly #counts = new Map<string, number>();
  #tried = 0;
  #survived = 0;
  #lost = 0;

  /** One try, which is survived if `run` resolves. It may resolve to the measured duration of the recovery. */
  async try(what: string, run: () => Promise<number | void>): Promise<void> {
    this.#tried++;
    try {
      const recoverMs = await run();
      if (recoverMs !== undefined) this.#recoverMs.push(recoverMs);
      this.#survived++;
    } catch (error) {
      this.#problem(
        `${what}: ${String(error instanceof Error ? (error.stack ?? error.message) : error).slice(0, 2500)}`,
      );
    }
  }

  lost(what: string, count = 1): void {
    if (count === 0) return;
    this.#lost += count;
    this.#problem(`lost: ${what}`);
  }

  /** Adds to a column of its own, which the row then has even if it is 0. */
  count(column: string, problems: readonly string[]): void {
    this.#counts.set(column, (this.#counts.get(column) ?? 0) + problems.length);
    for (const problem of problems.slice(0, 2)) this.#problem(`${column}: ${problem}`);
  }

  get result(): FaultResult {
    return {
      ...(this.#counts.size > 0 && { counts: Object.fromEntries(this.#counts) }),
      tried: this.#tried,
      survived: this.#survived,
      lost: this.#lost,
      recoverMs: this.#recoverMs,
      problems: this.#problems,
    };
  }

  #problem(text: string): void {
    if (this.#problems.length < mostProblems) this.#problems.push(text);
  }
}

export function isGood({ tried, survived, lost, skipped, counts = {} }: FaultResult): boolean {
  const isClean = lost === 0 && Object.values(counts).every((count) => count === 0);
  return skipped !== undefined || (tried > 0 && survived === tried && isClean);
}

export function guardsOf({ guard }: Fault): readonly Guard[] {
  return 'file' in guard ? [guard] : guard;
}

/** All rows are good, and something was tried: rows that this machine skips prove nothing. */
export function areGood(results: readonly FaultResult[]): boolean {
  return results.every(isGood) && results.some(({ tried }) => tried > 0);
}
