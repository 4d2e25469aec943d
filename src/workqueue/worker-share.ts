/** How the last run of a key ended, as far as its next one is concerned. */
export type Standing = 'well' | 'failed';

/** After so many that are well, one that failed gets a turn although others wait: nobody waits for ever. */
export const turnsBeforeFailed = 16;

/**
 * Decides whose turn it is: a key that failed last runs after all that are well, and such keys together hold at most half of
 * the workers. Six objects whose writes hang would hold all of four workers otherwise, and every alert would wait for their
 * deadlines. With a single worker there is no half: it serves both kinds.
 */
export class WorkerShare {
  /** All workers. */
  workers: number;
  #failedRunning = 0;
  #turns = 0;

  constructor(workers: number) {
    this.workers = workers;
  }

  /** The most workers that keys may hold which failed last. */
  get limit(): number {
    return Math.max(1, Math.floor(this.workers / 2));
  }

  /** Workers that such keys hold now. */
  get failedRunning(): number {
    return this.#failedRunning;
  }

  /** True while one more key that failed last may start. */
  get isOpen(): boolean {
    return this.#failedRunning < this.limit;
  }

  /** Who is to start when a worker is free; undefined if nobody may. While others wait, those that failed get one worker at most. */
  next(waiting: Readonly<Record<Standing, boolean>>): Standing | undefined {
    const mayFail = waiting.failed && this.isOpen;
    if (!waiting.well) return mayFail ? 'failed' : undefined;
    return mayFail && this.#failedRunning === 0 && this.#turns >= turnsBeforeFailed ? 'failed' : 'well';
  }

  started(standing: Standing): void {
    if (standing === 'well') {
      this.#turns++;
      return;
    }
    this.#turns = 0;
    this.#failedRunning++;
  }

  ended(standing: Standing): void {
    if (standing === 'failed') this.#failedRunning--;
  }
}
