import type { CancelTimer, Clock } from '../../runtime/clock.ts';
import { newId } from '../../runtime/new-id.ts';
import {
  requestKey,
  type Decision,
  type ConditionTransition,
  type Pipeline,
  type TransitionRecorder,
} from '../../reconcile/ports.ts';
import { EventSeries, kubernetesEvent } from './kubernetes-event.ts';
import type { EventWriter } from './event-writer.ts';

/** The most Events that are remembered for their repeats, as in client-go. */
export const maxEventSeries = 4096;

interface EventRecorderOptions {
  readonly clock: Clock;
  readonly writer: Pick<EventWriter, 'add' | 'close'>;
  /** The name of this process, which is its pod's name. */
  readonly instance: string;
  /** 16 characters of a-z and 0-9. */
  readonly newEventId?: () => string;
}

interface Remembered {
  readonly series: EventSeries;
  cancelTimer: CancelTimer | undefined;
}

/**
 * Records each transition as a Kubernetes Event: one Event per pipeline and reason, whose series counts the repeats. It remembers
 * {@link maxEventSeries} of them; beyond that it forgets the Event that was quiet for longest, which would then begin anew.
 */
export class EventRecorder implements TransitionRecorder {
  readonly #options: EventRecorderOptions;
  /** In the order in which they last happened, the latest at the end. */
  readonly #remembered = new Map<string, Remembered>();

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  /** How many Events are remembered. */
  get size(): number {
    return this.#remembered.size;
  }

  record(pipeline: Pipeline, transition: ConditionTransition, decision: Decision): void {
    const now = this.#options.clock.now();
    const key = `${requestKey(pipeline)} ${pipeline.uid ?? ''} ${transition.reason}`;
    const known = this.#remembered.get(key);
    const isOver = known?.series.isOver(now) ?? true;
    if (known !== undefined) this.#forget(key, known, isOver);
    const remembered = known === undefined || isOver ? this.#begin(pipeline, transition, decision, now) : known;
    this.#remembered.set(key, remembered);
    remembered.series.observe(now);
    this.#schedule(remembered);
    this.#trim();
  }

  /** Writes what has been counted but not yet written, within this time. Never rejects. */
  async close(timeoutMs: number): Promise<void> {
    for (const [key, remembered] of this.#remembered) this.#forget(key, remembered, true);
    await this.#options.writer.close(timeoutMs);
  }

  #begin(pipeline: Pipeline, transition: ConditionTransition, decision: Decision, at: number): Remembered {
    const { instance, newEventId = () => newId(8) } = this.#options;
    const event = kubernetesEvent(pipeline, transition, decision, { instance, id: newEventId(), at });
    return { series: new EventSeries(event), cancelTimer: undefined };
  }

  #schedule(remembered: Remembered): void {
    const { clock, writer } = this.#options;
    const { series } = remembered;
    if (remembered.cancelTimer !== undefined) return;
    const waitMs = series.waitMs(clock.now());
    if (waitMs === 0) return writer.add(series);
    remembered.cancelTimer = clock.setTimeout(() => {
      remembered.cancelTimer = undefined;
      writer.add(series);
    }, waitMs);
  }

  /** @param forGood writes pending repeats now, since nobody will do so later */
  #forget(key: string, remembered: Remembered, forGood: boolean): void {
    this.#remembered.delete(key);
    if (!forGood || remembered.cancelTimer === undefined) return;
    remembered.cancelTimer();
    remembered.cancelTimer = undefined;
    this.#options.writer.add(remembered.series);
  }

  #trim(): void {
    const now = this.#options.clock.now();
    for (const [key, remembered] of this.#remembered) {
      if (this.#remembered.size <= maxEventSeries && !remembered.series.isOver(now)) return;
      this.#forget(key, remembered, true);
    }
  }
}
