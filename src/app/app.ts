import type { AddressInfo } from 'node:net';
import type { Route } from '../server/routes.ts';
import type { AlertStore } from '../alert/alert-store.ts';
import { AlertPath } from './alert-path.ts';
import { createAlertStore, CurrentAlertSource } from './current-alert-source.ts';
import { ownParts, type AppOptions, type StageOptions } from './app-options.ts';
import { Explaining } from './explain.ts';
import { Cleanups, Shutdown } from './shutdown.ts';
import { livePlatformAlerts } from '../cause/platform-alerts.ts';
import type { Config } from '../config/config.ts';
import type { ConfigChange } from '../config/live-keys.ts';
import { Notifier } from '../notify/notifier.ts';
import type { PipelineChange } from '../reconcile/ports.ts';
import { Readiness, type Home } from './home.ts';
import { MemoryBudget } from './memory-plan.ts';
import { createProcessMetrics } from './metrics.ts';
import { Receiver } from '../receiver/receiver.ts';
import type { Connections } from '../server/connections.ts';
import { createConnections, createDoor, createServer, liveLimits, type ServerOptions, type Servers } from './server.ts';
import { ConfigWatch } from './config-watch.ts';
import { createReloader, type Reloader, type ReloadOutcome, type ReloadTrigger } from './reloader.ts';
import { ProcessStatus } from './status.ts';
import { Storage } from './storage.ts';
import { Reconciling } from './reconciling.ts';
import type { TriggerSink, TriggerStates } from '../trigger/ports.ts';

/** The composition root: creates the stages and connects them. Two apps in one process share nothing. */
export class App {
  readonly #options: StageOptions;
  readonly #cleanups: Cleanups;
  readonly #shutdown: Shutdown;
  readonly #store: AlertStore;
  readonly #storage: Storage;
  readonly #explaining: Explaining;
  readonly #pipelines: Home;
  readonly #reconciling: Reconciling;
  readonly #alerts: CurrentAlertSource;
  readonly #notifier: Notifier;
  readonly #memory: MemoryBudget;
  readonly #alertPath: AlertPath;
  readonly #reloader: Reloader;
  readonly #configWatch: ConfigWatch;
  readonly #status: ProcessStatus;
  readonly #connections: Connections;
  readonly #receiver: Receiver;
  readonly #server: Servers;
  readonly #readiness: Readiness;
  /** The current configuration; a reload changes it. */
  #config: Config;

  constructor(given: AppOptions) {
    this.#config = given.config;
    const config = (): Config => this.#config;
    const shared = { ...given, ...ownParts(given), config };
    this.#explaining = new Explaining(shared);
    const options: StageOptions = { ...shared, logger: this.#explaining.logger };
    this.#options = options;
    this.#cleanups = new Cleanups(options.logger);
    this.#shutdown = new Shutdown({ ...options, drainTimeoutMs: () => this.drainTimeoutMs });
    createProcessMetrics(options.registry, { droppedLogLines: () => 0, ...options });
    this.#store = createAlertStore(config);
    this.#storage = new Storage(options);
    this.#pipelines = this.#createHome();
    this.#readiness = new Readiness(this.#pipelines, options.registry);
    this.#memory = new MemoryBudget({ ...options, objectBytes: this.#pipelines.maxObjectBytes });
    const common = { ...options, store: this.#store };
    this.#alerts = new CurrentAlertSource({
      ...common,
      wantsAnnotations: () => this.#reconciling.triggers.wantsAnnotations,
    });
    const onRulesChanged = (): void => void this.#reconciling.pipelines.sweep('rules');
    this.#alertPath = new AlertPath({ ...common, alerts: this.#alerts, pipelines: this.#pipelines, onRulesChanged });
    this.#notifier = this.#createNotifier();
    this.#reconciling = this.#createReconciling();
    this.#status = this.#createStatus();
    const web = { ...common, ...createDoor(options, this.#pipelines.reviews, this.#status) };
    this.#connections = createConnections(web, () => this.#memory.plan.connections);
    this.#receiver = this.#createReceiver(web);
    this.#server = createServer(web, this.#connections, [...this.#receiver.routes, ...this.#explainRoutes(web)]);
    this.#reloader = createReloader({
      ...options,
      prepare: (change) => this.#prepare(change),
      onOutcome: (outcome) => this.#alertPath.configRead(outcome),
    });
    this.#configWatch = new ConfigWatch({ ...options, reload: () => this.reload('file') });
  }

  /** `controller.drain_timeout`, milliseconds. */
  get drainTimeoutMs(): number {
    return this.#config.controller.drain_timeout;
  }

  /** Reads the configuration again and applies it, completely or not at all. Never rejects. */
  reload(trigger: ReloadTrigger): Promise<ReloadOutcome> {
    return this.#reloader.reload(trigger);
  }

  /**
   * Reads the pipelines, listens, and looks at every pipeline once to catch up on what was missed. Rejects with an error whose
   * message is for the user, after it has closed everything that was open.
   */
  async start(): Promise<AddressInfo> {
    try {
      return await this.#open();
    } catch (error) {
      await this.#cleanups.run();
      throw error;
    }
  }

  /** Not ready → no new requests → debouncer flushed → queue drained → all closed, within `controller.drain_timeout`. */
  async stop(): Promise<void> {
    this.#readiness.end();
    this.#shutdown.begin();
    await this.#cleanups.run();
    this.#options.logger.info('app.stopped', 'shut down');
  }

