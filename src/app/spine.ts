import type { AlertStore } from '../alert/alert-store.ts';
import { livePlatformAlerts } from '../cause/platform-alerts.ts';
import type { Config } from '../config/config.ts';
import { Notifier } from '../notify/notifier.ts';
import type { PipelineChange } from '../reconcile/ports.ts';
import type { Reload } from '../receiver/routes.ts';
import { Receiver } from '../receiver/receiver.ts';
import type { Logger } from '../runtime/logger.ts';
import type { BodyMemory } from '../server/request/body-reader.ts';
import type { Route } from '../server/routes.ts';
import type { TriggerSink, TriggerStates } from '../trigger/ports.ts';
import { AlertPath } from './alert-path.ts';
import type { StageOptions } from './app-options.ts';
import { createAlertStore, CurrentAlertSource } from './current-alert-source.ts';
import { Explaining } from './explain.ts';
import { Readiness, type Home } from './home.ts';
import { Reconciling } from './reconciling.ts';
import type { ReloadOutcome } from './reloader.ts';
import type { ServerOptions } from './server.ts';
import { createSilenceHome, type SilenceHome } from './stored-silences.ts';
import type { Cleanups, Shutdown } from './shutdown.ts';
import type { PeerState } from '../replica/peers/peers.ts';
import type { Replication } from '../replica/peers/replication.ts';
import type { SpineReplica } from '../replica/peers/spine-replica.ts';
import type { ProcessStatus } from './status.ts';

/** What a spine needs of the process to answer requests. */
export interface SpineDoor extends ServerOptions {
  /** Counts bodies while they are read and processed. */
  readonly memory: BodyMemory;
  readonly process: ProcessStatus;
  readonly reload: Reload;
  /** The other replicas. Default: there are none. */
  readonly replication?: Replication | undefined;
}

/**
 * The whole way of the alerts of one tenant: the store and the silences, the source, the controller and the triggers, the home of
 * the pipelines, the Prometheus, and the answers to what is asked about them. Two spines in one process share nothing that they
 * are not given.
 */
export class Spine {
  /** Keeps the lines for the history of this spine. */
  readonly logger: Logger;
  readonly home: Home;
  readonly readiness: Readiness;
  readonly #options: StageOptions;
  readonly #store: AlertStore;
  readonly #silences: SilenceHome;
  readonly #explaining: Explaining;
  readonly #reconciling: Reconciling;
  readonly #alerts: CurrentAlertSource;
  readonly #notifier: Notifier;
  readonly #alertPath: AlertPath;
  #receiver: Receiver | undefined;
  /** Its like in the other replicas. */
  #others: SpineReplica | undefined;
  #isReady = false;

