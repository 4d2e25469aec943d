import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { Config } from '../../../src/config/config.ts';
import { parseConfigFile } from '../../../src/config/load-config.ts';
import { targetRules } from '../../../src/trigger/target-rights.ts';
import { isHook, template } from '../../support/helm.ts';
import {
  inNamespace,
  kustomize,
  objectOf,
  sorted,
  withComponents,
  withKustomization,
  type Manifest,
} from '../../support/kustomize.ts';
import { skipWithout } from '../../support/servers.ts';

/** The labels of Helm's own conventions, and the mark by which parts of `k8s/components` find each other. */
const ownLabels = [
  'app.kubernetes.io/instance',
  'app.kubernetes.io/version',
  'app.kubernetes.io/managed-by',
  'helm.sh/chart',
];
const ownMarks = [...ownLabels, 'tocsin.dev/scheme', 'helm.sh/resource-policy'];
/** What the chart adds by itself to the configuration of replicas that call each other over TLS. */
const peersOverTls = {
  replicas: { http_config: { tls_config: { ca_file: '/etc/tocsin-tls/ca.crt', server_name: 'tocsin' } } },
};

const kyma = parse(readFileSync(new URL('../../../charts/tocsin/values-kyma.yaml', import.meta.url), 'utf8')) as object;

interface Case {
  readonly what: string;
  readonly values: object;
  readonly built: () => Promise<readonly Manifest[]>;
  /** What the value changes in the configuration, which a component leaves to the user. */
  readonly config?: object;
}

/** What the chart is by default, two replicas, with these components. */
const components =
  (...names: string[]) =>
  () =>
    withComponents([...names, 'replicas'], kustomize);

const overlay = (folder: string) => () =>
  withKustomization({ resources: [folder], components: ['replicas'] }, kustomize);

/** The same with one replica, as kustomize has it by default. */
const alone =
  (...names: string[]) =>
  () =>
    withComponents(names, kustomize);

const cases: readonly Case[] = [
  { what: 'nothing', values: {}, built: components() },
  { what: 'one replica', values: { replicas: 1 }, built: () => kustomize('k8s/base') },
  {
    what: 'one replica and much else',
    values: { replicas: 1, tls: { enabled: true }, ...serviceMonitor(), triggers: { enabled: true } },
    built: alone('tls', 'monitoring/service-monitor', 'triggers'),
  },
  {
    what: 'annotate',
    values: { annotate: true },
    built: components('annotate'),
    config: { controller: { action: 'annotate' } },
  },
  {
    what: 'silences',
    values: { replicas: 1, silences: { enabled: true } },
    built: alone('silences'),
    config: { receiver: { silence_storage: 'kubernetes' } },
  },
  { what: 'observe', values: { observe: true }, built: overlay('k8s/overlays/observe') },
  {
    what: 'persistence',
    values: { replicas: 1, persistence: { enabled: true } },
    built: alone('persistent-storage'),
  },
  { what: 'tls', values: { tls: { enabled: true } }, built: components('tls'), config: peersOverTls },
  {
    what: 'tls and kubernetesAuth',
    values: { tls: { enabled: true }, kubernetesAuth: { enabled: true } },
    built: components('tls', 'kubernetes-auth'),
    config: peersOverTls,
  },
  {
    what: 'networkPolicy',
    values: { networkPolicy: { enabled: true } },
    built: () => withKustomization({ resources: ['k8s/base', 'networkpolicy'], components: ['replicas'] }, kustomize),
  },
  { what: 'monitoring.serviceMonitor', values: serviceMonitor(), built: components('monitoring/service-monitor') },
  {
    what: 'tls and monitoring.serviceMonitor',
    values: { ...serviceMonitor(), tls: { enabled: true } },
    built: components('tls', 'monitoring/service-monitor'),
    config: peersOverTls,
  },
  {
    what: 'monitoring.rules',
    values: { monitoring: { rules: { enabled: true } } },
    built: components('monitoring/rules'),
  },
  {
    what: 'monitoring.rules as files',
    values: { monitoring: { rules: { enabled: true, format: 'ConfigMap' } } },
    built: components('monitoring/rule-files'),
  },
  {
    what: 'monitoring.dashboards',
    values: { monitoring: { dashboards: { enabled: true } } },
    built: components('monitoring/dashboards'),
  },
  {
    what: 'all of monitoring',
    values: {
      monitoring: { serviceMonitor: { enabled: true }, rules: { enabled: true }, dashboards: { enabled: true } },
    },
    built: components('monitoring'),
  },
  {
    what: 'admission',
    values: { admission: { enabled: true }, networkPolicy: { enabled: true } },
    built: () =>
      withKustomization(
        {
          resources: ['k8s/base', 'networkpolicy'],
          components: ['admission', 'admission/cert-manager', '../../networkpolicy/admission', 'replicas'],
        },
        kustomize,
      ),
  },
  { what: 'triggers', values: { triggers: { enabled: true } }, built: components('triggers') },
  { what: 'the values for Kyma', values: kyma, built: overlay('k8s/overlays/kyma') },
];

