import assert from 'node:assert/strict';
import { systemClock } from '../../src/runtime/clock.ts';
import { SliceSchedule } from '../../src/runtime/slices.ts';
import type { ApiClient } from '../../src/kubernetes/api/api-client.ts';
import { ApiError } from '../../src/kubernetes/api/api-error.ts';
import { ObjectMemory } from '../../src/kubernetes/kept-object.ts';
import { findKind } from '../../src/kubernetes/targets/kind-discovery.ts';
import { metadataReader } from '../../src/kubernetes/targets/target-object.ts';
import { listObjects } from '../../src/kubernetes/watch/list-objects.ts';
import { metadataOfEach } from '../../src/kubernetes/watch/reflector.ts';
import { watchStream } from '../../src/kubernetes/watch/watch-stream.ts';

/** What a case needs of a cluster, real or fake: it has the kinds of `test/support/operator-crds.ts`, and no objects of them. */
export interface ClusterServer {
  readonly client: Pick<ApiClient, 'call' | 'open'>;
  /** The same cluster for somebody who has no right at all. */
  readonly stranger: Pick<ApiClient, 'call' | 'open'>;
  create(collection: string, object: NamedObject): Promise<void>;
  delete(path: string): Promise<void>;
}

interface NamedObject {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
}

interface ClusterCase {
  readonly name: string;
  readonly check: (server: ClusterServer) => Promise<void>;
}

const never = new AbortController().signal;
const cnpg = '/apis/postgresql.cnpg.io/v1';
const clusters = `${cnpg}/namespaces/team-shop/clusters`;
const mergePatch = 'application/merge-patch+json';

