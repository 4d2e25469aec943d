import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Items } from './own-answers.ts';
import { Question } from './questions.ts';
import {
  mergeAlerts,
  mergeNewest,
  mergePipelines,
  newestAlert,
  withoutVain,
  type ReplicaAnswer,
} from './replica-answers.ts';
import type { Page } from './run-reader.ts';
import type { Alert, Effect, Pipeline } from './schema.ts';

interface Item {
  readonly at: string;
  readonly id: string;
}

const timeOf = ({ at }: Item): string => at;

/** A list as a replica gives a part of it. */
function partOf(all: readonly Item[], { limit, since, until }: Page): Items<Item> {
  const times = (item: Item): number => Date.parse(item.at);
  const wanted = all.filter((item) => times(item) >= (since ?? 0) && times(item) < (until ?? Infinity));
  return { items: wanted.slice(0, limit), ...(wanted.length > limit && { next: '0' }) };
}

/** Asks others as the API would, by the texts of the question. */
function replicas(lists: Readonly<Record<string, readonly Item[]>>, missing: readonly string[] = []) {
  return {
    me: 'me',
    ask: (question: string) => {
      const page = new Question(question, ['since', 'until', 'limit'], 20_000).page(0);
      const answers = Object.entries(lists).map(([replica, all]): ReplicaAnswer => {
        const { items, next } = partOf(all, page);
        return { replica, head: next === undefined ? {} : { next }, items };
      });
      return Promise.resolve({ answers, missing });
    },
  };
}

async function pagesOf(own: readonly Item[], others: ReturnType<typeof replicas>, limit: number): Promise<string[]> {
  const found: string[] = [];
  let cursor: string | undefined;
  do {
    const url = `/x?limit=${limit}${cursor === undefined ? '' : `&cursor=${cursor}`}`;
    const list = {
      own: (page: Page) => Promise.resolve(partOf(own, page)),
      path: '/x',
      question: new URLSearchParams(),
      timeOf,
    };
    const { merged } = await mergeNewest<Item>(others, list, new Question(url, ['limit', 'cursor']).page(0));
    assert.ok(merged.items.length <= limit);
    found.push(...merged.items.map(({ id }) => id));
    cursor = merged.next;
    assert.ok(cursor === undefined || merged.items.length > 0, 'a page without items has no next one');
  } while (cursor !== undefined);
  return found;
}

/** Few times, so that many items share one. */
const list = (name: string): fc.Arbitrary<readonly Item[]> =>
  fc
    .array(fc.integer({ min: 1, max: 6 }), { maxLength: 12 })
    .map((times) =>
      times.toSorted((a, b) => b - a).map((ms, index) => ({ at: new Date(ms).toISOString(), id: `${name}${index}` })),
    );

