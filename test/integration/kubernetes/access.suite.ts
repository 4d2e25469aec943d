import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { fingerprint } from '../../../src/alert/labels.ts';
import { eventually } from '../../../src/runtime/eventually.fixture.ts';
import { startFaultProxy, type FaultProxy } from '../../support/fault-proxy.ts';
import { skipWithoutKube } from '../../support/kube-api-server.ts';
import { startPrometheus } from '../../support/prometheus-server.ts';
import type { ServerProcess } from '../../support/server-process.ts';
import { kubeconfigWith } from '../../support/service-account.ts';
import { requireServer, skipWithout } from '../../support/servers.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';
import { startTocsin, type TocsinProcess } from '../../support/tocsin-process.ts';

const component = 'components/kubernetes-auth';
const rights = [
  'base/cluster-role-reader.yaml',
  'base/cluster-role-writer.yaml',
  `${component}/cluster-role-access.yaml`,
];
const day = 24 * 3600 * 1000;

/** Three teams with the shipped roles: two that work in their namespace, and one that only looks. */
const teams = {
  shop: ['tocsin-alerts-edit', 'tocsin-sender'],
  bank: ['tocsin-alerts-edit'],
  kiosk: ['tocsin-alerts-view'],
} as const;
type Who = keyof typeof teams | 'guest' | 'prometheus' | 'owner' | 'nobody';

interface Answer {
  readonly status: number;
  readonly text: string;
}

