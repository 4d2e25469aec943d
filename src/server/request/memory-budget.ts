import type { SliceSchedule } from '../../runtime/slice-schedule.ts';
import { Slices } from '../../runtime/slices.ts';
import { Slots } from '../../runtime/slots.ts';

/** Something that holds memory on behalf of somebody outside. */
export interface Holder {
  /** True while we work for it: then it is not ended. */
  readonly isBusy: boolean;
  /** True while nothing is expected of it: it has had all that it asked for. */
  readonly isIdle: boolean;
  /** What it holds now, by estimate, bytes. */
  readonly bytes: number;
  /** Ends it: there is no room. Called at most once, and never while it is busy. */
  evict(): void;
}

/** Unfinished for less than this, a holder may still be a good one, however much the program has to do, milliseconds. */
export const graceMs = 250;

interface Entry {
  /** What it was counted with. */
  bytes: number;
  /** From when on it has been unfinished or idle. */
  since: number;
}

/**
 * Keeps all holders together under a bound. A sender on a network is done within milliseconds; whoever holds much unfinished for
 * long is stuck or means ill. So when there is no room, the one goes that has been unfinished for longest, if that is {@link graceMs},
 * or else the one that has been idle for longest: a good sender never waits for a bad one, and keeps a connection that it uses
 * again. Thousands that go at once go in slices.
 */
export class MemoryBudget<H extends Holder> {
  maxBytes: number;
  readonly #schedule: SliceSchedule;
  readonly #onEvict: (holder: H) => void;
  /** Both in the order of {@link Entry.since}. */
  readonly #unfinished = new Map<H, Entry>();
  readonly #idle = new Map<H, Entry>();
  #bytes = 0;
  #isRelieving = false;

  /** @param onEvict told of each that goes, just before it does */
  constructor(maxBytes: number, schedule: SliceSchedule, onEvict: (holder: H) => void) {
    this.maxBytes = maxBytes;
    this.#schedule = schedule;
    this.#onEvict = onEvict;
  }

  /** What all of them hold, as last counted. */
  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#unfinished.size + this.#idle.size;
  }

  /** A new one, which is unfinished. */
  add(holder: H): void {
    this.#unfinished.set(holder, { bytes: 0, since: this.#now });
    this.count(holder);
  }

  /** It holds more, or less, than before. */
  count(holder: H): void {
    const entry = this.#unfinished.get(holder) ?? this.#idle.get(holder);
    if (entry !== undefined) this.#recount(holder, entry);
    this.#relieveIfOver();
  }

  /** Counts all of them: what they hold can grow without a word. */
  countAll(): void {
    for (const queue of [this.#unfinished, this.#idle])
      for (const [holder, entry] of queue) this.#recount(holder, entry);
    this.#relieveIfOver();
  }

  /** It has begun to be unfinished, or to be idle. */
  renew(holder: H): void {
    const entry = this.#unfinished.get(holder) ?? this.#idle.get(holder);
    if (entry === undefined) return;
    this.#unfinished.delete(holder);
    this.#idle.delete(holder);
    entry.since = this.#now;
    (holder.isIdle ? this.#idle : this.#unfinished).set(holder, entry);
    this.#recount(holder, entry);
  }

  /** It is gone, and holds nothing any more; removing it twice does nothing. */
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
    if (this.#bytes > this.maxBytes && !this.#isRelieving) void this.#relieve();
  }

  async #relieve(): Promise<void> {
    this.#isRelieving = true;
    const slices = new Slices(this.#schedule, 'evictions');
    while (this.#bytes > this.maxBytes) {
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
    // Also of a clock that was set back.
    const isOld = unfinished !== undefined && Math.abs(this.#now - this.#unfinished.get(unfinished)!.since) >= graceMs;
    return isOld ? unfinished : (this.#longest(this.#idle) ?? unfinished);
  }

  /** Whoever is busy goes to the end, so that it is not looked at again and again; its time begins anew when it is done anyway. */
  #longest(queue: ReadonlyMap<H, Entry>): H | undefined {
    for (let left = queue.size; left > 0; left--) {
      const [longest] = queue.keys();
      if (longest === undefined || !longest.isBusy) return longest;
      this.renew(longest);
    }
    return undefined;
  }
}

/** Room for one large body; `release` gives it back, for the next one to write over. */
export interface LargeBuffer {
  readonly bytes: Buffer;
  readonly release: () => void;
}

/**
 * The few buffers in which large bodies are put together. They are used again and again: freed memory of that size comes
 * back to the machine late, or never.
 */
export class LargeBuffers {
  readonly #slots: Slots;
  readonly #bufferBytes: number;
  readonly #spare: Buffer[] = [];

  constructor(count: number, bufferBytes: number) {
    this.#slots = new Slots(count);
    this.#bufferBytes = bufferBytes;
  }

  /** Resolves once one is free, in the order in which they were asked for. */
  async acquire(): Promise<LargeBuffer> {
    const releaseSlot = await this.#slots.acquire();
    // What is never written to takes no memory.
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
