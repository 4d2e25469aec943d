import { Slices, type SliceSchedule } from '../../runtime/slices.ts';
import { Slots } from '../../runtime/slots.ts';

/** Something that holds memory on behalf of a client. */
export interface Holder {
  /** True while we work for it: then it is not ended. */
  readonly isBusy: boolean;
  /** True while nothing is expected of it: it has got everything that it asked for. */
  readonly isIdle: boolean;
  /** The estimated memory that it holds now, bytes. */
  readonly bytes: number;
  /** Ends it because there is no room. Called at most once, and never while it is busy. */
  evict(): void;
}

/** A holder that is unfinished for less than this may still be a good one, however busy the program is, milliseconds. */
export const graceMs = 250;

interface Entry {
  /** The bytes that were counted for it. */
  bytes: number;
  /** The time since which it has been unfinished or idle. */
  since: number;
}

/**
 * Keeps all holders together under a bound. A sender on a network is done within milliseconds; one that holds much unfinished for
 * long is stuck or malicious. If there is no room, the holder that has been unfinished for longest is ended, provided that is at
 * least {@link graceMs}; otherwise the one that has been idle for longest. So a good sender never waits for a bad one, and keeps
 * a connection that it uses again. Thousands are ended in slices.
 */
export class MemoryBudget<H extends Holder> {
  readonly #maxBytes: () => number;
  readonly #schedule: SliceSchedule;
  readonly #onEvict: (holder: H) => void;
  /** Both in the order of {@link Entry.since}. */
  readonly #unfinished = new Map<H, Entry>();
  readonly #idle = new Map<H, Entry>();
  #bytes = 0;
  #isRelieving = false;

  /**
   * @param maxBytes called each time, because a reload may change it
   * @param onEvict called for each holder just before it is ended
   */
  constructor(maxBytes: () => number, schedule: SliceSchedule, onEvict: (holder: H) => void) {
    this.#maxBytes = maxBytes;
    this.#schedule = schedule;
    this.#onEvict = onEvict;
  }

  /** The memory of all holders, as last counted. */
  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#unfinished.size + this.#idle.size;
  }

  /** Adds a holder, which is unfinished. */
  add(holder: H): void {
    this.#unfinished.set(holder, { bytes: 0, since: this.#now });
    this.count(holder);
  }

  /** Counts a holder again: it holds more or less than before. */
  count(holder: H): void {
    const entry = this.#unfinished.get(holder) ?? this.#idle.get(holder);
    if (entry !== undefined) this.#recount(holder, entry);
    this.#relieveIfOver();
  }

  /** Counts all holders again, because they can grow without a report. */
  countAll(): void {
    for (const queue of [this.#unfinished, this.#idle])
      for (const [holder, entry] of queue) this.#recount(holder, entry);
    this.#relieveIfOver();
  }

  /** A holder begins to be unfinished or idle. */
  renew(holder: H): void {
    const entry = this.#unfinished.get(holder) ?? this.#idle.get(holder);
    if (entry === undefined) return;
    this.#unfinished.delete(holder);
    this.#idle.delete(holder);
    entry.since = this.#now;
    (holder.isIdle ? this.#idle : this.#unfinished).set(holder, entry);
    this.#recount(holder, entry);
  }

  /** A holder is gone and holds nothing; removing it twice does nothing. */
  remove(holder: H): void {
    const entry = this.#unfinished.get(holder) ?? this.#idle.get(holder);
    if (entry === undefined) return;
    this.#bytes -= entry.bytes;
    this.#unfinished.delete(holder);
    this.#idle.delete(holder);
  }

  get #now(): number {
    return this.#schedule.clock.now();
  }

  #recount(holder: H, entry: Entry): void {
    const { bytes } = holder;
    this.#bytes += bytes - entry.bytes;
    entry.bytes = bytes;
  }

  #relieveIfOver(): void {
    if (this.#bytes > this.#maxBytes() && !this.#isRelieving) void this.#relieve();
  }

  async #relieve(): Promise<void> {
    this.#isRelieving = true;
    const slices = new Slices(this.#schedule, 'evictions');
    while (this.#bytes > this.#maxBytes()) {
      const next = this.#next();
      if (next === undefined) break;
      this.remove(next);
      this.#onEvict(next);
      next.evict();
      if (slices.isOver) await slices.yieldTurn();
    }
    this.#isRelieving = false;
  }

  #next(): H | undefined {
    const unfinished = this.#longest(this.#unfinished);
    // Also correct for a clock that was set back.
    const isOld = unfinished !== undefined && Math.abs(this.#now - this.#unfinished.get(unfinished)!.since) >= graceMs;
    return isOld ? unfinished : (this.#longest(this.#idle) ?? unfinished);
  }

  /** A busy holder goes to the end, so that it is not examined repeatedly; its time restarts anyway when it is done. */
  #longest(queue: ReadonlyMap<H, Entry>): H | undefined {
    for (let left = queue.size; left > 0; left--) {
      const [longest] = queue.keys();
      if (longest === undefined || !longest.isBusy) return longest;
      this.renew(longest);
    }
    return undefined;
  }
}

/** Memory for one large body; `release` returns it, to be overwritten by the next body. */
export interface LargeBuffer {
  readonly bytes: Buffer;
  readonly release: () => void;
}

/** The few buffers for large bodies. They are reused, because freed memory of that size returns to the machine late or never. */
export class LargeBuffers {
  readonly #slots: Slots;
  readonly #bufferBytes: number;
  readonly #spare: Buffer[] = [];

  constructor(count: number, bufferBytes: number) {
    this.#slots = new Slots(count);
    this.#bufferBytes = bufferBytes;
  }

  /** Resolves once a buffer is free, in the order of the requests. */
  async acquire(): Promise<LargeBuffer> {
    const releaseSlot = await this.#slots.acquire();
    // Memory that is never written to is never allocated by the system.
    const bytes = this.#spare.pop() ?? Buffer.allocUnsafeSlow(this.#bufferBytes);
    let held = true;
    const release = (): void => {
      if (!held) return;
      held = false;
      this.#spare.push(bytes);
      releaseSlot();
    };
    return { bytes, release };
  }
}
