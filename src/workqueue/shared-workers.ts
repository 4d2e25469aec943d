import type { Clock } from '../runtime/clock.ts';
import { TokenBucket } from '../runtime/token-bucket.ts';
import type { Permits } from './work-queue.ts';

/**
 * The workers of many queues, of which none can keep the others waiting. Each queue always has one worker. The others are shared:
 * a free one goes to the queue that has the fewest of them for its weight, and no queue takes so many that a queue that comes anew
 * would find none. A queue whose runs hang thus holds its own share, and no more.
 */
export class SharedWorkers {
  readonly #size: () => number;
  readonly #members = new Set<Member>();

  /** @param size the number of shared workers; asked each time, because a reload may change it */
  constructor(size: () => number) {
    this.#size = size;
  }

  /**
   * A share for one queue.
   * @param rate its runs per second; 0: no limit
   * @param weight its part of the shared workers, compared with those of others
   */
  member(clock: Clock, rate: () => number, weight: () => number = () => 1): WorkerMember {
    const member: Member = new Member(clock, rate, weight, {
      mayTake: () => this.#mayTake(member),
      freed: () => this.#grant(),
      left: () => this.#members.delete(member),
    });
    this.#members.add(member);
    return member;
  }

  /** The number of shared workers that are taken. */
  get taken(): number {
    return this.#load().taken;
  }

  #mayTake(member: Member): boolean {
    return this.#hasRoom(member, this.#load());
  }

  #load(): Load {
    let [taken, busy] = [0, 0];
    for (const { shared, isBusy, weight } of this.#members) {
      taken += shared;
      if (isBusy) busy += weight;
    }
    return { taken, busy };
  }

  /** A place is kept for one more queue than those that want workers, of the weight 1. */
  #hasRoom(member: Member, { taken, busy }: Load): boolean {
    const size = this.#size();
    const all = (member.isBusy ? busy : busy + member.weight) + 1;
    const most = Math.min(Math.ceil((size * member.weight) / all), Math.max(1, size - 1));
    return taken < size && member.shared < most;
  }

  /** The queue with the fewest shared workers for its weight is first; of equal ones, that which waits for longest. */
  #grant(): void {
    for (;;) {
      const load = this.#load();
      let next: Member | undefined;
      for (const member of this.#members)
        if (member.waiting > 0 && this.#hasRoom(member, load) && (next === undefined || isBefore(member, next)))
          next = member;
      if (next === undefined) return;
      next.grant();
    }
  }
}

interface Load {
  /** Shared workers. */
  readonly taken: number;
  /** The weights of the queues that want workers or have some. */
  readonly busy: number;
}

function isBefore(one: Member, other: Member): boolean {
  const difference = one.shared * other.weight - other.shared * one.weight;
  return difference < 0 || (difference === 0 && one.waitsSince < other.waitsSince);
}

/** The share of one queue. */
export interface WorkerMember extends Permits {
  /** Lets everything run that waits: the queue ends. */
  close(): void;
}

interface Pool {
  readonly mayTake: () => boolean;
  readonly freed: () => void;
  readonly left: () => void;
}

class Member implements WorkerMember {
  readonly #clock: Clock;
  readonly #rate: () => number;
  readonly #weight: () => number;
  readonly #pool: Pool;
  readonly #waiters: { readonly grant: () => void; readonly since: number }[] = [];
  readonly #end = new AbortController();
  #bucket: TokenBucket | undefined;
  #running = 0;

  constructor(clock: Clock, rate: () => number, weight: () => number, pool: Pool) {
    this.#clock = clock;
    this.#rate = rate;
    this.#weight = weight;
    this.#pool = pool;
  }

  get waiting(): number {
    return this.#waiters.length;
  }

  get weight(): number {
    return this.#weight();
  }

  get isBusy(): boolean {
    return this.#running + this.#waiters.length > 0;
  }

  /** Its workers beside the one that it always has. */
  get shared(): number {
    return Math.max(0, this.#running - 1);
  }

  /** By the monotonic clock, milliseconds. */
  get waitsSince(): number {
    return this.#waiters[0]?.since ?? Number.POSITIVE_INFINITY;
  }

  acquire(): (() => void) | Promise<() => void> {
    if (this.#takeRate()) return this.#worker();
    return this.#bucket!.acquire(this.#end.signal).then(
      () => this.#worker(),
      () => this.#worker(),
    );
  }

  grant(): void {
    this.#running++;
    this.#waiters.shift()?.grant();
  }

  close(): void {
    this.#end.abort();
    while (this.#waiters.length > 0) this.grant();
    this.#pool.left();
    this.#pool.freed();
  }

  /** Replaces the bucket only if the rate has changed; who waits at the old one waits on. */
  #takeRate(): boolean {
    const rate = this.#rate();
    if (rate === 0 || this.#end.signal.aborted) return true;
    const [intervalMs, burst] = [1000 / rate, Math.max(1, Math.floor(rate))];
    if (this.#bucket?.intervalMs !== intervalMs)
      this.#bucket = new TokenBucket({ clock: this.#clock, intervalMs, burst });
    return this.#bucket.take();
  }

  #worker(): (() => void) | Promise<() => void> {
    const isFree = this.#end.signal.aborted || this.#running === 0 || (this.waiting === 0 && this.#pool.mayTake());
    if (isFree) {
      this.#running++;
      return this.#giveBack();
    }
    return new Promise((resolve) => {
      const grant = (): void => resolve(this.#giveBack());
      this.#waiters.push({ grant, since: this.#clock.monotonic() });
    });
  }

  #giveBack(): () => void {
    let isGiven = false;
    return () => {
      if (isGiven) return;
      isGiven = true;
      this.#running--;
      // The worker that it always has is free again, or a shared one is.
      if (this.#running === 0 && this.#waiters.length > 0) this.grant();
      this.#pool.freed();
    };
  }
}
