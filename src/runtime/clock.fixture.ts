import { systemClock, type Clock } from './clock.ts';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock that stands still until {@link FakeClock.advance} moves it; timers fire in the order of their times. */
export class FakeClock implements Clock {
  #now: number;
  #offsetMs = 0;
  #order = 0;
  readonly #timers = new Set<Timer>();

  constructor(now = Date.parse('2026-11-21T03:00:00.000Z')) {
    this.#now = now;
  }

  now(): number {
    return this.#now + this.#offsetMs;
  }

  monotonic(): number {
    return this.#now;
  }

  /**
   * Sets {@link FakeClock.now} forward, or back if `byMs` is negative. Timers and {@link FakeClock.monotonic} are not affected.
   */
  set(byMs: number): void {
    this.#offsetMs += byMs;
  }

  setTimeout(callback: () => void, delayMs: number): () => void {
    const timer = { at: this.#now + Math.max(0, delayMs), order: this.#order++, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** The number of waiting timers. A test that ends with any has a leak. */
  pending(): number {
    return this.#timers.size;
  }

  /** Moves time on by `ms` and fires the timers that fall due, each at its own time. It awaits nothing asynchronous. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let due = this.#next(end); due !== undefined; due = this.#next(end)) this.#fire(due);
    this.#now = end;
  }

  /** Like {@link advance}, but lets promises settle before and after each timer. */
  async advanceAsync(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (let due = this.#next(end); due !== undefined; due = this.#next(end)) {
      this.#fire(due);
      await settle();
    }
    this.#now = end;
    await settle();
  }

  #next(end: number): Timer | undefined {
    let next: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.at > end) continue;
      if (next === undefined || timer.at < next.at || (timer.at === next.at && timer.order < next.order)) next = timer;
    }
    return next;
  }

  #fire(timer: Timer): void {
    this.#timers.delete(timer);
    this.#now = Math.max(this.#now, timer.at);
    timer.callback();
  }
}

/** Lets everything run that is ready: promise callbacks and what they start, a few turns of the event loop deep. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/**
 * The machine's clock, on which every timer fires `times` sooner. A test does not have to wait for a back-off, and the order of
 * timers is kept.
 */
export function fastClock(times: number): Clock {
  return {
    now: () => systemClock.now(),
    monotonic: () => systemClock.monotonic(),
    setTimeout: (callback, delayMs) => systemClock.setTimeout(callback, delayMs / times),
  };
}