describe('the chart', { skip: skipWithout('helm') || skipWithout('helm-3') || skipWithout('kubectl') }, () => {
  for (const { what, values, built, config = {} } of cases)
    it(`is what kustomize builds, with ${what}`, async () => {
      const [chart, others] = await Promise.all([template(values), built()]);
      assert.deepEqual(compared(chart), compared(others, config));
    });

  it('is what kustomize builds, in another namespace', async () => {
    const values = { networkPolicy: { enabled: true } };
    const [chart, others] = await Promise.all([
      template(values, { namespace: 'mine' }),
      inNamespace('mine', { resources: ['k8s/base', 'networkpolicy'], components: ['replicas'] }),
    ]);
    assert.deepEqual(compared(chart), compared(others));
  });

  it('is the same with Helm 3', async () => {
    const values = { ...kyma, ...serviceMonitor(), tls: { enabled: true }, networkPolicy: { enabled: true } };
    assert.deepEqual(await template(values, { version: 'helm-3' }), await template(values));
  });

  it('labels every object as Helm and Kubernetes advise', async () => {
    const values = { networkPolicy: { enabled: true } };
    const alsoAlone = { replicas: 1, persistence: { enabled: true } };
    for (const { kind, metadata } of [...(await template(values)), ...(await template(alsoAlone))])
      assert.deepEqual(
        { ...metadata.labels, 'app.kubernetes.io/name': 'tocsin', 'tocsin.dev/peers': undefined },
        {
          'tocsin.dev/peers': undefined,
          'app.kubernetes.io/name': 'tocsin',
          'app.kubernetes.io/instance': 'tocsin',
          'app.kubernetes.io/part-of': 'tocsin',
          'app.kubernetes.io/version': '0.1.0',
          'app.kubernetes.io/managed-by': 'Helm',
          'helm.sh/chart': 'tocsin-0.1.0',
        },
        `${kind} ${metadata.name}`,
      );
  });

  it('grants what the kinds of the configuration need, for each action', async () => {
    const kinds = [
      { group: 'helm.toolkit.fluxcd.io', version: 'v2', resource: 'helmreleases' },
      { group: '', version: 'v1', resource: 'services' },
    ];
    const config = { pipelines: { kubernetes: { kinds } } };
    const rules = async (values: object): Promise<unknown> =>
      (await template({ replicas: 1, config, ...values }))
        .filter(({ kind }) => kind === 'ClusterRole')
        .map((role) => role['rules']);
    const rule = (verbs: readonly string[], suffix = ''): readonly object[] =>
      kinds.map(({ group, resource }) => ({ apiGroups: [group], resources: [`${resource}${suffix}`], verbs }));
    const reads = rule(['get', 'list', 'watch']);
    const events = { apiGroups: ['events.k8s.io'], resources: ['events'], verbs: ['create', 'patch'] };
    assert.deepEqual(await rules({}), [reads, [...rule(['patch'], '/status'), events]]);
    assert.deepEqual(await rules({ annotate: true }), [reads, rule(['patch'])]);
    assert.deepEqual(await rules({ observe: true }), [reads]);
  });

  it('grants what the targets of triggers need, and nothing else', async () => {
    const kinds = [
      { group: 'postgresql.cnpg.io', resource: 'clusters', for: ['condition'] },
      { group: 'apps', resource: 'deployments', for: ['select', 'annotate'] },
      { group: 'source.toolkit.fluxcd.io', resource: 'gitrepositories', for: ['annotate'] },
      { group: '', resource: 'pods', for: ['owner'] },
      { group: 'apps', resource: 'statefulsets', for: ['owner', 'condition', 'annotate'] },
    ] as const;
    const objects = await template({ triggers: { enabled: true, kinds } });
    const wanted = kinds.map(({ group, resource, for: uses }) => ({ group, resource, uses }));
    assert.deepEqual(objectOf(objects, 'ClusterRole', 'tocsin-trigger-targets')['rules'], targetRules(wanted));
    assert.equal(
      objects.some(({ kind }) => kind === 'CustomResourceDefinition'),
      true,
    );
  });

  it('leaves the definitions of triggers to another release', async () => {
    const objects = await template({ triggers: { enabled: true, crds: false }, silences: { crds: false } });
    assert.equal(
      objects.some(({ kind }) => kind === 'CustomResourceDefinition'),
      false,
    );
    objectOf(objects, 'ClusterRole', 'tocsin-triggers');
  });

  it('keeps the definitions of triggers and silences, and so these, when it is removed', async () => {
    const objects = await template({ triggers: { enabled: true } });
    const crds = objects.filter(({ kind }) => kind === 'CustomResourceDefinition');
    const annotations = crds.map(({ metadata }) => (metadata as { annotations?: object }).annotations);
    const keep = { 'helm.sh/resource-policy': 'keep' };
    assert.deepEqual(annotations, [keep, keep, keep]);
  });

  it('shares no object and no pod between two releases', async () => {
    const [one, other] = await Promise.all([template({}, { name: 'tocsin' }), template({}, { name: 'second' })]);
    // Of the definitions, the second one leaves out those that are there: only a cluster shows that.
    const names = (all: readonly Manifest[]): readonly string[] =>
      all
        .filter(({ kind }) => kind !== 'CustomResourceDefinition')
        .map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    assert.deepEqual(
      names(one).filter((name) => names(other).includes(name)),
      [],
    );
    const selector = (all: readonly Manifest[]): unknown =>
      all.filter(({ kind }) => kind === 'Service').map((each) => (each['spec'] as { selector: object }).selector);
    assert.notDeepEqual(selector(one), selector(other));
  });
});

