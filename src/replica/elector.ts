import type { Clock } from '../runtime/clock.ts';
import { startDeadline } from '../runtime/deadline.ts';
import {
  Election,
  LeaseConflict,
  type LeaseState,
  type LeaseTimings,
  type LeaseWrite,
  type LossReason,
} from './election.ts';
import type { Leadership } from './leadership.ts';

/** Where the lease is kept. Each method rejects when the signal is aborted. */
export interface Lease {
  /** Undefined: there is none. */
  read(signal: AbortSignal): Promise<LeaseState | undefined>;
  /** Rejects with LeaseConflict if there is one. */
  create(write: LeaseWrite, annotations: Annotations, signal: AbortSignal): Promise<LeaseState>;
  /** Rejects with LeaseConflict if it has no longer that version, or is gone. `null` removes an annotation. */
  update(write: LeaseWrite, version: string, annotations: Annotations, signal: AbortSignal): Promise<LeaseState>;
  /** Calls `onLease` with what a watch shows, undefined for a deletion, until `close` is called. It may miss anything. */
  watch(onLease: (lease: LeaseState | undefined) => void): void;
  close(): Promise<void>;
}

export type Annotations = Readonly<Record<string, string | null>>;

/** Hears what becomes of the lease. */
export interface ElectionObserver {
  /** @param former who held it before, `''` if nobody is known */
  elected(term: number, former: string): void;
  lost(term: number, reason: LossReason): void;
  /** Another one leads now, or nobody (`''`). */
  leads(leader: string, term: number): void;
  renewed(): void;
  /** Reading or writing the lease has failed. */
  failed(what: 'read' | 'write', error: Error, isLeading: boolean): void;
}

export interface ElectorOptions {
  readonly clock: Clock;
  readonly lease: Lease;
  /** This process's name as a holder. */
  readonly me: string;
  readonly timings: LeaseTimings;
  readonly observer: ElectionObserver;
  /** The annotations of the next write of the leader. Default: none. */
  readonly annotations?: () => Annotations;
  /** Returns a number from 0 up to, but not including, 1. */
  readonly random?: () => number;
}

type Noticed = Pick<Leadership, 'isLeading' | 'term' | 'leader'>;

/** A hanging connection must leave time for another try before the renew deadline. */
const triesPerDeadline = 2;

/** Takes part in the election, and keeps the lease while it has it. It does one thing at a time. */
export class Elector implements Leadership {
  readonly #options: ElectorOptions;
  readonly #election: Election;
  readonly #listeners = new Set<() => void>();
  #attempt = new AbortController();
  #wake: () => void = () => undefined;
  #cancelLoss: () => void = () => undefined;
  #former: LeaseState | undefined;
  #noticed: Noticed = { isLeading: false, term: 0, leader: '' };
  #running: Promise<void> | undefined;

  constructor(options: ElectorOptions) {
    this.#options = options;
    this.#election = new Election(options.me, options.timings, options.random ?? Math.random);
  }

  get isLeading(): boolean {
    return this.#election.holds(this.#now());
  }

  get term(): number {
    return this.#election.term;
  }

  get leader(): string {
    return this.#election.holder;
  }

  /** When the renewal was sent that it believes in, on the monotonic clock; undefined if it does not lead. */
  get renewedAt(): number | undefined {
    return this.#election.renewedAt;
  }

  /** What the lease was seen to have last. */
  get annotations(): Readonly<Record<string, string>> {
    return this.#election.annotations;
  }

  /** The lease as it was when this replica took it over from another one. */
  get former(): LeaseState | undefined {
    return this.#former;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  start(): void {
    this.#options.lease.watch((lease) => this.#heard(lease));
    this.#running ??= this.#run();
  }

  /** The annotations have changed, and are to be written within a second. It does nothing unless this process leads. */
  renewSoon(): void {
    this.#election.wantWrite();
    this.#wake();
  }

