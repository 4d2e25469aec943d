import type { Config } from '../config/config.ts';
import { Causes, describeCauses, namedCauses } from '../cause/causes.ts';
import type { Lane } from '../cause/causes.ts';
import type { Choice } from '../reconcile/ports.ts';
import { eventFields, type ChosenEvent } from '../trigger/matched-alerts.ts';
import { defaultTrigger } from '../trigger/trigger.ts';
import { Debouncer, type DebounceOptions, type Emission } from './debouncer.ts';
import { createSourceMetrics, type SourceMetrics } from './source-metrics.ts';
import type { LogFields, Logger } from '../runtime/logger.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { SliceSchedule } from '../runtime/slices.ts';

/** What one event became: an id to follow it by in the log, and its causes. */
export interface Event extends ChosenEvent {
  /** The number of the last causes in it, in the order in which its source took them over. Default: it comes from elsewhere. */
  readonly upTo?: number;
}

interface EventSourceOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly schedule: Pick<SliceSchedule, 'hurry'>;
  readonly metrics: SourceMetrics;
  readonly channel: EventChannel<Event>;
  readonly config: () => Config['source'];
  /** Makes a short, unique name for an event. */
  readonly newEventId: () => string;
  /** Finds the objects that an event concerns. Must not reject. */
  readonly choose: (event: Event) => Promise<readonly Choice[]>;
  /** Puts requests into the work queue, in slices; the next event waits until it resolves. Must not reject. */
  readonly enqueue: (choices: readonly Choice[], event: Event) => Promise<void>;
}

/** The most triggers that a line names. */
const maxNamedTriggers = 20;

/** From alerts to requests: debouncer → channel → choice → work queue. */
export class EventSource {
  readonly #options: EventSourceOptions;
  readonly #debouncer: Debouncer<Causes>;
  #running: Promise<void> | undefined;
  #stopped = false;
  /** The number of causes that were taken over, and of those that have become requests. */
  #taken = 0;
  #passed = 0;

  constructor(options: EventSourceOptions) {
    this.#options = options;
    this.#debouncer = new Debouncer({
      ...options,
      waits: () => waitsOf(options.config()),
      merge: mergeInto,
      emit: (emission) => this.#emit(emission),
    });
  }

  /**
   * Takes over the causes; the caller must not change them afterwards. After {@link stop}, it only logs that the event came too
   * late.
   */
  put(causes: Causes): void {
    if (!this.#stopped) {
      this.#taken++;
      return this.#debouncer.put(causes);
    }
    this.#options.logger.warn(
      'event.refused',
      'alerts came after the shutdown: the next start looks at every pipeline',
      {
        ...describeCauses(causes),
      },
    );
  }

  /** Returns what is true once everything that has been put so far has become requests. */
  barrier(): () => boolean {
    const taken = this.#taken;
    return () => this.#passed >= taken;
  }

  /** Call it when the configuration has changed. Events in the debouncer and in the channel stay there. */
  reconfigure(): void {
    this.#debouncer.reconfigure();
  }

  /** Works on the events in the channel, and on new ones, until {@link stop}. Before it, events wait in the channel. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Flushes the debouncer, empties the channel, and resolves when every event has become requests. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#debouncer.flush();
    this.#options.channel.close();
    // Empties the channel even if it was never started.
    this.start();
    await this.#running;
  }

  #emit({ event: causes, edge, waitedMs }: Emission<Causes>): void {
    const { channel, logger, metrics, newEventId, schedule } = this.#options;
    schedule.hurry();
    // What is emitted has everything in it that was put before.
    const event = { id: newEventId(), causes, upTo: this.#taken };
    metrics.emitted[edge].inc();
    logger.info('event.emitted', 'alerts became one event', {
      event_id: event.id,
      edge,
      waited_ms: waitedMs,
      ...describeCauses(causes),
    });
    if (channel.put(event) !== 'merged') return;
    metrics.merged.inc();
    logger.warn('channel.full', 'the event channel is full: merged into the newest event that waits', {
      event_id: event.id,
      merged_into: channel.newest?.id,
      capacity: channel.capacity,
    });
  }

  async #run(): Promise<void> {
    const { channel } = this.#options;
    for (let event = await channel.take(); event !== undefined; event = await channel.take())
      await this.#enqueue(event);
  }

  async #enqueue(event: Event): Promise<void> {
    const { choose, config, enqueue, logger } = this.#options;
    const choices = await choose(event);
    logEnqueued(logger, config().select, choices, event);
    await enqueue(choices, event);
    this.#passed = Math.max(this.#passed, event.upTo ?? 0);
  }
}

/** Logs what an event became. */
export function logEnqueued(logger: Logger, select: string, choices: readonly Choice[], event: ChosenEvent): void {
  const { id, causes } = event;
  // Each event says this, also one that no sender caused, such as that of a run that waited for its slot.
  if (causes.alertCount > 0 && logger.enables('debug', 'causes.named'))
    logger.debug('causes.named', 'the alerts of an event', { causes_id: id, ...namedCauses(causes) });
  const requests = choices.reduce((sum, choice) => sum + choice.requests.length, 0);
  const message = requests > 0 ? 'an event became reconcile requests' : 'an event concerns no object that there is';
  const fields = { ...eventFields(event), requests, ...choosersOf(choices, select), ...describeCauses(causes) };
  logger.info('requests.enqueued', message, fields);
}

