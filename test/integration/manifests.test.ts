import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import packageJson from '../../package.json' with { type: 'json' };
import { parseConfigFile } from '../../src/config/load-config.ts';
import { Config } from '../../src/config/config.ts';
import { flagTable } from '../../src/config/flags/flag-table.ts';
import { parseFlags } from '../../src/config/flags/flags.ts';
import { keyPaths } from '../../src/config/settings/setting.ts';
import { inNamespace, kustomize, objectOf, sorted, withComponents, type Manifest } from '../support/kustomize.ts';
import { skipWithout } from '../support/servers.ts';

const read = ['get', 'list', 'watch'];
const pipelines = ['metricpipelines', 'tracepipelines', 'logpipelines'];
const reader = [{ apiGroups: ['telemetry.kyma-project.io'], resources: pipelines, verbs: read }];
const writer = [
  {
    apiGroups: ['telemetry.kyma-project.io'],
    resources: pipelines.map((resource) => `${resource}/status`),
    verbs: ['patch'],
  },
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
];
const annotator = [{ apiGroups: ['telemetry.kyma-project.io'], resources: pipelines, verbs: ['patch'] }];
/** What the component triggers gives Tocsin. */
const triggers = [
  {
    apiGroups: ['tocsin.dev'],
    resources: ['alerttriggers', 'clusteralerttriggers'],
    verbs: ['get', 'list', 'watch'],
  },
  {
    apiGroups: ['tocsin.dev'],
    resources: ['alerttriggers/status', 'clusteralerttriggers/status'],
    verbs: ['patch'],
  },
  { apiGroups: [''], resources: ['namespaces'], verbs: ['get', 'list', 'watch'] },
  { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] },
];
const access = [
  { apiGroups: ['authentication.k8s.io'], resources: ['tokenreviews'], verbs: ['create'] },
  { apiGroups: ['authorization.k8s.io'], resources: ['subjectaccessreviews'], verbs: ['create'] },
];
const folders = ['k8s', 'k8s/base', 'k8s/overlays/kyma', 'k8s/overlays/observe', 'networkpolicy'];
const components = [
  'namespace',
  'image',
  'monitoring',
  'monitoring/rule-files',
  'annotate',
  'persistent-storage',
  'tls',
];

describe('k8s/base/tocsin.yml', () => {
  const file = (path: string): Promise<string> => readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
  /** A pod has no folder of manifests. */
  const elsewhere = ['pipelines.folder'];

  it('has every key of the configuration with its default, and no other', async () => {
    const text = await file('k8s/base/tocsin.yml');
    const result = parseConfigFile('tocsin.yml', text);
    const written = leavesOf(parse(text));
    const missing = keyPaths(Config)
      .map((path) => path.join('.'))
      .filter((key) => !elsewhere.includes(key))
      .filter((key) => !written.some((leaf) => `${leaf}.`.startsWith(`${key}.`) || key.startsWith(`${leaf}.`)));

    assert.deepEqual('problems' in result ? result.problems : result.config, Config.parse({}));
    assert.deepEqual(missing, []);
  });

  it('says of each key what examples/tocsin.yml says', async () => {
    const [, ...paragraphs] = (await file('examples/tocsin.yml')).trimEnd().split('\n\n');
    const text = await file('k8s/base/tocsin.yml');

    for (const paragraph of paragraphs.filter((each) => !/^ *(pipelines|folder):/m.test(each))) {
      assert.ok(text.includes(paragraph), `copy this from examples/tocsin.yml into k8s/base/tocsin.yml:\n${paragraph}`);
    }
  });
});

