import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { ruleGroups } from '../../../src/rules/rule-files.ts';
import { read } from '../../support/documentation.ts';
import { skipWithoutKube } from '../../support/kube-api-server.ts';
import { kubectl } from '../../support/kubectl.ts';
import { prometheusRuleCrd } from '../../support/prometheus-operator-crds.ts';
import { runTocsin } from '../../support/run-tocsin.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';

const namespace = 'monitoring-rules';
const all = ruleGroups.map((group) => `--group=${group}`);

interface Applied {
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly data: Readonly<Record<string, string>>;
  readonly spec: { readonly groups: readonly unknown[] };
}

describe('tocsin rules print | kubectl apply', { skip: skipWithoutKube() }, () => {
  const server = useSharedKubeApiServer();

  async function applied(form: string, kind: string): Promise<readonly Applied[]> {
    const flags = ['-o', form, '-n', namespace, '--label=release=prometheus'];
    const { code, stdout: input, stderr } = await runTocsin(['rules', 'print', ...flags, ...all]);
    assert.equal(code, 0, stderr);
    const apply = ['apply', '--server-side', '--validate=strict', '-f', '-'];
    await kubectl(apply, { kubeconfig: server().kubeconfig, input });
    return (await server().get(kind, '-n', namespace, '-l', 'release=prometheus')) as readonly Applied[];
  }

  const groupsOf = (file: string): readonly unknown[] =>
    (parse(read(file)) as { readonly groups: readonly unknown[] }).groups;

  before(async () => {
    await server().apply(prometheusRuleCrd, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    await server().kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
  });

  it('creates a PrometheusRule for each group, with the rules of its file', async () => {
    const objects = await applied('prometheusrule', 'prometheusrules');

    assert.equal(objects.length, ruleGroups.length);
    for (const group of ruleGroups) {
      const name = group === 'tocsin' ? group : `tocsin-${group}`;
      const found = objects.find(({ metadata }) => metadata.name === name);
      assert.deepEqual(found?.spec.groups, groupsOf(`rules/${group}.yml`));
      assert.equal(found?.metadata.labels['app.kubernetes.io/name'], 'tocsin');
    }
  });

  it('creates a ConfigMap with the files, byte for byte', async () => {
    const [object, ...others] = await applied('configmap', 'configmaps');

    assert.deepEqual(others, []);
    const files = ruleGroups.map((group) => [
      group === 'tocsin' ? group : `tocsin-${group}`,
      read(`rules/${group}.yml`),
    ]);
    assert.deepEqual(object?.data, Object.fromEntries(files.map(([name, text]) => [`${name}_rules.yml`, text])));
  });
});
