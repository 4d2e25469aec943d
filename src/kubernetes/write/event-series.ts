import { eventPeriodMs, eventSeriesMs } from '../../limits.ts';
import { microTime, type KubernetesEvent } from './kubernetes-event.ts';

/** The body of a PATCH of an Event that was written before. */
export interface SeriesPatch {
  readonly series: { readonly count: number; readonly lastObservedTime: string };
}

/**
 * One Event and how often it happened. It is written when it happens first; repeats are counted, and written as its series
 * at most once in {@link eventPeriodMs}. Pure: whoever holds it says what time it is.
 */
export class EventSeries {
  readonly event: KubernetesEvent;
  #count = 0;
  #lastObservedAt = 0;
  #writtenAt: number | undefined;
  /** True once the API server has it, so that it is patched and not created. */
  isCreated = false;

  constructor(event: KubernetesEvent) {
    this.event = event;
  }

  /** It happens at `now`. */
  observe(now: number): void {
    this.#count++;
    this.#lastObservedAt = now;
  }

  /** True if it has not happened for so long that the next time is another Event. */
  isOver(now: number): boolean {
    return Math.abs(now - this.#lastObservedAt) > eventSeriesMs;
  }

  /** How long to wait before it may be written, milliseconds. A clock that was set back makes nobody wait longer. */
  waitMs(now: number): number {
    if (this.#writtenAt === undefined) return 0;
    return Math.min(Math.max(0, this.#writtenAt + eventPeriodMs - now), eventPeriodMs);
  }

  /** It is written at `now`, whether that succeeds or not: a failure is no reason to hurry. */
  startWrite(now: number): void {
    this.#writtenAt = now;
  }

  /** What to create. The API server takes a series from the second time on. */
  get body(): KubernetesEvent & Partial<SeriesPatch> {
    return this.#count < 2 ? this.event : { ...this.event, ...this.patch };
  }

  get patch(): SeriesPatch {
    return { series: { count: this.#count, lastObservedTime: microTime(this.#lastObservedAt) } };
  }
}
