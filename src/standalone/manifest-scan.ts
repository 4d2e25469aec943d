import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Counter, type Registry } from 'prom-client';
import type { LogFields, Logger } from '../runtime/logger.ts';
import { FolderError } from './folder-error.ts';
import { manifestLimits } from './manifest-documents.ts';
import {
  folderBytes,
  manifestBytes,
  readManifestFile,
  refuseForFolder,
  mergeManifests,
  type ManifestFile,
  type DuplicateManifest,
  type Manifest,
} from './manifest-file.ts';
import type { ParseManifest } from './manifest-thread.ts';
import { inSlices, Slices, type Sliced, type SliceSchedule } from '../runtime/slices.ts';
import type { Runtime } from '../runtime/runtime.ts';

interface ManifestScanOptions extends Pick<Runtime, 'logger' | 'schedule' | 'registry'> {
  readonly folder: string;
  readonly parse: ParseManifest;
}

/** Other files, hidden files and folders (such as `..data` of a mounted ConfigMap) are not manifests. */
const manifestName = /^[^.].*\.(?:yaml|yml|json)$/;

/** The most files open at once: enough to keep the disk busy, far below any limit of open files. */
const maxConcurrentReads = 16;

/** The most problems logged per file: a file that is not a manifest at all can have a problem on every line. */
const maxProblemLines = 20;

/**
 * Reads a folder of manifests again and again, each time only the files that changed. It logs each problem once, and once more when
 * the problem is solved.
 */
export class ManifestScan {
  readonly #folder: string;
  readonly #logger: Logger;
  readonly #parse: ParseManifest;
  readonly #schedule: SliceSchedule;
  readonly #limitReached: Counter<'limit'>;
  #files: ReadonlyMap<string, ManifestFile> = new Map();
  #manifests: ReadonlyMap<string, Manifest> = new Map();
  #duplicates: ReadonlyMap<string, DuplicateManifest> = new Map();

  constructor({ folder, logger, parse, schedule, registry }: ManifestScanOptions) {
    this.#limitReached = createLimitReached(registry);
    this.#schedule = schedule;
    this.#parse = parse;
    this.#folder = folder;
    this.#logger = logger;
  }

  /** How many files the last scan found. */
  get fileCount(): number {
    return this.#files.size;
  }

  /** The next scan reads every file again. */
  forget(): void {
    this.#files = new Map();
  }

