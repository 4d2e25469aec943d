import { Counter, Gauge, type Registry } from 'prom-client';
import { LimitedLines } from '../../runtime/limited-lines.ts';
import { apiObjectBytes, apiObjectsBytes } from '../kept-object.ts';
import type { LogFields } from '../../runtime/logger.ts';
import type { ApiError } from '../api/api-error.ts';
import type { LeftOutReason } from './list-objects.ts';
import type { WatchEvent } from './watch-stream.ts';
import { resourceName, type WatchedResource } from '../api-object.ts';
import { isExpired } from './reflector-steps.ts';
import type { Runtime } from '../../runtime/runtime.ts';

/** The most warn lines per second about objects that are left out, for each resource. */
const leftOutLinesPerSecond = 5;

interface ReflectorReportOptions extends Pick<Runtime, 'clock' | 'logger'> {
  readonly metrics: ReflectorMetrics;
  readonly watched: Pick<WatchedResource, 'group' | 'resource' | 'namespace'>;
  /** The label of its metrics, one of a closed set. Default: the resource. */
  readonly label?: string;
  /** True if nobody may have asked for this resource: that it is not there, or may not be read, is then no trouble. */
  readonly isOptional?: boolean;
  /** What to say about an object that is left out. Default: what helps with pipelines. */
  readonly leftOutMessages?: Readonly<Record<LeftOutReason, string>>;
}

/** The interval at which a lasting failure is logged again, in milliseconds. */
const reminderMs = 60_000;

const messagesForPipelines: Readonly<Record<LeftOutReason, string>> = {
  object_too_large:
    'an object is left out, as if it were not there: its conditions, inputs and outputs take more memory than one may; make its status.conditions shorter',
  memory_full:
    'an object is left out, as if it were not there: all watched objects together take more memory than they may; watch fewer with namespaces or label_selector in pipelines.kubernetes.kinds',
};
const leftOutLimits: Readonly<Record<LeftOutReason, LogFields>> = {
  object_too_large: { max_bytes: apiObjectBytes },
  memory_full: { max_bytes: apiObjectsBytes },
};

/** Reports what a reflector does: everything to the metrics; to the log each new thing once, and a lasting failure once a minute. */
export class ReflectorReport {
  readonly #options: ReflectorReportOptions;
  readonly #resource: string;
  readonly #label: string;
  #loggedAt = Number.NEGATIVE_INFINITY;
  #toldReason: string | undefined;
  readonly #leftOutLines: LimitedLines;
  #isWatching = false;
  #isMissing = false;

  constructor(options: ReflectorReportOptions) {
    this.#options = options;
    this.#resource = resourceName(options.watched);
    this.#label = options.label ?? this.#resource;
    const onOverflow = (fields: LogFields): void =>
      this.#write(
        'warn',
        'reflector.left_out_lines_limited',
        'more objects were left out than are written out at warn',
        fields,
      );
    this.#leftOutLines = new LimitedLines({ ...options, perSecond: () => leftOutLinesPerSecond, onOverflow });
  }

  listed(fields: LogFields): void {
    this.#options.metrics.listed(this.#label);
    this.#isMissing = false;
    this.#isWatching = false;
    this.#write('info', 'reflector.listed', 'the objects of a resource have been listed', fields);
  }

  /** A watch that continues the last one after a good end is not news. */
  watching(fields: LogFields): void {
    this.#options.metrics.watching(this.#label);
    const level = this.#isWatching ? 'debug' : 'info';
    this.#isWatching = true;
    this.#toldReason = undefined;
    this.#write(level, 'reflector.watching', 'the changes of a resource are being watched', fields);
  }

  /** An event came through the watch. There are too many events for a line each. */
  received(type: WatchEvent['type']): void {
    const { clock, metrics } = this.#options;
    metrics.event(this.#label, type.toLowerCase() as Lowercase<typeof type>, clock.now() / 1000);
  }

  failed(error: ApiError, fields: LogFields): void {
    const { clock, metrics, isOptional = false } = this.#options;
    metrics.failed(this.#label, error);
    const now = clock.now();
    const mayNot = isOptional && error.status === 403;
    const isDue = !mayNot && Math.abs(now - this.#loggedAt) >= reminderMs;
    const isNew = this.#toldReason !== reasonOf(error) || isDue;
    if (isNew) {
      this.#loggedAt = now;
      this.#toldReason = reasonOf(error);
    }
    this.#isWatching = false;
    const message = 'a resource cannot be listed or watched; what was known of it stays, and it is tried again';
    this.#write(isNew ? (mayNot ? 'info' : 'warn') : 'debug', 'reflector.failed', message, {
      error,
      reason: error.reason,
      ...(error.status !== undefined && { status: error.status }),
      ...fields,
    });
  }

  /** An object that the API server has is missing here. */
  leftOut(reason: LeftOutReason, fields: LogFields): void {
    this.#options.metrics.leftOut(this.#label, reason);
    const level = this.#leftOutLines.allows() ? 'warn' : 'debug';
    this.#write(level, 'reflector.object_left_out', (this.#options.leftOutMessages ?? messagesForPipelines)[reason], {
      ...fields,
      ...leftOutLimits[reason],
    });
  }

  notInstalled(fields: LogFields): void {
    this.#isWatching = false;
    const message =
      'a resource is not installed in the cluster, or not with this plural and version; it is looked for again, at the latest every minute';
    const level = this.#options.isOptional === true ? 'info' : 'warn';
    this.#write(this.#isMissing ? 'debug' : level, 'reflector.not_installed', message, fields);
    this.#isMissing = true;
  }

  #write(level: 'debug' | 'info' | 'warn', event: string, message: string, fields: LogFields): void {
    const { namespace } = this.#options.watched;
    const scope = namespace === undefined ? {} : { namespace };
    this.#options.logger[level](event, message, { resource: this.#resource, ...scope, ...fields });
  }
}

