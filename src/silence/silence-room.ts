import { LineOnceAWhile } from '../runtime/limited-lines.ts';
import type { RoomLimit, SilenceMetrics } from './silence-report.ts';
import type { SilenceLimits } from './silence-rules.ts';
import type { Silences } from './silences.ts';
import type { Runtime } from '../runtime/runtime.ts';

interface SilenceRoomOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly silences: Silences;
  readonly limits: () => SilenceLimits;
  readonly metrics: Pick<SilenceMetrics, 'forgotten'>;
}

/**
 * Keeps the silences that have ended out of the way of the others: over a limit the one that ended first is forgotten. All are
 * counted; the log tells of them in a line a minute at most. They leave the file when it is written anew.
 */
export class SilenceRoom {
  readonly #options: SilenceRoomOptions;
  #untold = { max_silences: 0, silences_memory: 0 };
  readonly #line: LineOnceAWhile;

  constructor(options: SilenceRoomOptions) {
    this.#options = options;
    this.#line = new LineOnceAWhile(options.clock);
  }

  /** Forgets as many as have to go. */
  make(): void {
    const { silences, metrics } = this.#options;
    for (let limit = this.#exceeded(); limit !== undefined; limit = this.#exceeded()) {
      if (silences.forgetFirstEnded() === undefined) break;
      metrics.forgotten(limit);
      this.#untold[limit]++;
    }
    if (this.#isUntold && this.#line.allows()) this.#write();
  }

  /** At the end: says what is still to be said. */
  close(): void {
    if (this.#isUntold) this.#write();
  }

  #exceeded(): RoomLimit | undefined {
    const { silences, limits } = this.#options;
    const { maxSilences, maxMemoryBytes } = limits();
    if (silences.size > maxSilences) return 'max_silences';
    return silences.memoryBytes > maxMemoryBytes ? 'silences_memory' : undefined;
  }

  get #isUntold(): boolean {
    return this.#untold.max_silences + this.#untold.silences_memory > 0;
  }

  #write(): void {
    const message = 'silences that ended were forgotten before receiver.silence_retention, to make room for others';
    this.#options.logger.info('silences.forgotten', message, this.#untold);
    this.#untold = { max_silences: 0, silences_memory: 0 };
  }
}
