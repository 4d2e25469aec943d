import type { Pipeline } from '../../explain/schema.ts';
import { showPipeline } from '../../explain/words.ts';
import type { Link, StateFilter } from './link.ts';
import type { Matching } from './state.ts';

/** How a pipeline is, the worst first. */
export const healths = ['unhealthy', 'unknown', 'none', 'healthy'] as const;
export type Health = (typeof healths)[number];

export const healthWords: Readonly<Record<Health, string>> = {
  unhealthy: 'Unhealthy',
  unknown: 'Unknown',
  none: 'No condition yet',
  healthy: 'Healthy',
};

const byStatus = { True: 'healthy', False: 'unhealthy', Unknown: 'unknown' } as const;

export function healthOf({ condition }: Pick<Pipeline, 'condition'>): Health {
  return condition === undefined ? 'none' : byStatus[condition.status];
}

/** Those that the filters choose: the worst first, of those the one that changed last. */
export function chosenPipelines(
  pipelines: readonly Pipeline[],
  link: Pick<Link, 'kind' | 'name' | 'state' | 'alert'>,
  matching: Matching | undefined,
): readonly Pipeline[] {
  const name = link.name.toLowerCase();
  const chosen = pipelines.filter(
    (pipeline) =>
      (link.kind === '' || pipeline.kind === link.kind) &&
      (name === '' || showPipeline(pipeline).toLowerCase().includes(name)) &&
      isIn(pipeline, link.state) &&
      (link.alert === '' || concerns(pipeline, matching)),
  );
  return chosen
    .map((pipeline) => ({ pipeline, key: sortKey(pipeline) }))
    .toSorted((a, b) => compareKeys(a.key, b.key))
    .map(({ pipeline }) => pipeline);
}

type SortKey = readonly [health: number, since: string, name: string];

function sortKey(pipeline: Pipeline): SortKey {
  const health = healthOf(pipeline);
  const since = health === 'healthy' ? '' : (pipeline.condition?.since ?? '');
  return [healths.indexOf(health), since, showPipeline(pipeline)];
}

function compareKeys([health, since, name]: SortKey, [otherHealth, otherSince, otherName]: SortKey): number {
  if (health !== otherHealth) return health - otherHealth;
  if (since !== otherSince) return since > otherSince ? -1 : 1;
  return name < otherName ? -1 : 1;
}

function isIn(pipeline: Pipeline, state: StateFilter): boolean {
  if (state === '') return true;
  return state === 'paused' ? pipeline.paused_by.length > 0 : healthOf(pipeline) === state;
}

/** True if an alert that matches fires for it, or was a cause of its last run. */
function concerns({ firing, last_run: run }: Pipeline, matching: Matching | undefined): boolean {
  const alerts = [...firing, ...(run?.causes ?? []), ...(run?.decided_by ?? [])];
  return alerts.some(({ fingerprint }) => fingerprint !== undefined && matching?.alerts.has(fingerprint) === true);
}

/** `others`: objects that are no pipelines, whose conditions triggers keep. */
export type Counts = Readonly<Record<Health | 'all' | 'others' | 'paused', number>>;

export function countPipelines(pipelines: readonly Pipeline[]): Counts {
  const counts = { all: pipelines.length, others: 0, paused: 0, unhealthy: 0, unknown: 0, none: 0, healthy: 0 };
  for (const pipeline of pipelines) {
    counts[healthOf(pipeline)]++;
    if (pipeline.group !== undefined) counts.others++;
    if (pipeline.paused_by.length > 0) counts.paused++;
  }
  return counts;
}

/** What a person wants to know first. */
export function headline({ all, others, unhealthy, unknown, none }: Counts): string {
  const word = others > 0 ? 'object' : 'pipeline';
  if (all === 0) return 'There are no pipelines';
  const bad = [
    ...(unhealthy > 0 ? [`${number(unhealthy)} unhealthy`] : []),
    ...(unknown > 0 ? [`${number(unknown)} unknown`] : []),
    ...(none > 0 ? [`${number(none)} without a condition yet`] : []),
  ];
  const of = `of ${number(all)} ${all === 1 ? word : `${word}s`}`;
  if (bad.length === 1) return bad[0]!.replace(' ', ` ${of} `);
  if (bad.length > 1) return `${bad.join(', ')}, ${of}`;
  return all === 1 ? `The ${word} is healthy` : `All ${number(all)} ${word}s are healthy`;
}

function number(count: number): string {
  return count.toLocaleString('en');
}

export function kindsOf(pipelines: readonly Pipeline[]): readonly string[] {
  return [...new Set(pipelines.map(({ kind }) => kind))].toSorted();
}
