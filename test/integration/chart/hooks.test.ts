import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { chart, tryHelm } from '../../support/helm.ts';
import { skipWithoutKube, useKubeApiServer } from '../../support/kube-api-server.ts';
import type { Manifest } from '../../support/kustomize.ts';
import { NodeForHooks } from '../../support/node-for-hooks.ts';
import type { Run } from '../../support/run-tocsin.ts';
import { skipWithout } from '../../support/servers.ts';
import { prometheusRuleCrd } from '../../support/prometheus-operator-crds.ts';

const namespace = 'tocsin';
const good = { config: { receiver: { max_alerts: 7 } }, rules: rulesOf('up == 0') };
/** By type it is right, so only Tocsin itself can tell. */
const badConfig = { config: { receiver: { advertised_urls: ['tocsin:9093'] } } };
const badRules = { rules: rulesOf('up ==') };

describe('helm install -f my.yaml', { skip: skipWithout('helm') || skipWithout('helm-3') || skipWithoutKube() }, () => {
  let node: NodeForHooks;
  after(() => node?.stop()); // before the API server stops
  const server = useKubeApiServer();

  before(async () => {
    await server().apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } }, prometheusRuleCrd);
    await server().apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } });
    node = await NodeForHooks.start(server(), { namespace });
  });

  const run = (command: string, values: object = {}, version: 'helm' | 'helm-3' = 'helm'): Promise<Run> =>
    tryHelm(
      [
        ...command.split(' '),
        `--namespace=${namespace}`,
        '--timeout=60s',
        ...(command.startsWith('uninstall') ? [] : ['--values=-']),
      ],
      {
        kubeconfig: server().kubeconfig,
        input: JSON.stringify(values),
        version,
      },
    );

  /** Everything of the chart but what tells why the hook failed. */
  async function installed(): Promise<readonly string[]> {
    const kinds = 'serviceaccount,configmap,service,deployment,poddisruptionbudget,prometheusrule';
    const inside = await server().kubectl(['get', kinds, '-o=name', `--namespace=${namespace}`]);
    const outside = await server().kubectl(['get', 'clusterrole,clusterrolebinding', '-o=name']);
    return `${inside}${outside}`.split('\n').filter((name) => name.includes('/tocsin'));
  }

  for (const version of ['helm', 'helm-3'] as const)
    for (const [what, values, said] of [
      ['a configuration', badConfig, /tocsin\.yml:4:5: error: receiver\.advertised_urls\.0: found \\?"tocsin:9093/],
      ['a rule', badRules, /rules\.yml:5:15: error: unexpected end of input \[promql-syntax\]/],
    ] as const)
      it(`installs nothing with ${what} that is wrong, and names the line, with ${version}`, async (test) => {
        test.after(() => run('uninstall tocsin', {}, version));
        const { code, stdout, stderr } = await run(`install tocsin ${chart}`, values, version);
        assert.equal(code, 1);
        assert.match(stderr, /failed pre-install: [^]*tocsin-lint/);
        assert.match(stdout + stderr, said);
        assert.deepEqual(await installed(), []);
      });

  it('installs what is good, with the rules, in place of what failed, and leaves nothing of the check', async () => {
    assert.equal((await run(`upgrade --install tocsin ${chart}`, badConfig)).code, 1);
    const { code, stderr } = await run(`upgrade --install tocsin ${chart}`, good);
    assert.equal(code, 0, stderr);
    const names = await installed();
    assert.ok(names.includes('prometheusrule.monitoring.coreos.com/tocsin-own-rules'), names.join());
    assert.ok(!names.some((name) => name.includes('lint')), names.join());
    assert.deepEqual(await server().get('job', `--namespace=${namespace}`), []);
    const { spec } = (await server().get('prometheusrule', 'tocsin-own-rules', `--namespace=${namespace}`)) as Manifest;
    assert.deepEqual(spec, good.rules);
  });

  it('changes nothing in an upgrade that is wrong', async () => {
    const deployment = (): Promise<unknown> => server().get('deployment', 'tocsin', `--namespace=${namespace}`);
    const earlier = await deployment();
    const { code, stdout, stderr } = await run(`upgrade tocsin ${chart}`, { ...good, ...badRules });
    assert.equal(code, 1);
    assert.match(stdout + stderr, /rules\.yml:\d+:\d+: error: unexpected end of input/);
    assert.deepEqual(await deployment(), earlier);
  });

  it('asks nobody if it is told not to', async () => {
    const { code, stderr } = await run(`upgrade tocsin ${chart}`, { ...good, ...badRules, lint: false });
    assert.equal(code, 0, stderr);
  });
});

function rulesOf(expr: string): object {
  return { groups: [{ name: 'mine', rules: [{ alert: 'TraceBackendDown', expr, labels: { severity: 'critical' } }] }] };
}
