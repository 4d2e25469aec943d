import type { AddressInfo } from 'node:net';
import type { Registry } from 'prom-client';
import type { AlertStore } from '../alert/alert-store.ts';
import { Silences, type Silencing } from '../silence/silences.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Config } from '../config/config.ts';
import type { ListenAddress } from '../config/flags/listen-address.ts';
import type { Logger } from '../runtime/logger.ts';
import type { SliceSchedule } from '../runtime/slice-schedule.ts';
import type { Causes } from '../cause/causes.ts';
import { AlertExpiry } from './intake/alert-expiry.ts';
import { AlertLines, type Suppressed } from './intake/alert-lines.ts';
import { AlertsHandler, type HeavyWork, type IntakeSettings } from './intake/alerts-handler.ts';
import { createAlertmanagerVersionMetric } from './lists/api-json.ts';
import { BodyReader } from '../server/request/body-reader.ts';
import { createReadHandler } from './lists/read-handler.ts';
import { GuardedServer, type WebOptions } from '../server/guarded-server.ts';
import { IntakeReport } from './intake/intake-report.ts';
import { Connections } from '../server/connections.ts';
import { createReceiverMetrics, type ReceiverMetrics } from './intake/receiver-metrics.ts';
import type { LiveLimits } from '../server/http-server.ts';
import { Routes, type Route } from '../server/routes.ts';
import { createRoutes, type Reload } from './routes.ts';
import { MetricsPage } from './metrics-page.ts';
import type { SilenceStorage } from '../silence/silence-keeper.ts';
import { SilenceStage } from './silences/silence-stage.ts';
import type { KeptSilences } from '../silence/silence-watch.ts';
import { UndecidedMatches } from './undecided-matches.ts';

export interface ReceiverOptions {
  readonly config: Config;
  readonly clock: Clock;
  readonly schedule: SliceSchedule;
  readonly logger: Logger;
  readonly registry: Registry;
  readonly store: AlertStore;
  readonly silenceStorage: SilenceStorage;
  /** Of Tocsin. */
  readonly version: string;
  readonly heavyWork: HeavyWork;
  /** Where that goes which wakes a reconcile; must not block. */
  readonly sink: (causes: Causes) => void;
  /** Why Tocsin is not ready; undefined once it is. */
  readonly notReady: () => string | undefined;
  /** Reloads the configuration. */
  readonly reload: Reload;
  /** What all connections may hold together, bytes: `receiver.max_connection_memory`, or what there is room for. */
  readonly connectionBytes: (config: Config) => number;
  /** What was asked for with the flags `--web.*`. */
  readonly web?: WebOptions | undefined;
}

/** The first stage: takes alerts in over HTTP, remembers them, and passes on what wakes a reconcile. */
export class Receiver {
  readonly #lines: AlertLines;
  readonly #report: IntakeReport;
  readonly #expiry: AlertExpiry;
  readonly #silences: SilenceStage;
  readonly #undecided: UndecidedMatches;
  readonly #server: GuardedServer;
  readonly #connections: Connections;
  readonly #connectionBytes: ReceiverOptions['connectionBytes'];
  #config: Config;
  #bodies: BodyReader;

