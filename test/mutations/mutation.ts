/** One small break of the code that some test beside it has to see. */
export interface Mutation {
  /** Below `src/`. */
  readonly file: string;
  /** What stands there exactly once. */
  readonly from: string;
  /** What stands there instead; it has to run, for a test shall see what it does and not that it does not start. */
  readonly to: string;
  /** What is wrong then, in a few words. */
  readonly means: string;
}

/** A part of the pure core, and at least ten ways to break it. */
export interface MutatedPart {
  readonly name: string;
  /** The tests that answer for it, below `src/`; the quickest first. */
  readonly tests: readonly string[];
  readonly mutations: readonly Mutation[];
}
