import type { CancelTimer } from '../runtime/clock.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { AlertmanagerClient } from './alertmanager-client.ts';
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
  /** Nothing is told before this has settled. */
  readonly after: Promise<unknown>;
}

/** After a failure, the next try is at the latest then, milliseconds; a person waits for news. */
const maxRetryMs = 10_000;

/** Tells one Alertmanager what it has to be told, one batch at a time, whatever becomes of the others. */
export class AlertmanagerSender {
  readonly slot: number;
  readonly client: AlertmanagerClient;
  readonly #options: AlertmanagerSenderOptions;
  readonly #closing = new AbortController();
  /** Runs until there is nothing left to tell, or until a failure. */
  #running: Promise<void> | undefined;
  #cancelRetry: CancelTimer | undefined;

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
    let goesOn = true;
    while (goesOn) {
      // A sweep of thousands of pipelines becomes few batches, and none is made in the turn of a reconcile.
      await schedule.next('notifications');
      goesOn = await this.#next();
    }
    this.#running = undefined;
  }

  /** True if there may be more. */
  async #next(): Promise<boolean> {
    const { alerts, clock, settings } = this.#options;
    const { batchSize, resendMs } = settings();
    if (this.#closing.signal.aborted) return false;
    const batch = alerts.take(this.slot, batchSize, clock.now(), resendMs);
    if (batch === undefined) return false;
    const told = await this.#send(batch);
    // Its slot may belong to another one by now.
    if (this.#closing.signal.aborted) return false;
    alerts.settle(batch, told);
    if (!told) this.#retryIn(Math.min(resendMs, maxRetryMs));
    return told;
  }

  async #send(batch: Batch): Promise<boolean> {
    const { clock, client, report, rendering } = this.#options;
    const startedAt = clock.monotonic();
    const told = rendering();
    const body = JSON.stringify(batch.notifications.map((notification) => postable(notification, told)));
    try {
      await client.post(body, this.#closing.signal);
      report.sent(client.address, batch, clock.monotonic() - startedAt);
      return true;
    } catch (error) {
      if (!this.#closing.signal.aborted) report.failed(client.address, batch, error);
      return false;
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
