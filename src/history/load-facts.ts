import type { Slices } from '../runtime/slices.ts';
import { maxFactBytes, parseFact, type Fact } from './fact.ts';
import type { Chunk, FactRing } from './fact-ring.ts';
import type { SegmentContent, Segments } from './segments.ts';

const newline = 0x0a;

export interface LoadOptions {
  readonly segments: Segments;
  readonly ring: FactRing;
  /** The limit of one file, bytes. */
  readonly maxBytes: number;
  /** Older facts are left out, milliseconds. */
  readonly oldest: number;
  readonly slices: Slices;
  /** Called with the number of skipped lines. */
  readonly onDamaged: (lines: number) => void;
  readonly onUnreadable: (path: string, error: unknown) => void;
}

/** The id of the newest fact on the disk; 0 if there is none. */
export async function newestId(segments: Segments, maxBytes: number): Promise<number> {
  let newest = 0;
  for await (const segment of segments.read(maxBytes, () => undefined)) {
    for (const line of linesOf(segment.bytes.subarray(-2 * maxFactBytes)))
      newest = Math.max(newest, factIn(segment, line)?.id ?? 0);
    if (newest > 0) break;
  }
  return newest;
}

/** Loads the facts of earlier processes, the newest first, while there is room. It skips damaged lines and reports them. */
export async function loadFacts(options: LoadOptions): Promise<void> {
  const { segments, ring, maxBytes, slices, onDamaged, onUnreadable } = options;
  let before = ring.firstId ?? Number.POSITIVE_INFINITY;
  let damaged = 0;
  for await (const segment of segments.read(maxBytes, onUnreadable)) {
    const found = await readChunk(segment, before, options);
    damaged += found.damaged;
    if (found.chunk === undefined) continue;
    if (!ring.prepend(found.chunk)) break;
    before = found.chunk.firstId;
    if (slices.isOver) await slices.yieldTurn();
  }
  if (damaged > 0) onDamaged(damaged);
}

/** The most facts that a segment may lack between two lines: they were forgotten before they could be written. */
const maxMissing = 1e9;

/**
 * The fact of a line. A line with an id that cannot be in its segment is damaged: an id far too high would hide all that follow it,
 * for ever, because the ids of the next process begin behind it.
 */
function factIn({ firstId, bytes }: SegmentContent, line: Buffer): Fact | undefined {
  const fact = parseFact(line.toString());
  return fact !== undefined && fact.id >= firstId && fact.id <= firstId + bytes.length + maxMissing ? fact : undefined;
}

interface FoundChunk {
  readonly chunk: Chunk | undefined;
  readonly damaged: number;
}

/** The good lines of a file. Ids rise: a line whose id does not is damaged. */
async function readChunk(
  segment: SegmentContent,
  before: number,
  { oldest, slices }: LoadOptions,
): Promise<FoundChunk> {
  const { bytes } = segment;
  const good: Buffer[] = [];
  let [damaged, firstId, lastId, lastTime] = [0, 0, 0, 0];
  for (const line of linesOf(bytes)) {
    if (slices.isOver) await slices.yieldTurn();
    const fact = factIn(segment, line);
    if (fact === undefined || fact.id <= lastId || fact.id >= before) {
      damaged++;
      continue;
    }
    lastId = fact.id;
    const time = Date.parse(fact.time);
    if (time < oldest) continue;
    if (good.push(line) === 1) firstId = fact.id;
    lastTime = Math.max(lastTime, time);
  }
  if (good.length === 0) return { chunk: undefined, damaged };
  const text = joined(good, bytes);
  const used = text.length;
  return { chunk: { bytes: text, used, saved: used, lines: good.length, firstId, lastId, lastTime }, damaged };
}

/** The lines, each with its line end. Usually that is the whole file: then nothing is copied. */
function joined(lines: readonly Buffer[], file: Buffer): Buffer {
  const size = lines.reduce((sum, line) => sum + line.length + 1, 0);
  if (size === file.length && file.at(-1) === newline) return file;
  const text = Buffer.allocUnsafeSlow(size);
  let at = 0;
  for (const line of lines) {
    at += line.copy(text, at);
    text[at++] = newline;
  }
  return text;
}

function* linesOf(bytes: Buffer): Iterable<Buffer> {
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(newline, at);
    if (end < 0) return void (yield bytes.subarray(at));
    if (end > at) yield bytes.subarray(at, end);
    at = end + 1;
  }
}
