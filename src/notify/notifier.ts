import { hostname } from 'node:os';
import type { Config } from '../config/config.ts';
import type { GuardFor } from '../outbound/address-guard.ts';
import type { CancelTimer } from '../runtime/clock.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { alwaysLeads, type Leadership } from '../replica/leadership.ts';
import { requestKey, type Condition, type Decision, type Request, type VerdictObserver } from '../reconcile/ports.ts';
import { AlertmanagerClient, type AlertmanagerConfig, type PlacedAlertmanager } from './alertmanager-client.ts';
import { AlertmanagerSender } from './alertmanager-sender.ts';
import { NotifyReport, type NotifyReportOptions } from './notify-report.ts';
import { DecidedBy, type Rendering } from './postable.ts';
import { VerdictAlerts } from './verdict-alerts.ts';

export interface NotifierOptions extends Runtime, Pick<NotifyReportOptions, 'onFailing'> {
  /** Gives the current configuration. */
  readonly config: () => Config['notify'];
  /** Where people reach it. */
  readonly web?: { readonly externalUrl?: string | undefined; readonly routePrefix: string } | undefined;
  readonly version: string;
  /** Only the leader tells. Default: this process always leads. */
  readonly leadership?: Leadership | undefined;
  /** Judges the addresses that are connected to. Default: all are good. */
  readonly guardFor?: GuardFor | undefined;
}

/**
 * Tells the Alertmanagers of `notify` which pipelines are not healthy. A verdict only changes what is to be told; whatever is sent is
 * sent later, and to each Alertmanager apart from the others.
 */
export class Notifier implements VerdictObserver {
  readonly #options: NotifierOptions;
  readonly #alerts: VerdictAlerts;
  readonly #report: NotifyReport;
  readonly #decidedBy = new DecidedBy();
  /** By what makes an alert another one, or its receiver. */
  #senders = new Map<string, AlertmanagerSender>();
  /** Those that are told the end, and when they have been, or could not be. */
  readonly #former = new Map<AlertmanagerSender, { readonly key: string; readonly finished: Promise<void> }>();
  readonly #leadership: Leadership;
  readonly #unsubscribe: () => void;
  #repeatMs: number | undefined;
  #cancelTimer: CancelTimer | undefined;
  #closed = false;
  /** Nothing is sent before it listens: the links need the port. */
  readonly #started = Promise.withResolvers<void>();
  #port = 0;

