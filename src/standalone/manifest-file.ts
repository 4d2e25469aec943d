import { lstat, stat } from 'node:fs/promises';
import type { Pipeline } from '../reconcile/ports.ts';
import { manifestBytes } from '../limits.ts';
import { FileRefusedError, readRegularFile } from '../runtime/regular-file.ts';
import { requestKey } from '../reconcile/request.ts';
import { errorCode } from './folder-error.ts';
import type { ParseManifest } from './manifest-thread.ts';
import type { ManifestProblem, PipelineManifest } from './pipeline-manifest.ts';

/** One file of the pipelines folder as it was last read. */
export interface ManifestFile {
  readonly path: string;
  /** Changes when the file does, so that a file that stands still is not read again. */
  readonly signature: string;
  readonly pipelines: readonly Pipeline[];
  readonly problems: readonly ManifestProblem[];
}

/**
 * Reads a file if it has changed since `previous` (mtime, size or inode; links are followed), and gives `previous` itself if not.
 * A file that became broken or unreadable keeps its last good pipelines beside the problem. Undefined if the file is gone. Never rejects.
 */
export async function readManifestFile(
  path: string,
  previous: ManifestFile | undefined,
  parse: ParseManifest,
): Promise<ManifestFile | undefined> {
  const next = await readChanged(path, previous, parse);
  // Also when reading failed: it is tried each time (a right given later does not move mtime), and told once.
  return next?.signature === previous?.signature ? previous : next;
}

async function readChanged(
  path: string,
  previous: ManifestFile | undefined,
  parse: ParseManifest,
): Promise<ManifestFile | undefined> {
  const kept = previous?.pipelines ?? [];
  try {
    // Before reading: what is written in between makes the signature old, and the next look reads again.
    const stats = await stat(path, { bigint: true });
    const signature = `${stats.mtimeNs}:${stats.size}:${stats.dev}:${stats.ino}`;
    if (signature === previous?.signature) return previous;
    if (!stats.isFile()) return refuse(path, 'not a file', kept, 'is not a file; it must be one, or a link to one');
    const excess =
      stats.size > manifestBytes
        ? `has ${stats.size} bytes; it may have ${manifestBytes}: put a part of its documents into another file`
        : undefined;
    if (excess !== undefined) return refuse(path, signature, kept, excess);
    const text = decodeText(await readRegularFile(path, manifestBytes));
    if (text === undefined) return refuse(path, signature, kept, 'is not UTF-8 text; it must be saved as UTF-8');
    const manifest = await parse(text, path);
    return { path, signature, pipelines: keepMissing(manifest, kept), problems: manifest.problems };
  } catch (error) {
    if (error instanceof FileRefusedError) return refuse(path, 'refused', kept, error.message);
    return explainFailure(path, kept, errorCode(error) ?? String(error));
  }
}

function refuse(path: string, signature: string, pipelines: readonly Pipeline[], message: string): ManifestFile {
  return { path, signature, pipelines, problems: [{ file: path, line: 1, column: 1, message }] };
}

/** A byte order mark is taken away. Undefined if the bytes are no UTF-8. */
function decodeText(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** While a document is broken, a pipeline that is missing may be the one it describes, so the old one stays. */
function keepMissing({ pipelines, incomplete }: PipelineManifest, kept: readonly Pipeline[]): readonly Pipeline[] {
  if (!incomplete) return pipelines;
  const found = new Set(pipelines.map(requestKey));
  return [...pipelines, ...kept.filter((pipeline) => !found.has(requestKey(pipeline)))];
}

/** A file that is gone is no problem; a link to nothing is one, but nothing is left of its pipelines. */
async function explainFailure(
  path: string,
  kept: readonly Pipeline[],
  code: string,
): Promise<ManifestFile | undefined> {
  if (code !== 'ENOENT') {
    const message = `cannot be read (${code}); the user that Tocsin runs as must be able to read it`;
    return refuse(path, `unreadable: ${code}`, kept, message);
  }
  const link = await lstat(path).catch(() => undefined);
  if (link?.isSymbolicLink() !== true) return undefined;
  return refuse(path, 'broken link', [], 'is a link to a file that does not exist; correct or remove the link');
}
