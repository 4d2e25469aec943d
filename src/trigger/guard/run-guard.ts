import type { Runtime } from '../../runtime/runtime.ts';
import type { Causes } from '../../cause/causes.ts';
import { causesAsOf } from '../../cause/stored-causes.ts';
import { requestKey, type Request } from '../../reconcile/ports.ts';
import type {
  Admission,
  GuardedObject,
  RunGuard,
  RunPermit,
  TriggerObserver,
  Triggers,
  WrittenConditions,
} from '../ports.ts';
import type { Trigger } from '../trigger.ts';
import { ConditionNotes, StoredConditions } from './condition-notes.ts';
import { clockStepMs, GuardLog } from './guard-log.ts';
import {
  givenBackRecord,
  parkedRecord,
  restore,
  snapshotOf,
  spentRecord,
  unparkedRecord,
  steadyTime,
  type GuardTime,
} from './guard-records.ts';
import { isShared, packed, unpacked, type SharedGuard } from './shared-guard.ts';
import { GuardReport, type DropReason } from './guard-report.ts';
import { ReleaseDecisions, ReleaseTimer, type ReleaseDecisionsOptions, type ReleasedRun } from './release-decisions.ts';
import {
  adds,
  isUnlimited,
  GuardState,
  releaseAgainMs,
  slotOf,
  withParked,
  type Limits,
  type Pair,
  type UncertainWrite,
} from './guard-state.ts';

/** The time between two releases of parked runs, milliseconds: thousands may wait. */
const betweenReleasesMs = 50;

/** A write that took longer than this is counted at its end, milliseconds. */
const longWriteMs = 100;

interface PacingOptions
  extends Pick<Runtime, 'clock' | 'logger' | 'registry'>, Pick<ReleaseDecisionsOptions, 'redecide'> {
  /** `--storage.path` */
  readonly folder: string;
  /** `log.alert_lines_per_second`. */
  readonly perSecond: () => number;
  /** The triggers in force. */
  readonly triggers: () => Pick<Triggers, 'get'>;
  readonly observer: Pick<TriggerObserver, 'changed'>;
  /** Where the next leader finds what was done. Default: there is no other replica. */
  readonly shared?: SharedGuard | undefined;
  /** Puts the run into the queue. */
  readonly release: (run: ReleasedRun) => void;
}

/**
 * Paces what triggers do to objects: over the least interval or the budget, a run is parked, and made when its slot comes. What was
 * done and what waits outlives the process.
 */
export class Pacing implements RunGuard {
  /** What triggers have written outlives the process in the same file. */
  readonly conditions: WrittenConditions;
  readonly #options: PacingOptions;
  readonly #state = new GuardState();
  readonly #notes = new ConditionNotes();
  readonly #time: GuardTime;
  readonly #log: GuardLog;
  readonly #report: GuardReport;
  readonly #decisions: ReleaseDecisions;
  readonly #timer: ReleaseTimer;

