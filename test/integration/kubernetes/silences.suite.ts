import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { isDeepStrictEqual, promisify } from 'node:util';
import type { CreateClusterSilences } from '../../../src/app/stored-silences.ts';
import { createClusterSilences } from '../../../src/kubernetes/replica/cluster-silences.ts';
import { eventually } from '../../../src/runtime/eventually.fixture.ts';
import { temporaryFolder } from '../../../src/runtime/temporary-folder.fixture.ts';
import { assertAsAlertmanager } from '../../contract/silences.check.ts';
import { startTocsinApp } from '../../contract/tocsin-app.ts';
import { skipWithoutKube } from '../../support/kube-api-server.ts';
import { tryKubectl } from '../../support/kubectl.ts';
import type { LogLines } from '../../support/log-lines.ts';
import { requireServer, skipWithout } from '../../support/servers.ts';
import { kubeconfigWith } from '../../support/service-account.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';
import { startTocsin, type TocsinProcess } from '../../support/tocsin-process.ts';

const run = promisify(execFile);
const lease = 'namespace: tocsin, name: silences, duration: 3s, renew_deadline: 2s, retry_period: 1s';
const oneProcess = `receiver: {silence_storage: kubernetes}
replicas: {lease: {${lease}}}
`;
const config = `replicas: {enabled: true, lease: {${lease}}}
`;
const leases = {
  kind: 'Role',
  apiVersion: 'rbac.authorization.k8s.io/v1',
  metadata: { name: 'silencer-leases', namespace: 'tocsin' },
  rules: [{ apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['*'] }],
};
const leasesBinding = {
  kind: 'RoleBinding',
  apiVersion: 'rbac.authorization.k8s.io/v1',
  metadata: leases.metadata,
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'silencer-leases' },
  subjects: [{ kind: 'ServiceAccount', name: 'silencer', namespace: 'default' }],
};
const rights = ['base/cluster-role-reader.yaml', 'components/silences/role-silences.yaml'];
const hour = 3_600_000;

interface Listed {
  readonly id: string;
  readonly comment: string;
  readonly updatedAt: string;
  readonly status: { readonly state: string };
}

