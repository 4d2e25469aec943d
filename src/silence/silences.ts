import type { Labelled } from '../alert/labels.ts';
import type { OnUndecided } from '../matcher/matcher.ts';
import { SilenceIndex } from './silence-index.ts';
import { silenceMemory } from './silence-size.ts';
import { silenceState, type Silence, type SilenceState } from './silence.ts';

const none: readonly Silence[] = [];

/** The silences that concern an alert, as of one version of all silences. */
interface Verdict {
  readonly version: number;
  readonly silences: readonly Silence[];
}

/** The silences that silence an alert at `now`. */
export type Silencing = (alert: Labelled, now: number) => readonly Silence[];

/** The silences that started, ended or were forgotten because time went on. */
export interface SilenceAdvance {
  readonly started: readonly Silence[];
  readonly ended: readonly Silence[];
  readonly forgotten: readonly Silence[];
}

/** All silences, in memory: pending, active, and those that have ended and are still remembered. */
export class Silences {
  readonly #retentionMs: number;
  readonly #byId = new Map<string, Silence>();
  /** The last reported state of each silence; it lags behind until {@link advance}. */
  readonly #told = new Map<string, SilenceState>();
  /** The silences whose end has not been reported. */
  readonly #index: SilenceIndex;
  readonly #indexed = new Map<string, Silence>();
  /** The silences whose end has been reported. */
  readonly #ended = new EndedSilences();
  readonly #verdicts = new WeakMap<Labelled, Verdict>();
  #memoryBytes = 0;
  #liveBytes = 0;
  #version = 0;
  #nextAdvanceAt = Number.POSITIVE_INFINITY;

  /**
   * @param retentionMs `receiver.silence_retention`
   * @param onUndecided called for each label on which a matcher was not tried, so that it did not match
   */
  constructor(retentionMs: number, onUndecided?: OnUndecided) {
    this.#retentionMs = retentionMs;
    this.#index = new SilenceIndex(onUndecided);
  }

  get size(): number {
    return this.#byId.size;
  }

  /** The estimated memory of all silences. */
  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  /** The number of silences whose end has not been reported. */
  get liveCount(): number {
    return this.#indexed.size;
  }

  /** The estimated memory of the silences whose end has not been reported. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** True if a silence is active or pending: only then can looking up the silences of an alert take milliseconds. */
  get holdsAny(): boolean {
    return this.#indexed.size > 0;
  }

  get(id: string): Silence | undefined {
    return this.#byId.get(id);
  }

  all(): IterableIterator<Silence> {
    return this.#byId.values();
  }

  /** Stores a silence or its next version, and returns its last reported state. */
  put(silence: Silence, now: number): SilenceState | undefined {
    const before = this.#told.get(silence.id);
    this.#remove(silence.id);
    this.#memoryBytes += silenceMemory(silence);
    this.#byId.set(silence.id, silence);
    const state = silenceState(silence, now);
    this.#told.set(silence.id, state);
    if (state === 'expired') this.#ended.add(silence);
    else this.#addToIndex(silence);
    this.#nextAdvanceAt = Math.min(this.#nextAdvanceAt, this.#advancesAt(silence));
    return before;
  }

  /**
   * Loads a silence that outlived the process. {@link advance} reports its start and its end later, except those up to its last
   * change, which were reported then, and those up to `toldUntil`.
   */
  restore(silence: Silence, toldUntil: number, now: number): void {
    this.put(silence, Math.min(now, Math.max(silence.updatedAt, toldUntil)));
  }

