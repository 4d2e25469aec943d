import { lstat, stat } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { requestKey, type Pipeline, type Request } from '../reconcile/ports.ts';
import { FileRefusedError, readRegularFile } from '../runtime/regular-file.ts';
import { errorCode } from './folder-error.ts';
import type { ParseManifest } from './manifest-thread.ts';
import type { ManifestLimit } from './manifest-documents.ts';
import { kymaGroup } from '../reconcile/kyma-kinds.ts';
import type { ManifestObject, ManifestProblem, PipelineManifest } from './pipeline-manifest.ts';
import { slicedSort, type Sliced } from '../runtime/slices.ts';

/** The largest manifest file, in bytes. */
export const manifestBytes = 8 * 1024 * 1024;

/** The limit for all files of a folder together, in bytes: enough for many thousand pipelines, which take several times as much memory. */
export const folderBytes = 16 * 1024 * 1024;

/** One file of the pipelines folder, as it was last read. */
export interface ManifestFile {
  readonly path: string;
  /** Changes when the file does, so that an unchanged file is not read again. */
  readonly signature: string;
  /** The approximate size of the text that the pipelines were read from. */
  readonly bytes: number;
  readonly pipelines: readonly ManifestObject[];
  readonly problems: readonly ManifestProblem[];
}

/**
 * Reads a file if it has changed since `previous` (mtime, size or inode; links are followed); otherwise returns `previous` itself.
 * A file that became broken or unreadable keeps its last good pipelines beside the problem. Undefined if the file is gone. Never rejects.
 */
export async function readManifestFile(
  path: string,
  previous: ManifestFile | undefined,
  parse: ParseManifest,
): Promise<ManifestFile | undefined> {
  const next = await readChanged(path, previous, parse);
  // This also holds after a failure: the file is read every time (a right given later does not move mtime), and the failure is logged once.
  return next?.signature === previous?.signature ? previous : next;
}

async function readChanged(
  path: string,
  previous: ManifestFile | undefined,
  parse: ParseManifest,
): Promise<ManifestFile | undefined> {
  try {
    // Taken before reading: a write during the read makes the signature old, and the next scan reads the file again.
    const stats = await stat(path, { bigint: true });
    const signature = `${stats.mtimeNs}:${stats.size}:${stats.dev}:${stats.ino}`;
    if (signature === previous?.signature) return previous;
    if (!stats.isFile()) return refuse(path, 'not a file', previous, 'is not a file; it must be one, or a link to one');
    if (stats.size > manifestBytes) {
      const excess = `has ${stats.size} bytes; it may have ${manifestBytes}: put a part of its documents into another file`;
      return refuse(path, signature, previous, excess, 'manifest_size');
    }
    const bytes = await readRegularFile(path, manifestBytes);
    const text = decodeText(bytes);
    if (text === undefined) return refuse(path, signature, previous, 'is not UTF-8 text; it must be saved as UTF-8');
    const manifest = await parse(text, path);
    const missing = manifest.incomplete ? missingOf(manifest, previous) : [];
    const keptBytes = bytes.length + bytesOf(missing, previous);
    if (keptBytes > manifestBytes) {
      const message = `and what is kept of it while it is broken have more than ${manifestBytes} bytes; mend it`;
      return refuse(path, signature, previous, message, 'manifest_size');
    }
    return {
      path,
      signature,
      bytes: keptBytes,
      pipelines: [...manifest.pipelines, ...missing],
      problems: manifest.problems,
    };
  } catch (error) {
    if (error instanceof FileRefusedError) return refuse(path, 'refused', previous, error.message);
    return explainFailure(path, previous, errorCode(error) ?? String(error));
  }
}

/** Refuses a file for which the kept files leave no room; its last good pipelines stay. */
export function refuseForFolder(path: string, previous: ManifestFile | undefined): ManifestFile {
  const message = `does not fit: all files of the folder may have ${folderBytes} bytes together; remove what is not needed`;
  const next = refuse(path, 'over the limit of the folder', previous, message, 'manifest_folder_size');
  return next.signature === previous?.signature ? previous : next;
}

function refuse(
  path: string,
  signature: string,
  kept: Pick<ManifestFile, 'pipelines' | 'bytes'> = nothing,
  message: string,
  limit?: ManifestLimit,
): ManifestFile {
  const problem = { file: path, line: 1, column: 1, message, ...(limit !== undefined && { limit }) };
  return { path, signature, bytes: kept.bytes, pipelines: kept.pipelines, problems: [problem] };
}

const nothing = { pipelines: [], bytes: 0 };

/** Removes a byte order mark. Undefined if the bytes are not UTF-8. */
function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** While a document is broken, it may be the one that describes a missing pipeline, so the old pipeline stays. */
function missingOf({ pipelines }: PipelineManifest, previous: ManifestFile | undefined): readonly ManifestObject[] {
  const found = new Set(pipelines.map(keyOf));
  return previous?.pipelines.filter((pipeline) => !found.has(keyOf(pipeline))) ?? [];
}

