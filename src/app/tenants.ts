import { Counter, Gauge, type Registry } from 'prom-client';
import type { TenantConfig } from '../config/tenant-configs.ts';
import type { ClusterStatus } from '../receiver/lists/api-json.ts';
import { LabelReceiver } from '../receiver/label-receiver.ts';
import { MetricsPage } from '../receiver/metrics-page.ts';
import { pageRoutes } from '../receiver/page/incident-page.ts';
import { processRoutes } from '../receiver/routes.ts';
import type { Receiver } from '../receiver/receiver.ts';
import type { Logger } from '../runtime/logger.ts';
import type { SharedRegistry } from '../runtime/shared-registry.ts';
import type { Naming } from '../server/request/tenancy.ts';
import type { RouteTable } from '../server/routes.ts';
import { TenantRoutes } from '../server/tenant-routes.ts';
import { SharedWorkers } from '../workqueue/shared-workers.ts';
import type { ClosableReviews, StageOptions } from './app-options.ts';
import type { ReloadOutcome, SpinesChange } from './reloader.ts';
import type { Cleanups, Shutdown } from './shutdown.ts';
import type { SpineDoor } from './spine.ts';
import type { Spines } from './spines.ts';
import { tenantIndex } from './tenant-index.ts';
import { TenantSpine, type TenantSurroundings } from './tenant-spine.ts';

/** The most tenants that begin or end at once: each reads files or asks an API server. */
const atOnce = 32;

/** How many workers all tenants share, for each of those that one tenant may have. */
const sharedWorkers = 4;

/** One spine for each tenant of the configuration. Nobody else has any state here. */
export class Tenants implements Spines {
  readonly logger: Logger;
  readonly maxObjectBytes = undefined;
  readonly reviews: ClosableReviews | undefined;
  readonly #options: StageOptions;
  readonly #registry: SharedRegistry;
  readonly #metrics: TenantMetrics;
  readonly #running = new Map<string, TenantSpine>();
  /** Those that were removed and have not ended yet, by name. */
  readonly #ending = new Map<string, Promise<void>>();
  #surroundings: TenantSurroundings | undefined;
  #labelReceiver: LabelReceiver | undefined;
  #state: 'starting up' | 'shutting down' | undefined = 'starting up';
  #port: number | undefined;
  #shutdown: Shutdown | undefined;

  constructor(options: StageOptions, registry: SharedRegistry) {
    this.#options = options;
    this.#registry = registry;
    this.logger = options.logger;
    this.reviews = options.createReviews?.(options);
    this.#metrics = createTenantMetrics(registry, () => [...this.#running.values()]);
  }

  get waiting(): number {
    return this.#all.reduce((sum, { spine }) => sum + (spine?.waiting ?? 0), 0);
  }

  barrier(): () => boolean {
    const barriers = this.#all.map(({ spine }) => spine?.barrier() ?? (() => true));
    return () => barriers.every((isOver) => isOver());
  }

