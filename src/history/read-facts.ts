import type { Slices } from '../runtime/slices.ts';
import { parseFact, type Fact } from './fact.ts';
import { linesWith, type Chunk } from './fact-ring.ts';

/** Selects facts; a field that is left out does not restrict them. */
export interface FactQuery {
  /** Texts that the line has to contain, as JSON: a fast first check, after which the caller checks exactly. */
  readonly needles?: readonly string[];
  /** Another quick look, at the whole line. */
  readonly accepts?: (line: string) => boolean;
  /** Only facts with a lower id. */
  readonly before?: number | undefined;
  /** Only facts with a higher id. */
  readonly after?: number | undefined;
  /** Called when facts were forgotten before they could be read, with the first and the last of their ids. */
  readonly onForgotten?: (firstId: number, lastId: number) => void;
}

interface ReadOptions {
  readonly newestFirst: boolean;
  /** Older facts are left out, milliseconds: chunks are dropped as a whole, later. */
  readonly oldest: number;
  readonly slices: Slices;
}

/** The facts in the chunks at this moment, in slices. */
export async function* readFacts(
  chunks: readonly Chunk[],
  query: FactQuery,
  options: ReadOptions,
): AsyncGenerator<Fact> {
  const { needles = [], onForgotten } = query;
  const { newestFirst, slices } = options;
  const wanted = needles.map((needle) => Buffer.from(needle));
  // New facts wake all readers of them in the same turn of the event loop: together they must not take a slice each.
  await slices.yieldTurn();
  for (const chunk of newestFirst ? chunks.toReversed() : chunks.slice()) {
    if (!isBetween(chunk, query)) continue;
    let seen = 0;
    for (const line of linesWith(chunk, wanted, newestFirst)) {
      if (slices.isOver) await slices.yieldTurn();
      const fact = factOf(line, query, options);
      if (fact === undefined) continue;
      seen = fact.id;
      if (isBetween({ firstId: seen, lastId: seen }, query)) yield fact;
    }
    if (chunk.used === 0 && seen < chunk.lastId) onForgotten?.(Math.max(chunk.firstId, seen + 1), chunk.lastId);
    if (slices.isOver) await slices.yieldTurn();
  }
}

/** True if there are ids between the bounds of the query. */
function isBetween(
  { firstId, lastId }: Pick<Chunk, 'firstId' | 'lastId'>,
  { before = Number.POSITIVE_INFINITY, after = 0 }: FactQuery,
): boolean {
  return lastId > after && firstId < before;
}

function factOf(line: string, { accepts }: FactQuery, { oldest }: ReadOptions): Fact | undefined {
  const fact = accepts?.(line) === false ? undefined : parseFact(line);
  return fact === undefined || Date.parse(fact.time) < oldest ? undefined : fact;
}