describe('the manifests', { skip: skipWithout('kubectl') }, () => {
  const built = new Map<string, readonly Manifest[]>();
  const manifests = (name: string): readonly Manifest[] => built.get(name) ?? assert.fail(name);

  before(async () => {
    for (const folder of folders) built.set(folder, await kustomize(folder));
    for (const name of components) built.set(name, await withComponents([name], kustomize));
    built.set('kubernetes-auth', await withComponents(['tls', 'kubernetes-auth'], kustomize));
  });
  after(() => built.clear());

  const rights: [what: string, rules: object[], forOthers?: string[]][] = [
    ['k8s', [...reader, ...triggers, ...writer], ['alert-trigger-edit', 'alert-trigger-view']],
    [
      'kubernetes-auth',
      [...access, ...reader, ...writer],
      ['tocsin-alerts-edit', 'tocsin-alerts-view', 'tocsin-sender'],
    ],
    ['k8s/overlays/kyma', [...reader, ...writer]],
    ['k8s/overlays/observe', reader],
    ['annotate', [...annotator, ...reader]],
    ['persistent-storage', [...reader, ...writer]],
  ];
  for (const [what, rules, forOthers = []] of rights) {
    it(`give ${what} these rights and no others`, () => {
      const all = manifests(what).filter(({ kind }) => kind.endsWith('Role'));
      const bindings = manifests(what).filter(({ kind }) => kind.endsWith('RoleBinding'));
      const roles = all.filter(({ metadata }) => !forOthers.includes(metadata.name));
      assert.deepEqual(
        all.map(({ metadata }) => metadata.name).filter((name) => forOthers.includes(name)),
        forOthers,
      );

      assert.deepEqual(
        roles.flatMap(({ rules: given }) => given),
        rules,
      );
      assert.deepEqual(
        bindings.map(({ roleRef }) => (roleRef as { name: string }).name),
        roles.map(({ metadata }) => metadata.name),
      );
      for (const { subjects } of bindings) {
        assert.deepEqual(subjects, [{ kind: 'ServiceAccount', name: 'tocsin', namespace: 'tocsin' }]);
      }
    });
  }

  // components/tls waits for the flag --web.config.file
  const known = Object.values(flagTable).map(({ name }) => name as string);
  const startable = components.filter((name) => name !== 'tls' || known.includes('web.config.file'));
  for (const what of [...folders.slice(0, 4), ...startable]) {
    it(`start Tocsin in ${what} with flags and a file that it takes`, async () => {
      const { args, env } = containerOf(manifests(what));
      const { data } = objectOf(manifests(what), 'ConfigMap', configName(manifests(what)));
      const commandLine = parseFlags(args, { terminal: false, keys: () => [] });
      const file = parseConfigFile('tocsin.yml', (data as Record<string, string>)['tocsin.yml']!);

      assert.deepEqual(commandLine.command === 'error' ? commandLine.problems : [], []);
      assert.deepEqual('problems' in file ? file.problems : [], []);
      assert.deepEqual(env, [{ name: 'NODE_OPTIONS', value: '--max-old-space-size-percentage=60' }]);
    });
  }

  it('give a stopping pod longer than Tocsin takes', () => {
    const { terminationGracePeriodSeconds: grace } = podOf(manifests('k8s'));
    assert.ok(grace * 1000 > Config.parse({}).controller.drain_timeout, String(grace));
  });

  it('name the image of this version, in one place for all', () => {
    for (const folder of ['k8s', 'k8s/base', 'k8s/overlays/kyma', 'k8s/overlays/observe']) {
      assert.equal(containerOf(manifests(folder)).image, `tocsin:${packageJson.version}`, folder);
    }
  });

  it('observe without writing', () => {
    const name = configName(manifests('k8s/overlays/observe'));
    const { data } = objectOf(manifests('k8s/overlays/observe'), 'ConfigMap', name);
    const { controller } = parse((data as Record<string, string>)['tocsin.yml']!) as Record<string, object>;

    assert.deepEqual(controller, { action: 'log' });
  });

  it('select by a label that the pod has', () => {
    const { template } = objectOf(manifests('k8s'), 'Deployment')['spec'] as { template: Manifest };
    const { selector } = objectOf(manifests('k8s'), 'Service')['spec'] as { selector: Record<string, string> };

    for (const [label, value] of Object.entries(selector)) assert.equal(template.metadata.labels?.[label], value);
  });

  it('let nobody in or out whom they do not name', () => {
    const policies = manifests('networkpolicy').map((policy) => policy['spec'] as Policy);
    const peers = policies.flatMap(({ ingress = [], egress = [] }) => [
      ...ingress.map(({ from }) => from),
      ...egress.map(({ to }) => to),
    ]);

    assert.equal(peers.length, 7);
    for (const peer of peers.map((list) => list ?? [])) {
      assert.notEqual(peer.length, 0, 'a rule without peers allows everybody');
      for (const { ipBlock, podSelector } of peer) {
        assert.notEqual(ipBlock === undefined, podSelector === undefined, 'an address or pods');
        assert.doesNotMatch(ipBlock?.cidr ?? '', /\/0$/);
        assert.notDeepEqual(podSelector, {});
      }
    }
    const ports = policies.flatMap(({ ingress = [], egress = [] }) =>
      [...ingress, ...egress].map((rule) => rule.ports),
    );
    for (const list of ports) assert.notEqual(list?.length ?? 0, 0, 'a rule without ports allows all of them');
  });

  it('deny first, in both directions', () => {
    const { spec } = objectOf(manifests('networkpolicy'), 'NetworkPolicy', 'tocsin-default-deny');
    assert.deepEqual((spec as Policy).policyTypes, ['Ingress', 'Egress']);
    assert.deepEqual(Object.keys(spec as Policy), ['podSelector', 'policyTypes']);
  });

  it("select Tocsin's pods and nobody else's", () => {
    for (const { metadata, spec } of manifests('networkpolicy')) {
      assert.deepEqual((spec as Policy).podSelector, { matchLabels: { 'app.kubernetes.io/name': 'tocsin' } });
      assert.match(metadata.name, /^tocsin-/, 'no name that somebody else may have in the namespace');
    }
  });

  it('make the namespace in k8s/ alone', () => {
    const makers = folders.filter((folder) => manifests(folder).some(({ kind }) => kind === 'Namespace'));
    assert.deepEqual(makers, ['k8s']);
  });

  it('leave the user to the image, so that a platform may choose one', () => {
    const named = (what: string): readonly string[] => {
      const { securityContext } = podOf(manifests(what));
      return Object.keys({ ...securityContext, ...containerOf(manifests(what)).securityContext }).filter((key) =>
        ['runAsUser', 'runAsGroup', 'fsGroup'].includes(key),
      );
    };
    for (const what of [...folders.slice(0, 4), 'tls']) assert.deepEqual(named(what), [], what);
    assert.deepEqual(named('persistent-storage'), ['fsGroup']);
  });

  for (const folder of [
    ...folders.slice(0, 4),
    'annotate',
    'persistent-storage',
    'monitoring',
    'monitoring/rule-files',
  ])
    it(`follow into another namespace, rights and all, from ${folder}`, async () => {
      const moved = await (folder.includes('k8s')
        ? inNamespace('mine', { resources: [folder] })
        : inNamespace('mine', { resources: ['k8s/base'], components: [folder] }));
      assert.equal(JSON.stringify(moved).includes('"namespace":"tocsin"'), false);
      const bindings = moved.filter(({ kind }) => kind === 'ClusterRoleBinding');
      assert.notEqual(bindings.length, 0);
      for (const { subjects } of bindings)
        assert.deepEqual(subjects, [{ kind: 'ServiceAccount', name: 'tocsin', namespace: 'mine' }]);
    });

  for (const [first, second] of pairsOf(components))
    it(`are the same with ${first} and ${second} in either order`, async () => {
      const [one, other] = await Promise.all([
        withComponents([first, second], kustomize),
        withComponents([second, first], kustomize),
      ]);
      assert.deepEqual(sorted(one), sorted(other));
    });

  it('scrape by https, and check the certificate, with TLS alone', async () => {
    const endpointOf = (all: readonly Manifest[]): object | undefined =>
      (objectOf(all, 'ServiceMonitor')['spec'] as { endpoints: object[] }).endpoints[0];
    const plain = { port: 'http', path: '/metrics', interval: '30s', scheme: 'http' };
    const tlsConfig = { ca: { secret: { name: 'tocsin-tls', key: 'ca.crt' } }, serverName: 'tocsin' };
    assert.deepEqual(endpointOf(manifests('monitoring')), plain);
    for (const order of [
      ['tls', 'monitoring'],
      ['monitoring', 'tls'],
      ['monitoring/service-monitor', 'tls'],
    ])
      assert.deepEqual(endpointOf(await withComponents(order, kustomize)), { ...plain, scheme: 'https', tlsConfig });
  });
});