  constructor(options: NotifierOptions) {
    this.#options = options;
    this.#alerts = new VerdictAlerts(() => options.config().max_size);
    this.#report = new NotifyReport({ ...options, alerts: this.#alerts });
    this.#leadership = options.leadership ?? alwaysLeads;
    this.#unsubscribe = this.#leadership.onChange(() => {
      if (!this.#leadership.isLeading) this.#alerts.forgetAll();
    });
    this.#connect();
  }

  reached(
    request: Request,
    { status, reason, message }: Pick<Condition, 'status' | 'reason' | 'message'>,
    decision: Decision,
  ): void {
    if (this.#senders.size === 0) return;
    if (status === 'True') return this.gone(request);
    // It neither begins nor ends an alert: nobody knows that the pipeline is healthy again.
    if (status === 'Unknown' && !this.#options.config().unknown) {
      // One that it began before a reload does end.
      if (this.#alerts.statusOf(request) === 'Unknown') this.gone(request);
      return;
    }
    const trouble = { status, reason, message, decidedBy: this.#decidedBy.text(decision) };
    const result = this.#alerts.begin(request, trouble, this.#options.clock.now());
    if (result === 'limited') this.#report.limited(requestKey(request));
    // Another reason ended the alert that there was, even if there is no room for the new one.
    if (result !== 'known') this.#kick();
  }

  gone(request: Request): void {
    if (this.#alerts.end(request, this.#options.clock.now())) this.#kick();
  }

  /**
   * Begins to repeat what fires.
   * @param port on which it listens
   */
  start(port: number): void {
    this.#port = port;
    this.#started.resolve();
    this.#startRepeating();
  }

  #startRepeating(): void {
    this.#repeatMs = this.#options.config().resend_delay;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    if (this.#senders.size === 0 || this.#closed) return;
    this.#cancelTimer = this.#options.clock.setTimeout(() => {
      this.#alerts.repeat(this.#options.clock.now());
      this.#kick();
      this.#startRepeating();
    }, this.#repeatMs);
  }

  /**
   * Call it when the configuration has changed.
   * @param changed the keys that have another value now
   * @returns true if somebody has to be told what was not told so far
   */
  reconfigure(changed: readonly string[]): boolean {
    if (!changed.some((key) => key.startsWith('notify.'))) return false;
    this.#connect();
    if (this.#repeatMs !== undefined) this.#startRepeating();
    return changed.some((key) => /^notify\.(?:alertmanagers|labels|unknown)\b/.test(key));
  }

  /** Leaves no timer and no connection behind. What fires ends by itself, unless another Tocsin repeats it. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#unsubscribe();
    this.#started.resolve();
    this.#cancelTimer?.();
    const senders = [...this.#senders.values(), ...this.#former.keys()];
    await Promise.all(senders.map((sender) => sender.close()));
  }

  /** Without a slash at its end. Like that of Prometheus, it is the name of the machine unless somebody says better. */
  get #externalUrl(): string {
    const { externalUrl, routePrefix = '' } = this.#options.web ?? {};
    return externalUrl?.replace(/\/+$/, '') ?? `http://${hostname()}:${this.#port}${routePrefix}`;
  }

  #kick(): void {
    for (const sender of this.#senders.values()) sender.kick();
  }

  #connect(): void {
    const { alertmanagers, labels } = this.#options.config();
    const before = this.#senders;
    this.#senders = new Map();
    for (const alertmanager of alertmanagers) {
      const key = JSON.stringify([alertmanager.url, [...labels]]);
      const sender = before.get(key) ?? this.#join(key, alertmanager, labels);
      before.delete(key);
      this.#senders.set(key, sender);
    }
    for (const [key, sender] of before) this.#finish(key, sender);
    // Without an Alertmanager, nobody tells of changes any more.
    if (this.#senders.size === 0) this.#alerts.endAll(this.#options.clock.now());
    this.#kick();
  }

  #join(key: string, first: AlertmanagerConfig, labels: Rendering['labels']): AlertmanagerSender {
    const { config, clock, version } = this.#options;
    // It was removed and is back: the end of its alerts comes first.
    const namesakes = [...this.#former.values()].filter((each) => each.key === key);
    let slot = this.#alerts.join();
    for (; slot === undefined; slot = this.#alerts.join()) this.#abandonOldest();
    const client = new AlertmanagerClient({
      clock,
      version,
      config: () => currentOf(config().alertmanagers, first),
      timeoutMs: () => config().timeout,
      guardFor: this.#options.guardFor,
    });
    return new AlertmanagerSender({
      ...this.#options,
      alerts: this.#alerts,
      slot,
      client,
      report: this.#report,
      rendering: () => ({ labels, externalUrl: this.#externalUrl }),
      settings: () => ({ batchSize: config().batch_size, resendMs: config().resend_delay }),
      mayTell: () => this.#leadership.isLeading,
      after: Promise.all([this.#started.promise, ...namesakes.map(({ finished }) => finished)]),
    });
  }

  #finish(key: string, sender: AlertmanagerSender): void {
    this.#alerts.retire(sender.slot);
    this.#former.set(sender, { key, finished: this.#finished(sender) });
  }

  async #finished(sender: AlertmanagerSender): Promise<void> {
    await sender.finish();
    this.#release(sender);
  }

  #release(sender: AlertmanagerSender): void {
    if (!this.#former.delete(sender)) return;
    this.#alerts.leave(sender.slot);
    this.#report.forget(sender.client.address);
  }

  /** Many reloads at once, while former Alertmanagers hang: the oldest is not told the end, which then comes by itself. */
  #abandonOldest(): void {
    const [oldest] = this.#former.keys();
    if (oldest === undefined) return;
    void oldest.close();
    this.#release(oldest);
  }
}

/** The entry of an Alertmanager as a reload has left it, with its place in the list; the first one if it is no longer there. */
function currentOf(alertmanagers: readonly AlertmanagerConfig[], first: AlertmanagerConfig): PlacedAlertmanager {
  const place = alertmanagers.findIndex(({ url }) => url === first.url);
  return { ...(alertmanagers[place] ?? first), place: Math.max(0, place) };
}