/** What chose: `source.select` if it did, and the other triggers. */
function choosersOf(choices: readonly Choice[], select: string): LogFields {
  const keys = new Set(choices.flatMap(({ chosenBy }) => [...chosenBy.keys()]));
  const isDefault = keys.delete(defaultTrigger);
  const triggers = [...keys].slice(0, maxNamedTriggers);
  const more = keys.size - triggers.length;
  return {
    ...(isDefault && { select }),
    ...(triggers.length > 0 && { triggers }),
    ...(more > 0 && { more_triggers: more }),
  };
}

function waitsOf({ debounce }: Config['source']): DebounceOptions {
  return { waitMs: debounce.wait, maxWaitMs: debounce.max_wait };
}

function mergeInto(earlier: Causes, later: Causes): Causes {
  earlier.absorb(later);
  return earlier;
}

interface EventSourceStageOptions extends Pick<Runtime, 'clock' | 'logger' | 'registry'> {
  readonly schedule: EventSourceOptions['schedule'];
  /** Gives the current configuration. */
  readonly config: () => Config['source'];
  readonly newEventId: () => string;
  readonly choose: EventSourceOptions['choose'];
  readonly enqueue: EventSourceOptions['enqueue'];
}

/** The second stage: debouncer, channel and choice, connected, once for each lane. */
export function createEventSource(options: EventSourceStageOptions): LanedSource {
  const channel = (): EventChannel<Event> =>
    new EventChannel<Event>(() => options.config().channel.capacity, mergeEvents);
  const channels = { platform: channel(), user: channel() };
  const metrics = createSourceMetrics(options.registry, channels);
  return new LanedSource((lane) => new EventSource({ ...options, metrics: metrics[lane], channel: channels[lane] }));
}

/** A source for each lane: an event of the platform waits for no event of users, in the debouncer, in the channel, or behind it. */
export class LanedSource {
  readonly #sources: Readonly<Record<Lane, EventSource>>;

  constructor(create: (lane: Lane) => EventSource) {
    this.#sources = { platform: create('platform'), user: create('user') };
  }

  /** See {@link EventSource.put}. */
  readonly put = (causes: Causes): void => this.#sources[causes.lane].put(causes);

  /** See {@link EventSource.barrier}; of both lanes. */
  barrier(): () => boolean {
    const barriers = this.#all.map((source) => source.barrier());
    return () => barriers.every((isOver) => isOver());
  }

  reconfigure(): void {
    for (const source of this.#all) source.reconfigure();
  }

  start(): void {
    for (const source of this.#all) source.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#all.map((source) => source.stop()));
  }

  get #all(): readonly EventSource[] {
    return Object.values(this.#sources);
  }
}

/** The merged event keeps the name of the event that was waiting. */
function mergeEvents(waiting: Event, event: Event): Event {
  return { ...event, id: waiting.id, causes: Causes.union(waiting.causes, event.causes) };
}

/**
 * A bounded channel from the sources of events to the one that works on them. `put` never blocks and never throws: when the
 * channel is full, it merges the event into the newest one that waits. An event only means "look again", so merging loses
 * nothing.
 */
export class EventChannel<Item> {
  readonly #capacity: () => number;
  readonly #merge: (earlier: Item, later: Item) => Item;
  readonly #waiting: Item[] = [];
  /** The receiver, while it waits for an event. */
  #receiver: ((event: Item | undefined) => void) | undefined;
  #closed = false;

  /** @param capacity called each time, so that a reload may change it */
  constructor(capacity: () => number, merge: (earlier: Item, later: Item) => Item) {
    this.#capacity = capacity;
    this.#merge = merge;
  }

  /** The most events that may wait. If it becomes smaller, the events that wait stay. */
  get capacity(): number {
    return this.#capacity();
  }

  /** The number of waiting events; never more than `capacity`. */
  get depth(): number {
    return this.#waiting.length;
  }

  /** The event into which {@link put} merges when the channel is full. */
  get newest(): Item | undefined {
    return this.#waiting.at(-1);
  }

  /** Returns the result of the put. After {@link close}, nothing is accepted. */
  put(event: Item): 'delivered' | 'waiting' | 'merged' | 'closed' {
    if (this.#closed) return 'closed';
    if (this.#receiver !== undefined) {
      const receiver = this.#receiver;
      this.#receiver = undefined;
      receiver(event);
      return 'delivered';
    }
    if (this.#waiting.length < this.capacity) {
      this.#waiting.push(event);
      return 'waiting';
    }
    this.#waiting.push(this.#merge(this.#waiting.pop()!, event));
    return 'merged';
  }

  /** The next event, in the order of `put`; undefined once the channel is closed and empty. One receiver at a time. */
  take(): Promise<Item | undefined> {
    if (this.#receiver !== undefined) throw new Error('the channel has a receiver that waits already');
    const next = this.#waiting.shift();
    if (next !== undefined || this.#closed) return Promise.resolve(next);
    return new Promise((resolve) => {
      this.#receiver = resolve;
    });
  }

  /** Accepts no more events; the ones that wait can still be taken. */
  close(): void {
    this.#closed = true;
    this.#receiver?.(undefined);
    this.#receiver = undefined;
  }
}