  lookAtAll(): void {
    for (const { spine } of this.#all) spine?.lookAtAll();
  }

  createRoutes(door: SpineDoor): RouteTable {
    const { web, pageFolder, schedule, tenants = [] } = this.#options;
    const routes = new TenantRoutes({
      naming: this.#naming,
      tenants: door.requestTenants,
      routePrefix: web?.routePrefix ?? '',
      onUnknown: () => this.#metrics.unknown.inc(),
      process: [
        ...processRoutes({
          metrics: new MetricsPage(this.#registry, schedule),
          notReady: () => this.#state,
          reload: door.reload,
        }),
        ...(door.replication?.routes ?? []),
        tenantIndex(() => [...this.#running.values()].map(({ tenant: { name }, whyNot }) => ({ name, whyNot }))),
      ],
    });
    this.#surroundings = {
      options: this.#options,
      registry: this.#registry,
      workers: new SharedWorkers(() => sharedWorkers * this.#options.config().controller.max_concurrent_reconciles),
      routes,
      door,
      shutdown: () => this.#shutdown!,
      commonRoutes: pageRoutes(pageFolder),
      port: () => this.#port,
    };
    for (const tenant of tenants) this.#add(tenant, this.#surroundings);
    if (this.#naming.by === 'label') routes.setEverybody(this.#createLabelReceiver(door).routes);
    return routes;
  }

  /** Resolves when each has begun, or cannot: that is no reason for the others not to. */
  async open(cleanups: Cleanups, shutdown: Shutdown): Promise<void> {
    this.#shutdown = shutdown;
    cleanups.add('reviews', () => this.reviews?.close());
    cleanups.add('tenants', async () => {
      await eachOf(this.#all, (tenant) => tenant.close());
      await Promise.all(this.#ending.values());
    });
    await eachOf(this.#all, (tenant) => tenant.open());
  }

  start(_cleanups: Cleanups, port: number): void {
    this.#port = port;
    for (const tenant of this.#all) tenant.start();
  }

  becomeReady(): Promise<number | undefined> {
    if (this.#state !== 'starting up') return Promise.resolve(undefined);
    this.#state = undefined;
    const counts = this.#all.map(({ spine }) => spine?.home.list().length ?? 0);
    return Promise.resolve(counts.reduce((sum, count) => sum + count, 0));
  }

  end(): void {
    this.#state = 'shutting down';
    for (const tenant of this.#all) tenant.end();
  }

  closeStreams(): void {
    for (const tenant of this.#all) tenant.closeStreams();
  }

  /** Who has not changed is not touched. */
  prepare({ tenants }: SpinesChange): () => void {
    const changes = tenants.flatMap((tenant) => {
      const running = this.#running.get(tenant.name);
      if (running === undefined) return [() => this.#begin(tenant)];
      return running.tenant === tenant ? [] : [this.#prepareOne(running, tenant)];
    });
    const names = new Set(tenants.map(({ name }) => name));
    const gone = this.#all.filter(({ tenant }) => !names.has(tenant.name));
    return () => {
      for (const tenant of gone) this.#remove(tenant);
      for (const apply of changes) apply();
    };
  }

  configRead(outcome: ReloadOutcome): void {
    this.#labelReceiver?.reconfigure();
    for (const tenant of this.#all) tenant.configRead(outcome);
  }

  get #all(): readonly TenantSpine[] {
    return [...this.#running.values()];
  }

  get #naming(): Naming {
    const { by, header } = this.#options.config().tenants;
    return by === 'header' ? { by, header } : { by: by ?? 'path' };
  }

  #createLabelReceiver(door: SpineDoor): LabelReceiver {
    const { heavyWork = (work) => work() } = this.#options;
    const find = (name: string): Receiver | string | undefined => {
      const tenant = this.#running.get(name);
      return tenant && (tenant.spine?.receiver ?? tenant.whyNot ?? 'starting up');
    };
    this.#labelReceiver = new LabelReceiver({
      ...door,
      ...this.#options,
      heavyWork,
      tenants: { find, names: () => this.#running.keys() },
      cluster: door.replication && ((): ClusterStatus => door.replication!.cluster),
      onUnknown: () => this.#metrics.unknown.inc(),
    });
    return this.#labelReceiver;
  }

  #prepareOne(running: TenantSpine, tenant: TenantConfig): () => void {
    try {
      const apply = running.prepare(tenant);
      return () => {
        this.#metrics.compiles.inc();
        apply();
      };
    } catch (error) {
      throw new Error(`the tenant ${tenant.name}: ${(error as Error).message}`, { cause: error });
    }
  }

  #begin(tenant: TenantConfig): void {
    if (this.#surroundings === undefined) return;
    this.logger.info('tenant.added', 'a tenant was added', { tenant: tenant.name });
    const added = this.#add(tenant, this.#surroundings);
    // It may have the folder of one that has not ended yet.
    const before = this.#ending.get(tenant.name) ?? Promise.resolve();
    void before.then(() => added.open());
  }

  #add(tenant: TenantConfig, surroundings: TenantSurroundings): TenantSpine {
    this.#metrics.compiles.inc();
    const added = new TenantSpine(tenant, surroundings);
    this.#running.set(tenant.name, added);
    return added;
  }

  #remove(gone: TenantSpine): void {
    const { name } = gone.tenant;
    this.logger.info('tenant.removed', 'a tenant was removed; what it has stored stays on the disk', { tenant: name });
    this.#running.delete(name);
    this.#surroundings?.routes.delete(name);
    const ending = gone.close().then(() => void (this.#ending.get(name) === ending && this.#ending.delete(name)));
    this.#ending.set(name, ending);
  }
}

interface TenantMetrics {
  readonly compiles: Counter;
  readonly unknown: Counter;
}

function createTenantMetrics(registry: Registry, tenants: () => readonly TenantSpine[]): TenantMetrics {
  const registers = [registry];
  const count = (isReady: boolean): number =>
    tenants().filter(({ whyNot }) => (whyNot === undefined) === isReady).length;
  new Gauge({
    registers,
    name: 'tocsin_tenants',
    help: 'Tenants of the configuration, by whether they are ready.',
    labelNames: ['state'],
    collect() {
      this.set({ state: 'ready' }, count(true));
      this.set({ state: 'not_ready' }, count(false));
    },
  });
  return {
    compiles: new Counter({
      registers,
      name: 'tocsin_tenant_compiles_total',
      help: 'Tenants whose configuration was compiled because it was new or had changed.',
    }),
    unknown: new Counter({
      registers,
      name: 'tocsin_tenant_unknown_total',
      help: 'Requests, or alerts with tenants.by: label, that named a tenant that does not exist.',
    }),
  };
}

async function eachOf<T>(items: readonly T[], step: (item: T) => Promise<void>): Promise<void> {
  const waiting = items.values();
  const worker = async (): Promise<void> => {
    for (const item of waiting) await step(item);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, worker));
}
