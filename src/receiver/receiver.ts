import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import type { AlertStore } from '../alert/alert-store.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/config.ts';
import type { ListenAddress } from '../config/listen-address.ts';
import type { Logger } from '../logger.ts';
import type { Causes } from '../workqueue/causes.ts';
import { AlertExpiry } from './alert-expiry.ts';
import { AlertLines } from './alert-lines.ts';
import { AlertLists, type SilencedBy } from './alert-lists.ts';
import { AlertsHandler, type HeavyWork } from './alerts-handler.ts';
import { BodyReader } from './body-reader.ts';
import { IntakeReport } from './intake-report.ts';
import { ReadHandler } from './read-handler.ts';
import { createReceiverMetrics, type ReceiverMetrics } from './receiver-metrics.ts';
import { ReceiverServer } from './receiver-server.ts';
import { createRoutes } from './routes.ts';

export interface ReceiverOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly store: AlertStore;
  /** Of Tocsin. */
  readonly version: string;
  /** Default: nothing is silenced. */
  readonly silencedBy?: SilencedBy;
  readonly heavyWork: HeavyWork;
  /** Where that goes which wakes a reconcile; must not block. */
  readonly sink: (causes: Causes) => void;
  /** Why Tocsin is not ready; undefined once it is. */
  readonly notReady: () => string | undefined;
}

/** The first stage: takes alerts in over HTTP, remembers them, and passes on what wakes a reconcile. */
export class Receiver {
  readonly #lines: AlertLines;
  readonly #report: IntakeReport;
  readonly #expiry: AlertExpiry;
  readonly #server: ReceiverServer;

  constructor(options: ReceiverOptions) {
    const { config, store } = options;
    const perSecond = config.log.alert_lines_per_second;
    const metrics = createReceiverMetrics(options.registry, {
      active: () => store.firing,
      resolved: () => store.size - store.firing,
      bytes: () => store.sizeBytes,
    });
    this.#lines = new AlertLines({ ...options, perSecond });
    this.#report = new IntakeReport({ ...options, metrics, lines: this.#lines, perSecond });
    this.#expiry = new AlertExpiry({ ...options, lines: this.#lines });
    this.#server = createServer(options, metrics, this.#handler(options));
  }

  listen({ host, port }: ListenAddress): Promise<AddressInfo> {
    return this.#server.listen(host, port);
  }

  /** Answers what is under way, for `timeoutMs` at most, then passes nothing on any more. */
  async close(timeoutMs: number): Promise<void> {
    await this.#server.close(timeoutMs);
    this.#expiry.close();
    this.#lines.close();
    this.#report.close();
  }

  #handler(options: ReceiverOptions): AlertsHandler {
    const { receiver, source } = options.config;
    return new AlertsHandler({
      ...options,
      bodies: new BodyReader(receiver.max_body_size),
      report: this.#report,
      repeats: source.repeats,
      maxLabels: receiver.max_labels_per_alert,
      webhookResolveTimeoutMs: receiver.webhook_resolve_timeout,
      expireDue: () => this.#expiry.run(),
    });
  }
}

function createServer(options: ReceiverOptions, metrics: ReceiverMetrics, alerts: AlertsHandler): ReceiverServer {
  const { receiver } = options.config;
  return new ReceiverServer({
    ...options,
    metrics,
    routes: createRoutes({ ...options, alerts, reads: createReads(options, metrics) }),
    maxHeaderBytes: receiver.max_header_size,
    headerTimeoutMs: receiver.header_timeout,
    requestTimeoutMs: receiver.request_timeout,
    idleTimeoutMs: receiver.idle_timeout,
    maxConnections: receiver.max_connections,
  });
}

function createReads(options: ReceiverOptions, metrics: ReceiverMetrics): ReadHandler {
  const { config, clock, version, silencedBy = () => [] } = options;
  const { group_by: groupBy, resolve_timeout: resolveTimeoutMs } = config.receiver;
  return new ReadHandler({
    ...options,
    metrics,
    lists: new AlertLists({ ...options, silencedBy, groupBy }),
    status: { version, startedAt: clock.now(), resolveTimeoutMs, groupBy },
  });
}
