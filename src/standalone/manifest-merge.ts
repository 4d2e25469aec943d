import { isDeepStrictEqual } from 'node:util';
import type { Pipeline } from '../reconcile/ports.ts';
import { requestKey, type Request } from '../reconcile/request.ts';
import type { ManifestFile } from './manifest-file.ts';
import { slicedSort, type Sliced } from '../runtime/slices.ts';

/** A pipeline as its manifest gives it, and the file that it stands in. */
export interface Manifest {
  readonly pipeline: Pipeline;
  readonly file: string;
}

/** A manifest that is not used, because an earlier one has the same kind and name. */
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
  /** The file that the pipeline stands in, or stood in. */
  readonly file: string;
  /** What differs; empty unless `kind` is `changed`. */
  readonly parts: readonly ManifestPart[];
}

export type ManifestPart = 'apiVersion' | 'generation' | 'spec' | 'conditions';

const parts: readonly ManifestPart[] = ['apiVersion', 'generation', 'spec', 'conditions'];

/** Puts the files together. Of two manifests with the same kind and name the one in the first file counts, by file name. */
export function* mergeManifests(files: readonly ManifestFile[]): Sliced<MergedManifests> {
  const manifests = new Map<string, Manifest>();
  const duplicates: DuplicateManifest[] = [];
  for (const { path: file, pipelines } of files.toSorted((a, b) => compareText(a.path, b.path))) {
    for (const pipeline of pipelines) {
      const used = manifests.get(requestKey(pipeline));
      if (used === undefined) manifests.set(requestKey(pipeline), { pipeline, file });
      else duplicates.push({ request: requestOf(pipeline), usedFile: used.file, ignoredFile: file });
      yield;
    }
  }
  return { manifests, duplicates };
}

/** What became of the pipelines: in the order of kind and name. The same pipeline in another file is no difference. */
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

/** By kind, then by name. */
export function compareRequests(a: Request, b: Request): number {
  return compareText(a.kind, b.kind) || compareText(a.name, b.name);
}

/** In the order of code units: the same on every machine, whatever its language. */
function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function requestOf({ kind, name }: Pipeline): Request {
  return { kind, name };
}
