import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it, type TestContext } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { fingerprint } from '../../../src/alert/labels.ts';
import { readConditions } from '../../../src/kubernetes/pipeline-object.ts';
import { readStatus, type TriggerStatus } from '../../../src/kubernetes/trigger-resources/trigger-object.ts';
import { eventually } from '../../../src/runtime/eventually.fixture.ts';
import { targetRole, type TargetKindUse } from '../../../src/trigger/target-rights.ts';
import { skipWithoutKube } from '../../support/kube-api-server.ts';
import { tryKubectl } from '../../support/kubectl.ts';
import { operatorCrds } from '../../support/operator-crds.ts';
import { startPrometheus } from '../../support/prometheus-server.ts';
import type { ServerProcess } from '../../support/server-process.ts';
import { kubeconfigWith } from '../../support/service-account.ts';
import { skipWithout } from '../../support/servers.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';
import { startTocsin, type TocsinProcess } from '../../support/tocsin-process.ts';

const cnpg = 'postgresql.cnpg.io/v1';
const account = 'tocsin-of-teams';
const shipped = [
  'base/cluster-role-reader.yaml',
  'base/cluster-role-writer.yaml',
  'components/triggers/cluster-role-triggers.yaml',
  'components/kubernetes-auth/cluster-role-access.yaml',
];
const rolesOfUsers = [
  'components/triggers/cluster-roles-users.yaml',
  'components/kubernetes-auth/cluster-role-sender.yaml',
  'components/kubernetes-auth/cluster-roles-teams.yaml',
];
/** Exactly what `tocsin trigger rbac` grants. */
const kinds: readonly TargetKindUse[] = [
  { group: 'postgresql.cnpg.io', resource: 'clusters', uses: ['condition', 'annotate', 'select', 'owner'] },
  { group: 'helm.toolkit.fluxcd.io', resource: 'helmreleases', uses: ['annotate'] },
  { group: 'argoproj.io', resource: 'applications', uses: ['annotate'] },
  { group: '', resource: 'pods', uses: ['owner'] },
  // Rights that an admin gives for the admin's own triggers are none of a team's.
  { group: '', resource: 'namespaces', uses: ['annotate'] },
];
const config = '{triggers: {from_namespaces: all}, source: {debounce: {wait: 0s, max_wait: 1ms}}}';

const [own, other, onlooker] = ['attacker', 'victim', 'onlooker'];
/** The roles of each team in its namespace. */
const teams = {
  [own]: ['alert-trigger-edit', 'tocsin-alerts-edit', 'tocsin-sender'],
  [other]: ['alert-trigger-edit', 'tocsin-alerts-edit', 'tocsin-sender'],
  [onlooker]: ['alert-trigger-view', 'tocsin-alerts-view'],
};

/** Rules as prometheus-operator enforces them: each alert has the namespace of its rule. */
const rules = `
groups:
  - name: g
    rules:
${[own, other]
  .flatMap((namespace) => [
    `{alert: Down, expr: vector(1), labels: {namespace: ${namespace}, severity: critical, pod: db-0, other: ${other}, path: ../${other}}}`,
    `{alert: OnlyOf-${namespace}, expr: vector(1), labels: {namespace: ${namespace}}, annotations: {summary: secret of ${namespace}}}`,
  ])
  .map((rule) => `      - ${rule}`)
  .join('\n')}
`;

const cluster = { apiVersion: cnpg, kind: 'Cluster', name: 'orders' };
const steal = { annotate: { key: 'example.com/stolen', value: '{{ alertname }}' } };

