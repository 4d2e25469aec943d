import { isLaterTerm, nextTerm } from './leadership.ts';

/** How a lease is kept, milliseconds. `lease-timings.ts` refuses those that break each other. */
export interface LeaseTimings {
  /** How long a holder that shows no sign of life keeps the lease, as everybody else counts. Default 15 s. */
  readonly durationMs: number;
  /** How long the holder itself believes in a renewal. Default 10 s; what is left to the duration is the safety margin. */
  readonly renewDeadlineMs: number;
  /** The time between two renewals, and at least the time between two tries. Default 2 s. */
  readonly retryPeriodMs: number;
}

/** The lease as the API server has it. */
export interface LeaseState {
  /** `''`: nobody holds it. */
  readonly holder: string;
  /** 0 if it says none. */
  readonly durationSeconds: number;
  /** How often the holder has changed. */
  readonly transitions: number;
  /** Differs after each renewal. It is compared with `===` alone: whoever wrote it may have any clock. */
  readonly stamp: string;
  /** When its holder has renewed it, by the clock of that one. For what others have written into it, never for the election. */
  readonly renewTime?: string | undefined;
  /** The object's resource version, for the precondition of a write. */
  readonly version: string;
  readonly annotations: Readonly<Record<string, string>>;
}

/** What is written of it. */
export interface LeaseWrite {
  readonly holder: string;
  readonly durationSeconds: number;
  readonly transitions: number;
  /** The time of acquisition is now. */
  readonly isNewTerm: boolean;
}

/** A write was refused, because the object is not what its writer saw. */
export class LeaseConflict extends Error {
  override readonly name = 'LeaseConflict';
}

export type LossReason = 'renewal failed' | 'taken over' | 'deleted' | 'released';

export type Step =
  | { readonly do: 'wait'; readonly until: number }
  | { readonly do: 'read' }
  /** Only if the object still has the version `over`; undefined: only if there is no such object. */
  | { readonly do: 'write'; readonly write: LeaseWrite; readonly over: string | undefined }
  | { readonly do: 'end' };

/** The longest that a record may claim a lease, whatever somebody has written into it: as long as the configuration can say. */
export const maxDurationMs = 600_000;
/** The least time between two writes of the holder, when annotations have to go out before the next renewal. */
const minWriteIntervalMs = 1000;
/** After a release or an expiry, each candidate waits up to this part of the retry period, so that not all of them write at once. */
const raceJitter = 0.05;
/** The first wait of client-go's JitterUntil: the retry period, and up to 1.2 times as much again. */
const retryJitter = 1.2;
/** The release is tried a few times, quickly: if it fails, the lease expires. */
const endRetryMs = 200;
const maxEndFailures = 3;
/** A live holder is heard of in each retry period. After this many without a word the watch may be dead, so the lease is read. */
const silentPeriods = 1.25;

/**
 * Which step a candidate for the lease takes next: the rules of client-go's leaderelection. It has no clock, no timer and no
 * I/O. All times are those of one monotonic clock, that of this process: nothing that another process wrote is ever taken for a time.
 *
 * Never do two candidates hold the lease at once, as long as nobody edits or deletes it by hand: the holder counts its renew deadline
 * from before it sent the renewal, the others count the longer duration from after they saw it, and a write has to name the
 * version of what its writer saw.
 */
export class Election {
  readonly #me: string;
  readonly #timings: LeaseTimings;
  readonly #random: () => number;
  /** Undefined: not read yet, or deleted. */
  #seen: LeaseState | undefined;
  /** When the record changed last, as seen from here. */
  #changedAt = Number.NEGATIVE_INFINITY;
  /** When the lease was seen last, changed or not. */
  #heardAt = Number.NEGATIVE_INFINITY;
  /** It has to be read before anything else: nothing is known, or a write was refused. */
  #mustRead = true;
  #renewedAt: number | undefined;
  #sentAt = Number.NEGATIVE_INFINITY;
  #notBefore = Number.NEGATIVE_INFINITY;
  /** When a lease that has been deleted may be created anew. */
  #createFrom = Number.NEGATIVE_INFINITY;
  /** Conflicts and failures since the last success. */
  #failures = 0;
  #raceDelayMs = 0;
  #wantsWrite = false;
  /** The latest one that was seen; the lease may have another one, which somebody has edited into it. */
  #latestTerm = 0;
  #isEnding = false;
  /** A write has had no answer so far, so it may have been done. */
  #isUnanswered = false;
  #lossReason: LossReason | undefined;