describe('a list of several replicas', () => {
  it('has each item of each replica once, the newest first, in pages of any length', async () => {
    await fc.assert(
      fc.asyncProperty(list('me'), list('a'), list('b'), fc.integer({ min: 1, max: 7 }), async (me, a, b, limit) => {
        const found = await pagesOf(me, replicas({ a, b }), limit);
        const all = [...me, ...a, ...b];
        assert.deepEqual(found.toSorted(), all.map(({ id }) => id).toSorted());
        const times = found.map((id) => all.find((item) => item.id === id)!.at);
        assert.deepEqual(times, times.toSorted().toReversed());
      }),
    );
  });

  it('begin behind no cursor that is none', () => {
    const page = (cursor: string): Page => new Question(`/x?cursor=${cursor}`, ['cursor']).page(0);
    assert.deepEqual(page('12-3').after, { at: 12, skip: 3 });
    for (const cursor of ['1-', '-1', '1-2-3', '1-10001', '8640000000000000-1', '9999999999999999-1', 'x'])
      assert.throws(() => page(cursor), /^Refusal: cursor is .*allowed: what "next" of the page before was$/);
  });

  it('names the replica of each item, and those that are missing', async () => {
    const at = '2026-01-01T00:00:00.000Z';
    const others = replicas({ other: [{ at, id: 'theirs' }] }, ['gone']);
    const own = (): Promise<Items<Item>> => Promise.resolve({ items: [{ at, id: 'mine' }] });
    const asked = { own, path: '/x', question: new URLSearchParams(), timeOf };
    const { merged } = await mergeNewest<Item>(others, asked, { limit: 10 });
    assert.deepEqual(merged, {
      items: [
        { at, id: 'mine', replica: 'me' },
        { at, id: 'theirs', replica: 'other' },
      ],
      next: undefined,
      missing_replicas: ['gone'],
    });
  });

  it('is the own one as it is where there are no others', async () => {
    const mine = { items: [{ at: '2026-01-01T00:00:00.000Z', id: 'mine' }], next: '7' };
    const asked = { own: () => Promise.resolve(mine), path: '/x', question: new URLSearchParams(), timeOf };
    const alone = { me: 'me', ask: () => Promise.resolve(undefined) };
    for (const others of [undefined, alone])
      assert.equal((await mergeNewest<Item>(others, asked, { limit: 10 })).merged, mine);
    const after = { at: 1, skip: 1 };
    await assert.rejects(mergeNewest<Item>(undefined, asked, { limit: 10, after }), /begin with the first page$/);
  });
});

describe('the alerts of several replicas', () => {
  const alert = (fingerprint: string, updated_at?: string): Alert => ({
    fingerprint,
    alertname: 'A',
    labels: {},
    ...(updated_at !== undefined && { updated_at }),
  });

  it('are in the order of their fingerprints, each as the replica has it that heard last', () => {
    const own = { items: [alert('b', '2026-01-01T00:00:01.000Z'), alert('d')] };
    const theirs = [alert('a'), alert('b', '2026-01-01T00:00:02.000Z'), alert('d', '2026-01-01T00:00:00.000Z')];
    const found = { answers: [{ replica: 'x', head: {}, items: theirs }], missing: [] };
    const { items, next } = mergeAlerts(own, found, 2);
    assert.deepEqual(items, [theirs[0], theirs[1]]);
    assert.equal(next, 'b');
    assert.deepEqual(mergeAlerts(own, found, 3).items[2], theirs[2]);
  });

  it('have no effect that says that one replica was not told, if another one was', () => {
    const at = '2026-01-01T00:00:00.000Z';
    const vain: Effect = { at, verdict: 'not_received', runs: [] };
    const woke: Effect = { at, verdict: 'woke', runs: ['1'] };
    assert.deepEqual(withoutVain({ items: [vain, woke, vain] }).items, [woke]);
    assert.deepEqual(withoutVain({ items: [vain, vain] }).items, [vain]);
    assert.equal(newestAlert([undefined]), undefined);
  });
});

describe('the pipelines of several replicas', () => {
  it('have the last run of the replica that looked last, and what fires there', () => {
    const pipeline = (run: string | undefined, firing: readonly string[]): Pipeline =>
      ({
        kind: 'TracePipeline',
        name: 'a',
        firing: firing.map((alertname) => ({ alertname, labels: {} })),
        paused_by: [],
        ...(run !== undefined && { last_run: { id: run, at: run } }),
      }) as unknown as Pipeline;
    const own = { items: [pipeline(undefined, [])], next: 'x' };
    const of = (replica: string, item: Pipeline): ReplicaAnswer => ({ replica, head: {}, items: [item] });
    const answers = [of('old', pipeline('2026-01-01', [])), of('leader', pipeline('2026-01-02', ['A']))];
    const { items, next } = mergePipelines(own, { answers, missing: [] }, 'me', ({ name }) => name);
    assert.deepEqual(items[0]!.last_run, { id: '2026-01-02', at: '2026-01-02', replica: 'leader' });
    assert.deepEqual(items[0]!.firing, [{ alertname: 'A', labels: {} }]);
    assert.equal(next, 'x');
  });
});
