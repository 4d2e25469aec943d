import type { Registry } from 'prom-client';
import type { Clock } from '../runtime/clock.ts';
import type { Config } from '../config/config.ts';
import type { Logger } from '../runtime/logger.ts';
import { Causes } from '../cause/causes.ts';
import type { Request } from '../reconcile/request.ts';
import { EventChannel } from './event-channel.ts';
import { EventSource, type Event } from './event-source.ts';
import { createSourceMetrics } from './source-metrics.ts';

export interface EventSourceStageOptions {
  readonly config: Config['source'];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly newEventId: () => string;
  readonly pipelines: () => readonly Request[];
  readonly enqueue: (requests: readonly Request[], event: Event) => Promise<void>;
}

/** The second stage: debouncer, channel and request mapper, connected. */
export function createEventSource(options: EventSourceStageOptions): EventSource {
  const { debounce, channel: bounds, select } = options.config;
  const channel = new EventChannel<Event>(bounds.capacity, mergeEvents);
  const metrics = createSourceMetrics(
    options.registry,
    () => channel.capacity,
    () => channel.depth,
  );
  return new EventSource({ ...options, metrics, channel, select, waitMs: debounce.wait, maxWaitMs: debounce.max_wait });
}

/** The merged event goes by the name of the one that had waited already. */
function mergeEvents(waiting: Event, event: Event): Event {
  return { id: waiting.id, causes: Causes.union(waiting.causes, event.causes) };
}
