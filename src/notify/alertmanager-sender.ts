import type { CancelTimer } from '../runtime/clock.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { AlertmanagerError, type AlertmanagerClient } from './alertmanager-client.ts';
import type { NotifyReport } from './notify-report.ts';
import { postable, type Rendering } from './postable.ts';
import type { Batch, VerdictAlerts } from './verdict-alerts.ts';

export interface SenderSettings {
  /** `notify.batch_size`. */
  readonly batchSize: number;
  /** `notify.resend_delay`, milliseconds. */
  readonly resendMs: number;
}

export interface AlertmanagerSenderOptions extends Pick<Runtime, 'clock' | 'schedule'> {
  readonly alerts: VerdictAlerts;
  readonly slot: number;
  readonly client: AlertmanagerClient;
  readonly report: NotifyReport;
  readonly rendering: () => Rendering;
  readonly settings: () => SenderSettings;
  /** Whether this replica tells. Asked right before each batch. */
  readonly mayTell: () => boolean;
  /** Nothing is told before this has settled. */
  readonly after: Promise<unknown>;
}

/** After a failure, the next try is at the latest then, milliseconds; a person waits for news. */
const maxRetryMs = 10_000;

/** After so many alerts in a row that are refused one by one, the fault is hardly theirs: the others wait for the next try. */
const maxRefusedInRow = 8;

/**
 * What became of a request. `refused`: the Alertmanager does not take this one alert. `too many`: it does not take one of them.
 * `too long`: no request that long. `failed`: it may take the same at another time.
 */
type Sent = 'told' | 'refused' | 'too many' | 'too long' | 'failed';

function meaningOf(error: unknown, size: number): Sent {
  if (!(error instanceof AlertmanagerError) || (error.kind !== 'rejected' && error.kind !== 'too_large'))
    return 'failed';
  if (size === 0) return 'failed';
  if (size === 1) return 'refused';
  return error.kind === 'rejected' ? 'too many' : 'too long';
}

/** Tells one Alertmanager what it has to be told, one batch at a time, whatever becomes of the others. */
export class AlertmanagerSender {
  readonly slot: number;
  readonly client: AlertmanagerClient;
  readonly #options: AlertmanagerSenderOptions;
  readonly #closing = new AbortController();
  /** Runs until there is nothing left to tell, or until a failure. */
  #running: Promise<void> | undefined;
  #cancelRetry: CancelTimer | undefined;
  /** The most alerts of the next request, after one that was refused. */
  #size = Number.POSITIVE_INFINITY;
  /** The most alerts that a request has room for, as far as is known. */
  #maxSize = Number.POSITIVE_INFINITY;
  #refusedInRow = 0;
  /** Whether it took something since it had nothing to be told. */
  #hasTold = false;

  constructor(options: AlertmanagerSenderOptions) {
    this.slot = options.slot;
    this.client = options.client;
    this.#options = options;
  }

  /** Call it when there may be something to tell. Returns at once; nothing is read, written or sent before the next turn. */
  kick(): void {
    if (this.#cancelRetry !== undefined || this.#closing.signal.aborted) return;
    this.#running ??= this.#run();
  }

  /** Tells what there is, once: a former Alertmanager gets no second try. Resolves when it is told, or has failed. */
  async finish(): Promise<void> {
    // What is on its way first, and then what follows from its end.
    await this.#running;
    this.#endRetry();
    this.kick();
    await this.#running;
    await this.close();
  }

  /** Gives up what is on its way. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('the notifications end'));
    this.#endRetry();
    await this.#running;
    this.client.close();
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    const { schedule, after } = this.#options;
    await after;
    this.#hasTold = false;
    for (;;) {
      // A sweep of thousands of pipelines becomes few batches, and none is made in the turn of a reconcile.
      await schedule.next('notifications');
      const batch = this.#take() ?? this.#question();
      // From here to the end of the loop nothing waits: a change in between would be kicked for nothing.
      if (batch === undefined) this.#caughtUp();
      if (batch === undefined || !(await this.#tell(batch))) break;
    }
    this.#running = undefined;
  }

  /**
   * Nothing, if the Alertmanager failed and there is nothing left to tell: its alerts have ended by themselves. Whether it works again must be
   * known nevertheless: otherwise it would be a problem until the next pipeline is unhealthy.
   */
  #question(): Batch | undefined {
    const { alerts, client, report } = this.#options;
    const isKnown = this.#hasTold || this.#closing.signal.aborted || !report.isFailing(client.address);
    return isKnown || alerts.hasRefused(this.slot)
      ? undefined
      : { slot: this.slot, news: 0, entries: [], notifications: [] };
  }

  /** It has been told everything, or does not take the rest. */
  #caughtUp(): void {
    const { alerts, client, report } = this.#options;
    this.#size = Number.POSITIVE_INFINITY;
    if (this.#hasTold && !alerts.hasRefused(this.slot)) report.recovered(client.address);
  }

  #take(): Batch | undefined {
    const { alerts, clock, mayTell, settings } = this.#options;
    const { batchSize, resendMs } = settings();
    if (this.#closing.signal.aborted || !mayTell()) return undefined;
    return alerts.take(this.slot, Math.min(batchSize, this.#size, this.#maxSize), clock.now(), resendMs);
  }

  /** True if it can be told more now. */
  async #tell(batch: Batch): Promise<boolean> {
    const { alerts, settings } = this.#options;
    const result = await this.#send(batch);
    // Its slot may belong to another one by now.
    if (this.#closing.signal.aborted) return false;
    alerts.settle(batch, result === 'refused' ? 'refused' : result === 'told');
    if (this.#goesOn(result, batch.notifications.length)) return true;
    this.#refusedInRow = 0;
    this.#retryIn(Math.min(settings().resendMs, maxRetryMs));
    return false;
  }

  /**
   * One alert that an Alertmanager refuses must not keep the others from it, and one request that is too long must not be repeated
   * for ever. So half as many are sent next, down to the one that is at fault.
   */
  #goesOn(result: Sent, size: number): boolean {
    if (result === 'failed') return false;
    if (result === 'told') {
      this.#refusedInRow = 0;
      this.#hasTold = true;
      this.#size *= 2;
      return true;
    }
    this.#size = Math.ceil(size / 2);
    if (result === 'too long') this.#maxSize = Math.min(this.#maxSize, this.#size);
    if (result === 'refused') this.#refusedInRow++;
    return this.#refusedInRow < maxRefusedInRow;
  }

  async #send(batch: Batch): Promise<Sent> {
    const { clock, client, report, rendering } = this.#options;
    const startedAt = clock.monotonic();
    const told = rendering();
    const body = JSON.stringify(batch.notifications.map((notification) => postable(notification, told)));
    try {
      await client.post(body, this.#closing.signal);
      report.sent(client.address, batch, clock.monotonic() - startedAt);
      return 'told';
    } catch (error) {
      const result = meaningOf(error, batch.notifications.length);
      if (this.#closing.signal.aborted) return result;
      if (result === 'refused') report.refused(client.address, batch.notifications[0]!, error);
      else report.failed(client.address, batch, error);
      return result;
    }
  }

  #retryIn(delayMs: number): void {
    this.#cancelRetry = this.#options.clock.setTimeout(() => {
      this.#cancelRetry = undefined;
      this.kick();
    }, delayMs);
  }

  #endRetry(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
  }
}
