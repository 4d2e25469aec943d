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
  /** Why the fault could not be tried on this machine. */
  readonly skipped?: string;
}

export interface Fault {
  readonly name: string;
  /** If this is broken, the row must not be good; `npm run torture -- --prove` breaks it. */
  readonly guard: Guard;
  run(options: FaultOptions): Promise<FaultResult>;
}

const mostProblems = 5;

/** Collects the counts while a fault runs. */
export class Tally {
  readonly #recoverMs: number[] = [];
  readonly #problems: string[] = [];
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

  get result(): FaultResult {
    return {
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

export function isGood({ tried, survived, lost, skipped }: FaultResult): boolean {
  return skipped !== undefined || (tried > 0 && survived === tried && lost === 0);
}

/** All rows are good, and something was tried: rows that this machine skips prove nothing. */
export function areGood(results: readonly FaultResult[]): boolean {
  return results.every(isGood) && results.some(({ tried }) => tried > 0);
}