  /** Leads no more, gives the lease away if it had it, and takes no part from now on. Never rejects. */
  async release(): Promise<void> {
    this.#election.end(this.#now());
    this.#notice();
    this.#attempt.abort(new Error('the lease is being released'));
    this.#wake();
    await this.#running;
    this.#cancelLoss();
  }

  /** Like {@link release}, and then closes the lease. */
  async close(): Promise<void> {
    await this.release();
    await this.#options.lease.close();
  }

  #now(): number {
    return this.#options.clock.monotonic();
  }

  async #run(): Promise<void> {
    for (;;) {
      const step = this.#election.next(this.#now());
      this.#notice();
      if (step.do === 'end') return;
      if (step.do === 'wait') await this.#waitUntil(step.until);
      else if (step.do === 'read') await this.#try('read', (signal) => this.#read(signal));
      else await this.#try('write', (signal) => this.#write(step.write, step.over, signal));
    }
  }

  /** Until then, or until there is news. */
  #waitUntil(until: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.setTimeout(() => this.#wake(), until - this.#now());
      this.#wake = () => {
        cancel();
        this.#wake = () => undefined;
        resolve();
      };
    });
  }

  async #try(what: 'read' | 'write', attempt: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { clock, observer, timings } = this.#options;
    this.#attempt = new AbortController();
    const deadline = startDeadline(clock, timings.renewDeadlineMs / triesPerDeadline, this.#attempt.signal);
    try {
      await attempt(deadline.signal);
    } catch (error) {
      const isLeading = this.isLeading;
      if (error instanceof LeaseConflict) return this.#election.conflicted(this.#now());
      this.#election.failed(this.#now());
      if (!this.#attempt.signal.aborted) observer.failed(what, asError(error), isLeading);
    } finally {
      deadline.end();
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const lease = await this.#options.lease.read(signal);
    this.#election.read(this.#now(), lease);
  }

  async #write(write: LeaseWrite, over: string | undefined, signal: AbortSignal): Promise<void> {
    const { annotations = () => ({}), lease, observer } = this.#options;
    if (write.isNewTerm) this.#former = this.#election.lease;
    // Those of the leader before stay until this one leads, and has read them.
    const wanted = this.isLeading ? annotations() : {};
    this.#election.sent(this.#now());
    const done = await (over === undefined
      ? lease.create(write, wanted, signal)
      : lease.update(write, over, wanted, signal));
    this.#election.written(this.#now(), done);
    if (write.holder !== '') observer.renewed();
  }

  #heard(lease: LeaseState | undefined): void {
    if (lease === undefined) this.#election.doubted();
    else this.#election.heard(this.#now(), lease);
    this.#notice();
    this.#wake();
  }

  /** Tells what has changed, and sees to it that a loss is noticed in time even while a call hangs. */
  #notice(): void {
    const now = this.#now();
    this.#election.expire(now);
    this.#cancelLoss();
    const { holdsUntil } = this.#election;
    if (holdsUntil !== undefined)
      this.#cancelLoss = this.#options.clock.setTimeout(() => this.#notice(), holdsUntil - now);
    const before = this.#noticed;
    const { isLeading, term, leader } = this;
    if (isLeading === before.isLeading && term === before.term && leader === before.leader) return;
    this.#noticed = { isLeading, term, leader };
    if (before.isLeading && !isLeading) this.#former = undefined;
    this.#tell(before);
    for (const listener of this.#listeners) listener();
  }

  #tell(before: Noticed): void {
    const { observer } = this.#options;
    const { isLeading, term, leader } = this.#noticed;
    const wasElected = isLeading && (!before.isLeading || before.term !== term);
    if (before.isLeading && (!isLeading || wasElected))
      observer.lost(before.term, this.#election.lossReason ?? 'renewal failed');
    // A watch may have shown the own election before.
    const former = before.leader === this.#options.me ? (this.#former?.holder ?? '') : before.leader;
    if (wasElected) observer.elected(term, former);
    else if (leader !== before.leader) observer.leads(leader, term);
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