  /**
   * @param me no other process, and no other start of this one, may have that name
   * @param random returns a number from 0 up to, but not including, 1
   */
  constructor(me: string, timings: LeaseTimings, random: () => number) {
    this.#me = me;
    this.#timings = timings;
    this.#random = random;
  }

  /** Whether this candidate may write at that moment. */
  holds(now: number): boolean {
    return this.#renewedAt !== undefined && now < this.#renewedAt + this.#timings.renewDeadlineMs;
  }

  /** When it stops to hold the lease unless it is renewed; undefined if it does not hold it. */
  get holdsUntil(): number | undefined {
    return this.#renewedAt === undefined ? undefined : this.#renewedAt + this.#timings.renewDeadlineMs;
  }

  /** When the renewal was sent that it believes in. */
  get renewedAt(): number | undefined {
    return this.#renewedAt;
  }

  /** Why it has lost the lease last. */
  get lossReason(): LossReason | undefined {
    return this.#lossReason;
  }

  /** As it was seen last. */
  get lease(): LeaseState | undefined {
    return this.#seen;
  }

  get holder(): string {
    return this.#seen?.holder ?? '';
  }

  get term(): number {
    return this.#seen === undefined ? 0 : this.#latestTerm;
  }

  get annotations(): Readonly<Record<string, string>> {
    return this.#seen?.annotations ?? {};
  }

