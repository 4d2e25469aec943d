import type { Run } from '../../explain/schema.ts';
import { pipelineOfKey, pipelinePath } from '../../explain/words.ts';
import { ownApi, pathOf, type Api } from './api-port.ts';

interface Runs {
  readonly items: readonly Run[];
  readonly next?: string;
}

/** How many runs of a pipeline are searched for one, the newest first. */
const pageSize = 100;
const maxPages = 10;
/** A run is told of when it ends, so it began before that; milliseconds. */
const longestRunMs = 120_000;

export function runsPath(pipeline: string, query: Parameters<typeof pathOf>[1]): string {
  return pathOf(`${ownApi}${pipelinePath(pipelineOfKey(pipeline))}`, query);
}

/** @param endedAt when a fact told of its end, if one did; milliseconds since the epoch */
export async function findRun(
  api: Api,
  pipeline: string,
  id: string,
  endedAt: number | undefined,
): Promise<Run | undefined> {
  const until = endedAt === undefined ? undefined : new Date(endedAt + longestRunMs).toISOString();
  let cursor: string | undefined;
  for (let page = 0; page < maxPages; page++) {
    const query = { limit: page === 0 ? 20 : pageSize, until, cursor };
    const { items, next } = await api.get<Runs>(runsPath(pipeline, query));
    const found = items.find((run) => run.id === id);
    if (found !== undefined || next === undefined) return found;
    cursor = next;
  }
  return undefined;
}
