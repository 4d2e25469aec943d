interface RunOfObject {
  readonly at: number;
  /** Of the object, if it was known. */
  readonly uid: string | undefined;
}

/**
 * When a trigger did something to the objects of one name, ascending. The UID of an object that is not watched is often unknown: such a
 * run counts for every object of the name, and an object with an unknown UID has all the runs of the name.
 */
export class RunTimes {
  #runs: RunOfObject[] = [];
  /** True if every run is of the same UID, or of none: then nothing has to be searched. */
  #isUniform = true;

  get length(): number {
    return this.#runs.length;
  }

  get last(): number | undefined {
    return this.#runs.at(-1)?.at;
  }

  /** The nth newest run that may have been one for this object; 1: the newest. */
  newest(nth: number, uid: string | undefined): number | undefined {
    if (this.#isUniform) return this.isLastOf(uid) ? this.#runs.at(-nth)?.at : undefined;
    let found = 0;
    for (let index = this.#runs.length - 1; index >= 0; index--) {
      const run = this.#runs[index]!;
      if (mayBe(run, uid) && ++found === nth) return run.at;
    }
    return undefined;
  }

  /** True if the newest run may have been one for this object. */
  isLastOf(uid: string | undefined): boolean {
    const last = this.#runs.at(-1);
    return last !== undefined && mayBe(last, uid);
  }

  add(at: number, uid: string | undefined): void {
    this.#runs.push({ at, uid });
    this.#isUniform &&= this.#runs[0]!.uid === uid;
  }

  /** The newest run was not made, or is counted again at another time. */
  takeBack(): void {
    this.#runs.pop();
    this.#isUniform ||= this.#runs.length === 0;
  }

  /** Adds runs that were made at any time: a clock that was set may have given them in another order. */
  insert(times: readonly number[], uid: string | undefined): void {
    const last = this.last ?? Number.NEGATIVE_INFINITY;
    for (const at of times) this.add(at, uid);
    if (times.some((at, index) => at < (times[index - 1] ?? last))) this.#runs.sort((a, b) => a.at - b.at);
  }

  /** The newest run may have been made at any time up to this one. */
  delayLast(until: number): void {
    const last = this.#runs.pop();
    if (last !== undefined) this.#runs.push({ ...last, at: Math.max(last.at, until) });
  }

  /** Forgets the runs up to a time, and all but the newest ones over a number. */
  forget(upTo: number, most: number): void {
    const first = this.#runs.findIndex(({ at }) => at > upTo);
    const dropped = this.#runs.splice(0, Math.max(first, this.#runs.length - most));
    if (dropped.length > 0) this.#isUniform = this.#runs.every(({ uid }) => uid === this.#runs[0]!.uid);
  }

  /** The times of each UID. */
  byUid(): Iterable<readonly [uid: string | undefined, times: readonly number[]]> {
    const groups = Map.groupBy(this.#runs, ({ uid }) => uid);
    return [...groups].map(([uid, runs]) => [uid, runs.map(({ at }) => at)] as const);
  }
}

function mayBe(run: RunOfObject, uid: string | undefined): boolean {
  return run.uid === undefined || uid === undefined || run.uid === uid;
}
