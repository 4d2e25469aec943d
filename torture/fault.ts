/** A line of the source that a fault shows to be needed. */
export interface Guard {
  /** In `src/`. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly from: string;
  readonly to: string;
}

export interface FaultOptions {
  /** A few times only, so that it takes seconds. */
  readonly quick: boolean;
  /** The program; default: `src/main.ts`. */
  readonly main?: string;
}

export interface FaultResult {
  /** How often the fault was brought about. */
  readonly tried: number;
  /** How often Tocsin lived through it, or came back whole. */
  readonly survived: number;
  /** Conditions, silences and answers that in the end were not as they should be. */
  readonly lost: number;
  /** How long it took each time until all was right again, milliseconds. */
  readonly recoverMs: readonly number[];
  /** What was wrong, the first few. */
  readonly problems: readonly string[];
  /** Why it could not be tried on this machine. */
  readonly skipped?: string;
}

export interface Fault {
  readonly name: string;
  /** With this broken the row must not be good; `npm run torture -- --prove` breaks it. */
  readonly guard: Guard;
  run(options: FaultOptions): Promise<FaultResult>;
}

const mostProblems = 5;

/** Counts while a fault runs. */
export class Tally {
  readonly #recoverMs: number[] = [];
  readonly #problems: string[] = [];
  #tried = 0;
  #survived = 0;
  #lost = 0;

  /** One try: it is survived if this resolves. What it gives is how long the recovery took, if that was measured. */
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

/** Every one is good, and something was tried: rows that this machine skips show nothing. */
export function areGood(results: readonly FaultResult[]): boolean {
  return results.every(isGood) && results.some(({ tried }) => tried > 0);
}
