import type { Clock } from '../clock.ts';
import type { LogFields, Logger } from '../logger.ts';
import type { ApiError } from './api-error.ts';

export interface ReflectorReportOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Which resource, and in which namespace, for every line. */
  readonly fields: LogFields;
}

/** While a failure lasts it is told again this often, milliseconds. */
const reminderMs = 60_000;

/** What a reflector says in the log: each thing when it is new, and a failure that lasts once a minute. */
export class ReflectorReport {
  readonly #options: ReflectorReportOptions;
  #toldAt = Number.NEGATIVE_INFINITY;
  #toldReason: string | undefined;
  #isWatching = false;
  #isMissing = false;

  constructor(options: ReflectorReportOptions) {
    this.#options = options;
  }

  listed(fields: LogFields): void {
    this.#isMissing = false;
    this.#isWatching = false;
    this.#write('info', 'reflector.listed', 'the objects of a resource have been listed', fields);
  }

  /** A watch that goes on where the last one ended in good order is no news. */
  watching(fields: LogFields): void {
    const level = this.#isWatching ? 'debug' : 'info';
    this.#isWatching = true;
    this.#toldReason = undefined;
    this.#write(level, 'reflector.watching', 'the changes of a resource are being watched', fields);
  }

  failed(error: ApiError, fields: LogFields): void {
    const now = this.#options.clock.now();
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

  notInstalled(fields: LogFields): void {
    this.#isWatching = false;
    const message =
      'a resource is not installed in the cluster, or not with this plural and version; it is looked for again, at the latest every minute';
    this.#write(this.#isMissing ? 'debug' : 'warn', 'reflector.not_installed', message, fields);
    this.#isMissing = true;
  }

  #write(level: 'debug' | 'info' | 'warn', event: string, message: string, fields: LogFields): void {
    this.#options.logger[level](event, message, { ...this.#options.fields, ...fields });
  }
}

function reasonOf({ status, reason }: ApiError): string {
  return `${status ?? ''} ${reason}`;
}
