import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { AlertStore } from './alert/alert-store.ts';
import { Cleanups } from './cleanups.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config/config.ts';
import type { ListenAddress } from './config/listen-address.ts';
import type { Controller } from './controller/controller.ts';
import { createController } from './controller/create-controller.ts';
import { Resync } from './controller/resync.ts';
import type { Logger } from './logger.ts';
import { createProcessMetrics } from './process-metrics.ts';
import { createSharedSnapshot } from './prometheus/create-shared-snapshot.ts';
import type { HeavyWork } from './receiver/alerts-handler.ts';
import { Receiver } from './receiver/receiver.ts';
import { newId } from './receiver/request-id.ts';
import { createEventSource } from './source/create-event-source.ts';
import type { EventSource } from './source/event-source.ts';
import { PipelineFolder, type PipelineChange } from './standalone/pipeline-folder.ts';
import { pipelineKinds } from './standalone/pipeline-kinds.ts';
import { StoredAlertSource } from './standalone/stored-alert-source.ts';
import { Causes, type Trigger } from './workqueue/causes.ts';
import type { Request } from './workqueue/request.ts';
import type { Priority } from './workqueue/work-queue.ts';

export interface AppOptions {
  readonly config: Config;
  readonly listenAddress: ListenAddress;
  /** The folder of the manifests. */
  readonly pipelinesFolder: string;
  readonly storagePath: string;
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Runs work that needs much memory; the process may want to know of it. Default: just runs it. */
  readonly heavyWork?: HeavyWork;
}

/** How much of the drain timeout the requests under way get; what is left of it is for the queue. */
const receiverShare = 0.25;

/** Kept back from the drain timeout for what is told to stop at its end, milliseconds. */
const closingMs = 250;

/** The composition root: makes the stages and connects them. Two apps in one process share nothing. */
export class App {
  readonly #options: AppOptions;
  readonly #registry = new Registry();
  readonly #cleanups: Cleanups;
  readonly #store: AlertStore;
  readonly #pipelines: PipelineFolder;
  readonly #controller: Controller;
  readonly #source: EventSource;
  readonly #receiver: Receiver;
  #notReady: string | undefined = 'starting up';
  #stopBy = Number.POSITIVE_INFINITY;

  constructor(options: AppOptions) {
    this.#options = options;
    const {
      max_alerts: maxAlerts,
      max_alerts_size: maxBytes,
      resolve_timeout: resolveTimeoutMs,
    } = options.config.receiver;
    this.#cleanups = new Cleanups(options.logger);
    createProcessMetrics(this.#registry, options.version);
    this.#store = new AlertStore({ maxAlerts, maxBytes, resolveTimeoutMs });
    this.#pipelines = this.#createPipelines();
    this.#controller = this.#createController();
    this.#source = this.#createSource();
    this.#receiver = this.#createReceiver();
  }

  /**
   * Reads the pipelines, listens, and looks at every pipeline once: whatever was missed while away is caught up.
   * Rejects with an error whose message is for the user, once all that was open by then is closed again.
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
    const { clock, config, logger } = this.#options;
    this.#notReady = 'shutting down';
    this.#stopBy = clock.now() + config.controller.drain_timeout - closingMs;
    logger.info('app.stopping', 'shutting down', { drain_timeout_ms: config.controller.drain_timeout });
    await this.#cleanups.run();
    logger.info('app.stopped', 'shut down');
  }

  async #open(): Promise<AddressInfo> {
    const { clock, config, listenAddress, logger } = this.#options;
    this.#cleanups.add('pipelines', () => this.#pipelines.close());
    await this.#pipelines.open();
    this.#cleanups.add('controller', () => this.#drain());
    this.#source.start();
    this.#cleanups.add('source', () => this.#source.stop());
    const address = await this.#receiver.listen(listenAddress);
    this.#cleanups.add('receiver', () => this.#receiver.close(receiverShare * this.#remainingMs()));
    logger.info('receiver.listening', 'alerts are taken in', { address: urlOf(address) });
    const resync = new Resync({ clock, periodMs: config.controller.resync, sweep: () => this.#sweepAll('resync') });
    resync.start();
    this.#cleanups.add('resync', () => resync.close());
    this.#sweepAll('start');
    this.#notReady = undefined;
    logger.info('app.ready', 'ready', { pipelines: this.#pipelines.list().length });
    return address;
  }

  #createPipelines(): PipelineFolder {
    const { pipelinesFolder: folder, storagePath: storage } = this.#options;
    return new PipelineFolder({
      ...this.#options,
      folder,
      storage,
      onChange: (change) => this.#pipelineChanged(change),
    });
  }

  #createController(): Controller {
    const { clock, config } = this.#options;
    const { url } = config.prometheus;
    const common = { ...this.#options, registry: this.#registry };
    const kinds = pipelineKinds;
    const pipelines = this.#pipelines;
    if (url === null) {
      const alerts = new StoredAlertSource(this.#store, clock);
      return createController({ ...common, config: config.controller, pipelines, alerts, kinds });
    }
    const alerts = createSharedSnapshot({ ...common, config: config.prometheus, url });
    this.#cleanups.add('prometheus', () => alerts.close());
    return createController({ ...common, config: config.controller, pipelines, alerts, kinds });
  }

  #createSource(): EventSource {
    return createEventSource({
      ...this.#options,
      config: this.#options.config.source,
      registry: this.#registry,
      newEventId: () => newId(4),
      pipelines: () => this.#pipelines.list(),
      enqueue: (requests, { id, causes }) => this.#controller.enqueue(requests, causes, id, 'alert'),
    });
  }

  #createReceiver(): Receiver {
    return new Receiver({
      ...this.#options,
      registry: this.#registry,
      store: this.#store,
      heavyWork: this.#options.heavyWork ?? ((work) => work()),
      sink: (causes) => this.#source.put(causes),
      notReady: () => this.#notReady,
    });
  }

  #pipelineChanged({ kind, request }: PipelineChange): void {
    // One that was removed is looked at too: its reconcile finds it gone, and the queue forgets it.
    this.#enqueue([request], 'pipeline', kind === 'removed' ? 'resync' : 'alert');
  }

  #sweepAll(trigger: Trigger): void {
    this.#enqueue(this.#pipelines.list(), trigger, 'resync');
  }

  /** Wakes reconciles for a reason other than an alert: past the debouncer, which is for alerts. */
  #enqueue(requests: readonly Request[], trigger: Trigger, priority: Priority): void {
    const { clock, logger } = this.#options;
    if (requests.length === 0) return;
    const id = newId(4);
    logger.info('requests.enqueued', 'reconcile requests without an alert', {
      event_id: id,
      requests: requests.length,
      trigger,
    });
    this.#controller.enqueue(requests, Causes.of(trigger, clock.now()), id, priority);
  }

  async #drain(): Promise<void> {
    const left = await this.#controller.stop(this.#remainingMs());
    if (left === 0) return;
    this.#options.logger.warn(
      'app.drain_incomplete',
      'requests were given up at shutdown; the next start looks at every pipeline',
      { requests: left },
    );
  }

  #remainingMs(): number {
    return Math.max(0, Math.min(this.#stopBy, Number.MAX_SAFE_INTEGER) - this.#options.clock.now());
  }
}

function urlOf({ address, port, family }: AddressInfo): string {
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}
