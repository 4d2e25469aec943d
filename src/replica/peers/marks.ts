import { isLaterTerm } from '../leadership.ts';

/** The place of something in the order in which one leader took it in. It means nothing to another term. */
export type Mark = number;

/** What was in the work queue of a follower when it told the leader everything, and the leader's mark for that. */
interface Cut {
  readonly mark: Mark;
  /** See {@link WorkQueue.added}. */
  readonly added: number;
}

/** What waits in the work queue of a follower. */
export interface WaitingRequests {
  /** Counts what is added. */
  readonly added: number;
  /** True if something waits until this replica leads. */
  readonly isWaiting: boolean;
  /** The leader has worked on the causes of everything that was added until then. Returns the number of requests that wait no more. */
  drop(added: number): number;
}

/** The most cuts that are remembered; of more, every second one is given up, so that some requests wait for a later one. */
export const maxCuts = 64;

/**
 * What a follower knows of the leader's progress. No clock is compared: a mark is a number that the leader gives, and everything that the
 * follower had been told when it asked for the mark is at or before it.
 */
export class FollowerMarks {
  #term = 0;
  #cuts: readonly Cut[] = [];

  /** The number of requests up to which the leader has said that it knows their causes; undefined if it has said nothing. */
  get told(): number | undefined {
    return this.#cuts.at(-1)?.added;
  }

  /** The leader of this term knows the causes of everything that was added until then. */
  acknowledged(term: number, mark: Mark, added: number): void {
    if (isLaterTerm(this.#term, term)) return;
    if (term !== this.#term) this.#cuts = [];
    this.#term = term;
    const last = this.#cuts.at(-1);
    if (last !== undefined && (mark < last.mark || added < last.added)) return;
    const cuts = [...this.#cuts.filter((cut) => cut.mark !== mark), { mark, added }];
    this.#cuts = cuts.length <= maxCuts ? cuts : cuts.filter((_, index) => index % 2 === 1);
  }

  /**
   * The leader has finished everything up to a mark.
   * @returns up to which add nothing needs to wait here any more; undefined if that says nothing new
   */
  covered(term: number, mark: Mark): number | undefined {
    if (term !== this.#term) return undefined;
    const done = this.#cuts.findLast((cut) => cut.mark <= mark);
    if (done === undefined) return undefined;
    this.#cuts = this.#cuts.filter((cut) => cut.mark > mark);
    return done.added;
  }
}

/** True once everything that was there when it was asked for is over. */
export type Barrier = () => boolean;

interface LeaderMarksOptions {
  /** For what has been taken in and is not a request yet. */
  readonly intake: () => Barrier;
  /** For the requests that wait, run, or have failed. */
  readonly requests: () => Barrier;
}

/**
 * The leader's marks: how far it has taken in, and how far it has worked on that. It looks only when {@link look} is called, and only
 * while a mark is not covered.
 */
export class LeaderMarks {
  readonly #options: LeaderMarksOptions;
  #last: Mark = 0;
  #covered: Mark = 0;
  #pending: { readonly mark: Mark; readonly intake: Barrier; readonly requests?: Barrier } | undefined;

  constructor(options: LeaderMarksOptions) {
    this.#options = options;
  }

  /** A mark behind everything that has been taken in so far. */
  next(): Mark {
    return ++this.#last;
  }

  /** Everything up to this mark has been worked on. */
  get covered(): Mark {
    return this.#covered;
  }

  get isCovered(): boolean {
    return this.#covered === this.#last;
  }

  look(): void {
    while (!this.isCovered) {
      this.#pending ??= { mark: this.#last, intake: this.#options.intake() };
      const { mark, intake } = this.#pending;
      if (!intake()) return;
      const { requests = this.#options.requests() } = this.#pending;
      this.#pending = { mark, intake, requests };
      if (!requests()) return;
      this.#covered = mark;
      this.#pending = undefined;
    }
  }
}
