import type { Silence } from './silence.ts';
import type { KeptSilences } from './silence-watch.ts';

/** Takes over silences that live where others change them, too. */
export interface SilenceSink {
  /** The number of silences that have not ended, and the memory that all of them take, an estimate in bytes. */
  readonly liveCount: number;
  readonly liveBytes: number;
  get(id: string): Silence | undefined;
  /** All that there are, once at the start. */
  load(kept: KeptSilences): void;
  /** A silence came, or has changed. */
  acceptForeign(silence: Silence): void;
  /** A silence was deleted, or is none any more. */
  gone(id: string): void;
}
