import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { targetRules } from '../trigger/target-rights.ts';
import { runAsk } from './fake-api.fixture.ts';

const folder = mkdtempSync(join(tmpdir(), 'tocsin-trigger-rbac-'));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, spec: string): string {
  const path = join(folder, name);
  const head = 'apiVersion: tocsin.dev/v1alpha1\nkind: AlertTrigger\nmetadata: {name: a, namespace: shop}\nspec:\n';
  writeFileSync(path, head + spec);
  return path;
}

async function rbac(
  ...args: readonly string[]
): Promise<{ readonly objects: readonly Record<string, unknown>[]; readonly stderr: string }> {
  const { code, stdout, stderr } = await runAsk('trigger', ['rbac', ...args], {});
  assert.equal(code, 0, stderr);
  return { objects: parseAllDocuments(stdout).map((document) => document.toJS() as Record<string, unknown>), stderr };
}

const cluster = { group: 'postgresql.cnpg.io', resource: 'clusters' };

describe('tocsin trigger rbac', () => {
  it('writes exactly the rules that kinds need, named as kubectl names them or by their kind', async () => {
    for (const name of ['clusters.postgresql.cnpg.io', 'postgresql.cnpg.io/Cluster']) {
      const { objects, stderr } = await rbac(`--kind=${name}:condition`);
      assert.deepEqual(objects[0]?.['rules'], targetRules([{ ...cluster, uses: ['condition'] }]));
      assert.equal(stderr, '');
    }
    const core = await rbac('--kind=pods:owner', '--kind=/Service:annotate');
    assert.deepEqual(
      core.objects[0]?.['rules'],
      targetRules([
        { group: '', resource: 'pods', uses: ['owner'] },
        { group: '', resource: 'services', uses: ['annotate'] },
      ]),
    );
  });

  it('binds them to the ServiceAccount of Tocsin', async () => {
    const { objects } = await rbac('--kind=pods:owner', '--service-account=mine', '-n', 'ops');
    assert.deepEqual(objects[1]?.['subjects'], [{ kind: 'ServiceAccount', name: 'mine', namespace: 'ops' }]);
    assert.deepEqual(objects[1]?.['metadata'], { name: 'mine-trigger-targets' });
  });

  it('reads the kinds and what for from triggers, and joins what is about one kind', async () => {
    const path = file(
      'three.yaml',
      `  targets:
    - {apiVersion: postgresql.cnpg.io/v1, kind: Cluster, name: orders}
    - {apiVersion: postgresql.cnpg.io/v1, kind: Cluster, selector: {}}
    - {apiVersion: networking.istio.io/v1, kind: Proxy, name: x}
  action: {annotate: {preset: flux}}
`,
    );
    const { objects } = await rbac('-f', path, '--kind=clusters.postgresql.cnpg.io:condition');
    assert.deepEqual(
      objects[0]?.['rules'],
      targetRules([
        { ...cluster, uses: ['condition', 'annotate', 'select'] },
        { group: 'networking.istio.io', resource: 'proxies', uses: ['annotate'] },
      ]),
    );
  });

  it('says that nobody knows the owners of a pod beforehand', async () => {
    const path = file(
      'owner.yaml',
      "  targets: [{ownerOf: {pod: '{{ labels.pod }}'}}]\n  action: {annotate: {preset: flux}}\n",
    );
    assert.match((await rbac('-f', path)).stderr, /add --kind RESOURCE\.GROUP:owner for each kind on the way up/);
    assert.equal((await rbac('-f', path, '--kind=replicasets.apps:owner')).stderr, '');
  });

  it('refuses a kind that it cannot read, and triggers that are wrong or need nothing', async () => {
    const wrong = await runAsk('trigger', ['rbac', '--kind=clusters.postgresql.cnpg.io:delete'], {});
    assert.equal(wrong.code, 2);
    assert.match(
      wrong.stderr,
      /allowed: RESOURCE\.GROUP or GROUP\/KIND, then a colon and any of condition, annotate, select, owner/,
    );
    assert.match((await runAsk('trigger', ['rbac'], {})).stderr, /no --file and no --kind/);
    const bad = await runAsk('trigger', ['rbac', '-f', file('bad.yaml', '  targets: []\n  action: {log: {}}\n')], {});
    assert.equal(bad.code, 1);
    assert.match(bad.stderr, /spec\.targets: found none/);
    const none = file('none.yaml', '  targets: [{apiVersion: v1, kind: Service, name: a}]\n  action: {log: {}}\n');
    assert.match((await runAsk('trigger', ['rbac', '-f', none], {})).stderr, /they need no rights/);
  });
});
