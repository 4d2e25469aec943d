import type { Clock } from '../../runtime/clock.ts';
import { LineLimiter } from '../../runtime/line-limiter.ts';
import { apiObjectBytes, apiObjectsBytes, leftOutLinesPerSecond } from '../../limits.ts';
import type { LogFields, Logger } from '../../runtime/logger.ts';
import type { ApiError } from '../api/api-error.ts';
import type { LeftOutReason } from './list-objects.ts';
import type { ReflectorMetrics } from './reflector-metrics.ts';
import type { WatchEvent } from './watch-event.ts';
import { resourceName, type WatchedResource } from './watched-resource.ts';

export interface ReflectorReportOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: ReflectorMetrics;
  readonly watched: Pick<WatchedResource, 'group' | 'resource' | 'namespace'>;
}

/** While a failure lasts it is told again this often, milliseconds. */
const reminderMs = 60_000;

const leftOutMessages: Readonly<Record<LeftOutReason, string>> = {
  object_too_large:
    'an object is left out, as if it were not there: its conditions, inputs and outputs take more memory than one may; make its status.conditions shorter',
  memory_full:
    'an object is left out, as if it were not there: all watched objects together take more memory than they may; watch fewer with namespaces or label_selector in pipelines.kubernetes.kinds',
};
const leftOutLimits: Readonly<Record<LeftOutReason, LogFields>> = {
  object_too_large: { max_bytes: apiObjectBytes },
  memory_full: { max_bytes: apiObjectsBytes },
};

/** Tells what a reflector does: all of it to the metrics; to the log each thing when it is new, and a failure that lasts once a minute. */
export class ReflectorReport {
  readonly #options: ReflectorReportOptions;
  readonly #resource: string;
  #toldAt = Number.NEGATIVE_INFINITY;
  #toldReason: string | undefined;
  readonly #leftOutLines: LineLimiter;
  #isWatching = false;
  #isMissing = false;

  constructor(options: ReflectorReportOptions) {
    this.#options = options;
    this.#resource = resourceName(options.watched);
    const onOverflow = (lines: number): void =>
      this.#write(
        'warn',
        'reflector.left_out_lines_limited',
        'more objects were left out than are written out at warn',
        {
          lines,
          per_second: leftOutLinesPerSecond,
        },
      );
    this.#leftOutLines = new LineLimiter({ clock: options.clock, perSecond: leftOutLinesPerSecond, onOverflow });
  }

  listed(fields: LogFields): void {
    this.#options.metrics.listed(this.#resource);
    this.#isMissing = false;
    this.#isWatching = false;
    this.#write('info', 'reflector.listed', 'the objects of a resource have been listed', fields);
  }

  /** A watch that goes on where the last one ended in good order is no news. */
  watching(fields: LogFields): void {
    this.#options.metrics.watching(this.#resource);
    const level = this.#isWatching ? 'debug' : 'info';
    this.#isWatching = true;
    this.#toldReason = undefined;
    this.#write(level, 'reflector.watching', 'the changes of a resource are being watched', fields);
  }

  /** An event came through the watch: too many for a line each. */
  received(type: WatchEvent['type']): void {
    const { clock, metrics } = this.#options;
    metrics.event(this.#resource, type.toLowerCase() as Lowercase<typeof type>, clock.now() / 1000);
  }

  failed(error: ApiError, fields: LogFields): void {
    const { clock, metrics } = this.#options;
    metrics.failed(this.#resource, error);
    const now = clock.now();
    const isNew = this.#toldReason !== reasonOf(error) || Math.abs(now - this.#toldAt) >= reminderMs;
    if (isNew) {
      this.#toldAt = now;
      this.#toldReason = reasonOf(error);
    }
    this.#isWatching = false;
    const message = 'a resource cannot be listed or watched; what was known of it stays, and it is tried again';
    this.#write(isNew ? 'warn' : 'debug', 'reflector.failed', message, {
      error,
      reason: error.reason,
      ...(error.status !== undefined && { status: error.status }),
      ...fields,
    });
  }

  /** An object that the API server has is not there for us. */
  leftOut(reason: LeftOutReason, fields: LogFields): void {
    this.#options.metrics.leftOut(this.#resource, reason);
    const level = this.#leftOutLines.allows() ? 'warn' : 'debug';
    this.#write(level, 'reflector.object_left_out', leftOutMessages[reason], { ...fields, ...leftOutLimits[reason] });
  }

  /** At the end: says what is still to be said. */
  close(): void {
    this.#leftOutLines.flush();
  }

  notInstalled(fields: LogFields): void {
    this.#isWatching = false;
    const message =
      'a resource is not installed in the cluster, or not with this plural and version; it is looked for again, at the latest every minute';
    this.#write(this.#isMissing ? 'debug' : 'warn', 'reflector.not_installed', message, fields);
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