describe('teams with the roles that are shipped', { skip: skipWithoutKube() || skipWithout('prometheus') }, () => {
  const kube = useSharedKubeApiServer();
  const tokens = new Map<string, string>();
  const kubeconfigs = new Map<string, string>();
  let tocsin: TocsinProcess;
  let prometheus: ServerProcess | undefined;

  const trigger = (namespace: string, name: string, spec: object): object => ({
    apiVersion: 'tocsin.dev/v1alpha1',
    kind: 'AlertTrigger',
    metadata: { name, namespace },
    spec,
  });
  const apply = (team: string, ...objects: readonly object[]): Promise<{ code: number | null; stderr: string }> =>
    tryKubectl(['apply', '--server-side', '-f', '-'], {
      kubeconfig: kubeconfigs.get(team)!,
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
    });
  const status = async (namespace: string, name: string): Promise<TriggerStatus> =>
    readStatus(((await kube().get('at', name, '-n', namespace)) as { status?: unknown }).status);
  const said = (found: TriggerStatus): readonly string[] =>
    found.conditions.map(({ type, status: is, reason, message }) => `${type}=${is} ${reason}: ${message}`);
  const object = async (namespace: string, kind = 'clusters.postgresql.cnpg.io', name = 'orders') => {
    const found = (await kube().get(kind, name, '-n', namespace)) as {
      metadata: { annotations?: Record<string, string> };
      status?: { conditions?: unknown };
    };
    const conditions = readConditions(found.status?.conditions).map(
      (each) => `${each.type} ${each.status} ${each.reason}`,
    );
    return { annotations: found.metadata.annotations ?? {}, conditions };
  };

  before(async () => {
    await kube().apply(...operatorCrds);
    await kube().kubectl(['apply', '--server-side', '-k', 'k8s/crds']);
    await kube().kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
    for (const file of rolesOfUsers) {
      const text = await readFile(new URL(`../../../k8s/${file}`, import.meta.url), 'utf8');
      await kube().apply(...parseAllDocuments(text).map((document) => document.toJS() as object));
    }
    for (const [team, roles] of Object.entries(teams)) await addTeam(team, roles);
    await addAccount('prometheus', 'default', ['tocsin-sender']);
    const kubeconfig = await kubeconfigWith(kube(), account, shipped);
    await kube().apply(...(targetRole(kinds, { name: account, namespace: 'default' }) as object[]));
    const webConfig = 'kubernetes: {enabled: true}\n';
    tocsin = await startTocsin({ config, webConfig, args: [`--kubeconfig=${kubeconfig}`] });
  });
  after(async () => {
    await prometheus?.stop();
    await tocsin?.stop();
    for (const namespace of Object.keys(teams))
      await kube().kubectl(['delete', 'alerttriggers', '--all', '-n', namespace]);
  });

  async function addTeam(namespace: string, roles: readonly string[]): Promise<void> {
    const named = (name: string): object => ({ name, namespace });
    await kube().apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    await kube().apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: named('default') });
    await addAccount(namespace, namespace, roles, namespace);
    await kube().apply(
      { ...cluster, name: undefined, metadata: named('orders'), spec: {} },
      { apiVersion: 'helm.toolkit.fluxcd.io/v2', kind: 'HelmRelease', metadata: named('orders'), spec: {} },
      { apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', metadata: named('orders'), spec: {} },
    );
    const { metadata } = (await kube().get('clusters.postgresql.cnpg.io', 'orders', '-n', namespace)) as {
      metadata: { uid: string };
    };
    const ownerReferences = [{ ...cluster, uid: metadata.uid, controller: true }];
    await kube().apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'db-0', namespace, ownerReferences },
      spec: { containers: [{ name: 'a', image: 'a' }] },
    });
  }

  /** @param bound the namespace of the RoleBindings; default: they are ClusterRoleBindings */
  async function addAccount(who: string, namespace: string, roles: readonly string[], bound?: string): Promise<void> {
    const metadata = { name: `team-${who}`, namespace };
    await kube().apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata });
    for (const role of roles)
      await kube().apply({
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: bound === undefined ? 'ClusterRoleBinding' : 'RoleBinding',
        metadata: { name: `team-${who}-${role}`, ...(bound !== undefined && { namespace: bound }) },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
        subjects: [{ kind: 'ServiceAccount', ...metadata }],
      });
    const token = await kube().createToken(metadata.name, namespace);
    tokens.set(who, token);
    kubeconfigs.set(who, await kube().kubeconfigFor(token));
  }

  async function ask(who: string, path: string, method = 'GET', body?: unknown) {
    const response = await fetch(tocsin.url + path, {
      method,
      headers: { 'Content-Type': 'application/json', authorization: `Bearer ${tokens.get(who)}` },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, text: (await response.text()).replaceAll('\\"', '"') };
  }

  it('cannot write, read or remove triggers of each other, nor those of the cluster', async () => {
    const spec = { targets: [cluster], action: steal };
    assert.deepEqual(await apply(other, trigger(other, 'theirs', { ...spec, action: { log: {} } })), {
      code: 0,
      stderr: '',
      stdout: 'alerttrigger.tocsin.dev/theirs serverside-applied\n',
    });
    const clusterTrigger = {
      apiVersion: 'tocsin.dev/v1alpha1',
      kind: 'ClusterAlertTrigger',
      metadata: { name: 'x' },
      spec,
    };
    const attempts: readonly (readonly [who: string, what: string, args: readonly string[], input?: object])[] = [
      [
        own,
        'a trigger in the namespace of another team',
        ['apply', '--server-side', '-f', '-'],
        trigger(other, 'x', spec),
      ],
      [
        own,
        'a change of theirs',
        ['patch', 'at', 'theirs', '-n', other, '--type=merge', '-p', '{"spec":{"matchers":[]}}'],
      ],
      [own, 'the removal of theirs', ['delete', 'at', 'theirs', '-n', other]],
      [own, 'reading theirs', ['get', 'at', '-n', other]],
      [own, 'reading all', ['get', 'at', '-A']],
      [own, 'a trigger of the cluster', ['apply', '--server-side', '-f', '-'], clusterTrigger],
      [own, 'reading those of the cluster', ['get', 'cat']],
      [own, 'a label of the namespace', ['label', 'namespace', other, 'openshift.io/user-monitoring=false']],
      [onlooker, 'a trigger by who only looks', ['apply', '--server-side', '-f', '-'], trigger(onlooker, 'x', spec)],
    ];
    for (const [who, what, args, input] of attempts) {
      const kubeconfig = kubeconfigs.get(who)!;
      const { code, stderr } = await tryKubectl(args, { kubeconfig, ...(input && { input: JSON.stringify(input) }) });
      assert.notEqual(code, 0, what);
      assert.match(stderr, new RegExp(`Forbidden.*system:serviceaccount:${who}:team-${who}" cannot`), what);
    }
  });

  /** What each trigger of the attacker tries, and the condition of its status that says why it comes to nothing. */
  const foreign = { ...cluster, namespace: other };
  const tried: readonly (readonly [name: string, spec: object, reason: RegExp])[] = [
    [
      'name',
      { targets: [foreign], action: steal },
      /^TargetsResolved=False NotAllowed: Cluster orders is in the namespace victim/m,
    ],
    [
      'condition',
      { targets: [foreign], action: { condition: { type: 'AlertsQuiet' } } },
      /^TargetsResolved=False NotAllowed: Cluster orders is in the namespace victim/m,
    ],
    [
      'selector',
      { targets: [{ apiVersion: cnpg, kind: 'Cluster', namespace: other, selector: {} }], action: steal },
      /^TargetsResolved=False NotAllowed: the selector is for objects of the kind Cluster in the namespace victim/m,
    ],
    [
      'no-such-object',
      { targets: [{ ...foreign, name: 'absent' }], action: steal },
      /^TargetsResolved=False NotAllowed: Cluster absent is in the namespace victim/m,
    ],
    [
      'cluster-scoped',
      { targets: [{ apiVersion: 'v1', kind: 'Namespace', name: other }], action: steal },
      /^TargetsResolved=False NotAllowed: Namespace victim is in no namespace/m,
    ],
    [
      'owner',
      { targets: [{ namespace: other, ownerOf: { pod: 'db-0' } }], action: steal },
      /^TargetsResolved=False NotAllowed: the pod is in the namespace victim(?!.*orders)/m,
    ],
    [
      'template',
      { targets: [{ ...cluster, namespace: '{{ labels.other }}' }], action: steal },
      /^TargetsResolved=.*Cluster orders is in the namespace victim/m,
    ],
    [
      'owner-template',
      { targets: [{ namespace: '{{ labels.other }}', ownerOf: { pod: 'db-0' } }], action: steal },
      /^TargetsResolved=.*the pod is in the namespace victim(?!.*orders)/m,
    ],
    [
      'path',
      { targets: [{ ...cluster, name: '{{ labels.path }}' }], action: steal },
      /^TargetsResolved=.*gives "\.\.\/victim", which is no name of a Cluster/m,
    ],
    [
      'flux',
      {
        targets: [{ apiVersion: 'helm.toolkit.fluxcd.io/v2', kind: 'HelmRelease', name: 'orders', namespace: other }],
        action: { annotate: { preset: 'flux' } },
      },
      /^TargetsResolved=False NotAllowed: HelmRelease orders is in the namespace victim/m,
    ],
    [
      'argocd',
      {
        targets: [{ apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', name: 'orders', namespace: other }],
        action: { annotate: { preset: 'argocd' } },
      },
      /^TargetsResolved=False NotAllowed: Application orders is in the namespace victim/m,
    ],
    [
      'unreadable',
      { matchers: ['alertname=~"["'], targets: [cluster], action: steal },
      /^Accepted=False .*spec\.matchers\[0\]/m,
    ],
    [
      'too-large',
      { matchers: ['alertname=~"(x{0,500}y{0,500}){0,9}"'], targets: [cluster], action: steal },
      /^Accepted=False .*instructions/m,
    ],
  ];

  it('cannot wake objects of each other with a trigger, and each attempt is in its status with the reason', async () => {
    const applied = await apply(own, ...tried.map(([name, spec]) => trigger(own, name, spec)));
    assert.equal(applied.code, 0, applied.stderr);
    // Its alerts of another namespace, and an inhibition by them: it is accepted, and sees none of them.
    await apply(
      own,
      trigger(own, 'matchers', { matchers: [`namespace="${other}"`], targets: [cluster], action: steal }),
      trigger(own, 'spies', {
        matchers: ['alertname="Down"'],
        inhibitedBy: [{ matchers: [`alertname="OnlyOf-${other}"`], equal: [] }],
        targets: [cluster],
        action: { annotate: { key: 'example.com/own', value: '{{ alertname }}' } },
      }),
    );
    const quiet = {
      matchers: ['alertname="Down"'],
      targets: [cluster],
      action: { condition: { type: 'AlertsQuiet' } },
    };
    await apply(other, trigger(other, 'quiet', quiet));
    await apply(
      other,
      trigger(other, 'wake', {
        matchers: ['alertname="Down"'],
        targets: [{ ownerOf: { pod: '{{ labels.pod }}' } }],
        action: { annotate: { key: 'example.com/woken', value: '{{ alertname }}' } },
      }),
    );
    await eventually(
      () => status(other, 'quiet'),
      (found) => /Ready=True/.test(said(found).join()),
    );
    prometheus = await startPrometheus({ rules, alertmanagerEntries: [await senderOf('prometheus')] });
    await eventually(
      () => object(other),
      (found) => found.conditions.includes('AlertsQuiet False Down'),
      40_000,
    );
    await eventually(
      () => object(other),
      ({ annotations }) => annotations['example.com/woken'] === 'Down',
    );
    await eventually(
      () => object(own),
      ({ annotations }) => annotations['example.com/own'] === 'Down',
    );
    for (const [name, , reason] of tried)
      await eventually(
        () => status(own, name),
        (found) => reason.test(said(found).join('\n')),
      ).catch((error) => {
        throw new Error(name, { cause: error });
      });
    for (const namespace of [own, other]) {
      const stolen = await Promise.all(
        ['clusters.postgresql.cnpg.io', 'helmreleases', 'applications'].map((kind) => object(namespace, kind)),
      );
      assert.doesNotMatch(JSON.stringify(stolen.map(({ annotations }) => annotations)), /stolen|requestedAt|refresh/);
    }
    assert.doesNotMatch(await kube().kubectl(['get', 'namespace', other, '-o', 'json']), /stolen/);
    assert.deepEqual((await object(other)).conditions, ['AlertsQuiet False Down']);
    assert.deepEqual((await object(own)).conditions, []);
    assert.equal((await status(own, 'matchers')).counts.matched, 0);
    const spy = await status(own, 'spies');
    assert.doesNotMatch(said(spy).join(), /Suppressed/, 'an alert of another team inhibits nothing');
  });

  async function senderOf(who: string): Promise<object> {
    const file = join(tocsin.folder, `${who}.token`);
    await writeFile(file, tokens.get(who)!);
    return { authorization: { credentials_file: file }, static_configs: [{ targets: [new URL(tocsin.url).host] }] };
  }

  it('cannot post, read or silence alerts of each other', async () => {
    const ofOther = { alertname: `OnlyOf-${other}`, namespace: other };
    const api = '/api/tocsin/v1';
    const filter = `?filter=${encodeURIComponent(`namespace="${other}"`)}`;
    const silence = (matchers: Readonly<Record<string, string>>): object => ({
      matchers: Object.entries(matchers).map(([name, value]) => ({ name, value, isRegex: false })),
      startsAt: new Date().toISOString(),
      endsAt: new Date(Date.now() + 3_600_000).toISOString(),
      createdBy: own,
      comment: 'shh',
    });
    const theirs = await ask(other, '/api/v2/silences', 'POST', silence({ namespace: other, alertname: 'Never' }));
    const { silenceID } = JSON.parse(theirs.text) as { silenceID: string };
    const ownAlert = { alertname: 'Mine', namespace: own };
    const platform = { ...ownAlert, openshift_io_alert_source: 'platform' };
    const noObjectOfOther = new RegExp(`^(?![^]*"namespace":"${other}")`);
    const [mayNot, unseen] = [
      /^Forbidden: .*nonResourceURL/,
      new RegExp(`^(?![^]*(OnlyOf-|secret of |alerttrigger/)${other})`),
    ];
    const attempts: readonly (readonly [
      what: string,
      method: string,
      path: string,
      body: unknown,
      status: number,
      reason: RegExp,
    ])[] = [
      [
        'an alert of theirs',
        'POST',
        '/api/v2/alerts',
        [{ labels: ofOther }],
        400,
        /may not create alerts.tocsin.dev in .*victim/,
      ],
      ['an alert of nobody', 'POST', '/api/v2/alerts', [{ labels: { alertname: 'X' } }], 400, /no label namespace/],
      ['an alert of the platform', 'POST', '/api/v2/alerts', [{ labels: platform }], 400, /platform.*every namespace/],
      ['their alerts', 'GET', `/api/v2/alerts${filter}`, undefined, 403, /may not get alerts.tocsin.dev in .*victim/],
      ['all alerts', 'GET', '/api/v2/alerts', undefined, 200, unseen],
      ['all groups', 'GET', '/api/v2/alerts/groups', undefined, 200, unseen],
      [
        'their silences',
        'GET',
        `/api/v2/silences${filter}`,
        undefined,
        403,
        /may not get silences.tocsin.dev in .*victim/,
      ],
      ['one silence of theirs', 'GET', `/api/v2/silence/${silenceID}`, undefined, 403, /may not get the silence/],
      [
        'the end of a silence of theirs',
        'DELETE',
        `/api/v2/silence/${silenceID}`,
        undefined,
        403,
        /may not delete the silence/,
      ],
      [
        'a silence of theirs',
        'POST',
        '/api/v2/silences',
        silence({ namespace: other }),
        403,
        /may not create silences.tocsin.dev/,
      ],
      [
        'a silence of everything',
        'POST',
        '/api/v2/silences',
        silence({ severity: 'critical' }),
        403,
        /matcher such as namespace=/,
      ],
      ['their history', 'GET', `${api}/history${filter}`, undefined, 403, /may not get alerts.tocsin.dev in .*victim/],
      ['all history', 'GET', `${api}/history?limit=1000`, undefined, 200, unseen],
      [
        'their facts as they come',
        'GET',
        `${api}/live${filter}`,
        undefined,
        403,
        /may not get alerts.tocsin.dev in .*victim/,
      ],
      ['why: an alert of theirs', 'GET', `${api}/alerts/${fingerprint(ofOther)}`, undefined, 200, /not_received/],
      ['why: their alerts', 'GET', `${api}/alerts`, undefined, 200, unseen],
      [
        'what: their object',
        'GET',
        `${api}/pipelines/cluster/${other}/orders`,
        undefined,
        403,
        /may not get alerts.tocsin.dev in .*victim/,
      ],
      [
        'what: an object of no namespace',
        'GET',
        `${api}/pipelines/namespace/x`,
        undefined,
        403,
        /every namespace|cannot/,
      ],
      ['what: all objects', 'GET', `${api}/pipelines`, undefined, 200, noObjectOfOther],
      [
        'why: the runs of their own object',
        'GET',
        `${api}/pipelines/cluster/${own}/orders`,
        undefined,
        200,
        new RegExp(
          `^(?![^]*(OnlyOf-${other}|alerttrigger/${other}|clusteralert|"namespace":"${other}"))[^]*"chosen_by":\\["alerttrigger/${own}/`,
        ),
      ],
      [
        'explain: an alert of theirs',
        'POST',
        `${api}/explain`,
        [{ labels: ofOther }],
        403,
        /may not get alerts.tocsin.dev in .*victim/,
      ],
      [
        'explain: an alert of theirs beside one of its own',
        'POST',
        `${api}/explain`,
        [{ labels: ownAlert }, { labels: ofOther }],
        403,
        /may not get alerts.tocsin.dev in .*victim/,
      ],
      [
        'explain: an alert of nobody',
        'POST',
        `${api}/explain`,
        [{ labels: { alertname: 'X' } }],
        403,
        /no label namespace/,
      ],
      [
        'explain: its own alert, by triggers that name objects of theirs',
        'POST',
        `${api}/explain`,
        [{ labels: { ...ownAlert, alertname: 'Down', other, path: `../${other}`, pod: 'db-0' } }],
        200,
        new RegExp(`^(?![^]*(alerttrigger/${other}|"namespace":"${other}","name"))[^]*alerttrigger/${own}/spies`),
      ],
      [
        'the status, by a namespace of theirs',
        'GET',
        `${api}/status?namespace=${other}`,
        undefined,
        403,
        /in .*victim/,
      ],
      [
        'a brief status',
        'GET',
        `${api}/status?namespace=${own}`,
        undefined,
        200,
        /^\{"version":"[^"]+","time":"[^"]+","history":\{[^{}]*\}\}\n?$/,
      ],
      ['a reconcile', 'POST', `${api}/reconcile`, { all: true }, 403, /every namespace|cannot/],
      ['the end of a storm', 'POST', `${api}/storm/resume`, {}, 403, /every namespace|cannot/],
      ['the bodies that came', 'GET', `${api}/payloads`, undefined, 403, /every namespace|cannot/],
      ['the problems', 'GET', `${api}/problems`, undefined, 403, /every namespace|cannot/],
      ['the status', 'GET', `${api}/status`, undefined, 403, /every namespace|cannot/],
      ['the metrics', 'GET', '/metrics', undefined, 403, mayNot],
      ['a reload', 'POST', '/-/reload', undefined, 403, mayNot],
    ];
    for (const [what, method, path, body, wanted, reason] of attempts) {
      const answer = await ask(own, path, method, body);
      assert.equal(answer.status, wanted, `${what}: ${answer.text}`);
      assert.match(answer.text, reason, what);
    }
    assert.match((await ask(other, '/api/v2/alerts')).text, /OnlyOf-victim/);
    assert.match((await ask(onlooker, '/api/v2/alerts')).text, /^\[\]\n$/);
  });

  it('cannot slow each other with a flood of alerts and the largest triggers', async (t) => {
    await prometheus?.stop();
    prometheus = undefined;
    const wake = { annotate: { key: 'example.com/woken', value: '{{ alertname }}' } };
    await makeClusters(other, 20);
    await makeClusters(own, 40);
    await kube().kubectl(['delete', 'alerttriggers', '--all', '-n', own]);
    await apply(
      other,
      trigger(other, 'latency', {
        matchers: ['alertname="Late"'],
        targets: [{ apiVersion: cnpg, kind: 'Cluster', name: '{{ labels.cluster }}' }],
        action: wake,
      }),
    );
    const key = `alerttrigger/${other}/latency`;
    await tocsin.log.waitForLine(({ event, trigger: named }) => event === 'trigger.accepted' && named === key);
    const alone = await latencies(0);
    const greedy = {
      // As many instructions as are allowed, and they are tried on every alert.
      matchers: ['flood=~"(a?b?c?d?e?f?g?h?i?j?k?l?m?n?){0,20}x*"'],
      targets: [{ apiVersion: cnpg, kind: 'Cluster', selector: {} }],
      budget: { runs: 1000, per: '1s' },
    };
    const triggers = Array.from({ length: 40 }, (_, n) =>
      trigger(own, `greedy-${n}`, {
        ...greedy,
        action: { annotate: { key: `example.com/greedy-${n}`, value: '{{ alertname }}' } },
      }),
    );
    await apply(own, ...triggers);
    await tocsin.log.waitForLine(
      ({ event, trigger: named }) => event === 'trigger.accepted' && named === `alerttrigger/${own}/greedy-39`,
    );
    const end = new AbortController();
    let sent = 0;
    const flood = async (): Promise<void> => {
      while (!end.signal.aborted) {
        const alerts = Array.from({ length: 64 }, () => ({
          labels: { alertname: `Flood${sent++}`, namespace: own, flood: 'abcdefghijklmn'.repeat(20) },
        }));
        await ask(own, '/api/v2/alerts', 'POST', alerts);
      }
    };
    const floods = [flood(), flood()];
    const wokenByFlood = (): number =>
      tocsin.log.all.filter(({ event, namespace }) => event === 'object.annotated' && namespace === own).length;
    const underFlood = async (): Promise<readonly [readonly number[], number]> => {
      const measured = await latencies(10);
      return [measured, await eventually(wokenByFlood, (woken) => woken > 40)];
    };
    const [flooded, woken] = await underFlood().finally(() => end.abort());
    await Promise.all(floods);
    report(t, { alone, flooded, sent, woken });
    const median = (all: readonly number[]): number => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)]!;
    assert.ok(
      median(flooded) < 50 * median(alone) + 5000,
      `${median(alone)} ms alone, ${median(flooded)} ms in the flood`,
    );
  });

  function report(
    t: TestContext,
    {
      alone,
      flooded,
      sent,
      woken,
    }: Readonly<Record<'alone' | 'flooded', readonly number[]>> & Readonly<Record<'sent' | 'woken', number>>,
  ): void {
    const list = (all: readonly number[]): string => all.map((ms) => ms.toFixed(0)).join(' ');
    t.diagnostic(
      `ms alone: ${list(alone)}; beside ${sent} alerts and ${woken} runs of the other team: ${list(flooded)}`,
    );
  }

  async function makeClusters(namespace: string, count: number): Promise<void> {
    await kube().apply(
      ...Array.from({ length: count }, (_, n) => ({
        apiVersion: cnpg,
        kind: 'Cluster',
        metadata: { name: `c${n}`, namespace },
        spec: {},
      })),
    );
  }

  /** How long ten alerts take from the POST to the annotation, milliseconds. */
  async function latencies(first: number): Promise<readonly number[]> {
    const found: number[] = [];
    for (let n = first; n < first + 10; n++) {
      const labels = { alertname: 'Late', namespace: other, cluster: `c${n}` };
      const startedAt = performance.now();
      assert.equal((await ask(other, '/api/v2/alerts', 'POST', [{ labels }])).status, 200);
      await tocsin.log.waitForLine(
        ({ event, namespace, name }) => event === 'object.annotated' && namespace === other && name === `c${n}`,
      );
      found.push(performance.now() - startedAt);
    }
    return found;
  }
});
