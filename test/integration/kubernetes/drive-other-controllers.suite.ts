import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { blocks, section } from '../../support/documentation.ts';
import { eventually } from '../../../src/runtime/eventually.fixture.ts';
import { skipWithoutKube } from '../../support/kube-api-server.ts';
import { postAlerts } from '../../../src/receiver/post-alerts.fixture.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';
import { sweepOf } from '../../support/sweep-lines.ts';
import { startTocsin } from '../../support/tocsin-process.ts';

const documented = 'docs/drive-other-controllers.md';

interface Kind {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly namespaces: readonly [string];
}

interface Metadata {
  readonly generation: number;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** The YAML blocks under a heading: the configuration, and the rights. */
function exampleOf(heading: string): { readonly config: string; readonly kind: Kind; readonly role: Role } {
  const [config, role] = blocks(section(documented, heading), 'yaml');
  const { pipelines } = parse(config!) as { pipelines: { kubernetes: { kinds: [Kind] } } };
  return { config: config!, kind: pipelines.kubernetes.kinds[0], role: parse(role!) as Role };
}

interface Role {
  readonly metadata: { readonly name: string };
}

/** The minimal form of the operator's own CRD that its object needs. */
function crdOf({ group, version, resource }: Kind, kind: string): object {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${resource}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, plural: resource, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [{ name: version, served: true, storage: true, schema, subresources: { status: {} } }],
    },
  };
}

const alert = (alertname: string) => ({
  labels: { alertname, password: 'hunter2' },
  annotations: { secret: 'hunter2' },
});