interface Pod {
  readonly securityContext: object;
  readonly terminationGracePeriodSeconds: number;
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string; readonly configMap?: { readonly name: string } }[];
}

interface Container {
  readonly securityContext: object;
  readonly image: string;
  readonly args: readonly string[];
  readonly env: readonly object[];
}

interface Peer {
  readonly ipBlock?: { readonly cidr: string };
  readonly podSelector?: object;
}

interface Rule {
  readonly from?: readonly Peer[];
  readonly to?: readonly Peer[];
  readonly ports?: readonly object[];
}

interface Policy {
  readonly podSelector: object;
  readonly policyTypes: readonly string[];
  readonly ingress?: readonly Rule[];
  readonly egress?: readonly Rule[];
}

function podOf(manifests: readonly Manifest[]): Pod {
  return (objectOf(manifests, 'Deployment')['spec'] as { template: { spec: Pod } }).template.spec;
}

function containerOf(manifests: readonly Manifest[]): Container {
  return podOf(manifests).containers[0]!;
}

function configName(manifests: readonly Manifest[]): string {
  return podOf(manifests).volumes.find(({ name }) => name === 'config')!.configMap!.name;
}

/** The keys that hold a value, with all keys above them: `a.b.c`. An empty section is a value. */
function leavesOf(value: unknown, path: readonly string[] = []): string[] {
  const entries = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
  return entries.length === 0 ? [path.join('.')] : entries.flatMap(([key, below]) => leavesOf(below, [...path, key]));
}

function pairsOf(names: readonly string[]): readonly (readonly [string, string])[] {
  return names.flatMap((first, index) => names.slice(index + 1).map((second) => [first, second] as const));
}