export const clusterCases: readonly ClusterCase[] = [
  {
    name: 'finds a kind, and whether it has a status',
    check: async ({ client }) => {
      const found = async (apiVersion: string, kind: string): Promise<unknown> => {
        const { resource, isNamespaced, hasStatus } = (await findKind(client, { apiVersion, kind }, never)) ?? {};
        return resource === undefined ? 'missing' : [resource, isNamespaced, hasStatus];
      };
      assert.deepEqual(await found('postgresql.cnpg.io/v1', 'Cluster'), ['clusters', true, true]);
      assert.deepEqual(await found('argoproj.io/v1alpha1', 'Application'), ['applications', true, false]);
      assert.deepEqual(await found('v1', 'Node'), ['nodes', false, true]);
      assert.deepEqual(await found('apps/v1', 'Deployment'), ['deployments', true, true]);
      assert.equal(await found('apps/v1', 'Scale'), 'missing');
      assert.equal(await found('postgresql.cnpg.io/v1', 'Backup'), 'missing');
      assert.equal(await found('postgresql.cnpg.io/v9', 'Cluster'), 'missing');
      assert.equal(await found('nobody.example.org/v1', 'Thing'), 'missing');
      assert.equal(await found('a/b/c', 'Thing'), 'missing');
    },
  },
  {
    name: 'lists and watches the objects of one namespace, and of all',
    check: async (server) => {
      const labels = { app: 'orders' };
      await server.create(clusters, { metadata: { name: 'a', labels } });
      await server.create(clusters, { metadata: { name: 'b' } });
      const all = await list(server, `${cnpg}/clusters`);
      assert.deepEqual((await list(server, clusters)).names, ['a {"app":"orders"}', 'b {}']);
      assert.deepEqual(all.names, ['a {"app":"orders"}', 'b {}']);
      assert.deepEqual((await list(server, `${cnpg}/namespaces/nobody/clusters`)).names, []);
      const heard = watch(server, `${cnpg}/clusters`, all.resourceVersion, 3);
      await server.client.call({
        method: 'PATCH',
        path: `${clusters}/b`,
        contentType: mergePatch,
        body: { metadata: { labels } },
      });
      await server.delete(`${clusters}/a`);
      await server.create(clusters, { metadata: { name: 'c' } });
      assert.deepEqual(await heard, ['MODIFIED b {"app":"orders"}', 'DELETED a {"app":"orders"}', 'ADDED c {}']);
    },
  },
  {
    name: 'has no list and no watch of what it does not serve',
    check: async ({ client }) => {
      const path = `${cnpg}/namespaces/team-shop/backups`;
      await assert.rejects(client.call({ method: 'GET', path, query: { limit: 1 } }), { status: 404 });
      await assert.rejects(client.open({ method: 'GET', path, query: { watch: true } }), { status: 404 });
    },
  },
  {
    name: 'refuses a patch that names another UID, and says that by the field',
    check: async ({ client, create }) => {
      await create(clusters, { metadata: { name: 'a' } });
      const path = `${clusters}/a`;
      const uid = '11111111-2222-3333-4444-555555555555';
      const body = { metadata: { uid, annotations: { a: 'b' } } };
      await assert.rejects(client.call({ method: 'PATCH', path, contentType: mergePatch, body }), (error: ApiError) => {
        assert.deepEqual([error.status, error.message.includes('metadata.uid')], [422, true]);
        return true;
      });
      const { metadata } = await client.call<{ metadata: { uid: string; annotations?: object } }>({
        method: 'GET',
        path,
      });
      assert.equal(metadata.annotations, undefined);
      const right = { metadata: { uid: metadata.uid, annotations: { a: 'b' } } };
      await client.call({ method: 'PATCH', path, contentType: mergePatch, body: right });
    },
  },
  {
    name: 'names the right that is missing',
    check: async ({ stranger, create }) => {
      await create(clusters, { metadata: { name: 'a' } });
      const path = `${clusters}/a`;
      const missing = async (call: Promise<unknown>): Promise<unknown> => {
        const error = await call.catch((reason: unknown) => reason);
        const { verb, resource } = (error instanceof ApiError ? error.missingRight : undefined) ?? {};
        return `${verb} ${resource}`;
      };
      const patch = { method: 'PATCH', contentType: mergePatch, body: {} } as const;
      assert.deepEqual(
        [
          await missing(stranger.call({ method: 'GET', path })),
          await missing(stranger.call({ method: 'GET', path: clusters, query: { limit: 1 } })),
          await missing(stranger.open({ method: 'GET', path: `${cnpg}/clusters`, query: { watch: true } })),
          await missing(stranger.call({ ...patch, path })),
          await missing(stranger.call({ ...patch, path: `${path}/status` })),
          await missing(stranger.call({ method: 'GET', path: '/api/v1/namespaces/team-shop/pods/p' })),
        ],
        [
          'get clusters.postgresql.cnpg.io',
          'list clusters.postgresql.cnpg.io',
          'watch clusters.postgresql.cnpg.io',
          'patch clusters.postgresql.cnpg.io',
          'patch clusters/status.postgresql.cnpg.io',
          'get pods',
        ],
      );
    },
  },
];

async function list(
  { client }: ClusterServer,
  path: string,
): Promise<{ readonly names: readonly string[]; readonly resourceVersion: string }> {
  const served = { apiVersion: 'postgresql.cnpg.io/v1', kind: 'Cluster', path };
  const { objects, resourceVersion } = await listObjects({
    client,
    path,
    labelSelector: undefined,
    limit: 500,
    signal: never,
    memory: new ObjectMemory().share(),
    members: metadataReader.members,
    trim: (object) => metadataReader.read(object, served),
    onLeftOut: () => assert.fail('nothing is large'),
  });
  const names = objects.map(({ object: { request, labels } }) => `${request.name} ${JSON.stringify(labels)}`);
  return { names: names.toSorted(), resourceVersion };
}

/** The first events of a watch. */
async function watch(
  { client }: ClusterServer,
  path: string,
  resourceVersion: string,
  count: number,
): Promise<readonly string[]> {
  const heard: string[] = [];
  const query = { watch: true, resourceVersion, timeoutSeconds: 30 };
  const events = watchStream({
    client,
    clock: systemClock,
    schedule: new SliceSchedule(systemClock),
    idleMs: 30_000,
    call: { method: 'GET', path, query, accept: metadataOfEach },
    members: metadataReader.members,
    signal: never,
    onOpen: () => undefined,
  });
  for await (const { event } of events) {
    if (event.type === 'BOOKMARK') continue;
    const { name, labels = {} } = event.object.metadata;
    heard.push(`${event.type} ${name} ${JSON.stringify(labels)}`);
    if (heard.length === count) break;
  }
  return heard;
}
