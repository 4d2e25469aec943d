import { silenceState, type Silence, type SilenceState } from './silence.ts';
import type { Silences, SilenceAdvance } from './silences.ts';
import type { CancelTimer, Clock } from '../runtime/clock.ts';
import type { SilenceEvent, SilenceLines } from './silence-report.ts';

export interface SilenceWatchOptions {
  readonly clock: Clock;
  readonly silences: Silences;
  readonly lines: SilenceLines;
  /** Called with silences that have ended and the id of the request that ended them; without an id if time did. */
  readonly onEnded: (silences: readonly Silence[], requestId?: string) => void;
  /** Called once the log reports all starts and ends up to a time. */
  readonly onTold: (until: number) => void;
}

/** The silences that outlived the last process. */
export interface KeptSilences {
  readonly silences: readonly Silence[];
  /** The time up to which the log reports starts and ends, of all or of each silence; undefined if there is none. */
  readonly toldUntil: number | ((silence: Silence) => number) | undefined;
}

/** Logs when silences start and end, with one timer, set for the next start or end. */
export class SilenceWatch {
  readonly #options: SilenceWatchOptions;
  #cancelTimer: CancelTimer | undefined;
  #closed = false;

  constructor(options: SilenceWatchOptions) {
    this.#options = options;
  }

  /** Loads the silences that outlived the last process; logs and returns what has started and ended meanwhile. */
  load({ silences, toldUntil = Number.NEGATIVE_INFINITY }: KeptSilences): SilenceAdvance {
    const now = this.#options.clock.now();
    const toldOf = typeof toldUntil === 'number' ? () => toldUntil : toldUntil;
    for (const silence of silences) this.#options.silences.restore(silence, toldOf(silence), now);
    return this.#advance();
  }

  /** Logs what has started and ended by now, if the timer has not fired yet. */
  catchUp(): void {
    const { clock, silences } = this.#options;
    if ((silences.nextAdvanceAt ?? Number.POSITIVE_INFINITY) <= clock.now()) this.#advance();
  }

  /** Takes over new versions of silences. @param requestId the request that changed them; undefined if it came to somebody else */
  changed(changed: readonly Silence[], requestId?: string): void {
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

  /** Takes over the version of a silence that somebody else has stored, which may differ in nothing but its time. */
  acceptForeign(silence: Silence): void {
    const { clock, silences } = this.#options;
    this.catchUp();
    const known = silences.get(silence.id);
    if (known === undefined || !saysTheSame(known, silence)) this.changed([silence]);
    else if (known.updatedAt !== silence.updatedAt) silences.put(silence, clock.now());
  }

  /** Somebody has deleted a silence, which ends it. */
  gone(id: string): void {
    const { silences, lines, onEnded } = this.#options;
    this.catchUp();
    const silence = silences.get(id);
    const state = silences.drop(id);
    this.#setTimer();
    if (silence === undefined || state === 'expired') return;
    lines.write(state === 'active' ? 'silence.ended' : 'silence.cancelled', silence);
    if (state === 'active') onEnded([silence]);
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #advance(): SilenceAdvance {
    const { clock, silences, lines, onEnded, onTold } = this.#options;
    const now = clock.now();
    const advanced = silences.advance(now);
    const { started, ended } = advanced;
    for (const silence of started) lines.write('silence.started', silence);
    for (const silence of ended) lines.write('silence.ended', silence);
    if (started.length + ended.length > 0) onTold(now);
    if (ended.length > 0) onEnded(ended);
    this.#setTimer();
    return advanced;
  }

  #setTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    const { clock, silences } = this.#options;
    const next = silences.nextAdvanceAt;
    if (next !== undefined && !this.#closed)
      this.#cancelTimer = clock.setTimeout(() => this.#advance(), next - clock.now());
  }
}

function saysTheSame(a: Silence, b: Silence): boolean {
  return a.startsAt === b.startsAt && a.endsAt === b.endsAt && textsOf(a) === textsOf(b);
}

function textsOf({ matchers, annotations, createdBy, comment }: Silence): string {
  return JSON.stringify([matchers.map(String), Object.entries(annotations).toSorted(), createdBy, comment]);
}

function eventOf(before: SilenceState | undefined, after: SilenceState): SilenceEvent {
  if (after === 'expired') return before === 'pending' ? 'silence.cancelled' : 'silence.ended';
  if (before === after) return 'silence.changed';
  return after === 'active' ? 'silence.started' : 'silence.scheduled';
}
