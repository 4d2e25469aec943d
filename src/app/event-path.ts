import type { Causes } from '../cause/causes.ts';
import type { Config } from '../config/config.ts';
import type { Choice } from '../reconcile/ports.ts';
import { newId } from '../runtime/new-id.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { createEventSource, logEnqueued, type Event, type LanedSource } from '../source/event-source.ts';
import { AlertOrder } from '../trigger/firing-condition.ts';
import { StormGuard, type StormGuardOptions } from '../trigger/guard/storm-guard.ts';

interface EventPathOptions extends Runtime {
  /** Gives the current configuration. */
  readonly config: () => Config;
  /** Finds the objects that an event concerns. Must not reject. */
  readonly choose: (event: Event) => Promise<readonly Choice[]>;
  /** What a storm asks about triggers. */
  readonly storms: Pick<StormGuardOptions, 'objectCount' | 'redecide' | 'trigger'>;
  /** Puts requests into the work queue. Must not reject. */
  readonly enqueue: (choices: readonly Choice[], event: Event) => Promise<void>;
}

/** The way of events from the alerts to the work queue: the source, and the guard against storms behind it. */
export class EventPath {
  readonly storm: StormGuard;
  readonly #options: EventPathOptions;
  readonly #source: LanedSource;

  constructor(options: EventPathOptions) {
    const { config } = options;
    this.#options = options;
    this.storm = new StormGuard({
      ...options,
      ...options.storms,
      config: () => config().storm,
      order: () => new AlertOrder(config().triggers.severities),
    });
    this.#source = createEventSource({
      ...options,
      config: () => config().source,
      newEventId: () => newId(4),
      enqueue: (choices, event) => this.storm.enqueue(choices, event),
    });
  }

  /** Takes over the causes; the caller must not change them afterwards. */
  put(causes: Causes): void {
    this.#source.put(causes);
  }

  /** Enqueues what was chosen otherwise than by an event of the source. */
  enqueue(choices: readonly Choice[], event: Event): Promise<void> {
    const { config, logger } = this.#options;
    logEnqueued(logger, config().source.select, choices, event);
    return this.storm.enqueue(choices, event);
  }

  /** Returns what is true once everything that has been put so far has become requests, and no storm holds any back. */
  barrier(): () => boolean {
    const isOver = this.#source.barrier();
    return () => isOver() && this.storm.state === undefined;
  }

  /** Call it when the configuration has changed. */
  reconfigure(): void {
    this.#source.reconfigure();
  }

  start(): void {
    this.#source.start();
  }

  /** Resolves when every event has become requests, or was given up in a storm. */
  async stop(): Promise<void> {
    this.storm.stop();
    await this.#source.stop();
  }
}