describe('silences of several replicas, on a real API server', { skip: skipWithoutKube() }, () => {
  const server = useSharedKubeApiServer();
  let kubeconfig: string;
  let replicas: TocsinProcess[];

  const start = (): Promise<TocsinProcess> => startTocsin({ config, args: [`--kubeconfig=${kubeconfig}`] });
  const stateOf = (name: string): Promise<string> =>
    server().kubectl(['get', 'silence', name, '--namespace=tocsin', '--output=jsonpath={.status.state}']);
  const clear = (): Promise<string> =>
    server().kubectl(['delete', 'silences', '--all', '--namespace=tocsin', '--wait=false']);

  before(async () => {
    await server().apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'tocsin' } });
    await server().kubectl(['apply', '--server-side', '-k', 'k8s/crds/silences']);
    await server().kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
    kubeconfig = await kubeconfigWith(server(), 'silencer', rights);
    await server().apply(leases, leasesBinding);
    replicas = await Promise.all([start(), start(), start()]);
  });

  after(async () => {
    await Promise.all(replicas.map((replica) => replica.stop()));
    await clear();
  });

  it('are made on one, seen on all, ended on another, and survive whoever made them', async () => {
    const [first, second, third] = replicas as [TocsinProcess, TocsinProcess, TocsinProcess];
    const id = await post(first.url, { comment: 'window' });
    const shown = await Promise.all(replicas.map(({ url }) => until(url, id, 'active')));
    assert.deepEqual(shown[1], shown[0]);
    assert.deepEqual(shown[2], shown[0]);
    assert.equal((await fetch(`${third.url}/api/v2/silence/${id}`, { method: 'DELETE' })).status, 200);
    await Promise.all(replicas.map(({ url }) => until(url, id, 'expired')));
    const told = (log: LogLines): readonly string[] =>
      log.all.filter(({ silence }) => silence === id).map(({ event }) => event);
    for (const { log } of replicas)
      await eventually(
        () => told(log),
        (events) => isDeepStrictEqual(events, ['silence.started', 'silence.ended']),
      );
    await eventually(
      () => stateOf(id),
      (state) => state === 'Expired',
    );

    const last = await post(second.url, { comment: 'last words' });
    second.child.kill('SIGKILL');
    await Promise.all([first, third].map(({ url }) => until(url, last, 'active')));
    await second.stop();
    replicas[1] = await start();
    assert.equal((await until(replicas[1].url, last, 'active')).comment, 'last words');
    // Whoever leads now tells it.
    await fetch(`${first.url}/api/v2/silence/${last}`, { method: 'DELETE' });
    await eventually(
      () => stateOf(last),
      (state) => state === 'Expired',
    );
  });

  it('are changed by two replicas at the same time, and the same on all in the end', async () => {
    const urls = replicas.map(({ url }) => url);
    const ids = await Promise.all(urls.map((url) => post(url, { comment: 'first' })));
    await Promise.all(ids.flatMap((id) => urls.map((url) => until(url, id, 'active'))));
    const startsAt = await Promise.all(ids.map(async (id) => (await read(urls[0]!, id)).startsAt));
    const changes = ids.flatMap((id, index) =>
      urls.map((url, who) => send(url, { id, startsAt: startsAt[index], comment: `of ${who}` })),
    );
    const answers = await Promise.all(changes);
    assert.deepEqual([...new Set(answers.map(({ status }) => status))], [200]);
    await eventually(
      async () => {
        const lists = await Promise.all(
          urls.map(async (url) => JSON.stringify((await list(url)).toSorted((a, b) => (a.id < b.id ? -1 : 1)))),
        );
        return new Set(lists).size;
      },
      (different) => different === 1,
    );
  });

  it(
    'are written by kubectl, as docs/silences.md has it, and ended by amtool',
    { skip: skipWithout('amtool') },
    async () => {
      const page = await readFile(new URL('../../../docs/silences.md', import.meta.url), 'utf8');
      const written = /```yaml\n(# silence\.yaml\n[^]*?)```/.exec(page)![1]!;
      // It is to come, whenever this test runs.
      const input = written.replaceAll(/\b20\d\d-(?=12-24T)/g, `${new Date().getFullYear() + 1}-`);
      await server().kubectl(['apply', '-f', '-'], { input });
      const { metadata } = (await server().get('silence', 'shop-migration', '--namespace=tocsin')) as {
        metadata: { uid: string };
      };
      const urls = replicas.map(({ url }) => url);
      await Promise.all(urls.map((url) => until(url, metadata.uid, 'pending')));
      await eventually(
        () => stateOf('shop-migration'),
        (state) => state === 'Pending',
      );
      await run(requireServer('amtool'), [`--alertmanager.url=${urls[0]}`, 'silence', 'expire', metadata.uid]);
      await Promise.all(urls.map((url) => until(url, metadata.uid, 'expired')));
      await eventually(
        () => stateOf('shop-migration'),
        (state) => state === 'Expired',
      );
      await server().kubectl(['delete', 'silence', 'shop-migration', '--namespace=tocsin']);
      await eventually(
        async () => (await fetch(`${urls[1]}/api/v2/silence/${metadata.uid}`)).status,
        (status) => status === 404,
      );
    },
  );

  it('are refused by the definition, or told in their status, if they are bad', async () => {
    const silence = (spec: object): string =>
      JSON.stringify({
        apiVersion: 'tocsin.dev/v1alpha1',
        kind: 'Silence',
        metadata: { name: 'bad', namespace: 'tocsin' },
        spec: { matchers: ['job="node"'], endsAt: '2990-01-01T00:00:00Z', createdBy: 'ann', comment: 'c', ...spec },
      });
    const apply = (spec: object): ReturnType<typeof tryKubectl> =>
      tryKubectl(['apply', '-f', '-'], { kubeconfig: server().kubeconfig, input: silence(spec) });
    assert.match(
      (await apply({ startsAt: '2991-01-01T00:00:00Z' })).stderr,
      /spec.endsAt: .*a silence cannot end before it starts/,
    );
    assert.match((await apply({ endsAt: 'tomorrow' })).stderr, /must be of type date-time/);
    assert.match((await apply({ matchers: [] })).stderr, /should have at least 1 items/);
    assert.equal((await apply({ matchers: ['job=~"("'] })).code, 0);
    await eventually(
      () => stateOf('bad'),
      (state) => state === 'Invalid',
    );
    const table = await server().kubectl(['get', 'silences', '--namespace=tocsin', '--output=wide']);
    assert.match(table, /^NAME +STATE +MATCHERS +ENDS +BY +AGE +STARTS +ID +COMMENT +MESSAGE/);
    assert.match(table, /^bad +Invalid .*error parsing regexp/m);
    await server().kubectl(['delete', 'silence', 'bad', '--namespace=tocsin']);
  });

  describe('in one process', () => {
    const createSilences: CreateClusterSilences = (context) =>
      createClusterSilences({ ...context, access: { kubeconfigs: [kubeconfig] } });

    it('are as those of Alertmanager, request by request', { skip: skipWithout('alertmanager') }, async (t) => {
      await emptied(t);
      const tocsin = await startTocsinApp(oneProcess, undefined, createSilences);
      try {
        await assertAsAlertmanager(t, tocsin.url, true);
      } finally {
        await tocsin.stop();
      }
    });

    it('are those of the file at the first start, once', async (t) => {
      await emptied(t);
      const folder = await temporaryFolder(t, 'tocsin-import');
      const old = await startTocsinApp('', folder);
      const [kept, ended] = [await post(old.url, { comment: 'kept' }), await post(old.url, { comment: 'ended' })];
      await fetch(`${old.url}/api/v2/silence/${ended}`, { method: 'DELETE' });
      await old.stop();

      const first = await startTocsinApp(oneProcess, folder, createSilences);
      await until(first.url, kept, 'active');
      assert.deepEqual(first.logger.valuesOf('silences.imported', 'imported', 'already_there', 'ended'), [[1, 0, 1]]);
      assert.ok((await stat(join(folder, 'silences.log.imported'))).isFile());
      await server().kubectl(['delete', 'silence', kept, '--namespace=tocsin']);
      await first.stop();

      const second = await startTocsinApp(oneProcess, folder, createSilences);
      assert.deepEqual(await list(second.url), []);
      assert.deepEqual(second.logger.linesOf('silences.imported'), []);
      await second.stop();
    });

    it('of one tenant are not those of another one, nor those of nobody', async (t) => {
      await emptied(t);
      const tenants = `${oneProcess}tenants: {by: path, list: [{name: shop}, {name: "bank!"}]}\n`;
      const tocsin = await startTocsinApp(tenants, undefined, createSilences);
      const [shop, bank] = [`${tocsin.url}/shop`, `${tocsin.url}/bank!`];
      try {
        await eventually(() => list(bank), Array.isArray);
        await eventually(() => list(shop), Array.isArray);
        const ids = [await post(shop, { comment: 'of shop' }), await post(bank, { comment: 'of bank' })];
        assert.deepEqual(
          (await list(shop)).map(({ id }) => id),
          [ids[0]],
        );
        assert.deepEqual(
          (await list(bank)).map(({ id }) => id),
          [ids[1]],
        );
        const labels = await server().kubectl([
          'get',
          'silences',
          '-n',
          'tocsin',
          '-L',
          'tocsin.dev/tenant',
          '--no-headers',
        ]);
        assert.match(labels, / shop$/m);
        assert.match(labels, / sha256-[0-9a-f]{40}$/m);
        assert.deepEqual(await list(replicas[0]!.url), []);
      } finally {
        await tocsin.stop();
      }
    });

    /** The replicas beside it see none of it afterwards. */
    async function emptied(t: TestContext): Promise<void> {
      await clear();
      t.after(clear);
    }
  });
});

function send(url: string, given: object): Promise<Response> {
  const now = Date.now();
  const times = { startsAt: new Date(now).toISOString(), endsAt: new Date(now + hour).toISOString() };
  const matchers = [{ name: 'job', value: 'node', isRegex: false }];
  return fetch(`${url}/api/v2/silences`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ matchers, ...times, createdBy: 'me', comment: 'c', ...given }),
  });
}

async function post(url: string, given: object): Promise<string> {
  const answer = await send(url, given);
  const body = await answer.text();
  assert.equal(answer.status, 200, body);
  return (JSON.parse(body) as { silenceID: string }).silenceID;
}

async function read(url: string, id: string): Promise<Listed & { readonly startsAt: string }> {
  return (await (await fetch(`${url}/api/v2/silence/${id}`)).json()) as Listed & { readonly startsAt: string };
}

async function list(url: string): Promise<readonly Listed[]> {
  return (await (await fetch(`${url}/api/v2/silences`)).json()) as readonly Listed[];
}

function until(url: string, id: string, state: string): Promise<Listed> {
  return eventually(
    () => read(url, id),
    (silence) => silence.status.state === state,
  );
}
