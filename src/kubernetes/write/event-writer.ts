import { Counter, Gauge, type Registry } from 'prom-client';
import { LineOnceAWhile } from '../../runtime/limited-lines.ts';
import type { Clock } from '../../runtime/clock.ts';
import { eventPeriodMs, type EventSeries } from './kubernetes-event.ts';
import type { ApiClient } from '../api/api-client.ts';
import { ApiError } from '../api/api-error.ts';
import { keptNothing } from '../kept-object.ts';
import type { Runtime } from '../../runtime/runtime.ts';
import { alwaysLeads, type Leadership } from '../../replica/leadership.ts';

/** The most Events that wait to be written. */
export const maxWaitingEvents = 1000;

interface EventWriterOptions {
  readonly client: Pick<ApiClient, 'call'>;
  readonly clock: Clock;
  readonly report: EventReport;
  /** The leader writes Events, nobody else. Default: this process always leads. */
  readonly leadership?: Pick<Leadership, 'isLeading'> | undefined;
}

/**
 * Writes Events one after the other, in parallel with the reconciles, over one connection and within a separate limit
 * ({@link CallRate}): no condition ever waits for them.
 * A failed write is not tried again, for an Event is news and not state; an Event for which the queue has no room is dropped.
 */
export class EventWriter {
  readonly #options: EventWriterOptions;
  readonly #waiting = new Set<EventSeries>();
  readonly #closed = new AbortController();
  #pumping: Promise<void> | undefined;

  constructor(options: EventWriterOptions) {
    this.#options = options;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Returns at once. A series that is already waiting is written once, with everything that has happened by then. */
  add(series: EventSeries): void {
    const { leadership = alwaysLeads } = this.#options;
    if (!leadership.isLeading) return;
    if (this.#closed.signal.aborted || (this.#waiting.size >= maxWaitingEvents && !this.#waiting.has(series))) {
      this.#options.report.dropped();
      return;
    }
    this.#waiting.add(series);
    this.#pumping ??= this.#pump();
  }

  /** Writes the waiting Events, but no longer than this; then the remaining ones are dropped. Never rejects. */
  async close(timeoutMs: number): Promise<void> {
    const cancelTimer = this.#options.clock.setTimeout(() => this.#closed.abort(), timeoutMs);
    await this.#pumping;
    cancelTimer();
    this.#closed.abort();
    this.#options.report.end();
  }

  async #pump(): Promise<void> {
    for (let series = first(this.#waiting); series !== undefined; series = first(this.#waiting)) {
      this.#waiting.delete(series);
      if (this.#closed.signal.aborted) this.#options.report.dropped();
      else await this.#write(series);
    }
    // Reset here, and not when the promise settles: a series added in between would wait for ever.
    this.#pumping = undefined;
  }

  async #write(series: EventSeries): Promise<void> {
    const { clock, report } = this.#options;
    series.startWrite(clock.now());
    try {
      if (series.isCreated && (await this.#patch(series))) report.written('updated');
      else {
        await this.#create(series);
        report.written('created');
      }
    } catch (error) {
      report.failed(error, series);
    }
  }

  async #create(series: EventSeries): Promise<void> {
    const path = eventsPath(series);
    const { signal } = this.#closed;
    try {
      await this.#options.client.call({
        method: 'POST',
        path,
        body: series.body,
        keep: keptNothing,
        signal,
        isEvent: true,
      });
    } catch (error) {
      // The answer to an earlier try was lost: the Event exists.
      if (!(error instanceof ApiError && error.status === 409)) throw error;
    }
    series.isCreated = true;
  }

  /** False if the API server no longer has the Event: it keeps Events for an hour. */
  async #patch(series: EventSeries): Promise<boolean> {
    const path = `${eventsPath(series)}/${series.event.metadata.name}`;
    const contentType = 'application/merge-patch+json';
    try {
      const { signal } = this.#closed;
      await this.#options.client.call({
        method: 'PATCH',
        path,
        contentType,
        body: series.patch,
        keep: keptNothing,
        signal,
        isEvent: true,
      });
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return false;
      throw error;
    }
  }
}

function eventsPath({ event }: EventSeries): string {
  return `/apis/events.k8s.io/v1/namespaces/${event.metadata.namespace}/events`;
}

function first<T>(values: Iterable<T>): T | undefined {
  for (const value of values) return value;
  return undefined;
}

interface EventReportOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly count: CountEvent;
}

const manifest = 'k8s/base/cluster-role-writer.yaml';

/** Reports what became of Events: all of them to the metrics, and lost ones also to the log, in at most one line a minute. */
export class EventReport {
  readonly #options: EventReportOptions;
  #lost = { failed: 0, dropped: 0 };
  /** Why the last lost Event was lost. */
  #cause: Readonly<Record<string, unknown>> = {};
  readonly #line: LineOnceAWhile;

  constructor(options: EventReportOptions) {
    this.#options = options;
    this.#line = new LineOnceAWhile(options.clock, eventPeriodMs);
  }

  written(result: 'created' | 'updated'): void {
    this.#options.count(result);
  }

  failed(error: unknown, { event }: EventSeries): void {
    this.#options.count('failed');
    this.#lost.failed++;
    const lacksRight = error instanceof ApiError && error.missingRight !== undefined;
    const { namespace } = event.metadata;
    this.#cause = { error, namespace, reason: event.reason, ...(lacksRight && { manifest }) };
    if (this.#line.allows()) this.#write();
  }

  /** Too many Events were waiting, or the process ends. */
  dropped(): void {
    this.#options.count('dropped');
    this.#lost.dropped++;
    if (this.#line.allows()) this.#write();
  }

  /** No more Events will come: logs now what still waits for its minute. */
  end(): void {
    if (this.#lost.failed + this.#lost.dropped > 0) this.#write();
  }

  /** Logs how many Events were lost since the last line. */
  #write(): void {
    this.#options.logger.warn('events.lost', 'Kubernetes Events could not be written; conditions are not concerned', {
      ...this.#lost,
      ...this.#cause,
    });
    this.#lost = { failed: 0, dropped: 0 };
    this.#cause = {};
  }
}

/** `created` and `updated` (the series of an existing Event) were written; `dropped`: too many were waiting. */
type EventResult = 'created' | 'updated' | 'failed' | 'dropped';

const results: readonly EventResult[] = ['created', 'updated', 'failed', 'dropped'];

/** Counts what became of Kubernetes Events. */
export type CountEvent = (result: EventResult) => void;

/** @param eventsWaiting the number of Events that wait to be written, read at each scrape */
export function createEventMetrics(registry: Registry, eventsWaiting: () => number = () => 0): CountEvent {
  const registers = [registry];
  const events = new Counter({
    registers,
    name: 'tocsin_kubernetes_events_total',
    help: 'Kubernetes Events, by what became of them.',
    labelNames: ['result'],
  });
  new Gauge({
    registers,
    name: 'tocsin_kubernetes_events_waiting',
    help: 'Kubernetes Events that wait to be written; over 1000 a further one is dropped.',
    collect() {
      this.set(eventsWaiting());
    },
  });
  for (const result of results) events.inc({ result }, 0);
  return (result) => events.inc({ result });
}