describe('the rights of ServiceAccounts', { skip: skipWithoutKube() }, () => {
  const server = useSharedKubeApiServer();
  const tokens = new Map<Who, string>();
  let tocsin: TocsinProcess;
  let proxy: FaultProxy;

  before(async () => {
    const kube = server();
    proxy = await startFaultProxy(kube);
    const kubeconfig = await kubeconfigWith(kube, 'tocsin-access', rights, proxy.url);
    for (const file of ['cluster-role-sender.yaml', 'cluster-roles-teams.yaml']) {
      const text = await readFile(new URL(`../../../k8s/${component}/${file}`, import.meta.url), 'utf8');
      await kube.apply(...parseAllDocuments(text).map((document) => document.toJS() as object));
    }
    for (const namespace of Object.keys(teams))
      await kube.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    for (const [team, roles] of Object.entries(teams)) await account(team as Who, team, roles, team);
    await account('guest', 'shop');
    await account('prometheus', 'default', ['tocsin-sender']);
    await account('owner', 'default', ['tocsin-alerts-edit', 'tocsin-sender']);
    const webConfig = 'kubernetes: {enabled: true}\n';
    tocsin = await startTocsin({ args: [`--kubeconfig=${kubeconfig}`], webConfig });
  });
  after(async () => {
    await tocsin?.stop();
    await proxy?.close();
  });

  /** @param bindingNamespace of the RoleBindings; default: they are ClusterRoleBindings */
  async function account(
    who: Who,
    namespace: string,
    roles: readonly string[] = [],
    bindingNamespace?: string,
  ): Promise<void> {
    const kube = server();
    const metadata = { name: `access-${who}`, namespace };
    await kube.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata });
    for (const role of roles)
      await kube.apply({
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: bindingNamespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
        metadata: {
          name: `access-${who}-${role}`,
          ...(bindingNamespace !== undefined && { namespace: bindingNamespace }),
        },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
        subjects: [{ kind: 'ServiceAccount', ...metadata }],
      });
    tokens.set(who, await kube.createToken(metadata.name, namespace));
  }

  async function ask(who: Who, path: string, method = 'GET', body?: unknown): Promise<Answer> {
    const token = tokens.get(who);
    const response = await fetch(tocsin.url + path, {
      method,
      headers: { 'Content-Type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, text: await response.text() };
  }

  const labelsOf = (namespace?: string): Readonly<Record<string, string>> => ({
    alertname: `Down-${namespace ?? 'node'}`,
    ...(namespace !== undefined && { namespace }),
  });
  const alertsOf = (...namespaces: readonly (string | undefined)[]): readonly object[] =>
    namespaces.map((namespace) => ({ labels: labelsOf(namespace) }));

  const silence = (who: Who, namespace: string | undefined, id?: string): Promise<Answer> => {
    const [name, value] = namespace === undefined ? ['alertname', 'X'] : ['namespace', namespace];
    return ask(who, '/api/v2/silences', 'POST', {
      ...(id !== undefined && { id }),
      matchers: [{ name, value, isRegex: false }],
      startsAt: new Date().toISOString(),
      endsAt: new Date(Date.now() + day).toISOString(),
      createdBy: who,
      comment: `of-${namespace ?? 'all'}`,
    });
  };
  const idOf = ({ text }: Answer): string => (JSON.parse(text) as { readonly silenceID: string }).silenceID;

  it('are a table of attempts, each refused for its reason', async () => {
    assert.deepEqual(await ask('prometheus', '/api/v2/alerts', 'POST', alertsOf('shop', 'bank', undefined)), {
      status: 200,
      text: '',
    });
    const [ofShop, ofBank, ofAll] = await Promise.all([
      silence('shop', 'shop').then(idOf),
      silence('bank', 'bank').then(idOf),
      silence('owner', undefined).then(idOf),
    ]);
    const filter = (namespace: string): string => `?filter=${encodeURIComponent(`namespace="${namespace}"`)}`;
    const api = '/api/tocsin/v1';
    const only = /cannot|alerts.tocsin.dev in every namespace/;
    const who = (name: Who): string => `system:serviceaccount:${name === 'guest' ? 'shop' : name}:access-${name}`;
    const rows: readonly (readonly [Who, string, string, unknown, number, RegExp])[] = [
      // reading
      ['nobody', 'GET', '/api/v2/alerts', undefined, 401, /kubectl create token/],
      ['shop', 'GET', '/api/v2/alerts', undefined, 200, /^(?=.*Down-shop)(?!.*Down-(bank|node))/],
      ['bank', 'GET', '/api/v2/alerts/groups', undefined, 200, /^(?=.*Down-bank)(?!.*Down-(shop|node))/],
      ['kiosk', 'GET', '/api/v2/alerts', undefined, 200, /^\[\]\n$/],
      ['guest', 'GET', '/api/v2/alerts', undefined, 200, /^\[\]\n$/],
      ['prometheus', 'GET', '/api/v2/alerts', undefined, 200, /^\[\]\n$/],
      ['owner', 'GET', '/api/v2/alerts', undefined, 200, /Down-bank.*Down-node|Down-node.*Down-bank/],
      [
        'shop',
        'GET',
        `/api/v2/alerts${filter('bank')}`,
        undefined,
        403,
        new RegExp(`${who('shop')} may not get alerts`),
      ],
      ['shop', 'GET', `/api/v2/silences${filter('bank')}`, undefined, 403, /may not get silences.tocsin.dev in .*bank/],
      ['shop', 'GET', '/api/v2/silences', undefined, 200, /^(?=.*of-shop)(?!.*of-(bank|all))/],
      ['kiosk', 'GET', '/api/v2/silences', undefined, 200, /^\[\]\n$/],
      ['shop', 'GET', `/api/v2/silence/${ofShop}`, undefined, 200, /of-shop/],
      ['shop', 'GET', `/api/v2/silence/${ofBank}`, undefined, 403, /^"you may not get the silence/],
      // posting
      ['shop', 'POST', '/api/v2/alerts', alertsOf('shop'), 200, /^$/],
      ['shop', 'POST', '/api/v2/alerts', alertsOf('bank'), 400, /alert 0: .* create alerts.tocsin.dev in .*bank/],
      ['shop', 'POST', '/api/v2/alerts', alertsOf(undefined), 400, /no label namespace/],
      ['bank', 'POST', '/api/v2/alerts', alertsOf('bank'), 400, /may not create alerts.tocsin.dev in .*bank/],
      ['kiosk', 'POST', '/api/v2/alerts', alertsOf('kiosk'), 400, /may not create alerts.tocsin.dev/],
      ['nobody', 'POST', '/api/v2/alerts', alertsOf('shop'), 401, /Unauthorized/],
      // silencing, and ending silences
      ['shop', 'DELETE', `/api/v2/silence/${ofBank}`, undefined, 403, /may not delete the silence/],
      ['shop', 'DELETE', `/api/v2/silence/${ofAll}`, undefined, 403, /of another namespace, or of all/],
      ['guest', 'DELETE', `/api/v2/silence/${ofShop}`, undefined, 403, /may not delete/],
      // history
      ['shop', 'GET', `${api}/history?limit=1000`, undefined, 200, /^(?=.*Down-shop)(?!.*(Down|of)-(bank|node|all))/],
      ['kiosk', 'GET', `${api}/history`, undefined, 200, /^\{"items":\[\]\}\n$/],
      ['shop', 'GET', `${api}/history${filter('bank')}`, undefined, 403, /may not get alerts.tocsin.dev/],
      ['shop', 'GET', `${api}/live${filter('bank')}`, undefined, 403, /may not get alerts.tocsin.dev/],
      ['shop', 'GET', `${api}/alerts`, undefined, 200, /^(?=.*Down-shop)(?!.*Down-(bank|node))/],
      ['shop', 'GET', `${api}/alerts/${fingerprint(labelsOf('bank'))}`, undefined, 200, /^(?!.*bank).*not_received/],
      // what is of no team; of the pipelines, a team sees those of its namespace
      ['shop', 'GET', `${api}/pipelines`, undefined, 200, /^\{"items":\[\]\}\n$/],
      ...['/payloads', '/problems', '/status'].map(
        (path) => ['shop', 'GET', api + path, undefined, 403, only] as const,
      ),
      ['shop', 'GET', '/metrics', undefined, 403, /nonResourceURL/],
      ['prometheus', 'GET', '/metrics', undefined, 403, only],
      ['owner', 'GET', '/metrics', undefined, 200, /tocsin_build_info/],
      ['shop', 'POST', `${api}/reconcile`, { all: true }, 403, only],
      ['owner', 'POST', `${api}/reconcile`, { all: true }, 202, /event_id/],
      ['owner', 'POST', '/-/reload', undefined, 403, /nonResourceURL/],
      ['nobody', 'GET', '/', undefined, 401, /Unauthorized/],
      ['nobody', 'GET', '/-/healthy', undefined, 200, /OK/],
    ];
    for (const [name, method, path, body, status, reason] of rows) {
      const answer = await ask(name, path, method, body);
      assert.equal(answer.status, status, `${name} ${method} ${path}: ${answer.text}`);
      assert.match(answer.text.replaceAll('\\"', '"'), reason, `${name} ${method} ${path}`);
    }
    for (const [name, namespace, id, reason] of [
      ['shop', 'bank', undefined, /may not create silences.tocsin.dev in the namespace/],
      ['shop', undefined, undefined, /give it a matcher such as namespace=/],
      ['kiosk', 'kiosk', undefined, /may not create silences/],
      ['shop', 'shop', ofBank, /may not delete the silence/],
    ] as const) {
      const { status, text } = await silence(name, namespace, id);
      assert.deepEqual([status, reason.test(text)], [403, true], text);
    }
    for (const [name, id] of [
      ['shop', ofShop],
      ['bank', ofBank],
    ] as const)
      assert.equal((await ask(name, `/api/v2/silence/${id}`, 'DELETE')).status, 200);
  });

  it('decide what amtool with a token sees and may do', { skip: skipWithout('amtool') }, async () => {
    const config = join(tocsin.folder, 'amtool.yml');
    await writeFile(config, `authorization: {credentials: ${tokens.get('bank')}}\n`);
    const amtool = async (...args: readonly string[]): Promise<string> => {
      const flags = [`--alertmanager.url=${tocsin.url}`, `--http.config.file=${config}`];
      const done = await promisify(execFile)(requireServer('amtool'), [...args, ...flags]).catch(
        (error: { readonly stderr: string }) => ({ stdout: error.stderr }),
      );
      return done.stdout;
    };
    await ask('prometheus', '/api/v2/alerts', 'POST', alertsOf('shop', 'bank'));
    assert.match(await amtool('alert', 'query'), /^(?=[^]*Down-bank)(?![^]*Down-shop)/);
    assert.match(await amtool('alert', 'query', 'namespace=shop'), /403|Forbidden/i);
    const add = ['silence', 'add', '--author=a', '--comment=c', '--duration=1h'];
    const id = (await amtool(...add, 'namespace=bank', 'alertname=X')).trim();
    assert.match(id, /^[\da-f-]{36}$/);
    assert.match(await amtool(...add, 'alertname=X'), /may not create silences|403|Forbidden/i);
    assert.equal(await amtool('silence', 'expire', id), '');
  });

  it('let a Prometheus with the token of its ServiceAccount send', { skip: skipWithout('prometheus') }, async () => {
    const file = join(tocsin.folder, 'prometheus.token');
    await writeFile(file, tokens.get('prometheus')!);
    let prometheus: ServerProcess | undefined;
    try {
      prometheus = await startPrometheus({
        rules: 'groups: [{name: g, rules: [{alert: FromPrometheus, expr: vector(1), labels: {namespace: bank}}]}]\n',
        alertmanagerEntries: [
          {
            authorization: { credentials_file: file },
            static_configs: [{ targets: [new URL(tocsin.url).host] }],
          },
        ],
      });
      await eventually(
        async () => (await ask('bank', '/api/v2/alerts')).text,
        (text) => text.includes('FromPrometheus'),
      );
      assert.doesNotMatch((await ask('shop', '/api/v2/alerts')).text, /FromPrometheus/);
    } finally {
      await prometheus?.stop();
    }
  });

  it('cost the API server few questions in a flood of wrong tokens, which keeps no known token out', async () => {
    const reviews = (): number => proxy.calls.filter(({ url }) => url.includes('tokenreviews')).length;
    const [asked, startedAt] = [reviews(), performance.now()];
    let sent = 0;
    const statuses = new Set<number>();
    const flood = async (): Promise<void> => {
      while (performance.now() - startedAt < 3000) {
        const headers = { authorization: `Bearer wrong-${sent++}` };
        const response = await fetch(`${tocsin.url}/api/v2/alerts`, { headers });
        statuses.add(response.status);
        await response.arrayBuffer();
      }
    };
    const all = Promise.all(Array.from({ length: 100 }, flood));
    for (let n = 0; n < 5; n++) assert.equal((await ask('shop', '/api/v2/alerts')).status, 200);
    await all;
    const seconds = (performance.now() - startedAt) / 1000;
    // A few more are on their way, and a known token is judged anew every ten seconds.
    assert.ok(reviews() - asked <= 20 + 20 * seconds + 8, `${reviews() - asked} questions about ${sent} requests`);
    assert.deepEqual([...statuses].toSorted(), [401, 429]);
  });

  it('go on counting for seconds without the API server, and then nobody has any', async () => {
    const see = async (who: Who): Promise<number> => (await ask(who, '/api/v2/alerts')).status;
    for (const who of ['nobody', 'bank'] as const) tokens.set(who, await server().createToken('access-bank', 'bank'));
    assert.equal(await see('bank'), 200);
    proxy.fault = ({ url }) => (url.includes('reviews') ? { kind: 'status', status: 500 } : undefined);
    try {
      assert.deepEqual([await see('bank'), await see('nobody')], [200, 503]);
      await eventually(
        () => see('bank'),
        (status) => status === 503,
        30_000,
        200,
      );
      assert.match((await ask('bank', '/api/v2/alerts')).text, /API server cannot be asked/);
      const { level } = await tocsin.log.waitForLine(({ event }) => event === 'access.token_review_failed');
      assert.equal(level, 'error');
    } finally {
      proxy.fault = () => undefined;
    }
    assert.deepEqual([await see('bank'), await see('nobody')], [200, 200]);
    tokens.delete('nobody');
  });

  it('end within seconds of a RoleBinding', async () => {
    assert.match((await ask('bank', '/api/v2/alerts')).text, /Down-bank/);
    await server().kubectl(['delete', 'rolebinding', 'access-bank-tocsin-alerts-edit', '--namespace=bank']);
    await eventually(
      async () => (await ask('bank', '/api/v2/alerts')).text,
      (text) => text === '[]\n',
      30_000,
      200,
    );
  });
});
