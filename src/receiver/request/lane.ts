import { setImmediate } from 'node:timers/promises';

/** Lets one large batch be worked on at a time, so that many of them take turns with everything else, not with each other. */
export class Lane {
  #last: Promise<void> = Promise.resolve();

  /** Runs the work when all that came before has ended, and in a turn of the event loop of its own. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(() => setImmediate()).then(work);
    this.#last = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }
}
