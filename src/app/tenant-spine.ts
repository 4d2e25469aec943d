import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { configChange } from '../config/live-keys.ts';
import type { TenantConfig } from '../config/tenant-configs.ts';
import { denyPrivate } from '../outbound/address-guard.ts';
import type { CancelTimer } from '../runtime/clock.ts';
import { taggedLogger, type Logger } from '../runtime/logger.ts';
import { maskUrls } from '../runtime/masked-url.ts';
import type { SharedRegistry } from '../runtime/shared-registry.ts';
import { UrgentSignals } from '../runtime/deadline.ts';
import type { Route } from '../server/routes.ts';
import type { TenantRoutes } from '../server/tenant-routes.ts';
import type { StageOptions } from './app-options.ts';
import type { ReloadOutcome } from './reloader.ts';
import type { SharedWorkers } from '../workqueue/shared-workers.ts';
import { Cleanups, type Shutdown } from './shutdown.ts';
import { Spine, type SpineDoor } from './spine.ts';

/** How long after a tenant could not start it is tried again, milliseconds. */
const retryMs = 30_000;

/** What the spines of all tenants share. */
export interface TenantSurroundings {
  readonly options: StageOptions;
  readonly registry: SharedRegistry;
  readonly workers: SharedWorkers;
  readonly routes: TenantRoutes;
  readonly door: SpineDoor;
  readonly shutdown: () => Shutdown;
  /** The routes of every tenant besides those of its spine. */
  readonly commonRoutes: readonly Route[];
  /** On which the process listens; undefined until it does. */
  readonly port: () => number | undefined;
}

/** Paths of the process, which no tenant has. */
const processPaths: ReadonlySet<string> = new Set(['/metrics', '/-/reload']);

/** The spine of one tenant: it begins, follows its configuration, and ends, without anybody else. */
export class TenantSpine {
  readonly #surroundings: TenantSurroundings;
  readonly #logger: Logger;
  #tenant: TenantConfig;
  #spine: Spine | undefined;
  #cleanups: Cleanups;
  /** Settles when nothing begins or ends. */
  #last: Promise<void> = Promise.resolve();
  #cancelRetry: CancelTimer | undefined;
  #why: string | undefined = 'starting up';
  #isClosed = false;

  constructor(tenant: TenantConfig, surroundings: TenantSurroundings) {
    this.#tenant = tenant;
    this.#surroundings = surroundings;
    this.#logger = taggedLogger(surroundings.options.logger, { tenant: tenant.name });
    this.#cleanups = new Cleanups(this.#logger);
    surroundings.routes.setAbsent(tenant.name, `the tenant ${tenant.name} is starting up; try again`);
  }

  get tenant(): TenantConfig {
    return this.#tenant;
  }

  get spine(): Spine | undefined {
    return this.#spine;
  }

  /** Why it cannot be asked, or is not ready; undefined if it is. */
  get whyNot(): string | undefined {
    return this.#why ?? this.#spine?.readiness.whyNot;
  }

  /** Never rejects: a tenant that cannot start is tried again, and the others start. */
  open(): Promise<void> {
    return this.#next(() => this.#open());
  }

  /** Begins what goes on by itself, once the process listens. */
  start(): void {
    const port = this.#surroundings.port();
    if (port === undefined || this.#spine === undefined) return;
    this.#spine.start(this.#cleanups, port);
    void this.#becomeReady(this.#spine);
  }

  /** Prepares another configuration; the returned function applies it. Throws an error for the user if it cannot be. */
  prepare(next: TenantConfig): () => void {
    const { inFile = { folder: false, kubernetes: false } } = this.#surroundings.options;
    const change = configChange({ config: this.#tenant.config, inFile }, { config: next.config, inFile });
    const isSameHome = JSON.stringify(next.home) === JSON.stringify(this.#tenant.home);
    const spine = this.#spine;
    if (spine === undefined || !isSameHome || change.needRestart.length > 0) return () => this.#replace(next);
    const apply = spine.prepare(next.config);
    return () => {
      this.#tenant = next;
      apply();
      spine.reconfigure(change.changed);
      this.#logger.info('tenant.changed', 'a tenant follows another configuration', { changed: change.changed });
    };
  }

  configRead(outcome: ReloadOutcome): void {
    this.#spine?.configRead(outcome);
  }

  closeStreams(): void {
    this.#spine?.closeStreams();
  }

  /** It is not ready any more. */
  end(): void {
    this.#isClosed = true;
    this.#cancelRetry?.();
    this.#spine?.readiness.end();
  }

  close(): Promise<void> {
    this.end();
    return this.#next(() => this.#close());
  }

  #next(step: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(step);
    return this.#last;
  }

  #replace(next: TenantConfig): void {
    this.#tenant = next;
    this.#logger.info('tenant.restarting', 'a tenant starts anew: its pipelines live elsewhere, or a key needs it', {});
    this.#surroundings.routes.setAbsent(next.name, `the tenant ${next.name} is starting anew; try again`);
    this.#spine?.readiness.end();
    this.#why = 'starting up';
    void this.#next(async () => {
      await this.#close();
      await this.#open();
    });
  }

