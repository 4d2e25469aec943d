import { EventPath } from './event-path.ts';
import type { AddressInfo } from 'node:net';
import type { Route } from '../server/routes.ts';
import type { AlertStore } from '../alert/alert-store.ts';
import { AlertPath } from './alert-path.ts';
import { createAlertStore, CurrentAlertSource } from './current-alert-source.ts';
import { PipelineSource, Resync } from '../source/pipeline-source.ts';
import { ownParts, type AppOptions, type StageOptions } from './app-options.ts';
import { Explaining } from './explain.ts';
import { Cleanups, Shutdown } from './shutdown.ts';
import { livePlatformAlerts } from '../cause/platform-alerts.ts';
import type { Config } from '../config/config.ts';
import type { ConfigChange } from '../config/live-keys.ts';
import type { Controller } from '../controller/controller.ts';
import { createController, type ControllerStage } from '../controller/create-controller.ts';
import { Notifier } from '../notify/notifier.ts';
import type { PipelineChange, Request } from '../reconcile/ports.ts';
import { Readiness, type Home } from './home.ts';
import { MemoryBudget } from './memory-plan.ts';
import { createProcessMetrics } from './metrics.ts';
import { Receiver } from '../receiver/receiver.ts';
import type { Connections } from '../server/connections.ts';
import type { GuardedServer } from '../server/guarded-server.ts';
import { newId } from '../runtime/new-id.ts';
import { createConnections, createDoor, createServer, liveLimits, type ServerOptions } from './server.ts';
import { ConfigWatch } from './config-watch.ts';
import { createReloader, type Reloader, type ReloadOutcome, type ReloadTrigger } from './reloader.ts';
import { chooseByDefault } from '../source/request-mapper.ts';
import { ProcessStatus } from './status.ts';
import { Storage } from './storage.ts';

/** The composition root: creates the stages and connects them. Two apps in one process share nothing. */
export class App {
  readonly #options: StageOptions;
  readonly #cleanups: Cleanups;
  readonly #shutdown: Shutdown;
  readonly #store: AlertStore;
  readonly #storage: Storage;
  readonly #explaining: Explaining;
  readonly #pipelines: Home;
  readonly #reconciling: ControllerStage;
  readonly #alerts: CurrentAlertSource;
  readonly #notifier: Notifier;
  readonly #memory: MemoryBudget;
  readonly #alertPath: AlertPath;
  readonly #pipelineSource: PipelineSource;
  readonly #resync: Resync;
  readonly #reloader: Reloader;
  readonly #configWatch: ConfigWatch;
  readonly #status: ProcessStatus;
  readonly #source: EventPath;
  readonly #connections: Connections;
  readonly #receiver: Receiver;
  readonly #server: GuardedServer;
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
    this.#alerts = new CurrentAlertSource(common);
    const onRulesChanged = (): void => void this.#pipelineSource.sweep('rules');
    this.#alertPath = new AlertPath({ ...common, alerts: this.#alerts, pipelines: this.#pipelines, onRulesChanged });
    this.#notifier = this.#createNotifier();
    this.#reconciling = this.#createController();
    const pipelines = (): readonly Request[] => this.#pipelines.list();
    const enqueue: Controller['enqueue'] = (...work) => this.#reconciling.controller.enqueue(...work);
    this.#pipelineSource = new PipelineSource({ ...options, enqueue, pipelines, newEventId: newId.bind(undefined, 4) });
    const sweep = (): void => void this.#pipelineSource.sweep('resync');
    this.#resync = new Resync({ ...options, periodMs: () => this.#config.controller.resync, sweep });
    this.#source = this.#createSource();
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
    await this.#pipelines.open();
    this.#cleanups.add('notifier', () => this.#notifier.close());
    this.#cleanups.add('controller', () => this.#shutdown.drain(this.#reconciling.controller));
    this.#source.start();
    this.#cleanups.add('source', () => this.#source.stop());
    this.#cleanups.add('receiver', () => this.#closeReceiver());
    this.#cleanups.add('streams', () => this.#explaining.closeStreams());
    this.#receiver.load(silences);
    const address = await this.#server.listen(listenAddress);
    this.#notifier.start(address.port);
    this.#resync.start();
    this.#cleanups.add('resync', () => this.#resync.close());
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
    void this.#pipelineSource.sweep('start');
    this.#options.logger.info('app.ready', 'ready', { pipelines: this.#pipelines.list().length });
  }

  #createHome(): Home {
    const onChange = (change: PipelineChange): void => void this.#pipelineSource.pipelineChanged(change);
    return this.#options.createHome({ ...this.#options, onChange });
  }

  #createController(): ControllerStage {
    const { kinds, transitions, annotator } = this.#pipelines;
    return createController({
      ...this.#options,
      config: this.#config,
      pipelines: this.#pipelines,
      alerts: this.#alerts,
      requiredRules: () => this.#alertPath.requiredRules,
      kinds,
      transitions,
      annotator,
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
    this.#source.reconfigure();
    this.#explaining.reconfigure();
    this.#receiver.reconfigure();
    this.#server.server.limits = liveLimits(this.#config);
    this.#memory.reconfigure(changed);
    this.#resync.reconfigure();
    const newSource = changed.some((key) => key.startsWith('prometheus.'));
    if (newSource) this.#alerts.reconfigure();
    this.#alertPath.reconfigure(changed);
    const newAudience = this.#notifier.reconfigure(changed);
    // Another source of alerts, another action, or somebody else to tell concerns every pipeline now.
    if (newSource || newAudience || changed.includes('controller.action')) void this.#pipelineSource.sweep('reload');
  }

  #createSource(): EventPath {
    return new EventPath({
      ...this.#options,
      config: () => this.#config,
      choose: async (causes) => [chooseByDefault(this.#config.source.select, causes, this.#pipelines.list())],
      objectCount: () => 0,
      enqueue: (choices, event) => this.#reconciling.controller.enqueueChosen(choices, event),
    });
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
      nextResyncAt: () => this.#resync.nextAt,
      problems: () => this.#alertPath.problems,
      status: () => this.#status.read(),
      reconcile: (requests, requestId) => this.#pipelineSource.manual(requests, requestId),
      resumeStorm: () => this.#source.storm.resume(),
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
      storm: () => this.#source.storm.state,
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
      sink: (causes) => this.#source.put(causes),
      notReady: () => this.#readiness.whyNot,
      reload: () => this.reload('http'),
      onBody: this.#explaining.onBody,
    });
  }
}
