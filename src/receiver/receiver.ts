import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RightsOf } from '../access/rights.ts';
import { Slices } from '../runtime/slices.ts';
import { alertsFormat, webhookFormat, type AlertFormat } from './intake/batch.ts';
import type { OtherReplicas } from './intake/alert-intake.ts';
import type { Alert, PostableAlert } from '../alert/alert.ts';
import type { AlertStore } from '../alert/alert-store.ts';
import { Silences, type Silencing } from '../silence/silences.ts';
import type { Config } from '../config/config.ts';
import type { Causes } from '../cause/causes.ts';
import type { PlatformAlerts } from '../cause/platform-alerts.ts';
import { AlertExpiry } from './intake/alert-expiry.ts';
import { AlertLines, type Suppressed } from './intake/alert-lines.ts';
import type { Sender } from '../server/request/request-head.ts';
import { AlertsHandler, type OnBody, type HeavyWork, type IntakeSettings } from './intake/alerts-handler.ts';
import { createAlertmanagerVersionMetric } from './lists/api-json.ts';
import { BodyReader, type Body, type BodyMemory } from '../server/request/body-reader.ts';
import type { HttpMetrics } from '../server/request/http-metrics.ts';
import { createReadHandler, type ReadHandler, type ReadOptions } from './lists/read-handler.ts';
import { IntakeReport } from './intake/intake-report.ts';
import { createReceiverMetrics, type ReceiverMetrics } from './intake/receiver-metrics.ts';
import type { Route } from '../server/routes.ts';
import { createRoutes, type Reload } from './routes.ts';
import { MetricsPage } from './metrics-page.ts';
import type { SilenceStorage } from '../silence/silence-storage.ts';
import { SilenceStage } from './silences/silence-stage.ts';
import type { SilencesHandler } from './silences/silences-handler.ts';
import type { SilenceSink } from '../silence/foreign-silences.ts';
import { UndecidedMatches } from './undecided-matches.ts';
import type { Runtime } from '../runtime/runtime.ts';

export interface ReceiverOptions extends Runtime {
  /** Gives the current configuration. */
  readonly config: () => Config;
  readonly store: AlertStore;
  readonly silenceStorage: SilenceStorage;
  /** Why it is not known which silences there are; undefined if it is. Default: it is. */
  readonly silencesUnknown?: (() => string | undefined) | undefined;
  /** Tocsin's version. */
  readonly version: string;
  readonly heavyWork: HeavyWork;
  /** `lanes.platform`; called each time, because a reload may change it. */
  readonly platform: () => PlatformAlerts;
  /** Takes the causes of a reconcile; must not block. */
  readonly sink: (causes: Causes) => void;
  /** The reason why Tocsin is not ready; undefined once it is. */
  readonly notReady: () => string | undefined;
  /** Reloads the configuration. */
  readonly reload: Reload;
  readonly metrics: HttpMetrics;
  /** Counts bodies while they are read and processed. */
  readonly memory: BodyMemory;
  /** Called with every body that arrived in either format. */
  readonly onBody?: OnBody | undefined;
  /** The rights of a request's sender. Default: everybody may do everything. */
  readonly rightsOf?: RightsOf | undefined;
  /** Default: there are none. */
  readonly others?: (OtherReplicas & Pick<ReadOptions, 'allAlerts' | 'cluster'>) | undefined;
}

/** The first stage: accepts alerts over its routes, remembers them, and passes on what wakes a reconcile. */
export class Receiver {
  readonly routes: readonly Route[];
  readonly silences: Silences;
  readonly #options: ReceiverOptions;
  readonly #report: IntakeReport;
  readonly #expiry: AlertExpiry;
  readonly #silences: SilenceStage;
  readonly #alerts: AlertsHandler;
  readonly #memory: BodyMemory;
  readonly #config: () => Config;
  #bodies: BodyReader;

