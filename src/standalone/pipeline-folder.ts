import type { ConditionChange, Pipeline, PipelineChange, Pipelines, Request } from '../reconcile/ports.ts';
import { FolderWatch } from './folder-watch.ts';
import { diffManifests, type Manifest, type ManifestDifference } from './manifest-file.ts';
import { ManifestScan } from './manifest-scan.ts';
import { ManifestThread } from './manifest-thread.ts';
import { FolderTargets } from './folder-targets.ts';
import type { ManifestKind } from './pipeline-manifest.ts';
import { kymaKindNames } from '../reconcile/kyma-kinds.ts';
import { PipelineMemory } from './pipeline-memory.ts';
import { PipelineStatuses } from './pipeline-statuses.ts';
import { inSlices, Slices, type SliceSchedule } from '../runtime/slices.ts';
import type { Runtime } from '../runtime/runtime.ts';

export interface PipelineFolderOptions extends Pick<Runtime, 'clock' | 'logger' | 'registry'> {
  /** The folder of the manifests (`--pipelines.folder`). */
  readonly folder: string;
  /** The storage folder (`--storage.path`); the statuses go to `status/` in it. */
  readonly storage: string;
  /** Many manifests are taken in within its slices. */
  readonly schedule: SliceSchedule;
  /** Called for each change after open(), when memory already shows the change; must not throw. */
  readonly onChange?: (change: PipelineChange) => void;
}

/**
 * Pipelines that live in a folder of manifests; their statuses live in a folder beside it. Every question is answered from memory,
 * which follows the folder: promptly where the system reports changes, within five seconds everywhere.
 */
export class PipelineFolder implements Pipelines {
  /** All supported kinds. */
  readonly kinds = kymaKindNames;
  readonly #options: PipelineFolderOptions;
  readonly #memory = new PipelineMemory();
  readonly #thread: ManifestThread;
  readonly #scan: ManifestScan;
  readonly #statuses: PipelineStatuses;
  readonly #watch: FolderWatch;
  /** The objects that triggers may choose. */
  readonly targets: FolderTargets;
  #isReadable = true;

  constructor(options: PipelineFolderOptions) {
    this.#options = options;
    this.#thread = new ManifestThread(options.clock);
    const { parse } = this.#thread;
    this.#scan = new ManifestScan({ ...options, parse });
    this.#statuses = new PipelineStatuses({ ...options, parse, memory: this.#memory });
    this.#watch = new FolderWatch({ ...options, scan: () => this.#follow() });
    this.targets = new FolderTargets({ memory: this.#memory, onKinds: (kinds) => this.#read(kinds) });
  }

  /** Reads objects of these kinds too. */
  #read(kinds: readonly ManifestKind[]): void {
    this.#thread.kinds = kinds;
    this.#scan.forget();
    if (this.targets.isOpen) void this.#watch.rescan();
  }

  /** Reads every manifest and status, and begins to watch. Rejects with a FolderError whose one line says what to do. Call it once. */
  async open(): Promise<void> {
    // This comes first, so that a wrong --pipelines.folder leaves no storage folder behind.
    const manifests = await this.#scan.next();
    await this.#statuses.open();
    await this.#accept(manifests);
    this.#logListed();
    await this.#statuses.logStrangers();
    this.targets.opened();
    await this.#watch.start();
  }

  /** After open() there is nothing left to wait for. */
  synced(): Promise<void> {
    return Promise.resolve();
  }

  /** Stops watching; settles when no scan and no write is running. A second call does no harm. */
  async close(): Promise<void> {
    await this.#thread.close();
    await this.#watch.close();
    await this.#statuses.idle();
  }

  list(): readonly Request[] {
    return this.#memory.list();
  }

  get(request: Request): Pipeline | undefined {
    return this.#memory.isPipeline(request) ? this.#memory.get(request) : undefined;
  }

  /** Rejects with a FolderError if the status file is not writable (memory then keeps the old conditions), or with the signal's reason. */
  updateConditions(request: Request, change: ConditionChange, signal: AbortSignal): Promise<boolean> {
    return this.#statuses.update(request, change, signal);
  }

  /** Scans the folder now. Settles when memory shows everything that was in it at the time of the call; never rejects. */
  rescan(): Promise<void> {
    return this.#watch.rescan();
  }

  async #follow(): Promise<void> {
    const manifests = await this.#readManifests();
    if (manifests === undefined) return;
    const differences = await this.#accept(manifests);
    const slices = this.#slices();
    for (const difference of differences) {
      this.#report(difference);
      if (slices.isOver) await slices.yieldTurn();
    }
    for (const request of await this.#statuses.follow()) {
      this.#reportEdited(request);
      if (slices.isOver) await slices.yieldTurn();
    }
  }

  /** Undefined while the folder cannot be read, which is logged once. */
  async #readManifests(): Promise<ReadonlyMap<string, Manifest> | undefined> {
    const { folder, logger } = this.#options;
    try {
      const manifests = await this.#scan.next();
      if (!this.#isReadable) logger.info('pipelines.readable', 'the pipelines folder can be read again', { folder });
      this.#isReadable = true;
      return manifests;
    } catch (error) {
      const message = 'the pipelines folder cannot be read, the pipelines last known stay';
      if (this.#isReadable) logger.warn('pipelines.unreadable', message, { folder, error });
      this.#isReadable = false;
      return undefined;
    }
  }

  async #accept(manifests: ReadonlyMap<string, Manifest>): Promise<readonly ManifestDifference[]> {
    if (manifests === this.#memory.manifests) return [];
    const differences = await inSlices(diffManifests(this.#memory.manifests, manifests), this.#slices());
    await this.#statuses.accept(manifests, differences);
    return differences;
  }

  #report({ kind, request, file, parts }: ManifestDifference): void {
    const { logger, onChange } = this.#options;
    const changed = parts.length === 0 ? {} : { changed: parts };
    if (!this.#memory.isPipeline(request)) {
      logger.info(`target.${kind}`, `the manifest of an object was ${kind}`, { ...request, file, ...changed });
      return this.targets.changed({ kind, request });
    }
    logger.info(`pipeline.${kind}`, changeMessages[kind], { kind: request.kind, name: request.name, file, ...changed });
    onChange?.({ kind, request });
  }

  #reportEdited(request: Request): void {
    const { logger, onChange } = this.#options;
    logger.info('status.edited', 'somebody else changed or removed a status file', { ...request });
    if (this.#memory.isPipeline(request)) onChange?.({ kind: 'changed', request });
    else this.targets.changed({ kind: 'changed', request });
  }

  #slices(): Slices {
    return new Slices(this.#options.schedule, 'pipelines');
  }

  #logListed(): void {
    const { folder, logger } = this.#options;
    const requests = this.list();
    const count = (kind: string): number => requests.filter((request) => request.kind === kind).length;
    const kinds = Object.fromEntries(kymaKindNames.map((kind) => [kind, count(kind)]));
    const fields = { folder, files: this.#scan.fileCount, pipelines: requests.length, kinds };
    logger.info('pipelines.listed', 'the pipelines folder has been read', fields);
    if (requests.length > 0) return;
    logger.warn(
      'pipelines.none',
      'the pipelines folder holds no pipeline: put manifests (*.yaml, *.yml, *.json) into it',
      { folder },
    );
  }
}

const changeMessages: Readonly<Record<PipelineChange['kind'], string>> = {
  added: 'a pipeline was added',
  changed: 'a pipeline is described differently',
  removed: 'a pipeline was removed, and its status with it',
};
