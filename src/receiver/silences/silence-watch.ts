import { silenceState, type Silence, type SilenceState } from '../../alert/silence.ts';
import type { Silences } from '../../alert/silences.ts';
import type { CancelTimer, Clock } from '../../clock.ts';
import type { SilenceEvent, SilenceLines } from './silence-lines.ts';

export interface SilenceWatchOptions {
  readonly clock: Clock;
  readonly silences: Silences;
  readonly lines: SilenceLines;
  /** Called with silences that have ended, and the request that ended them; none if time did. */
  readonly onEnded: (silences: readonly Silence[], requestId?: string) => void;
}

/** Tells when silences start and end. One timer, set for the next one. */
export class SilenceWatch {
  readonly #options: SilenceWatchOptions;
  #cancelTimer: CancelTimer | undefined;
  #closed = false;

  constructor(options: SilenceWatchOptions) {
    this.#options = options;
  }

  /** Takes in the silences that outlived the last process. */
  load(silences: readonly Silence[]): void {
    const now = this.#options.clock.now();
    for (const silence of silences) this.#options.silences.put(silence, now);
    this.#options.silences.turn(now);
    this.#setTimer();
  }

  /** Takes in new versions of silences. */
  changed(changed: readonly Silence[], requestId: string): void {
    const { clock, silences, lines, onEnded } = this.#options;
    const now = clock.now();
    const ended: Silence[] = [];
    for (const silence of changed) {
      const before = silences.put(silence, now);
      const event = eventOf(before, silenceState(silence, now));
      lines.write(event, silence, requestId);
      if (event === 'silence.ended') ended.push(silence);
    }
    if (ended.length > 0) onEnded(ended, requestId);
    this.#setTimer();
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #turn(): void {
    const { clock, silences, lines, onEnded } = this.#options;
    const { started, ended } = silences.turn(clock.now());
    for (const silence of started) lines.write('silence.started', silence);
    for (const silence of ended) lines.write('silence.ended', silence);
    if (ended.length > 0) onEnded(ended);
    this.#setTimer();
  }

  #setTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const { clock, silences } = this.#options;
    const next = silences.nextTurnAt;
    if (next !== undefined && !this.#closed)
      this.#cancelTimer = clock.setTimeout(() => this.#turn(), next - clock.now());
  }
}

function eventOf(before: SilenceState | undefined, after: SilenceState): SilenceEvent {
  if (after === 'expired') return before === 'pending' ? 'silence.cancelled' : 'silence.ended';
  if (before === after) return 'silence.changed';
  return after === 'active' ? 'silence.started' : 'silence.scheduled';
}