  /** The silences that silence an alert at `now`. Asking again with the same object costs hardly anything. */
  silencing(alert: Labelled, now: number): readonly Silence[] {
    if (this.#indexed.size === 0) return none;
    const concerning = this.#concerning(alert);
    return concerning.length === 0 ? none : concerning.filter((silence) => silenceState(silence, now) === 'active');
  }

  isSilenced(alert: Labelled, now: number): boolean {
    return this.silencing(alert, now).length > 0;
  }

  /** The sorted ids of the silences that silence an alert at `now`: `silencedBy` of its status. */
  silencedBy(alert: Labelled, now: number): string[] {
    return this.silencing(alert, now)
      .map(({ id }) => id)
      .toSorted();
  }

  count(now: number): Readonly<Record<SilenceState, number>> {
    const counts = { active: 0, pending: 0, expired: 0 };
    for (const silence of this.#byId.values()) counts[silenceState(silence, now)]++;
    return counts;
  }

  /** The time at which {@link advance} may have something to do next; undefined if never. */
  get nextAdvanceAt(): number | undefined {
    return this.#nextAdvanceAt === Number.POSITIVE_INFINITY ? undefined : this.#nextAdvanceAt;
  }

  /** Advances to `now`: reports what has started and ended since, and forgets what ended long enough ago. */
  advance(now: number): SilenceAdvance {
    const advanced = { started: [], ended: [], forgotten: [] };
    let next = Number.POSITIVE_INFINITY;
    for (const silence of this.#byId.values()) {
      if (this.#advancesAt(silence) <= now) this.#advanceOne(silence, now, advanced);
      if (this.#byId.has(silence.id)) next = Math.min(next, this.#advancesAt(silence));
    }
    this.#nextAdvanceAt = next;
    return advanced;
  }

  /**
   * Forgets the silence that ended first of those whose end has been reported, however long ago; returns undefined if there is
   * none.
   */
  forgetFirstEnded(): Silence | undefined {
    const { first } = this.#ended;
    if (first !== undefined) this.#forget(first.id);
    return first;
  }

  /** Forgets a silence at once, whatever its state is, and returns its last reported state. */
  drop(id: string): SilenceState | undefined {
    const state = this.#told.get(id);
    this.#forget(id);
    return state;
  }

  #advanceOne(
    silence: Silence,
    now: number,
    advanced: { started: Silence[]; ended: Silence[]; forgotten: Silence[] },
  ): void {
    const state = silenceState(silence, now);
    if (state !== this.#told.get(silence.id)) (state === 'active' ? advanced.started : advanced.ended).push(silence);
    this.#told.set(silence.id, state);
    if (state === 'expired' && this.#unindex(silence.id)) this.#ended.add(silence);
    if (silence.endsAt + this.#retentionMs > now) return;
    this.#forget(silence.id);
    advanced.forgotten.push(silence);
  }

  #advancesAt({ id, startsAt, endsAt }: Silence): number {
    switch (this.#told.get(id)) {
      case 'pending':
        return startsAt;
      case 'active':
        return endsAt;
      default:
        return endsAt + this.#retentionMs;
    }
  }

  #concerning(alert: Labelled): readonly Silence[] {
    const verdict = this.#verdicts.get(alert);
    if (verdict !== undefined && verdict.version === this.#version) return verdict.silences;
    const found = this.#index.concerning(alert.labels);
    const silences = found.length === 0 ? none : found;
    this.#verdicts.set(alert, { version: this.#version, silences });
    return silences;
  }

  #addToIndex(silence: Silence): void {
    this.#version++;
    this.#index.add(silence);
    this.#liveBytes += silenceMemory(silence);
    this.#indexed.set(silence.id, silence);
  }

  /** Returns false if its end had been reported before. */
  #unindex(id: string): boolean {
    const silence = this.#indexed.get(id);
    if (silence === undefined) return false;
    this.#version++;
    this.#index.delete(silence);
    this.#liveBytes -= silenceMemory(silence);
    return this.#indexed.delete(id);
  }

  /** Removes it from everything except the reported states. */
  #remove(id: string): void {
    const silence = this.#byId.get(id);
    if (silence === undefined) return;
    if (!this.#unindex(id)) this.#ended.delete(silence);
    this.#memoryBytes -= silenceMemory(silence);
    this.#byId.delete(id);
  }

  #forget(id: string): void {
    this.#remove(id);
    this.#told.delete(id);
  }
}

/** Silences that have ended, in the order of their ends. They are added nearly in that order, so adding one is cheap. */
class EndedSilences {
  readonly #silences: Silence[] = [];

  /** The silence that ended first. */
  get first(): Silence | undefined {
    return this.#silences[0];
  }

  add(silence: Silence): void {
    let at = this.#silences.length;
    while (at > 0 && this.#silences[at - 1]!.endsAt > silence.endsAt) at--;
    this.#silences.splice(at, 0, silence);
  }

  /** Does nothing if the silence is not in here. */
  delete(silence: Silence): void {
    const at = this.#silences.indexOf(silence);
    if (at >= 0) this.#silences.splice(at, 1);
  }
}