  constructor(options: PacingOptions) {
    const time = steadyTime(options.clock);
    this.#options = options;
    this.#time = time;
    this.#log = new GuardLog({
      ...options,
      snapshot: (number) => snapshotOf(this.#state, this.#notes, time, number),
      clockOffset: () => time.toClock(0),
    });
    this.conditions = new StoredConditions(this.#notes, (record) => this.#log.write(record));
    this.#timer = new ReleaseTimer(options.clock, time, () => this.#releaseDue());
    this.#decisions = new ReleaseDecisions({ ...options, onDecided: () => this.#timer.arm(time.now()) });
    this.#report = new GuardReport({
      ...options,
      counts: () => ({ parked: this.#state.parked.size, pairs: this.#state.size, isUnsaved: this.#log.isUnsaved }),
    });
    options.shared?.offer(() => this.#sharedText());
  }

  /**
   * Goes on from what another leader has done, in place of what this process knows.
   * @param aheadMs how far the clock of this process was ahead of that leader's when it wrote last, or more
   */
  takeOver(text: string, aheadMs: number): void {
    const records = unpacked(text);
    if (records === undefined) return this.#report.unreadable();
    this.#state.clear();
    const fromClock = (time: number): number => this.#time.fromClock(time + aheadMs);
    const { unreadable } = restore(records, this.#state, this.#notes, { ...this.#time, fromClock });
    if (unreadable > 0) this.#report.unreadable();
    this.#timer.arm(this.#nextDueAt());
  }

  /** Reads what an earlier process left. Never rejects. */
  async open(): Promise<void> {
    await this.#log.open((records) => {
      const { unreadable, number } = restore(records, this.#state, this.#notes, this.#time);
      return { unreadable, number, kept: this.#state.size };
    });
    this.#report.restored(this.#state.parked.size, this.#state.size);
  }

  /** Releases parked runs from now on. Call it when all triggers are known: a run whose trigger is unknown is dropped. */
  start(): void {
    this.#timer.start();
    this.#timer.arm(this.#nextDueAt());
  }

  /** Call it when triggers have come, changed or gone: what is parked is decided anew by them. */
  triggersChanged(): void {
    if (this.#state.parked.size > 0) this.#timer.arm(this.#time.now() + betweenReleasesMs);
  }

  async close(): Promise<void> {
    this.#timer.close();
    await this.#log.close();
    this.#report.closed(this.#state.parked.size, this.#log.isUnsaved);
  }

  /** The parked runs of a trigger, and until when the last of them waits, milliseconds since the epoch. */
  throttledBy(trigger: Trigger): { readonly runs: number; readonly until: number } | undefined {
    const slots = this.#state.parkedSlotsOf(trigger);
    const until = this.#time.toClock(slots.reduce((a, b) => Math.max(a, b), this.#time.now()));
    return slots.length === 0 ? undefined : { runs: slots.length, until };
  }

  /** Until when a run of the trigger for the object would have to wait, milliseconds since the epoch; undefined: not at all. */
  throttledUntil(trigger: Trigger, object: GuardedObject): number | undefined {
    const slot = this.#state.slotOf(trigger, object);
    return slot > this.#time.now() ? this.#time.toClock(slot) : undefined;
  }

  async admit(trigger: Trigger, object: GuardedObject, causes: Causes): Promise<Admission> {
    const pair = this.#find(trigger, object);
    if (pair === undefined) return { allowed: true, permit: this.#permit(trigger, object, causes, false) };
    const isRetry = this.#isOlder(causes, pair.uncertain) && pair.runs.isLastOf(object.uid);
    const slot = isRetry ? Number.NEGATIVE_INFINITY : slotOf(pair, trigger, object.uid);
    if (slot > this.#time.now()) return this.#park(trigger, pair, object.uid, causes, slot);
    const all = withParked(pair, causes);
    this.#takeAlong(pair);
    return { allowed: true, permit: this.#permit(trigger, object, all, isRetry) };
  }

  unnecessary(trigger: Trigger, object: GuardedObject): void {
    const pair = this.#state.parked.size === 0 ? undefined : this.#find(trigger, object);
    if (pair?.parked !== undefined) this.#unpark(pair);
  }

  /** The object no longer exists: nothing waits for it any more. */
  gone(request: Request): void {
    if (this.#state.parked.size === 0) return;
    const key = requestKey(request);
    for (const pair of this.#state.parked) if (requestKey(pair.request) === key) this.#drop(pair, 'object_gone');
  }

  /** A clock that was set since makes no newer cause older. */
  #isOlder({ lastSeen }: Causes, uncertain: UncertainWrite | undefined): boolean {
    if (uncertain === undefined) return false;
    const setByMs = this.#time.toClock(0) - uncertain.clockOffset;
    return lastSeen - (Math.abs(setByMs) < clockStepMs ? 0 : setByMs) <= uncertain.since;
  }

  #find({ key }: Trigger, { request }: GuardedObject): Pair | undefined {
    return this.#state.find({ trigger: key, request });
  }

  async #park(trigger: Trigger, pair: Pair, uid: string | undefined, causes: Causes, slot: number): Promise<Admission> {
    const isKnown = pair.parked !== undefined && !adds(pair.parked.causes, causes);
    const { lostNames } = this.#state.park(pair, uid, causes, this.#time.now());
    this.#decisions.parked(pair, trigger);
    const retryAt = this.#time.toClock(slot);
    const because = pair.runs.newest(1, uid)! + trigger.minIntervalMs >= slot ? 'min_interval' : 'budget';
    this.#report.throttled(pair, causes, because, retryAt);
    if (lostNames.length > 0) this.#report.namesLost(pair, lostNames);
    this.#timer.arm(slot);
    if (!isKnown) await this.#write(parkedRecord(pair, causes, this.#time), true);
    return { allowed: false, retryAt };
  }

  async #write(record: unknown, shares: boolean): Promise<void> {
    await Promise.all([this.#log.write(record), shares ? this.#options.shared?.stored() : undefined]);
  }

  /** What the next leader has to know. */
  #sharedText(): string | null {
    const pairs = [...this.#state.pairs].filter((pair) => {
      const trigger = this.#options.triggers().get(pair.trigger);
      return pair.parked !== undefined || (trigger !== undefined && isShared(trigger));
    });
    const { text, leftOut } = packed([...snapshotOf({ pairs }, this.#notes, this.#time, 0)]);
    this.#report.notShared(leftOut);
    return text;
  }

  #permit(trigger: Trigger, object: GuardedObject, causes: Causes, isRetry: boolean): RunPermit {
    if (isUnlimited(trigger) && this.#find(trigger, object) === undefined) return { causes, ...unlimited };
    let isCounted = isRetry;
    const count = (): Promise<void> => {
      const { request, uid } = object;
      const pair = this.#state.named({ trigger: trigger.key, request });
      const forgotten = this.#state.spend(pair, uid, trigger, this.#time.now(), isCounted);
      if (forgotten > 0) this.#report.forgot(forgotten);
      const record = spentRecord(pair, uid, isCounted, this.#time);
      isCounted = true;
      return this.#write(record, isShared(trigger));
    };
    return {
      causes,
      spend: count,
      end: (result) => {
        const last = this.#find(trigger, object)?.runs.last;
        const isLong = last !== undefined && this.#time.now() - last > longWriteMs;
        if (result === 'written' && (!isCounted || isLong)) void count();
        else if (result === 'failed' && isCounted && isLong) void count();
        this.#ended(trigger, object, causes, result, isCounted, isRetry);
      },
    };
  }

  #ended(
    trigger: Trigger,
    object: GuardedObject,
    causes: Causes,
    result: 'written' | 'nothing' | 'failed',
    isCounted: boolean,
    isRetry: boolean,
  ): void {
    const pair = this.#find(trigger, object);
    if (pair === undefined) return;
    if (result === 'failed') {
      if (isCounted) pair.uncertain = { since: causes.lastSeen, clockOffset: this.#time.toClock(0) };
      // The queue tries it again; if that comes to nothing, what was parked is released later.
      return this.#takeAlong(pair);
    }
    pair.uncertain = undefined;
    if (result === 'nothing' && isCounted && !isRetry) {
      pair.runs.takeBack();
      void this.#log.write(givenBackRecord(pair));
    }
    if (pair.parked !== undefined) this.#unpark(pair);
  }

  /** A run makes what is parked. It is unparked when that has been done. */
  #takeAlong(pair: Pair): void {
    if (pair.parked === undefined) return;
    const now = this.#time.now();
    pair.parked = { ...pair.parked, releasedAt: now };
    this.#timer.arm(now + releaseAgainMs);
  }

  #unpark(pair: Pair): void {
    this.#state.unpark(pair);
    void this.#log.write(unparkedRecord(pair));
    this.#options.observer.changed(pair.trigger);
  }

  #drop(pair: Pair, because: DropReason): void {
    this.#report.dropped(pair, because);
    this.#unpark(pair);
  }

  #releaseDue(): void {
    const now = this.#time.now();
    for (const pair of this.#state.due(now, this.#limitsOf)) this.#release(pair, now);
    this.#timer.arm(Math.max(this.#nextDueAt(), now + betweenReleasesMs));
  }

  #release(pair: Pair, now: number): void {
    const trigger = this.#options.triggers().get(pair.trigger);
    const because = this.#decisions.whyNot(trigger, pair);
    if (because === 'undecided') return;
    if (because !== undefined) return this.#drop(pair, because);
    const parked = pair.parked!;
    if (parked.releasedAt === undefined) this.#report.released(pair, now - parked.since);
    pair.parked = { ...parked, releasedAt: now, isQueued: true };
    const causes = causesAsOf(parked.causes, this.#options.clock.now());
    this.#options.release({ trigger: pair.trigger, request: pair.request, causes });
  }

  #nextDueAt(): number {
    return this.#state.nextDueAt(this.#limitsOf);
  }

  readonly #limitsOf = (key: string): Limits | undefined => this.#options.triggers().get(key);
}

const unlimited: Omit<RunPermit, 'causes'> = { spend: () => Promise.resolve(), end: () => undefined };
