import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { readConditions } from '../../../src/kubernetes/pipeline-object.ts';
import { readStatus, type TriggerStatus } from '../../../src/kubernetes/trigger-resources/trigger-object.ts';
import { postAlerts } from '../../../src/receiver/post-alerts.fixture.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { eventually } from '../../../src/runtime/eventually.fixture.ts';
import { targetRole, type TargetKindUse } from '../../../src/trigger/target-rights.ts';
import { skipWithoutKube } from '../../support/kube-api-server.ts';
import { clusterCrd, customObject } from '../../support/operator-crds.ts';
import { kubeconfigWith } from '../../support/service-account.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';
import { startTocsin, type TocsinProcess } from '../../support/tocsin-process.ts';

const cnpg = 'postgresql.cnpg.io/v1';
const account = 'tocsin-with-triggers';
const shipped = [
  'base/cluster-role-reader.yaml',
  'base/cluster-role-writer.yaml',
  'components/triggers/cluster-role-triggers.yaml',
];
const config = '{triggers: {from_namespaces: all}, source: {debounce: {wait: 0s, max_wait: 1ms}}}';

/** Exactly what `tocsin trigger rbac` grants. */
const kinds: readonly TargetKindUse[] = [
  { group: 'postgresql.cnpg.io', resource: 'clusters', uses: ['condition'] },
  { group: 'apps', resource: 'deployments', uses: ['annotate'] },
];

describe('triggers in a real cluster, with the rights that are shipped', { skip: skipWithoutKube() }, () => {
  const server = useSharedKubeApiServer();
  let tocsin: TocsinProcess;

  const kubectl = (...args: readonly string[]): Promise<string> => server().kubectl(args);
  const trigger = (name: string, namespace: string, target: object, action: object, rest: object = {}): object => ({
    apiVersion: 'tocsin.dev/v1alpha1',
    kind: 'AlertTrigger',
    metadata: { name, namespace },
    spec: { targets: [target], action, ...rest },
  });
  const cluster = { apiVersion: cnpg, kind: 'Cluster', name: 'orders' };
  const quiet = { condition: { type: 'AlertsQuiet' } };
  const status = async (name: string, namespace: string): Promise<TriggerStatus> =>
    readStatus(((await server().get('at', name, '-n', namespace)) as { status?: unknown }).status);
  const said = ({ conditions }: TriggerStatus): readonly string[] =>
    conditions.map(({ type, status: found, reason }) => `${type}=${found} ${reason}`);
  const says = (wanted: string) => (found: TriggerStatus) => said(found).includes(wanted);
  const conditionsOf = async (namespace: string): Promise<readonly string[]> => {
    const object = (await server().get('clusters.postgresql.cnpg.io', 'orders', '-n', namespace)) as {
      status?: { conditions?: unknown };
    };
    return readConditions(object.status?.conditions).map(
      ({ type, status: found, reason }) => `${type}=${found} ${reason}`,
    );
  };

  before(async () => {
    await server().apply(clusterCrd);
    await kubectl('apply', '--server-side', '-k', 'k8s/crds');
    await kubectl('wait', '--for=condition=Established', 'crd', '--all');
    for (const name of ['store', 'depot']) {
      await server().apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
      await server().apply(customObject(cnpg, 'Cluster', 'orders', { metadata: { name: 'orders', namespace: name } }));
    }
    const kubeconfig = await kubeconfigWith(server(), account, shipped);
    await server().apply(...(targetRole(kinds, { name: account, namespace: 'default' }) as object[]));
    tocsin = await startTocsin({ config, args: [`--kubeconfig=${kubeconfig}`] });
  });
  after(() => tocsin.stop());

  it('a trigger that is applied holds within two seconds, and its object says that all is quiet', async () => {
    const tookMs: number[] = [];
    const apply = async (matcher: string): Promise<void> => {
      const seen = tocsin.log.all.length;
      await server().apply(trigger('db', 'store', cluster, quiet, { matchers: [matcher] }));
      // The time of kubectl is not ours.
      const startedAt = systemClock.now();
      await tocsin.log.waitForLine(
        ({ event, trigger: key }) => event === 'trigger.accepted' && key === 'alerttrigger/store/db',
        30_000,
        seen,
      );
      tookMs.push(systemClock.now() - startedAt);
    };
    await apply('alertname="PostgresDawn"');
    await apply('alertname="PostgresDown"');
    // The faster of the two: the machine may be busy for a while.
    assert.ok(Math.min(...tookMs) < 2000, `${tookMs.join()} ms`);
    await eventually(
      () => conditionsOf('store'),
      (found) => found.includes('AlertsQuiet=True NoAlerts'),
    );
    await eventually(() => status('db', 'store'), says('Ready=True Ready'));
  });

  it('an alert of its namespace changes its object, and no other one', async () => {
    await postAlerts(tocsin.url, [{ labels: { alertname: 'PostgresDown', namespace: 'store', severity: 'critical' } }]);
    await eventually(
      () => conditionsOf('store'),
      (found) => found.includes('AlertsQuiet=False PostgresDown'),
    );
    assert.deepEqual(await conditionsOf('depot'), []);
    await postAlerts(tocsin.url, [{ labels: { alertname: 'PostgresDown', namespace: 'depot', severity: 'critical' } }]);
    const found = await eventually(
      () => status('db', 'store'),
      ({ counts }) => counts.runs > 0,
    );
    assert.equal(found.lastFired?.alert, 'PostgresDown');
    assert.equal(found.counts.matched, 1);
    assert.deepEqual(await conditionsOf('depot'), []);
  });

  it('a right that is missing is in the status, with the rule to add', async () => {
    const service = { apiVersion: 'v1', kind: 'Service', selector: {} };
    await server().apply(trigger('services', 'depot', service, { annotate: { preset: 'flux' } }));
    const found = await eventually(() => status('services', 'depot'), says('TargetsResolved=False Forbidden'));
    const message = found.conditions.find(({ type }) => type === 'TargetsResolved')?.message ?? '';
    assert.match(message, /grant \{ apiGroups: \[''\], resources: \[services\], verbs: \[/);
    assert.ok(said(found).includes('Ready=False Forbidden'));
  });

  it('an object of another namespace is not reached, unless the admin allows it', async () => {
    await server().apply(
      trigger('thief', 'depot', { ...cluster, namespace: 'store' }, { condition: { type: 'Stolen' } }),
    );
    await eventually(
      () => status('thief', 'depot'),
      ({ conditions }) => conditions.length > 0,
    );
    await postAlerts(tocsin.url, [{ labels: { alertname: 'Mine', namespace: 'depot' } }]);
    await eventually(
      () => status('thief', 'depot'),
      ({ counts }) => counts.matched > 0,
    );
    assert.ok((await conditionsOf('store')).every((found) => !found.startsWith('Stolen')));
  });

  it('an opted out namespace loses its triggers, and the object its condition', async () => {
    await kubectl('label', 'namespace', 'store', 'openshift.io/user-monitoring=false');
    await eventually(() => status('db', 'store'), says('Accepted=False NamespaceOptedOut'));
    await eventually(
      () => conditionsOf('store'),
      (found) => found.length === 0,
    );
  });

  it('needs no right besides', () => {
    const refused = tocsin.log.all.filter(
      ({ event }) => event === 'write.forbidden' || event === 'trigger.status_failed',
    );
    assert.deepEqual(refused, []);
  });
});
