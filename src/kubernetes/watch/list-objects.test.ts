import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { clientOf, startFakeApiServer, type SeenRequest } from '../api/api-server.fixture.ts';
import { listObjects, type ListedObjects } from './list-objects.ts';
import { objectMembers, ObjectMemory } from '../kept-object.ts';

interface Listed extends ListedObjects<string> {
  /** `NAME REASON` of each object left out. */
  readonly leftOut: readonly string[];
  /** The limit of each request. */
  readonly limits: readonly number[];
}

type Answer = (request: { readonly limit: number; readonly next: string | null }) => string;

async function list(
  t: TestContext,
  answer: Answer,
  options: { limit?: number; maxBytes?: number } = {},
): Promise<Listed> {
  const queryOf = ({ url }: SeenRequest): URLSearchParams => new URL(url, 'http://api').searchParams;
  const server = await startFakeApiServer(t, (request, response) => {
    const query = queryOf(request);
    response.end(answer({ limit: Number(query.get('limit')), next: query.get('continue') }));
  });
  const leftOut: string[] = [];
  const listed = await listObjects({
    client: clientOf(t, server),
    path: '/widgets',
    labelSelector: undefined,
    limit: options.limit ?? 500,
    signal: new AbortController().signal,
    memory: new ObjectMemory(options.maxBytes).share(),
    members: objectMembers,
    trim: ({ metadata }) => metadata.name,
    onLeftOut: ({ metadata }, reason) => leftOut.push(`${metadata.name} ${reason}`),
  });
  return { ...listed, leftOut, limits: server.seen.map((request) => Number(queryOf(request).get('limit'))) };
}

function names({ objects }: ListedObjects<string>): readonly string[] {
  return objects.map(({ object }) => object);
}

const metadata = { resourceVersion: '7' };

function pageOf(items: readonly object[]): string {
  return JSON.stringify({ metadata, items });
}

describe('listObjects', () => {
  it('makes nothing of members that nobody needs, however long they are', async (t) => {
    const empties = `${'[],'.repeat(4_000_000)}[]`;
    const text = `{"other":[${empties}],"metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"a"}}]}`;
    const listed = await list(t, () => text);
    assert.deepEqual([names(listed), listed.limits], [['a'], [500]]);
  });

  it('asks for as few objects as came when a page becomes too large, and takes none twice', async (t) => {
    // Each object has 1 MiB that nobody needs, so that some 15 fit into a page.
    const secret = 'x'.repeat(1024 * 1024);
    const all = Array.from({ length: 40 }, (_, index) => ({ metadata: { name: `w${index}` }, spec: { secret } }));
    const listed = await list(t, ({ limit, next }) => {
      const [from, to] = [Number(next ?? 0), Number(next ?? 0) + limit];
      const more = to < all.length ? { ...metadata, continue: String(to) } : metadata;
      return JSON.stringify({ metadata: more, items: all.slice(from, to) });
    });
    assert.deepEqual(
      names(listed),
      all.map((object) => object.metadata.name),
    );
    assert.deepEqual([listed.limits, listed.pages, listed.leftOut], [[500, 15, 15, 15], 3, []]);
  });

  it('leaves out, and names, an object of which more is needed than may be kept', async (t) => {
    const conditions = Array.from({ length: 3000 }, () => ({ type: 'A', status: 'True' }));
    const [large, small] = [{ metadata: { name: 'large' }, status: { conditions } }, { metadata: { name: 'small' } }];
    const listed = await list(t, () => pageOf([large, small]));
    assert.deepEqual([names(listed), listed.leftOut], [['small'], ['large object_too_large']]);
  });

  it('leaves out, and names, those that no longer fit into the memory for all', async (t) => {
    const listed = await list(t, () => pageOf(['a', 'b', 'c'].map((name) => ({ metadata: { name } }))), {
      maxBytes: 3000,
    });
    assert.deepEqual([names(listed), listed.leftOut], [['a', 'b'], ['c memory_full']]);
  });

  it('rejects what is not a list, and objects without a name', async (t) => {
    const wrong = [
      'null',
      '{}',
      '[]',
      '{"metadata":{"resourceVersion":"7"},"items":{}}',
      pageOf([{ metadata: {} }]),
      pageOf([7 as never]),
    ];
    for (const text of wrong)
      await assert.rejects(
        list(t, () => text),
        { reason: 'NotJson' },
        text,
      );
    assert.deepEqual(names(await list(t, () => '{"metadata":{"resourceVersion":"7"},"items":null}')), []);
  });
});
