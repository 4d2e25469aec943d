/** An alert that one look misses. */
export interface Missing {
  /** Identifies it. */
  readonly key: string;
  /** How long it may be missing, milliseconds. */
  readonly patienceMs: number;
  /**
   * Changes whenever there is new evidence that the alert should be there, such as another push. Without evidence since the first
   * look that missed it, nothing is wrong. Undefined: that it is missing is enough.
   */
  readonly evidence?: number | undefined;
}

/** The most alerts that are watched; further ones are only counted. */
export const maxWatched = 2000;

interface Watched {
  /** By the monotonic clock. */
  readonly since: number;
  readonly evidence: number | undefined;
  isTold: boolean;
}

/** What one look makes of the missing alerts. */
export interface Overdue {
  /** The keys of those that have been missing for too long, sorted. */
  readonly keys: readonly string[];
  /** The number of missing alerts that are too many to be watched. */
  readonly unwatched: number;
}

/**
 * Remembers since when alerts have been missing. An alert is overdue when every look for the whole of its patience has missed it: one
 * look that finds it begins anew, and so does a time without looks, because nobody knows what was there then.
 *
 * A look begins, names what it misses, and ends.
 */
export class MissingAlerts {
  #watched = new Map<string, Watched>();
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** Of the present look: what was watched before, what is new, and how many more there are. */
  #before = new Map<string, Watched>();
  #new: Missing[] = [];
  #unwatched = 0;
  #hasGap = false;
  #overdue: string[] = [];

  /**
   * @param now by the monotonic clock
   * @param maxGapMs a longer time since the last look counts as one without looks
   */
  begin(now: number, maxGapMs: number): void {
    this.#hasGap = now - this.#lookedAt > maxGapMs;
    this.#lookedAt = now;
    this.#before = this.#watched;
    this.#watched = new Map();
    this.#new = [];
    this.#unwatched = 0;
    this.#overdue = [];
  }

  miss(missing: Missing): void {
    const known = this.#before.get(missing.key);
    if (known !== undefined && (known.isTold || !this.#hasGap)) this.#goesOn(missing, known);
    else if (this.#new.length < maxWatched) this.#new.push(missing);
    else this.#unwatched++;
  }

  end(): Overdue {
    for (const { key, evidence } of this.#new) {
      if (this.#watched.size >= maxWatched) this.#unwatched++;
      else this.#watched.set(key, { since: this.#lookedAt, evidence, isTold: false });
    }
    this.#before = new Map();
    this.#new = [];
    return { keys: this.#overdue.toSorted(), unwatched: this.#unwatched };
  }

  /** Begins anew with one alert, because it was found elsewhere. */
  forget(key: string): void {
    this.#watched.delete(key);
  }

  /** Begins anew with all. */
  clear(): void {
    this.#watched = new Map();
    this.#before = new Map();
    this.#new = [];
    this.#lookedAt = Number.NEGATIVE_INFINITY;
  }

  #goesOn({ key, patienceMs, evidence }: Missing, known: Watched): void {
    const isNews = evidence === undefined || evidence !== known.evidence;
    known.isTold ||= isNews && this.#lookedAt - known.since >= patienceMs;
    this.#watched.set(key, known);
    if (known.isTold) this.#overdue.push(key);
  }
}
