import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { ownParts, type AppOptions, type StageOptions } from './app-options.ts';
import { Cleanups, Shutdown } from './shutdown.ts';
import type { Config } from '../config/config.ts';
import { MemoryBudget } from './memory-plan.ts';
import { createProcessMetrics } from './metrics.ts';
import { createConnections, createDoor, createServer, liveLimits, type Servers } from './server.ts';
import { ConfigWatch } from './config-watch.ts';
import { AppPeers } from './peers.ts';
import { Replicas } from './replicas.ts';
import type { SpineDoor } from './spine.ts';
import {
  createReloader,
  type Reloader,
  type ReloadOutcome,
  type ReloadTrigger,
  type SpinesChange,
} from './reloader.ts';
import { OneSpine, type Spines } from './spines.ts';
import { Tenants } from './tenants.ts';
import { ProcessStatus } from './status.ts';
import { SharedRegistry } from '../runtime/shared-registry.ts';
import { RequestTenants } from '../server/request/tenancy.ts';
import { StorageLock } from '../storage/storage-lock.ts';

/**
 * The composition root: what a process has once, around the spine of the alerts. Two apps in one process share nothing.
 *
 * Every part of a spine is given the registry of its spine. What belongs to the process registers in that of the process.
 */
export class App {
  readonly #options: StageOptions;
  readonly #cleanups: Cleanups;
  readonly #shutdown: Shutdown;
  readonly #lock: StorageLock;
  readonly #replicas: Replicas | undefined;
  readonly #spines: Spines;
  readonly #memory: MemoryBudget;
  readonly #reloader: Reloader;
  readonly #configWatch: ConfigWatch;
  readonly #server: Servers;
  #peers: AppPeers | undefined;
  #port: number | undefined;
  /** The current configuration; a reload changes it. */
  #config: Config;

  constructor(given: AppOptions) {
    this.#config = given.config;
    const { by, metrics } = given.config.tenants;
    const ofParts = new SharedRegistry(metrics ? 'tenant' : undefined);
    const own = ownParts(given, by === null ? new Registry() : ofParts);
    const alone = { ...given, ...own, config: (): Config => this.#config };
    this.#replicas = this.#connectReplicas(alone);
    const leadership = this.#replicas?.leadership ?? alone.leadership;
    const shared = { ...alone, replicas: this.#replicas, leadership };
    createProcessMetrics(shared.registry, { droppedLogLines: () => 0, ...given });
    this.#spines = by === null ? new OneSpine(shared) : new Tenants(shared, ofParts);
    const options: StageOptions = { ...shared, logger: this.#spines.logger };
    this.#options = options;
    this.#cleanups = new Cleanups(options.logger);
    this.#shutdown = new Shutdown({ ...options, drainTimeoutMs: () => this.drainTimeoutMs });
    this.#lock = new StorageLock(options.storagePath, options.logger);
    this.#memory = new MemoryBudget({ ...options, objectBytes: this.#spines.maxObjectBytes });
    const process = new ProcessStatus(options, () => this.#reloader.running);
    this.#server = this.#createServer(process);
    this.#reloader = createReloader({
      ...options,
      prepare: (change) => this.#prepare(change),
      onOutcome: (outcome) => this.#spines.configRead(outcome),
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

  /**
   * Not ready → another replica leads → no new requests → debouncer flushed → queue drained → all closed, within
   * `controller.drain_timeout`.
   */
  async stop(): Promise<void> {
    this.#spines.end();
    this.#shutdown.begin();
    await this.#handOver();
    await this.#cleanups.run();
    this.#options.logger.info('app.stopped', 'shut down');
  }

  /** Without another replica that answers, there is nobody to whom senders could turn. */
  async #handOver(): Promise<void> {
    const others = this.#peers?.replication.peers.others.filter(({ isUp }) => isUp).length ?? 0;
    if (this.#replicas === undefined || this.#port === undefined || others === 0) return;
    const { leadership } = this.#replicas;
    await this.#shutdown.handOver({
      isDone: leadership.isLeading ? this.#spines.barrier() : () => true,
      release: () => this.#replicas?.release(),
    });
  }

  async #open(): Promise<AddressInfo> {
    this.#memory.log();
    this.#cleanups.add('storage', () => this.#lock.release());
    await this.#lock.acquire();
    this.#cleanups.add('lease', () => this.#replicas?.close());
    await this.#spines.open(this.#cleanups, this.#shutdown);
    // After the last request, and while others can still be told of it.
    this.#cleanups.add('peers', () => this.#peers?.close());
    this.#cleanups.add('receiver', () => this.#server.close(this.#shutdown.receiverMs));
    this.#cleanups.add('streams', () => this.#spines.closeStreams());
    const address = await this.#server.listen(this.#options.listenAddress);
    this.#port = address.port;
    this.#peers?.start();
    this.#spines.start(this.#cleanups, address.port);
    this.#cleanups.add('reloader', () => this.#reloader.close());
    this.#configWatch.start();
    this.#cleanups.add('configuration', () => this.#configWatch.close());
    void this.#join();
    return address;
  }

  /** What fires is perhaps known to the other replicas alone: whoever does not know it must not lead, and not replace one that does. */
  async #join(): Promise<void> {
    await this.#peers?.replication.joined();
    if (this.#shutdown.hasBegun) return;
    this.#replicas?.start();
    await this.#becomeReady();
  }

  async #becomeReady(): Promise<void> {
    const pipelines = await this.#spines.becomeReady();
    if (pipelines !== undefined) this.#options.logger.info('app.ready', 'ready', { pipelines });
  }

  #connectReplicas(options: StageOptions): Replicas | undefined {
    const { createLease } = options;
    return createLease && new Replicas({ ...options, createLease, waiting: () => this.#spines.waiting });
  }

  #createServer(process: ProcessStatus): Servers {
    const options = this.#options;
    const requestTenants = new RequestTenants();
    const web = { ...options, ...createDoor(options, this.#spines.reviews, process), requestTenants };
    const connections = createConnections(web, () => this.#memory.plan.connections);
    const reload = (): Promise<ReloadOutcome> => this.reload('http');
    this.#peers = this.#connectPeers(web, process);
    const { replication } = this.#peers ?? {};
    const door = { ...web, memory: connections, process, reload, replication };
    return createServer(web, connections, this.#spines.createRoutes(door));
  }

  #connectPeers({ kubernetes }: Pick<SpineDoor, 'kubernetes'>, { instance }: ProcessStatus): AppPeers | undefined {
    const replicas = this.#replicas;
    if (replicas === undefined) return undefined;
    const lookAtAll = (): void => this.#spines.lookAtAll();
    const port = (): number | undefined => this.#port;
    return new AppPeers({ options: this.#options, replicas, kubernetes, port, lookAtAll, instance });
  }

  /** Finds every fault of a configuration before any part of it is applied. */
  #prepare(change: SpinesChange): () => void {
    if (this.#shutdown.hasBegun) throw new Error('Tocsin is shutting down');
    const applyWeb = this.#server.prepareReload();
    const applySpines = this.#spines.prepare(change);
    const { config, changed } = change;
    return () => {
      this.#config = config;
      applyWeb();
      applySpines();
      this.#server.limits = liveLimits(config);
      this.#memory.reconfigure(changed);
    };
  }
}