/** The average share of some of a file's pipelines in its size. */
function bytesOf(
  some: readonly Pipeline[],
  { bytes, pipelines }: Pick<ManifestFile, 'pipelines' | 'bytes'> = nothing,
): number {
  return some.length === 0 ? 0 : (bytes * some.length) / pipelines.length;
}

/** A file that is gone is not a problem. A link to nothing is a problem, but its pipelines do not stay. */
async function explainFailure(
  path: string,
  previous: ManifestFile | undefined,
  code: string,
): Promise<ManifestFile | undefined> {
  if (code !== 'ENOENT') {
    const message = `cannot be read (${code}); the user that Tocsin runs as must be able to read it`;
    return refuse(path, `unreadable: ${code}`, previous, message);
  }
  const link = await lstat(path).catch(() => undefined);
  if (link?.isSymbolicLink() !== true) return undefined;
  return refuse(path, 'broken link', undefined, 'is a link to a file that does not exist; correct or remove the link');
}

/** A pipeline as its manifest describes it, and the file that holds it. */
export interface Manifest {
  readonly pipeline: ManifestObject;
  readonly file: string;
}

/** A manifest that is ignored because an earlier manifest has the same kind and name. */
export interface DuplicateManifest {
  readonly request: Request;
  readonly usedFile: string;
  readonly ignoredFile: string;
}

export interface MergedManifests {
  /** By request key. */
  readonly manifests: ReadonlyMap<string, Manifest>;
  readonly duplicates: readonly DuplicateManifest[];
}

export interface ManifestDifference {
  readonly kind: 'added' | 'changed' | 'removed';
  readonly request: Request;
  /** The file that holds the pipeline, or held it. */
  readonly file: string;
  /** What differs; empty unless `kind` is `changed`. */
  readonly parts: readonly ManifestPart[];
}

export type ManifestPart = 'apiVersion' | 'generation' | 'labels' | 'spec' | 'conditions';

const parts: readonly ManifestPart[] = ['apiVersion', 'generation', 'labels', 'spec', 'conditions'];

/** Merges the files. If two manifests have the same kind and name, the one in the first file by name counts. */
export function* mergeManifests(files: readonly ManifestFile[]): Sliced<MergedManifests> {
  const manifests = new Map<string, Manifest>();
  const duplicates: DuplicateManifest[] = [];
  for (const { path: file, pipelines } of files.toSorted((a, b) => compareText(a.path, b.path))) {
    for (const pipeline of pipelines) {
      const used = manifests.get(keyOf(pipeline));
      if (used === undefined) manifests.set(keyOf(pipeline), { pipeline, file });
      else duplicates.push({ request: requestOf(pipeline), usedFile: used.file, ignoredFile: file });
      yield;
    }
  }
  return { manifests, duplicates };
}

/** The changes of the pipelines, in the order of kind and name. A pipeline that only moved to another file has not changed. */
export function* diffManifests(
  before: ReadonlyMap<string, Manifest>,
  after: ReadonlyMap<string, Manifest>,
): Sliced<readonly ManifestDifference[]> {
  const differences: ManifestDifference[] = [];
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    const difference = diffManifest(before.get(key), after.get(key));
    if (difference !== undefined) differences.push(difference);
    yield;
  }
  return yield* slicedSort(differences, (a, b) => compareRequests(a.request, b.request));
}

function diffManifest(before: Manifest | undefined, after: Manifest | undefined): ManifestDifference | undefined {
  const known = after ?? before;
  if (known === undefined) return undefined;
  const { file } = known;
  const request = requestOf(known.pipeline);
  if (before === undefined) return { kind: 'added', request, file, parts: [] };
  if (after === undefined) return { kind: 'removed', request, file, parts: [] };
  const differing = parts.filter((part) => !isDeepStrictEqual(before.pipeline[part], after.pipeline[part]));
  return differing.length === 0 ? undefined : { kind: 'changed', request, file, parts: differing };
}

/** By kind, then by namespace, then by name. */
export function compareRequests(a: Request, b: Request): number {
  return (
    compareText(a.kind, b.kind) || compareText(a.namespace ?? '', b.namespace ?? '') || compareText(a.name, b.name)
  );
}

/** Compares code units: the order is the same on every machine, whatever its language. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

/** The request for an object of a manifest. A pipeline has no group: so it is everywhere without a cluster. */
export function requestOf({
  apiVersion,
  kind,
  namespace,
  name,
}: Pick<Pipeline, 'apiVersion' | 'kind' | 'namespace' | 'name'>): Request {
  const group = groupOf(apiVersion);
  return { kind, ...(group !== undefined && { group }), ...(namespace !== undefined && { namespace }), name };
}

function keyOf(pipeline: Pipeline): string {
  return requestKey(requestOf(pipeline));
}

/** Undefined for the core group and for that of pipelines. */
function groupOf(apiVersion: string): string | undefined {
  const at = apiVersion.indexOf('/');
  const group = apiVersion.slice(0, Math.max(0, at));
  return group === '' || group === kymaGroup ? undefined : group;
}
