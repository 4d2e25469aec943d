import { isDeepStrictEqual } from 'node:util';
import { requestKey, type Condition, type ConditionChange, type Request } from '../reconcile/ports.ts';
import type { Logger } from '../runtime/logger.ts';
import { mapBounded } from './manifest-scan.ts';
import type { Manifest, ManifestDifference, ManifestPart } from './manifest-file.ts';
import type { ParseManifest } from './manifest-thread.ts';
import { sortedRequests, type PipelineMemory } from './pipeline-memory.ts';
import { inSlices, Slices, type SliceSchedule } from '../runtime/slices.ts';
import { StatusFolder } from './status-folder.ts';
import type { Runtime } from '../runtime/runtime.ts';

interface PipelineStatusesOptions extends Pick<Runtime, 'logger' | 'schedule'> {
  readonly storage: string;
  readonly parse: ParseManifest;
  readonly memory: PipelineMemory;
}

/** The most files that are read or written at once. */
const maxConcurrentFiles = 16;

/** The most paths that a log line names. */
const maxNamedFiles = 10;

/** Keeps memory and the status files in step. Every write or removal of a pipeline's file holds the pipeline's lock. */
export class PipelineStatuses {
  readonly #logger: Logger;
  readonly #memory: PipelineMemory;
  readonly #folder: StatusFolder;
  readonly #locks = new KeyedLock();
  readonly #schedule: SliceSchedule;

  constructor({ storage, logger, parse, memory, schedule }: PipelineStatusesOptions) {
    this.#logger = logger;
    this.#memory = memory;
    this.#schedule = schedule;
    this.#folder = new StatusFolder({ storage, logger, parse });
  }

  /** Creates the folders and checks that they are writable. Rejects with a FolderError. */
  open(): Promise<void> {
    return this.#folder.open();
  }

  /** Settles when no file is being written any more. */
  idle(): Promise<void> {
    return this.#locks.idle();
  }

  /** Makes memory, then the files, follow the manifests. A file that cannot be written costs a warn line; memory is right all the same. */
  async accept(manifests: ReadonlyMap<string, Manifest>, differences: readonly ManifestDifference[]): Promise<void> {
    const slices = new Slices(this.#schedule, 'pipelines');
    const stored = await this.#readStored(differences);
    this.#memory.replace(manifests, await inSlices(sortedRequests(manifests), slices), stored);
    await mapBounded(differences, maxConcurrentFiles, async ({ kind, request, parts }) => {
      if (slices.isOver) await slices.yieldTurn();
      await this.#locks.run(requestKey(request), async () => {
        if (kind === 'removed') await this.#remove(request);
        else if (kind === 'added' || parts.some(isShown)) await this.#refresh(request, stored.get(requestKey(request)));
      });
    });
  }

  /** Writes the file, then memory: a reconcile reads only what is stored. Rejects with a FolderError or the signal's reason. */
  update(request: Request, change: ConditionChange, signal: AbortSignal): Promise<boolean> {
    return this.#locks.run(requestKey(request), async () => {
      signal.throwIfAborted();
      const pipeline = this.#memory.get(request);
      const conditions = pipeline === undefined ? undefined : change(pipeline.conditions);
      if (pipeline === undefined || conditions === undefined) return false;
      await this.#folder.write(pipeline, conditions);
      // If the pipeline has gone meanwhile, memory ignores this, and the removal of the file waits for our lock.
      this.#memory.setWritten(request, conditions);
      return true;
    });
  }

  /** Takes over edits of status files by somebody else, and returns their pipelines: a reconcile puts them right. */
  async follow(): Promise<readonly Request[]> {
    const edited: Request[] = [];
    await mapBounded(this.#memory.listAll(), maxConcurrentFiles, (request) =>
      this.#locks.run(requestKey(request), async () => {
        if (!(await this.#folder.isEdited(request))) return;
        this.#memory.setWritten(request, (await this.#folder.read(request)) ?? []);
        edited.push(request);
      }),
    );
    return edited;
  }

  /** Logs status files that belong to no pipeline. They stay: a wrong pipelines folder would otherwise remove all of them. */
  async logStrangers(): Promise<void> {
    const strangers = await this.#folder.strangers(this.#memory.list());
    if (strangers.length === 0) return;
    const fields = { count: strangers.length, files: strangers.slice(0, maxNamedFiles) };
    this.#logger.warn(
      'status.stranger',
      'status files belong to no pipeline; remove them if nobody needs them',
      fields,
    );
  }

  async #readStored(differences: readonly ManifestDifference[]): Promise<ReadonlyMap<string, readonly Condition[]>> {
    const stored = new Map<string, readonly Condition[]>();
    const added = differences.filter(({ kind }) => kind === 'added');
    await mapBounded(added, maxConcurrentFiles, async ({ request }) => {
      const conditions = await this.#folder.read(request);
      if (conditions !== undefined) stored.set(requestKey(request), conditions);
    });
    return stored;
  }

  async #remove(request: Request): Promise<void> {
    await this.#folder.remove(request).catch((error: unknown) => this.#warn(request, error));
  }

  /** The manifest's part of a status was edited. That needs no reconcile, so the file is brought up to date here. */
  async #refresh(request: Request, stored: readonly Condition[] | undefined): Promise<void> {
    const pipeline = this.#memory.get(request);
    if (pipeline === undefined || !this.#memory.hasWritten(request)) return;
    if (isDeepStrictEqual(pipeline.conditions, stored)) return;
    await this.#folder.write(pipeline, pipeline.conditions).catch((error: unknown) => this.#warn(request, error));
  }

  #warn({ kind, name }: Request, error: unknown): void {
    this.#logger.warn('status.outdated', 'a status file could not be brought up to date', { kind, name, error });
  }
}

/** True if a status file shows this part of a manifest. */
function isShown(part: ManifestPart): boolean {
  return part === 'apiVersion' || part === 'conditions';
}

/** Runs tasks with the same key one after the other, in the order of the calls; tasks with different keys do not wait for each other. */
export class KeyedLock {
  /** The last unfinished task of each key; it never rejects. */
  readonly #tails = new Map<string, Promise<unknown>>();

  /** Settles as the task does. A failing task does not stop those behind it. */
  run<Result>(key: string, task: () => Promise<Result>): Promise<Result> {
    const result = (this.#tails.get(key) ?? Promise.resolve()).then(task);
    const tail: Promise<void> = result.catch(() => undefined).then(() => this.#release(key, tail));
    this.#tails.set(key, tail);
    return result;
  }

  /** Settles when every task so far is done. */
  async idle(): Promise<void> {
    await Promise.all(this.#tails.values());
  }

  /** How many keys have an unfinished task. */
  get size(): number {
    return this.#tails.size;
  }

  #release(key: string, tail: Promise<unknown>): void {
    if (this.#tails.get(key) === tail) this.#tails.delete(key);
  }
}
