import { Refusal } from '../server/request/answer.ts';
import type { Items } from './own-answers.ts';
import { mostSkipped } from './questions.ts';
import type { Page } from './run-reader.ts';
import type { Alert, Effect, Pipeline, Run } from './schema.ts';

/** What one replica answered. */
export interface ReplicaAnswer {
  readonly replica: string;
  /** All but its items. */
  readonly head: Readonly<Record<string, unknown>>;
  readonly items: readonly object[];
}

export interface ReplicaAnswers {
  readonly answers: readonly ReplicaAnswer[];
  /** The names of the replicas that did not answer in time. */
  readonly missing: readonly string[];
}

/** The other replicas, each of which knows what it received and what it ran. */
export interface AskedReplicas {
  /** The name of this one. */
  readonly me: string;
  /** Asks all others at once, within half a second; undefined if there are none. Never rejects. @param question a path with its query */
  ask(question: string): Promise<ReplicaAnswers | undefined>;
}

/** A list of all replicas. */
export interface MergedItems<T> extends Items<T> {
  readonly missing_replicas?: readonly string[];
}

/** Part of a list of one replica; of the effects of an alert, with the alert. */
export type Own<T> = Items<T> & { readonly alert?: Alert | undefined };

/** How a list with the newest first is asked of one replica. */
export interface NewestFirst<T> {
  readonly own: (page: Page) => Promise<Own<T>>;
  /** The path, with its query but for the page. */
  readonly question: URLSearchParams;
  readonly path: string;
  readonly timeOf: (item: T) => string;
}

/** An item with the replica that gave it. */
type Given<T> = T & { readonly replica: string };

/**
 * A list of all replicas, the newest first. What is of the same millisecond is in the order of the replicas' names, so that a page
 * can begin behind a number of such items. Alone, it is the list of this replica as it is.
 */
export async function mergeNewest<T extends object>(
  others: AskedReplicas | undefined,
  { own, question, path, timeOf }: NewestFirst<T>,
  page: Page,
): Promise<{ readonly merged: MergedItems<T>; readonly own: Own<T>; readonly answers: readonly ReplicaAnswer[] }> {
  const { after, ...asked } = page;
  if (others === undefined && after !== undefined)
    throw new Refusal(
      400,
      'the cursor is of a list of several replicas, and here is one alone: begin with the first page',
    );
  // A cursor of this replica alone: the list began while there were no others.
  if (others === undefined || page.before !== undefined) {
    const mine = await own(page);
    return { merged: mine, own: mine, answers: [] };
  }
  const skipped = after?.skip ?? 0;
  const wanted = { ...asked, limit: page.limit + skipped, until: after === undefined ? page.until : after.at + 1 };
  const [mine, found] = await Promise.all([own(wanted), others.ask(`${path}?${pageQuery(question, wanted)}`)]);
  if (found === undefined && after === undefined) return { merged: mine, own: mine, answers: [] };
  const { answers, missing } = found ?? { answers: [], missing: [] };
  const all = [{ replica: others.me, items: mine.items, next: mine.next }, ...answers.map(listOf<T>)];
  const sorted = newestFirst(all.flatMap(given), timeOf).slice(skipped);
  const items = sorted.slice(0, page.limit);
  const isMore = sorted.length > page.limit || all.some(({ next }) => next !== undefined);
  const next = isMore && items.length > 0 ? cursorAfter(items, timeOf, after) : undefined;
  return { merged: { items, next, ...missingReplicas(missing) }, own: mine, answers };
}

/** The effects of an alert on all replicas. That one was not told of it is no news if another one was. */
export function withoutVain(effects: MergedItems<Effect>): MergedItems<Effect> {
  const told = effects.items.filter(({ verdict }) => verdict !== 'not_received');
  return { ...effects, items: told.length > 0 ? told : effects.items.slice(0, 1) };
}

/** An alert as the replica has it that heard of it last. */
export function newestAlert(alerts: readonly (Alert | undefined)[]): Alert | undefined {
  const known = alerts.filter((alert) => alert !== undefined);
  return known.toSorted((a, b) => ((a.updated_at ?? '') < (b.updated_at ?? '') ? 1 : -1))[0];
}

/** The alerts in the order of their fingerprints, each once. */
export function mergeAlerts(
  own: Items<Alert>,
  { answers, missing }: ReplicaAnswers,
  limit: number,
): MergedItems<Alert> {
  const lists = [own, ...answers.map(listOf<Alert>)];
  const alerts = lists.flatMap(({ items }) => items);
  const byKey = Map.groupBy(alerts, ({ fingerprint = '' }) => fingerprint);
  const keys = [...byKey.keys()].toSorted();
  const items = keys.slice(0, limit).map((key) => newestAlert(byKey.get(key)!)!);
  const isMore = keys.length > limit || lists.some(({ next }) => next !== undefined);
  return { items, ...(isMore && { next: keys[items.length - 1] }), ...missingReplicas(missing) };
}

/** The pipelines of this replica, each with what the replica says that looked at it last: the others only wait. */
export function mergePipelines(
  own: Items<Pipeline>,
  { answers, missing }: ReplicaAnswers,
  me: string,
  keyOf: (pipeline: Pipeline) => string,
): MergedItems<Pipeline> {
  const lists = [{ replica: me, items: own.items, next: own.next }, ...answers.map(listOf<Pipeline>)];
  const byKey = Map.groupBy(
    lists.flatMap(({ replica, items }) => items.map((item) => withReplica(item, replica))),
    keyOf,
  );
  const items = own.items.map((item) => {
    const last = byKey.get(keyOf(item))!.toSorted((a, b) => compare(lastRun(b), lastRun(a)))[0]!;
    return { ...item, firing: last.firing, next_look: last.next_look, last_run: last.last_run };
  });
  return { ...own, items, ...missingReplicas(missing) };
}

function lastRun({ last_run: run }: Pipeline): string {
  return run?.at ?? '';
}

function withReplica(pipeline: Pipeline, replica: string): Pipeline {
  const { last_run: run } = pipeline;
  return run === undefined ? pipeline : { ...pipeline, last_run: { ...run, replica } satisfies Run };
}

function listOf<T>({ replica, head, items }: ReplicaAnswer): Items<T> & { readonly replica: string } {
  const next = typeof head['next'] === 'string' ? head['next'] : undefined;
  return { replica, items: items as readonly T[], next };
}

function given<T extends object>({ replica, items }: Items<T> & { readonly replica: string }): readonly Given<T>[] {
  return items.map((item) => ({ ...item, replica }));
}

function newestFirst<T>(items: readonly Given<T>[], timeOf: (item: T) => string): readonly Given<T>[] {
  return items.toSorted((a, b) => compare(timeOf(b), timeOf(a)) || compare(a.replica, b.replica));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function cursorAfter<T>(items: readonly T[], timeOf: (item: T) => string, before: Page['after']): string | undefined {
  const at = timeOf(items.at(-1)!);
  const own = items.filter((item) => timeOf(item) === at).length;
  const ms = Date.parse(at);
  const skip = own + (before?.at === ms ? before.skip : 0);
  return skip > mostSkipped ? undefined : `${ms}-${skip}`;
}

function pageQuery(question: URLSearchParams, { limit, since, until }: Page): string {
  const query = new URLSearchParams(question);
  query.set('limit', String(limit));
  if (since !== undefined) query.set('since', new Date(since).toISOString());
  if (until !== undefined) query.set('until', new Date(until).toISOString());
  return query.toString();
}

function missingReplicas(missing: readonly string[]): { readonly missing_replicas?: readonly string[] } {
  return missing.length === 0 ? {} : { missing_replicas: missing };
}
