import { readdir, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { createHash } from 'node:crypto';
import { stringify } from 'yaml';
import { kindName, requestKey, type Condition, type Pipeline, type Request } from '../reconcile/ports.ts';
import { requestOf } from './manifest-file.ts';
import { objectBytes } from './manifest-documents.ts';
import type { Logger } from '../runtime/logger.ts';
import { makeFolder } from '../storage/make-folder.ts';
import { readRegularFile, writeRegularFile } from '../runtime/regular-file.ts';
import { FolderError, errorCode } from './folder-error.ts';
import type { ParseManifest } from './manifest-thread.ts';
import { kymaKindNames } from '../reconcile/kyma-kinds.ts';
import { isDnsSubdomain } from '../text/kubernetes.ts';
import type { PipelineManifest } from './pipeline-manifest.ts';

interface StatusFolderOptions {
  /** The storage folder (`--storage.path`); the statuses are in its `status/`. */
  readonly storage: string;
  readonly logger: Logger;
  readonly parse: ParseManifest;
}

const temporaryName = /^\..+\.yaml\.tmp$/;

/**
 * The statuses of objects as files: `<storage>/status/<kind in lower case>/<name>.yaml` of a pipeline, of another object
 * `<storage>/status/<kind.group in lower case>/<namespace>/<name>.yaml`. A status is written to a temporary file,
 * which is then renamed: a reader sees the old status or the new one and never a half, even after a kill at any moment. There is no
 * fsync: after a power failure a status may be lost, but the alerts make it anew, and a sync would cost each write a turn of the disk.
 */
export class StatusFolder {
  readonly #root: string;
  readonly #logger: Logger;
  readonly #parse: ParseManifest;
  /** By path: what each file looked like when it was last read or written. */
  readonly #stamps = new Map<string, string>();

  constructor({ storage, logger, parse }: StatusFolderOptions) {
    this.#parse = parse;
    this.#root = join(storage, 'status');
    this.#logger = logger;
  }

  /** Creates the folders, tries to write to each, and removes the temporary files of a killed process. Rejects with a FolderError. */
  async open(): Promise<void> {
    for (const kind of kymaKindNames) {
      const folder = this.#folderOf(kind);
      await attempt('write in the status folder', folder, () => prepare(folder));
      const leftovers = (await readdir(folder)).filter((name) => temporaryName.test(name));
      for (const name of leftovers) await this.#discard(join(folder, name));
      const fields = { folder, files: leftovers.length };
      if (leftovers.length > 0) this.#logger.info('status.leftovers', 'unfinished status files were removed', fields);
    }
  }

  /** The paths of status files that belong to none of these pipelines. Rejects with a FolderError. */
  async strangers(pipelines: readonly Request[]): Promise<readonly string[]> {
    const known = new Set(pipelines.map((request) => this.#pathOf(request)));
    const paths = kymaKindNames.map((kind) => {
      const folder = this.#folderOf(kind);
      return attempt('read the status folder', folder, async () =>
        (await readdir(folder)).filter((name) => name.endsWith('.yaml')).map((name) => join(folder, name)),
      );
    });
    return (await Promise.all(paths)).flat().filter((path) => !known.has(path));
  }

  /** The conditions that were last written; undefined if there are none. An unreadable file costs a warn line and counts as none. */
  async read(request: Request): Promise<readonly Condition[] | undefined> {
    const file = this.#pathOf(request);
    await this.#stamp(file);
    try {
      const text = (await readRegularFile(file, objectBytes)).toString('utf8');
      return conditionsOf(await this.#parse(text, file), request);
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined;
      this.#logger.warn('status.damaged', 'a status file cannot be read and will be written anew', { file, error });
      return undefined;
    }
  }

  /** Replaces the pipeline's status file. Rejects with a FolderError. Two calls for one pipeline must not overlap. */
  async write(pipeline: Pipeline, conditions: readonly Condition[]): Promise<void> {
    const path = this.#pathOf(requestOf(pipeline));
    const text = renderStatus(pipeline, conditions);
    await attempt('write the status file', path, async () => {
      try {
        await replaceFile(path, text);
      } catch (error) {
        if (errorCode(error) !== 'ENOENT') throw error;
        // Somebody removed the folder while Tocsin was running.
        await makeFolder(dirname(path));
        await replaceFile(path, text);
      }
    });
    await this.#stamp(path);
  }

  /** True if somebody else has written or removed the pipeline's file since Tocsin last read or wrote it. */
  async isEdited(request: Request): Promise<boolean> {
    const path = this.#pathOf(request);
    return (await stampOf(path)) !== (this.#stamps.get(path) ?? noFile);
  }

  /** Removes the status file of a pipeline that is gone; a missing file is fine. Rejects with a FolderError. */
  async remove(request: Request): Promise<void> {
    const path = this.#pathOf(request);
    await attempt('remove the status file', path, () => removeFile(path));
    this.#stamps.delete(path);
  }

  async #discard(path: string): Promise<void> {
    await attempt('remove the unfinished status file', path, () => removeFile(path));
  }

  async #stamp(path: string): Promise<void> {
    this.#stamps.set(path, await stampOf(path));
  }

  #folderOf(kind: string): string {
    return join(this.#root, kind.toLowerCase());
  }

  #pathOf(request: Request): string {
    return join(this.#folderOf(kindName(request)), request.namespace ?? '', statusFileName(request.name));
  }
}

const noFile = '';

/** Differs when it is another file or its content has changed. */
async function stampOf(path: string): Promise<string> {
  const stats = await stat(path).catch(() => undefined);
  return stats === undefined ? noFile : `${stats.ino} ${stats.size} ${stats.mtimeMs}`;
}

/** An existing folder proves nothing yet: it may be read-only, or the disk full. */
async function prepare(folder: string): Promise<void> {
  await makeFolder(folder);
  const probe = join(folder, '.probe.yaml.tmp');
  await writeRegularFile(probe, 'probe\n');
  await unlink(probe);
}

async function replaceFile(path: string, text: string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.tmp`);
  try {
    await writeRegularFile(temporary, text);
    await rename(temporary, path);
  } catch (error) {
    // On a full disk the part that was written takes up room. Only the first error is worth reporting.
    await unlink(temporary).catch(() => undefined);
    throw error;
  }
}

async function removeFile(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (errorCode(error) !== 'ENOENT') throw error;
  });
}

async function attempt<Result>(action: string, path: string, task: () => Promise<Result>): Promise<Result> {
  try {
    return await task();
  } catch (error) {
    throw new FolderError(action, path, error, '--storage.path');
  }
}

/** The longest name that file systems accept, 255 bytes, less the affixes of the temporary file. */
const maxNameLength = 255 - '..yaml.tmp'.length;

/**
 * The name of a pipeline's status file. Some valid names of pipelines are too long for a file: such a name is cut, and a `~`, which
 * no pipeline name can contain, and a hash make it unique again. Throws if the name is not safe, which a manifest cannot bring about.
 */
export function statusFileName(name: string): string {
  if (!isDnsSubdomain(name)) throw new Error(`${JSON.stringify(name)} cannot be the name of a status file`);
  if (name.length <= maxNameLength) return `${name}.yaml`;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 16);
  return `${name.slice(0, maxNameLength - hash.length - 1)}~${hash}.yaml`;
}

/**
 * The pipeline's status as `kubectl get -o yaml` shows it, keys in alphabetical order. Text is quoted where YAML 1.1, which most
 * readers still use, would take it for something else; lines are not folded, so that `grep` finds a message.
 */
export function renderStatus(
  { apiVersion, kind, namespace, name }: Pipeline,
  conditions: readonly Condition[],
): string {
  const metadata = { name, ...(namespace !== undefined && { namespace }) };
  const object = { apiVersion, kind, metadata, status: { conditions: conditions.map(sortKeys) } };
  return stringify(object, { schema: 'core', compat: 'yaml-1.1', lineWidth: 0, aliasDuplicateObjects: false });
}

function sortKeys({ type, status, reason, message, lastTransitionTime, observedGeneration }: Condition): Condition {
  const generation = observedGeneration === undefined ? {} : { observedGeneration };
  return { lastTransitionTime, message, ...generation, reason, status, type };
}

/** The conditions in a parsed status file. Throws with the first problem in it, also if it belongs to another pipeline. */
export function conditionsOf({ pipelines, problems }: PipelineManifest, request: Request): readonly Condition[] {
  const [problem] = problems;
  if (problem !== undefined) throw new Error(`line ${problem.line}, column ${problem.column}: ${problem.message}`);
  const [pipeline] = pipelines;
  if (pipeline === undefined || pipelines.length !== 1)
    throw new Error(`it holds ${pipelines.length} objects instead of one`);
  if (requestKey(requestOf(pipeline)) !== requestKey(request))
    throw new Error(`it is of ${pipeline.kind} ${pipeline.name}`);
  return pipeline.conditions;
}