  constructor(options: ReceiverOptions) {
    const { config, store } = options;
    this.#config = config;
    const perSecond = config.log.alert_lines_per_second;
    const metrics = createReceiverMetrics(options.registry, {
      active: () => store.firing,
      resolved: () => store.size - store.firing,
      bytes: () => store.sizeBytes,
    });
    this.#connections = createConnections(options, metrics);
    this.#connectionBytes = options.connectionBytes;
    this.#bodies = new BodyReader(config.receiver.max_body_size, this.#connections);
    this.#lines = new AlertLines({ ...options, perSecond });
    this.#report = new IntakeReport({ ...options, metrics, lines: this.#lines, perSecond });
    createAlertmanagerVersionMetric(options.registry, options.version);
    this.#undecided = new UndecidedMatches({ ...options, metrics });
    const silences = new Silences(config.receiver.silence_retention, this.#undecided.ofSilence);
    const silencing: Silencing = (alert, now) => silences.silencing(alert, now);
    const onSuppressed = (suppressed: Suppressed): void => this.#report.suppressed(suppressed);
    this.#expiry = new AlertExpiry({ ...options, lines: this.#lines, silencing, onSuppressed });
    this.#silences = new SilenceStage({
      ...options,
      silences,
      metrics,
      current: () => this.#config,
      bodies: () => this.#bodies,
    });
    const reads = createReadHandler({
      ...options,
      metrics,
      silences,
      onUndecided: this.#undecided.ofFilter,
      current: () => this.#config,
    });
    const alerts = this.#handler(options, silences, silencing);
    const page = new MetricsPage(options.registry, options.schedule);
    const routes = createRoutes({ ...options, alerts, reads, silences: this.#silences.handler, metrics: page });
    this.#server = createServer(options, metrics, this.#connections, routes);
  }

  /** Takes in the silences that outlived the last process; to be called before {@link listen}. */
  load(kept: KeptSilences): void {
    this.#silences.load(kept);
  }

  listen(address: ListenAddress): Promise<AddressInfo> {
    return this.#server.listen(address);
  }

  /** Reads the web configuration anew, and gives what swaps it in. Throws, with all that is wrong with it, a line each. */
  prepareWebReload(): () => void {
    return this.#server.prepareReload();
  }

  /** Another configuration, for what comes from now on. `receiver.max_header_size` stays. */
  reconfigure(config: Config): void {
    const { receiver, log } = config;
    this.#config = config;
    // Bodies that are being read by the earlier one are read to their end.
    if (receiver.max_body_size !== this.#bodies.maxBytes)
      this.#bodies = new BodyReader(receiver.max_body_size, this.#connections);
    this.#server.server.limits = liveLimits(config);
    this.#connections.maxBytes = this.#connectionBytes(config);
    this.#lines.perSecond = log.alert_lines_per_second;
    this.#report.perSecond = log.alert_lines_per_second;
    this.#silences.perSecond = log.alert_lines_per_second;
    this.#expiry.run();
  }

  /** Answers what is under way, for `timeoutMs` at most, then passes nothing on any more. */
  async close(timeoutMs: number): Promise<void> {
    await this.#server.close(timeoutMs);
    this.#expiry.close();
    this.#silences.close();
    this.#undecided.close();
    this.#lines.close();
    this.#report.close();
  }

  #settings(): IntakeSettings {
    const { receiver, source } = this.#config;
    return {
      bodies: this.#bodies,
      repeats: source.repeats,
      maxLabels: receiver.max_labels_per_alert,
      webhookResolveTimeoutMs: receiver.webhook_resolve_timeout,
    };
  }

  #handler(options: ReceiverOptions, silences: Silences, silencing: Silencing): AlertsHandler {
    return new AlertsHandler({
      ...options,
      silencing,
      isSilencingSlow: () => silences.holdsAny,
      settings: () => this.#settings(),
      report: this.#report,
      expireDue: () => this.#expiry.run(),
    });
  }
}

function liveLimits({ receiver }: Config): LiveLimits {
  return {
    headerTimeoutMs: receiver.header_timeout,
    requestTimeoutMs: receiver.request_timeout,
    idleTimeoutMs: receiver.idle_timeout,
    maxConnections: receiver.max_connections,
  };
}

function createServer(
  options: ReceiverOptions,
  metrics: ReceiverMetrics,
  connections: Connections,
  routes: readonly Route[],
): GuardedServer {
  const { receiver } = options.config;
  const { web = { routePrefix: '' } } = options;
  return new GuardedServer({
    ...options,
    metrics,
    connections,
    web,
    routes: new Routes(routes),
    maxHeaderBytes: receiver.max_header_size,
    maxHeaders: receiver.max_headers,
    tlsHandshakeTimeoutMs: receiver.tls_handshake_timeout,
    ...liveLimits(options.config),
  });
}

function createConnections(options: ReceiverOptions, metrics: ReceiverMetrics): Connections {
  const { receiver } = options.config;
  return new Connections({
    ...options,
    metrics,
    maxBytes: options.connectionBytes(options.config),
    maxHeaders: receiver.max_headers,
    maxHeaderBytes: receiver.max_header_size,
  });
}
