import type { CancelTimer, Clock } from '../../runtime/clock.ts';
import { newId } from '../../runtime/new-id.ts';
import {
  requestKey,
  type Decision,
  type ConditionTransition,
  type Pipeline,
  type TransitionRecorder,
} from '../../reconcile/ports.ts';
import {
  EventSeries,
  eventAbout,
  kubernetesEvent,
  type EventIdentity,
  type KubernetesEvent,
  type Regarding,
} from './kubernetes-event.ts';
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
    const key = `${requestKey(pipeline)} ${pipeline.uid ?? ''} ${transition.reason}`;
    this.#observe(key, (identity) => kubernetesEvent(pipeline, transition, decision, identity));
  }

  /** Records that an object cannot be used. @param generation of its spec: the next one has an Event of its own */
  warn(about: Regarding & { readonly generation: number }, reason: string, note: string): void {
    const { kind, namespace = '', name, uid = '', generation } = about;
    const key = `${kind}/${namespace}/${name} ${uid} ${reason} ${generation}`;
    const told = { type: 'Warning', reason, action: 'Reject', note } as const;
    this.#observe(key, (identity) => eventAbout(about, told, identity));
  }

  #observe(key: string, create: (identity: EventIdentity) => KubernetesEvent): void {
    const now = this.#options.clock.now();
    const known = this.#remembered.get(key);
    const isOver = known?.series.isOver(now) ?? true;
    if (known !== undefined) this.#forget(key, known, isOver);
    const remembered = known === undefined || isOver ? this.#begin(create, now) : known;
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

  #begin(create: (identity: EventIdentity) => KubernetesEvent, at: number): Remembered {
    const { instance, newEventId = () => newId(8) } = this.#options;
    return { series: new EventSeries(create({ instance, id: newEventId(), at })), cancelTimer: undefined };
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