describe(documented, { skip: skipWithoutKube() }, () => {
  const kube = useSharedKubeApiServer();

  /** The operator's CRD, one object, and Tocsin with the file and the rights from the documentation. */
  async function drive(heading: string, kind: string, labels: object = {}) {
    const { config, kind: watched, role } = exampleOf(heading);
    const [namespace] = watched.namespaces;
    const account = { name: 'tocsin', namespace };
    const named = (name: string) => ({ name, namespace });
    await kube().apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    await kube().apply(crdOf(watched, kind));
    await kube().kubectl(['wait', '--for=condition=Established', `crd/${watched.resource}.${watched.group}`]);
    const apiVersion = `${watched.group}/${watched.version}`;
    await kube().apply(
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: named('tocsin') },
      { ...role, metadata: role.metadata },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'ClusterRoleBinding',
        metadata: role.metadata,
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role.metadata.name },
        subjects: [{ kind: 'ServiceAccount', ...account }],
      },
      { apiVersion, kind, metadata: { ...named('shop'), labels, annotations: { mine: '1' } }, spec: { a: 1 } },
    );
    const kubeconfig = await kube().kubeconfigFor(await kube().createToken('tocsin', namespace));
    const tocsin = await startTocsin({ config, args: [`--kubeconfig=${kubeconfig}`] });
    const resource = `${watched.resource}.${watched.group}`;
    const metadata = async (): Promise<Metadata> =>
      ((await kube().get(resource, 'shop', `--namespace=${namespace}`)) as { metadata: Metadata }).metadata;
    const annotated = (accept: (annotations: Readonly<Record<string, string>>) => boolean) =>
      eventually(metadata, ({ annotations = {} }) => accept(annotations));
    const annotate = (text: string) =>
      kube().kubectl(['annotate', resource, 'shop', `--namespace=${namespace}`, '--overwrite', text]);
    return { tocsin, metadata, annotated, annotate };
  }

  const byTime = [
    ['Flux', 'Kustomization', 'reconcile.fluxcd.io/requestedAt'],
    ['Crossplane', 'Bucket', 'crossplane.io/reconcile-requested-at'],
  ] as const;
  for (const [heading, kind, key] of byTime) {
    it(`drives ${heading}: each alert gives its annotation another value, and says why`, async () => {
      const { tocsin, annotated } = await drive(heading, kind);
      try {
        await postAlerts(tocsin.url, [alert('InstanceDown')]);
        const first = await annotated((found) => found[key] !== undefined);
        const { [key]: requestedAt, ...others } = first.annotations!;
        assert.match(requestedAt!, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
        assert.deepEqual(others, { mine: '1', 'tocsin.dev/cause': 'InstanceDown firing' });
        assert.equal(first.generation, 1);

        await postAlerts(tocsin.url, [alert('DiskFull')]);
        const second = await annotated((found) => found[key] !== requestedAt);
        assert.match(second.annotations!['tocsin.dev/cause']!, /^DiskFull firing/);
        assert.ok(second.annotations![key]! > requestedAt!);
        assert.ok(!JSON.stringify(second).includes('hunter2'));
        const events = new Set(tocsin.log.all.map(({ event }) => event));
        assert.deepEqual(
          ['object.annotated', 'prometheus.queried', 'condition.changed', 'write.forbidden'].map((name) =>
            events.has(name),
          ),
          [true, false, false, false],
        );
      } finally {
        await tocsin.stop();
      }
    });
  }

  it('drives Argo CD: the annotation is the word normal, and comes again when Argo CD has removed it', async () => {
    const { tocsin, annotated, annotate, metadata } = await drive('Argo CD', 'Application', { team: 'shop' });
    try {
      for (const alertname of ['InstanceDown', 'DiskFull']) {
        await postAlerts(tocsin.url, [alert(alertname)]);
        const { annotations } = await annotated((found) => found['argocd.argoproj.io/refresh'] !== undefined);
        assert.deepEqual(annotations, { mine: '1', 'argocd.argoproj.io/refresh': 'normal' });
        await annotate('argocd.argoproj.io/refresh-');
      }
      // Neither the start nor the change by "Argo CD" was a cause: the effect of either would have arrived by now.
      await postAlerts(tocsin.url, [
        { ...alert('DiskFull'), endsAt: '2026-01-01T00:00:00Z', startsAt: '2025-01-01T00:00:00Z' },
      ]);
      await annotated((found) => found['argocd.argoproj.io/refresh'] === 'normal');
      assert.equal(tocsin.log.all.filter(({ event }) => event === 'object.annotated').length, 3);
      assert.equal((await metadata()).generation, 1);
    } finally {
      await tocsin.stop();
    }
  });

  it('tells apart kinds of one name in two groups: each object is annotated', async () => {
    const kinds = ['s3.aws.example.org', 'storage.gcp.example.org'].map((group) => ({
      group,
      version: 'v1',
      resource: 'buckets',
      namespaces: ['default'] as const,
    }));
    await kube().apply(...kinds.map((kind) => crdOf(kind, 'Bucket')));
    await kube().kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
    const metadata = { name: 'shop', namespace: 'default' };
    await kube().apply(...kinds.map(({ group }) => ({ apiVersion: `${group}/v1`, kind: 'Bucket', metadata })));
    const config = JSON.stringify({ controller: { action: 'annotate' }, pipelines: { kubernetes: { kinds } } });
    const tocsin = await startTocsin({ config, args: [`--kubeconfig=${kube().kubeconfig}`] });
    try {
      const id = await postAlerts(tocsin.url, [alert('InstanceDown')]);
      const swept = await tocsin.log.waitForLine(sweepOf(id));
      assert.deepEqual([swept['requests'], swept['changed']], [2, 2]);
      for (const { group } of kinds) {
        const found = (await kube().get(`buckets.${group}`, 'shop', '--namespace=default')) as { metadata: Metadata };
        assert.equal(found.metadata.annotations?.['tocsin.dev/cause'], 'InstanceDown firing');
      }
      const page = await (await fetch(`${tocsin.url}/metrics`)).text();
      assert.match(page, /^tocsin_annotations_total\{kind="Bucket\.s3\.aws\.example\.org"\} 1$/m);
      const told = tocsin.log.all.filter(({ event }) => event === 'object.annotated').map(({ group }) => group);
      assert.deepEqual(told.toSorted(), ['s3.aws.example.org', 'storage.gcp.example.org']);
    } finally {
      await tocsin.stop();
    }
  });
});