  /**
   * The pipelines as they are in the folder now, by request key; the very same map if no file changed.
   * Rejects with a FolderError when the folder cannot be listed. Must not be called again before it has settled.
   */
  async next(): Promise<ReadonlyMap<string, Manifest>> {
    const files = await this.#readFiles();
    const changed = files.filter((file) => file !== this.#files.get(file.path));
    if (changed.length === 0 && files.length === this.#files.size) return this.#manifests;
    const byPath = new Map(files.map((file) => [file.path, file]));
    this.#logMended(byPath);
    const slices = new Slices(this.#schedule, 'pipelines');
    for (const file of changed) {
      this.#logProblems(file);
      if (slices.isOver) await slices.yieldTurn();
    }
    const { manifests, duplicates } = await inSlices(mergeManifests(files), slices);
    await inSlices(this.#logDuplicates(duplicates), slices);
    this.#files = byPath;
    this.#manifests = manifests;
    return manifests;
  }

  async #readFiles(): Promise<readonly ManifestFile[]> {
    const paths = await this.#listFiles();
    const excess = await this.#excess(paths);
    const readOne = async (path: string): Promise<ManifestFile | undefined> => {
      const previous = this.#files.get(path);
      return excess.has(path) ? refuseForFolder(path, previous) : readManifestFile(path, previous, this.#parse);
    };
    const read = await mapBounded(paths, maxConcurrentReads, readOne);
    const files = read.filter((file) => file !== undefined);
    // Files that disappear during a scan may have gone with the whole folder, which is a different failure: listing again then rejects.
    if (files.length < paths.length) await this.#listFiles();
    return files;
  }

  /** The files for which the kept files leave no room, in the order of their names. A kept file never has to make room. */
  async #excess(paths: readonly string[]): Promise<ReadonlySet<string>> {
    const sizes = await mapBounded(paths, maxConcurrentReads, sizeOf);
    const keptOf = (path: string): number => this.#files.get(path)?.bytes ?? 0;
    let bytes = paths.reduce((sum, path) => sum + keptOf(path), 0);
    const excess = new Set<string>();
    for (const [index, path] of paths.entries()) {
      const more = Math.max(0, sizes[index]! - keptOf(path));
      if (bytes + more <= folderBytes) bytes += more;
      else excess.add(path);
    }
    return excess;
  }

  async #listFiles(): Promise<readonly string[]> {
    try {
      const names = await readdir(this.#folder);
      return names
        .filter((name) => manifestName.test(name))
        .toSorted()
        .map((name) => join(this.#folder, name));
    } catch (error) {
      throw new FolderError('read the pipelines folder', this.#folder, error, '--pipelines.folder');
    }
  }

  #logProblems({ path, problems }: ManifestFile): void {
    for (const { limit } of problems) if (limit !== undefined) this.#limitReached.inc({ limit });
    for (const { file, line, column, message, limit } of problems.slice(0, maxProblemLines)) {
      const fields = { file, line, column, problem: message, ...(limit !== undefined && { limit }) };
      this.#logger.warn('manifest.invalid', 'a manifest cannot be used', fields);
    }
    const more = problems.length - maxProblemLines;
    if (more > 0)
      this.#logger.warn('manifest.invalid', 'the file has more problems than are shown', { file: path, more });
  }

  #logMended(files: ReadonlyMap<string, ManifestFile>): void {
    for (const { path, problems } of this.#files.values()) {
      if (problems.length === 0 || (files.get(path)?.problems ?? []).length > 0) continue;
      this.#logger.info('manifest.mended', 'a manifest that could not be used is mended or gone', { file: path });
    }
  }

  /** Logs each pair of files once, and again only if it was put right in between. */
  *#logDuplicates(duplicates: readonly DuplicateManifest[]): Sliced<void> {
    const before = this.#duplicates;
    const now = new Map<string, DuplicateManifest>();
    for (const duplicate of duplicates) {
      now.set(JSON.stringify(duplicate), duplicate);
      yield;
    }
    this.#duplicates = now;
    for (const [id, duplicate] of before) {
      yield;
      if (now.has(id)) continue;
      this.#logger.info('manifest.mended', 'two manifests no longer describe the same pipeline', fieldsOf(duplicate));
    }
    for (const [id, duplicate] of now) {
      yield;
      if (before.has(id)) continue;
      this.#logger.warn(
        'manifest.duplicate',
        'two manifests describe the same pipeline, the first file by name is used',
        fieldsOf(duplicate),
      );
    }
  }
}

/** The bytes that reading a file would take; 0 for a file that is refused anyway. */
async function sizeOf(path: string): Promise<number> {
  const stats = await stat(path).catch(() => undefined);
  return stats?.isFile() === true && stats.size <= manifestBytes ? stats.size : 0;
}

function createLimitReached(registry: Registry): Counter<'limit'> {
  const counter = new Counter<'limit'>({
    registers: [registry],
    name: 'tocsin_manifest_limit_reached_total',
    help: 'How often a limit of the manifests in the folder was reached.',
    labelNames: ['limit'],
  });
  for (const limit of manifestLimits) counter.inc({ limit }, 0);
  return counter;
}

function fieldsOf({ request, usedFile, ignoredFile }: DuplicateManifest): LogFields {
  return { kind: request.kind, name: request.name, used_file: usedFile, ignored_file: ignoredFile };
}

/**
 * Runs `task` on every item, at most `limit` at a time, and returns the results in the order of the items.
 * Rejects as soon as one task rejects. The tasks that run at that moment go on by themselves, so a task should settle its own errors.
 */
export async function mapBounded<Item, Result>(
  items: readonly Item[],
  limit: number,
  task: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = Array.from({ length: items.length });
  // All workers draw from one iterator, so that each item is taken once.
  const waiting = items.entries();
  const work = async (): Promise<void> => {
    for (const [index, item] of waiting) results[index] = await task(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, work));
  return results;
}