  async #open(): Promise<AddressInfo> {
    const { listenAddress } = this.#options;
    this.#memory.log();
    this.#cleanups.add('storage', () => this.#storage.close());
    const silences = await this.#storage.open();
    this.#cleanups.add('history', () => this.#explaining.close());
    await this.#explaining.history.open();
    this.#cleanups.add('prometheus', () => this.#alerts.close());
    this.#cleanups.add('pipelines', () => this.#pipelines.close(this.#shutdown.remainingMs));
    this.#cleanups.add('guard of triggers', () => this.#reconciling.triggers.closeGuard());
    await this.#reconciling.triggers.open();
    await this.#pipelines.open();
    this.#cleanups.add('notifier', () => this.#notifier.close());
    this.#cleanups.add('controller', () => this.#shutdown.drain(this.#reconciling.controller));
    this.#reconciling.source.start();
    this.#cleanups.add('triggers', () => this.#reconciling.triggers.close());
    this.#cleanups.add('source', () => this.#reconciling.source.stop());
    this.#cleanups.add('receiver', () => this.#closeReceiver());
    this.#cleanups.add('streams', () => this.#explaining.closeStreams());
    this.#receiver.load(silences);
    const address = await this.#server.listen(listenAddress);
    this.#notifier.start(address.port);
    this.#reconciling.resync.start();
    this.#cleanups.add('resync', () => this.#reconciling.resync.close());
    this.#alertPath.start(address.port);
    this.#cleanups.add('alert path', () => this.#alertPath.close());
    this.#cleanups.add('reloader', () => this.#reloader.close());
    this.#configWatch.start();
    this.#cleanups.add('configuration', () => this.#configWatch.close());
    void this.#becomeReady();
    return address;
  }

  async #becomeReady(): Promise<void> {
    if (!(await this.#readiness.isReached())) return;
    this.#reconciling.triggers.ready();
    void this.#reconciling.pipelines.sweep('start');
    this.#options.logger.info('app.ready', 'ready', { pipelines: this.#pipelines.list().length });
  }

  #createHome(): Home {
    const onChange = (change: PipelineChange): void => void this.#reconciling.pipelines.pipelineChanged(change);
    // The triggers come after the home, whose objects they name.
    const sink: TriggerSink = { setCluster: (...given) => this.#reconciling.triggers.setCluster(...given) };
    const states: TriggerStates = { stateOf: (key) => this.#reconciling.triggers.stateOf(key) };
    return this.#options.createHome({ ...this.#options, onChange, triggers: { sink, states } });
  }

  #createReconciling(): Reconciling {
    return new Reconciling({
      options: this.#options,
      home: this.#pipelines,
      alerts: this.#alerts,
      requiredRules: () => this.#alertPath.requiredRules,
      verdicts: this.#notifier,
    });
  }

  #createNotifier(): Notifier {
    const onFailing = (messages: readonly string[]): void => this.#alertPath.notTold(messages);
    return new Notifier({ ...this.#options, config: () => this.#config.notify, onFailing });
  }

  /** Finds every fault of a configuration before any part of it is applied. */
  #prepare({ config, changed }: ConfigChange): () => void {
    if (this.#shutdown.hasBegun) throw new Error('Tocsin is shutting down');
    const applyWeb = this.#server.prepareReload();
    const applyController = this.#reconciling.prepare(config);
    return () => {
      this.#config = config;
      applyWeb();
      applyController();
      this.#reconfigure(changed);
    };
  }

  #reconfigure(changed: readonly string[]): void {
    this.#reconciling.reconfigure(changed);
    this.#explaining.reconfigure();
    this.#receiver.reconfigure();
    this.#server.limits = liveLimits(this.#config);
    this.#memory.reconfigure(changed);
    const newSource = changed.some((key) => key.startsWith('prometheus.'));
    if (newSource) this.#alerts.reconfigure();
    this.#alertPath.reconfigure(changed);
    const newAudience = this.#notifier.reconfigure(changed);
    // Another source of alerts, another action, or somebody else to tell concerns every pipeline now.
    if (newSource || newAudience || changed.includes('controller.action'))
      void this.#reconciling.pipelines.sweep('reload');
  }

  /** Answers the current requests, then passes nothing on. */
  async #closeReceiver(): Promise<void> {
    await this.#server.close(this.#shutdown.receiverMs);
    this.#receiver.close();
  }

  #explainRoutes(web: ServerOptions): readonly Route[] {
    return this.#explaining.routes({
      ...web,
      receiver: this.#receiver,
      options: this.#options,
      store: this.#store,
      pipelines: this.#pipelines,
      alerts: this.#alerts,
      nextResyncAt: () => this.#reconciling.resync.nextAt,
      problems: () => this.#alertPath.problems,
      status: () => this.#status.read(),
      triggers: this.#reconciling.explainer,
      reconcile: (requests, requestId) => this.#reconciling.pipelines.manual(requests, requestId),
      resumeStorm: () => this.#reconciling.source.storm.resume(),
    });
  }

  #createStatus(): ProcessStatus {
    return new ProcessStatus({
      options: this.#options,
      store: this.#store,
      alertPath: this.#alertPath,
      history: this.#explaining.history,
      notReady: () => this.#readiness.whyNot,
      load: () => this.#reconciling.controller.load,
      storm: () => this.#reconciling.source.storm.state,
      configuration: () => this.#reloader.running,
    });
  }

  #createReceiver(web: ServerOptions): Receiver {
    return new Receiver({
      ...this.#options,
      ...web,
      memory: this.#connections,
      store: this.#store,
      silenceStorage: this.#storage.silences,
      heavyWork: this.#options.heavyWork ?? ((work) => work()),
      platform: livePlatformAlerts(() => this.#config.lanes.platform),
      sink: (causes) => this.#reconciling.source.put(causes),
      notReady: () => this.#readiness.whyNot,
      reload: () => this.reload('http'),
      onBody: this.#explaining.onBody,
    });
  }
}