  next(now: number): Step {
    this.expire(now);
    if (now < this.#notBefore) return { do: 'wait', until: this.#notBefore };
    if (this.#isEnding) return this.#release();
    if (this.#mustRead) return { do: 'read' };
    return this.#renewedAt === undefined ? this.#acquire(now) : this.#renew(now, this.#renewedAt);
  }

  /** Stops to believe in a renewal that is too old. */
  expire(now: number): void {
    if (this.#renewedAt !== undefined && !this.holds(now)) this.#lose('renewal failed');
  }

  /** The API server has answered a read; undefined: there is no such object. */
  read(now: number, lease: LeaseState | undefined): void {
    this.#mustRead = false;
    this.#isUnanswered = false;
    this.#heardAt = now;
    if (lease === undefined) this.#gone();
    else this.#see(now, lease);
  }

  /** A watch has shown the lease. It may lag behind what was read and written. */
  heard(now: number, lease: LeaseState): void {
    if (this.#seen !== undefined && isOlder(lease, this.#seen)) return;
    this.#heardAt = now;
    this.#see(now, lease);
  }

  /** A watch says that the lease is gone. Only reading it tells whether it is there again. */
  doubted(): void {
    this.#mustRead = true;
  }

  /** A write is under way. Until it is answered, nothing else is to be done. */
  sent(now: number): void {
    this.#sentAt = now;
    this.#wantsWrite = false;
    this.#isUnanswered = true;
  }

  /** The write that was announced with {@link sent} has been done. */
  written(now: number, lease: LeaseState): void {
    this.#failures = 0;
    this.#isUnanswered = false;
    // A watch may have shown already who wrote after it.
    if (this.#seen !== undefined && isOlder(lease, this.#seen)) return this.doubted();
    this.#mustRead = false;
    this.#heardAt = now;
    this.#see(now, lease);
    if (lease.holder === this.#me && !this.#isEnding) this.#renewedAt = this.#sentAt;
    this.expire(now);
  }

  /** Somebody else has written first, or what was to be written is gone. */
  conflicted(now: number): void {
    if (++this.#failures > 1) return this.failed(now);
    this.#mustRead = true;
    this.#wantsWrite = true;
  }

  /** A step failed, or its answer was lost: then it may have been done. */
  failed(now: number): void {
    this.#failures++;
    this.#mustRead = true;
    this.#wantsWrite = true;
    const { retryPeriodMs } = this.#timings;
    if (this.#isEnding) this.#notBefore = now + endRetryMs;
    else if (this.#renewedAt !== undefined) this.#notBefore = now + retryPeriodMs;
    else this.#notBefore = now + retryPeriodMs * (1 + retryJitter * this.#random());
  }

  /** Annotations are to be written before the next renewal, but not more than once a second. */
  wantWrite(): void {
    this.#wantsWrite = true;
  }

  /** From now on it holds nothing, and gives away what it held. */
  end(now: number): void {
    this.expire(now);
    this.#isEnding = true;
    this.#failures = 0;
    this.#notBefore = Number.NEGATIVE_INFINITY;
    this.#lose('released');
  }

  #see(now: number, lease: LeaseState): void {
    if (this.#seen === undefined || hasChanged(this.#seen, lease)) {
      this.#changedAt = now;
      this.#raceDelayMs = this.#random() * raceJitter * this.#timings.retryPeriodMs;
    }
    this.#seen = lease;
    if (isLaterTerm(lease.transitions, this.#latestTerm)) this.#latestTerm = lease.transitions;
    if (lease.holder !== this.#me) this.#lose('taken over');
  }

  #lose(reason: LossReason): void {
    if (this.#renewedAt === undefined) return;
    this.#renewedAt = undefined;
    this.#lossReason = reason;
  }

  #gone(): void {
    this.#lose('deleted');
    if (this.#seen === undefined) return;
    // Its last holder may not know yet, and is the only one that may create it anew at once.
    this.#createFrom = this.#freeAt;
    this.#seen = undefined;
  }

  #renew(now: number, renewedAt: number): Step {
    const regular = renewedAt + this.#timings.retryPeriodMs;
    const due = this.#wantsWrite ? Math.min(regular, this.#sentAt + minWriteIntervalMs) : regular;
    return now < due ? { do: 'wait', until: due } : this.#write(false);
  }

  #acquire(now: number): Step {
    const { retryPeriodMs } = this.#timings;
    const free = this.#freeAt + this.#raceDelayMs;
    if (now >= free) return this.#write(this.#seen?.holder !== this.#me);
    if (this.#seen?.holder === '') return { do: 'wait', until: free };
    const doubtful = this.#heardAt + retryPeriodMs * silentPeriods;
    return now < doubtful ? { do: 'wait', until: Math.min(free, doubtful) } : { do: 'read' };
  }

  /** When a lease that nobody renews may be taken. */
  get #freeAt(): number {
    const lease = this.#seen;
    if (lease === undefined) return this.#createFrom;
    if (lease.holder === '') return this.#changedAt;
    if (lease.holder === this.#me) return Number.NEGATIVE_INFINITY;
    // The longer of the two counts: the holder may have another configuration, and an edit by hand must not shorten its time.
    const claimedMs = Math.min(lease.durationSeconds * 1000, maxDurationMs);
    return this.#changedAt + Math.max(claimedMs, this.#timings.durationMs);
  }

  #write(isNewTerm: boolean): Step {
    const transitions = isNewTerm || this.#seen === undefined ? nextTerm(this.#latestTerm) : this.#latestTerm;
    const durationSeconds = Math.ceil(this.#timings.durationMs / 1000);
    const write = { holder: this.#me, durationSeconds, transitions, isNewTerm };
    return { do: 'write', write, over: this.#seen?.version };
  }

  #release(): Step {
    if (this.#failures >= maxEndFailures) return { do: 'end' };
    if (this.#isUnanswered || (this.#mustRead && this.#seen?.holder === this.#me)) return { do: 'read' };
    if (this.#seen?.holder !== this.#me) return { do: 'end' };
    const write = { holder: '', durationSeconds: 1, transitions: this.#latestTerm, isNewTerm: false };
    return { do: 'write', write, over: this.#seen.version };
  }
}

/** Annotations and labels are not part of the record: somebody else's edit is no sign of life. */
function hasChanged(one: LeaseState, other: LeaseState): boolean {
  return one.stamp !== other.stamp || one.holder !== other.holder || one.transitions !== other.transitions;
}

/** A watch lags behind one's own writes. Versions that are no numbers cannot be compared, and then every one counts as newer. */
function isOlder({ version }: LeaseState, { version: known }: LeaseState): boolean {
  const isNumber = /^\d{1,30}$/;
  return isNumber.test(version) && isNumber.test(known) && BigInt(version) < BigInt(known);
}