function serviceMonitor(): object {
  return { monitoring: { serviceMonitor: { enabled: true } } };
}

/** Objects without what is Helm's or kustomize's own: labels, hooks, hashes in names, the text of a file. */
function compared(manifests: readonly Manifest[], config: object = {}): unknown {
  const objects = manifests.filter((each) => !isHook(each)).map((each) => withFiles(each, config));
  return sorted(JSON.parse(JSON.stringify(objects), withoutOwn) as Manifest[]);
}

function withoutOwn(key: string, value: unknown): unknown {
  if (ownMarks.includes(key) || key === 'checksum/config') return undefined;
  if (key === 'annotations' && Object.keys(value as object).length === 0) return undefined;
  return typeof value === 'string' ? value.replace(/^(tocsin-(?:config|web))-[a-z0-9]{10}$/, '$1') : value;
}

/** Compares what a file says, whatever its comments and the order of its keys. */
function withFiles(manifest: Manifest, config: object): Manifest {
  if (manifest.kind !== 'ConfigMap') return manifest;
  const entries = Object.entries(manifest['data'] as Record<string, string>).map(([name, text]) => [
    name,
    name === 'tocsin.yml' ? read(text, config) : (parse(text) as unknown),
  ]);
  return { ...manifest, data: Object.fromEntries(entries) as object };
}

function read(text: string, config: object): Config {
  const file = parseConfigFile('tocsin.yml', text);
  if ('problems' in file) throw new Error(file.problems.join('\n'));
  const { controller, ...rest } = (parse(text) ?? {}) as { readonly controller?: object };
  return Config.parse({
    ...rest,
    ...config,
    controller: { ...controller, ...(config as typeof rest & { controller?: object }).controller },
  });
}