  constructor(options: ReceiverOptions) {
    const { config, store } = options;
    this.#options = options;
    this.#config = config;
    const perSecond = (): number => config().log.alert_lines_per_second;
    const metrics = createReceiverMetrics(options.registry, options.metrics, {
      active: () => store.firing,
      resolved: () => store.size - store.firing,
      bytes: () => store.sizeBytes,
    });
    this.#memory = options.memory;
    this.#bodies = new BodyReader(config().receiver.max_body_size, this.#memory);
    const lines = new AlertLines({ ...options, perSecond });
    this.#report = new IntakeReport({ ...options, metrics, lines, perSecond });
    createAlertmanagerVersionMetric(options.registry, options.version);
    const undecided = new UndecidedMatches({ ...options, metrics });
    const silences = new Silences(config().receiver.silence_retention, undecided.ofSilence);
    this.silences = silences;
    const silencing: Silencing = (alert, now) => silences.silencing(alert, now);
    const onSuppressed = (suppressed: Suppressed): void => this.#report.suppressed(suppressed);
    this.#expiry = new AlertExpiry({ ...options, lines, silencing, onSuppressed });
    this.#silences = new SilenceStage({
      ...options,
      rightsOf: this.#rightsOf,
      silences,
      metrics,
      bodies: () => this.#bodies,
    });
    const reads = this.#reads(silences, metrics, undecided);
    this.#alerts = this.#handler(options, silences, silencing);
    const page = new MetricsPage(options.registry, options.schedule);
    this.routes = createRoutes({
      ...options,
      alerts: this.#alerts,
      reads,
      silences: this.#silences.handler,
      metrics: page,
    });
  }

  /** Takes over silences that outlived the last process, and those that others have stored. */
  get silenceSink(): SilenceSink {
    return this.#silences;
  }

  /** Takes in what another replica tells, as if its sender had posted it here. Never rejects. */
  takeTold(request: IncomingMessage, response: ServerResponse, format: AlertFormat): Promise<void> {
    return this.#alerts.handle(request, response, format);
  }

  /** The same for what this replica has asked another one for. Rejects with BatchError. */
  takeIn(bytes: Buffer, sender: Sender, format: AlertFormat): Promise<void> {
    return this.#alerts.takeIn(bytes, sender, format);
  }

  /** Takes in the alerts of a request that are this tenant's; see {@link AlertsHandler.takePart}. */
  takePart(request: IncomingMessage, bytes: Buffer, format: AlertFormat): Promise<readonly string[]> {
    return this.#alerts.takePart(request, bytes, format);
  }

  /** The requests about one silence. */
  get silencesHandler(): SilencesHandler {
    return this.#silences.handler;
  }

  /** The alerts of all replicas. Never rejects. */
  allAlerts(response: ServerResponse): Promise<Iterable<Alert>> {
    const { others, store } = this.#options;
    return others?.allAlerts === undefined ? Promise.resolve(store.all()) : others.allAlerts(response);
  }

  /** Reads the body of a request, within the limits of all. Rejects with a Refusal. */
  readBody(request: IncomingMessage): Promise<Body> {
    return this.#bodies.read(request);
  }

  /** What would be taken in of a body, by whichever format it has; nothing is. Rejects with BatchError. */
  async readAlerts(bytes: Buffer): Promise<readonly PostableAlert[]> {
    const { clock, schedule, store } = this.#options;
    const format = /^\s*\{/.test(bytes.toString('latin1', 0, 1024)) ? webhookFormat : alertsFormat;
    if (bytes.length === 0) throw format.emptyBody();
    const batch = await format.read(
      bytes,
      this.#settings().maxLabels,
      new Slices(schedule, 'bodies'),
      store,
      clock.now(),
    );
    const alerts: PostableAlert[] = [];
    await batch.forEach((alert) => void alerts.push(alert));
    return alerts;
  }

  /** Call it when the configuration has changed. */
  reconfigure(): void {
    const { max_body_size: maxBytes } = this.#config().receiver;
    // The earlier reader finishes the bodies that it is reading.
    if (maxBytes !== this.#bodies.maxBytes) this.#bodies = new BodyReader(maxBytes, this.#memory);
    this.#expiry.run();
  }

  /** Passes nothing on afterwards; call it after the last answer. */
  close(): void {
    this.#expiry.close();
    this.#silences.close();
  }

  get #rightsOf(): RightsOf {
    return this.#options.rightsOf ?? (() => undefined);
  }

  #reads(silences: Silences, metrics: ReceiverMetrics, undecided: UndecidedMatches): ReadHandler {
    const { others } = this.#options;
    return createReadHandler({
      ...this.#options,
      rightsOf: this.#rightsOf,
      metrics,
      silences: () => silences.all(),
      silencedBy: (alert, now) => silences.silencedBy(alert, now),
      onUndecided: undecided.ofFilter,
      allAlerts: others?.allAlerts,
      cluster: others?.cluster,
    });
  }

  #settings(): IntakeSettings {
    const { receiver, source } = this.#config();
    return {
      bodies: this.#bodies,
      repeats: source.repeats,
      platform: this.#options.platform(),
      maxLabels: receiver.max_labels_per_alert,
      webhookResolveTimeoutMs: receiver.webhook_resolve_timeout,
    };
  }

  #handler(options: ReceiverOptions, silences: Silences, silencing: Silencing): AlertsHandler {
    return new AlertsHandler({
      ...options,
      rightsOf: this.#rightsOf,
      silencing,
      isSilencingSlow: () => silences.holdsAny,
      settings: () => this.#settings(),
      report: this.#report,
      expireDue: () => this.#expiry.run(),
    });
  }
}