  async #open(): Promise<void> {
    if (this.#isClosed) return;
    const { options, routes, shutdown, door, commonRoutes } = this.#surroundings;
    const { name } = this.#tenant;
    try {
      const spine = new Spine(await this.#spineOptions());
      const own = spine.createRoutes(door).filter(({ path }) => !processPaths.has(path));
      await spine.open(this.#cleanups, shutdown());
      this.#spine = spine;
      this.#why = undefined;
      routes.set(name, [...own, ...commonRoutes]);
      this.start();
    } catch (error) {
      await this.#close();
      this.#why = maskUrls(error instanceof Error ? error.message : String(error));
      this.#logger.error('tenant.failed', 'a tenant cannot start, and is tried again; the others go on', { error });
      routes.setAbsent(name, `the tenant ${name} cannot start: ${this.#why}`);
      if (this.#isClosed) return;
      this.#cancelRetry = options.clock.setTimeout(() => void this.open(), retryMs);
    }
  }

  async #close(): Promise<void> {
    this.#cancelRetry?.();
    this.#spine?.readiness.end();
    this.#spine?.closeStreams();
    this.#spine = undefined;
    await this.#cleanups.run();
  }

  async #becomeReady(spine: Spine): Promise<void> {
    if (!(await spine.becomeReady())) return;
    this.#logger.info('tenant.ready', 'the pipelines of a tenant are known', { pipelines: spine.home.list().length });
  }

  async #spineOptions(): Promise<StageOptions> {
    const { options, registry, workers } = this.#surroundings;
    const { name } = this.#tenant;
    const part = registry.part(name);
    this.#cleanups.add('metrics', () => part.close());
    const member = workers.member(
      options.clock,
      () => this.#tenant.reconcileRate,
      () => this.#tenant.weight,
    );
    this.#cleanups.add('workers', () => member.close());
    const { createHome, tenantHome, web, config } = options;
    const { by, deny_private: denied } = config().tenants;
    const guard = denied ? denyPrivate() : undefined;
    const folder = by === 'header' ? '' : `/${name}`;
    return {
      ...options,
      config: () => this.#tenant.config,
      registry: part,
      logger: this.#logger,
      urgent: new UrgentSignals(),
      permits: member,
      tenant: name,
      guardFor: (url) => (this.#tenant.ownUrls.includes(url) ? guard : undefined),
      storagePath: join(options.storagePath, 'tenants', folderName(name)),
      createHome: (await tenantHome?.(this.#tenant)) ?? createHome,
      apiPrefixes: ['/prom/alertmanager', '/alertmanager'],
      web: {
        ...web,
        routePrefix: `${web?.routePrefix ?? ''}${folder}`,
        ...(web?.externalUrl !== undefined && { externalUrl: `${web.externalUrl.replace(/\/+$/, '')}${folder}` }),
      },
    };
  }
}

/** The longest name of a folder that is nothing but the name of its tenant. */
const maxPlainName = 180;

/** The folder of a tenant: its name, with what a shell or a disk takes amiss as escapes. */
export function folderName(tenant: string): string {
  const plain = tenant.replaceAll(/[^\w.-]|^\./g, (each) => `%${each.charCodeAt(0).toString(16).toUpperCase()}`);
  if (plain.length <= maxPlainName) return plain;
  return `${plain.slice(0, maxPlainName - 17)}~${createHash('sha256').update(tenant).digest('hex').slice(0, 16)}`;
}