function reasonOf({ status, reason }: ApiError): string {
  return `${status ?? ''} ${reason}`;
}

type ReflectorEvent = 'added' | 'modified' | 'deleted' | 'bookmark';

export interface ReflectorMetrics {
  /** Begins the series of a resource. Only for labels of a closed set. */
  add(resource: string): void;
  listed(resource: string): void;
  watching(resource: string): void;
  event(resource: string, type: ReflectorEvent, seconds: number): void;
  failed(resource: string, error: ApiError): void;
  leftOut(resource: string, reason: LeftOutReason): void;
}

const events: readonly ReflectorEvent[] = ['added', 'modified', 'deleted', 'bookmark'];
const leftOutReasons: readonly LeftOutReason[] = ['object_too_large', 'memory_full'];
const reasons = ['expired', 'idle', 'timeout', 'unreachable', 'broken', 'refused', 'server_error'] as const;

/** Metrics of the lists and watches of all reflectors of an app. Each resource, as `PLURAL.GROUP`, has to be added first. */
export function createReflectorMetrics(registry: Registry): ReflectorMetrics {
  const registers = [registry];
  const lists = new Counter({
    registers,
    name: 'tocsin_reflector_lists_total',
    help: 'Lists of a watched Kubernetes resource that were read to their end.',
    labelNames: ['resource'],
  });
  const watches = new Counter({
    registers,
    name: 'tocsin_reflector_watches_total',
    help: 'Watches of a Kubernetes resource that the API server began to answer.',
    labelNames: ['resource'],
  });
  const received = new Counter({
    registers,
    name: 'tocsin_reflector_events_total',
    help: 'Events of the watches of a Kubernetes resource, by type.',
    labelNames: ['resource', 'type'],
  });
  const failures = new Counter({
    registers,
    name: 'tocsin_reflector_failures_total',
    help: 'Lists and watches of a Kubernetes resource that failed, by reason.',
    labelNames: ['resource', 'reason'],
  });
  const leftOut = new Counter({
    registers,
    name: 'tocsin_reflector_objects_left_out_total',
    help: 'Objects of lists and watches of a Kubernetes resource that were too large to be kept, by which limit.',
    labelNames: ['resource', 'reason'],
  });
  const lastEvent = new Gauge({
    registers,
    name: 'tocsin_reflector_last_event_timestamp_seconds',
    help: 'When the API server last told anything about a watched resource, bookmarks included; 0: never.',
    labelNames: ['resource'],
    // Of several tenants, the watch that has been silent for longest is shown.
    aggregator: 'min',
  });
  return {
    add(resource) {
      lists.inc({ resource }, 0);
      watches.inc({ resource }, 0);
      lastEvent.inc({ resource }, 0);
      for (const type of events) received.inc({ resource, type }, 0);
      for (const reason of leftOutReasons) leftOut.inc({ resource, reason }, 0);
      for (const reason of reasons) failures.inc({ resource, reason }, 0);
    },
    listed: (resource) => lists.inc({ resource }),
    watching: (resource) => watches.inc({ resource }),
    event(resource, type, seconds) {
      received.inc({ resource, type });
      lastEvent.set({ resource }, seconds);
    },
    failed: (resource, error) => failures.inc({ resource, reason: reasonLabel(error) }),
    leftOut: (resource, reason) => leftOut.inc({ resource, reason }),
  };
}

function reasonLabel(error: ApiError): (typeof reasons)[number] {
  if (isExpired(error)) return 'expired';
  if (error.status !== undefined && error.status >= 500) return 'server_error';
  if (error.status !== undefined && error.status >= 400) return 'refused';
  switch (error.reason) {
    case 'Idle':
      return 'idle';
    case 'Timeout':
      return 'timeout';
    case 'Unreachable':
    case 'Credentials':
      return 'unreachable';
    default:
      return 'broken';
  }
}