  constructor(given: StageOptions) {
    this.#explaining = new Explaining(given);
    this.logger = this.#explaining.logger;
    const options: StageOptions = { ...given, logger: this.logger };
    this.#options = options;
    this.#store = createAlertStore(options.config);
    this.home = this.#createHome();
    this.#silences = createSilenceHome({ ...options, home: this.home });
    this.readiness = new Readiness(this.#known, options.registry);
    const common = { ...options, store: this.#store };
    this.#alerts = new CurrentAlertSource(common);
    const onRulesChanged = (): void => void this.#reconciling.pipelines.sweep('rules');
    this.#alertPath = new AlertPath({ ...common, alerts: this.#alerts, pipelines: this.home, onRulesChanged });
    this.#notifier = this.#createNotifier();
    this.#reconciling = this.#createReconciling();
    this.#reconciling.controller.isHeld = !options.leadership.isLeading;
  }

  /** Undefined until the routes exist. */
  get receiver(): Receiver | undefined {
    return this.#receiver;
  }

  /** How many reconcile requests wait. */
  get waiting(): number {
    return this.#reconciling.controller.depth;
  }

  /** Returns what is true once every request that has been added so far has been worked on, failed runs included. */
  barrier(): () => boolean {
    return this.#reconciling.controller.barrier();
  }

  /** The most that is kept of objects of the cluster, bytes; undefined if it is little. */
  get maxObjectBytes(): number | undefined {
    const { maxObjectBytes } = this.#silences;
    return maxObjectBytes === undefined ? this.home.maxObjectBytes : (this.home.maxObjectBytes ?? 0) + maxObjectBytes;
  }

  /** The routes that answer for this spine. Call it once, before it is opened. */
  createRoutes(door: SpineDoor): readonly Route[] {
    this.#others = door.replication?.spine(this.#options.tenant ?? '', this.#options, this.#store);
    const receiver = this.#createReceiver(door);
    this.#receiver = receiver;
    return [...receiver.routes, ...this.#explainRoutes(door, receiver)];
  }

  /** Reads what outlived the last process, and begins to look for pipelines. Rejects with an error for the user. */
  async open(cleanups: Cleanups, shutdown: Shutdown): Promise<void> {
    cleanups.add('silences', () => this.#silences.close());
    await this.#silences.open();
    cleanups.add('history', () => this.#explaining.close());
    await this.#explaining.history.open();
    cleanups.add('prometheus', () => this.#alerts.close());
    cleanups.add('pipelines', () => this.home.close(shutdown.remainingMs));
    cleanups.add('guard of triggers', () => this.#reconciling.triggers.closeGuard());
    await this.#reconciling.triggers.open();
    await this.home.open();
    cleanups.add('notifier', () => this.#notifier.close());
    cleanups.add('controller', () =>
      shutdown.drain(this.#reconciling.controller, this.#options.replicas !== undefined),
    );
    cleanups.add(
      'leadership',
      this.#options.leadership.onChange(() => this.#leadershipChanged()),
    );
    this.#leadershipChanged();
    this.#reconciling.source.start();
    cleanups.add('triggers', () => this.#reconciling.triggers.close());
    cleanups.add('source', () => this.#reconciling.source.stop());
    cleanups.add('intake', () => this.#receiver?.close());
    if (this.#receiver !== undefined) await this.#silences.load(this.#receiver.silenceSink);
    cleanups.add('replicas of the spine', () => this.#others?.close());
    this.#meetOthers();
  }

  /** The leader looks at every object: what another replica knew may not have come here. */
  lookAtAll(): void {
    const { leadership } = this.#options;
    if (this.#isReady && leadership.isLeading) void this.#reconciling.pipelines.sweep('peers');
  }

  #meetOthers(): void {
    const { controller, source } = this.#reconciling;
    if (this.#receiver === undefined) return;
    this.#others?.start({
      receiver: this.#receiver,
      intake: () => source.barrier(),
      requests: () => controller.barrier(),
      waiting: controller,
      lookAtAll: () => this.lookAtAll(),
      known: (question) => this.#explaining.known(question),
    });
  }

  /** Begins what goes on by itself. @param port on which the process listens */
  start(cleanups: Cleanups, port: number): void {
    this.#notifier.start(port);
    this.#reconciling.resync.start();
    cleanups.add('resync', () => this.#reconciling.resync.close());
    this.#alertPath.start(port);
    cleanups.add('alert path', () => this.#alertPath.close());
  }

  /** Looks at every pipeline once they are known. Resolves to false if the shutdown has begun by then. Never rejects. */
  async becomeReady(): Promise<boolean> {
    if (!(await this.readiness.isReached())) return false;
    this.#reconciling.triggers.ready();
    this.#isReady = true;
    void this.#reconciling.pipelines.sweep('start');
    return true;
  }

  /** Ends all streams, so that the server can close. */
  closeStreams(): void {
    this.#explaining.closeStreams();
  }

  /** Finds every fault of a configuration; the returned function applies it. Throws an error for the user. */
  prepare(config: Config): () => void {
    return this.#reconciling.prepare(config);
  }

  /** Call it when the configuration has changed. @param changed the keys that have another value now */
  reconfigure(changed: readonly string[]): void {
    this.#reconciling.reconfigure(changed);
    this.#explaining.reconfigure();
    this.#receiver?.reconfigure();
    const newSource = changed.some((key) => key.startsWith('prometheus.'));
    if (newSource) this.#alerts.reconfigure();
    this.#alertPath.reconfigure(changed);
    const newAudience = this.#notifier.reconfigure(changed);
    // Another source of alerts, another action, or somebody else to tell concerns every pipeline now.
    if (newSource || newAudience || changed.includes('controller.action'))
      void this.#reconciling.pipelines.sweep('reload');
  }

  /** Tells what the last reload of the configuration has left undone. */
  configRead(outcome: ReloadOutcome): void {
    this.#alertPath.configRead(outcome);
  }

  /** A new leader looks at everything, since nobody knows what the former one has left undone. */
  #leadershipChanged(): void {
    const { controller, pipelines, triggers } = this.#reconciling;
    const { isLeading } = this.#options.leadership;
    if (controller.isHeld === !isLeading) return;
    if (isLeading) triggers.takeOver();
    if (isLeading && this.#isReady) void pipelines.sweep('takeover');
    controller.isHeld = !isLeading;
  }

  /** What has to be known before it is ready. */
  get #known(): Pick<Home, 'synced' | 'trouble'> {
    const { home } = this;
    const silences = this.#silences;
    return {
      synced: async () => void (await Promise.all([home.synced(), silences.synced()])),
      trouble: () => home.trouble?.() ?? silences.whyUnknown(),
    };
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
      home: this.home,
      alerts: this.#alerts,
      wantAnnotations: (wanted) => {
        this.#alerts.wantsAnnotations = wanted;
      },
      requiredRules: this.#alertPath.requiredRules,
      verdicts: this.#notifier,
    });
  }

  #createNotifier(): Notifier {
    const onFailing = (messages: readonly string[]): void => this.#alertPath.notTold(messages);
    return new Notifier({ ...this.#options, config: () => this.#options.config().notify, onFailing });
  }

  #createReceiver(door: SpineDoor): Receiver {
    const { config, heavyWork = (work) => work() } = this.#options;
    return new Receiver({
      ...door,
      ...this.#options,
      heavyWork,
      store: this.#store,
      others: this.#others,
      silenceStorage: this.#silences.storage,
      silencesUnknown: () => this.#silences.whyUnknown(),
      platform: livePlatformAlerts(config),
      sink: this.#reconciling.source.put,
      notReady: () => this.readiness.whyNot,
      onBody: this.#explaining.onBody,
    });
  }

  #explainRoutes(door: SpineDoor, receiver: Receiver): readonly Route[] {
    const { replication } = door;
    const subjects = {
      config: this.#options.config,
      store: this.#store,
      alertPath: this.#alertPath,
      history: this.#explaining.history,
      notReady: () => this.readiness.whyNot,
      load: () => this.#reconciling.controller.load,
      storm: () => this.#reconciling.source.storm.state,
      peers: replication && ((): readonly PeerState[] => replication.peers.states),
    };
    return this.#explaining.routes({
      ...door,
      receiver,
      options: this.#options,
      others: this.#others?.questions,
      store: this.#store,
      pipelines: this.home,
      alerts: this.#alerts,
      nextResyncAt: () => this.#reconciling.resync.nextAt,
      problems: () => this.#alertPath.problems,
      status: () => door.process.read(subjects),
      triggers: this.#reconciling.explainer,
      reconcile: (requests, requestId) => this.#reconciling.pipelines.manual(requests, requestId),
      resumeStorm: () => this.#reconciling.source.storm.resume(),
    });
  }
}
