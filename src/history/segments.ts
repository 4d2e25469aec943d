import { readdir, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../runtime/clock.ts';
import { createRegularFile, readRegularFile } from '../runtime/regular-file.ts';
import { makeFolder } from '../storage/make-folder.ts';

/** The largest segment, which is forgotten as a whole, bytes. A segment also has at most a sixteenth of the whole size. */
const maxSegmentBytes = 4 * 1024 * 1024;

/** A segment covers at most this part of the retention, so that old facts are deleted in time. */
const segmentsInRetention = 8;

export interface SegmentsOptions {
  readonly clock: Clock;
  /** `history/` in `--storage.path`. */
  readonly folder: string;
}

/** The largest id that a segment may begin with, that of the year 2223: ids have room to rise behind it. */
const maxFirstId = 8e15;

interface Segment {
  readonly path: string;
  readonly firstId: number;
  bytes: number;
  /** The time of the last write, milliseconds. */
  lastTime: number;
}

export interface SegmentContent {
  readonly firstId: number;
  readonly bytes: Buffer;
}

interface OpenSegment extends Segment {
  readonly file: FileHandle;
  readonly openedAt: number;
}

export interface SegmentBounds {
  /** The limit of all segments together. */
  readonly maxBytes: number;
  /** Milliseconds. */
  readonly retentionMs: number;
}

/**
 * Files of lines. Each is named by the id of its first fact, so the names are in order. Each process begins a new file: the last
 * line of the previous one may be incomplete, and stays so. Nothing is synced: a crash of the machine may lose the last seconds.
 */
export class Segments {
  readonly #options: SegmentsOptions;
  /** The closed segments, the oldest first. */
  readonly #closed: Segment[] = [];
  #open: OpenSegment | undefined;

  constructor(options: SegmentsOptions) {
    this.#options = options;
  }

  get bytes(): number {
    return this.#closed.reduce((sum, { bytes }) => sum + bytes, this.#open?.bytes ?? 0);
  }

  /** Finds the existing segments. Rejects as node:fs does if the folder cannot be read. */
  async find(): Promise<void> {
    const { folder } = this.#options;
    const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    for (const name of names.filter((each) => /^\d{16}\.jsonl$/.test(each)).toSorted()) {
      const path = join(folder, name);
      const stats = await stat(path).catch(() => undefined);
      const firstId = Number(name.slice(0, 16));
      if (stats?.isFile() !== true || firstId > maxFirstId) continue;
      this.#closed.push({ path, firstId, bytes: stats.size, lastTime: stats.mtimeMs });
    }
  }

  /** The content of the files, the newest file first. It passes over a file that cannot be read, and reports it. */
  async *read(maxBytes: number, onUnreadable: (path: string, error: unknown) => void): AsyncGenerator<SegmentContent> {
    for (const { path, firstId } of this.#closed.toReversed()) {
      try {
        yield { firstId, bytes: await readRegularFile(path, maxBytes) };
      } catch (error) {
        onUnreadable(path, error);
      }
    }
  }

  /** Writes complete lines. Rejects if they could not be written; the next try begins another file. */
  async append(pieces: readonly Buffer[], firstId: number, bounds: SegmentBounds): Promise<void> {
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    await this.#makeRoom(bytes, bounds);
    const segment = this.#open ?? (await this.#begin(firstId));
    try {
      await writeAll(segment.file, pieces);
      segment.bytes += bytes;
      segment.lastTime = this.#options.clock.now();
    } catch (error) {
      await this.#finish();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#finish();
  }

  /** Deletes segments that are too old, and then the oldest until there is room. */
  async #makeRoom(bytes: number, { maxBytes, retentionMs }: SegmentBounds): Promise<void> {
    const now = this.#options.clock.now();
    const open = this.#open;
    const isFull = open !== undefined && open.bytes + bytes > Math.min(maxSegmentBytes, maxBytes / 16);
    const isOld = open !== undefined && Math.abs(now - open.openedAt) > retentionMs / segmentsInRetention;
    if (isFull || isOld) await this.#finish();
    while (this.#closed.length > 0) {
      const [oldest] = this.#closed as [Segment];
      if (this.bytes + bytes <= maxBytes && oldest.lastTime >= now - retentionMs) return;
      await rm(oldest.path, { force: true });
      this.#closed.shift();
    }
  }

  async #begin(firstId: number): Promise<OpenSegment> {
    const { folder, clock } = this.#options;
    await makeFolder(folder);
    const path = join(folder, `${String(firstId).padStart(16, '0')}.jsonl`);
    const file = await createRegularFile(path, 0o600);
    this.#open = { path, firstId, bytes: 0, lastTime: clock.now(), file, openedAt: clock.now() };
    return this.#open;
  }

  async #finish(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    if (open === undefined) return;
    const { file, path, firstId, bytes, lastTime } = open;
    this.#closed.push({ path, firstId, bytes, lastTime });
    await file.close().catch(() => undefined);
  }
}

/** A disk that is nearly full takes a part of a write, and only refuses the next one. */
async function writeAll(file: FileHandle, pieces: readonly Buffer[]): Promise<void> {
  let rest = [...pieces];
  while (rest.length > 0) {
    let { bytesWritten: written } = await file.writev(rest);
    if (written === 0) throw new Error('nothing could be written');
    rest = rest.flatMap((piece) => {
      const taken = Math.min(written, piece.length);
      written -= taken;
      return taken === piece.length ? [] : [piece.subarray(taken)];
    });
  }
}
