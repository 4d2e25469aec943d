import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { postAlerts } from '../../../src/receiver/post-alerts.fixture.ts';
import { eventually } from '../../../src/runtime/eventually.fixture.ts';
import { targetRole, type TargetKindUse } from '../../../src/trigger/target-rights.ts';
import { skipWithoutKube } from '../../support/kube-api-server.ts';
import { clusterCrd, helmReleaseCrd } from '../../support/operator-crds.ts';
import { runTocsin } from '../../support/run-tocsin.ts';
import { kubeconfigWith } from '../../support/service-account.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';
import { startTocsin, type TocsinProcess } from '../../support/tocsin-process.ts';

const account = 'tocsin-that-tells';
const shipped = [
  'base/cluster-role-reader.yaml',
  'base/cluster-role-writer.yaml',
  'components/triggers/cluster-role-triggers.yaml',
];
const kinds: readonly TargetKindUse[] = [
  { group: 'postgresql.cnpg.io', resource: 'clusters', uses: ['condition', 'select'] },
  { group: 'helm.toolkit.fluxcd.io', resource: 'helmreleases', uses: ['annotate'] },
  { group: 'apps', resource: 'deployments', uses: ['annotate', 'owner'] },
  { group: 'apps', resource: 'replicasets', uses: ['owner'] },
  { group: '', resource: 'pods', uses: ['owner'] },
];
/** A storm of the six objects of its trigger lasts long enough to be asked about. */
const config = `
triggers: {from_namespaces: all}
source: {debounce: {wait: 0s, max_wait: 1ms}}
storm: {objects: 5, share: 0.5, rate: 1}
`;
const namespace = 'telling';
const cnpg = 'postgresql.cnpg.io/v1';
const release = { apiVersion: 'helm.toolkit.fluxcd.io/v2', kind: 'HelmRelease', name: 'web' };
const flux = { annotate: { preset: 'flux' } };
const containers = [{ name: 'a', image: 'a' }];
const template = { metadata: { labels: { app: 'web' } }, spec: { containers } };
const workload = { selector: { matchLabels: { app: 'web' } }, template };
const key = (name: string): string => `alerttrigger/${namespace}/${name}`;

const triggers: Readonly<Record<string, object>> = {
  db: { targets: [{ apiVersion: cnpg, kind: 'Cluster', name: 'orders' }], action: { condition: { type: 'Quiet' } } },
  release: { targets: [{ ...release, name: '{{ labels.release }}' }], action: flux },
  restart: {
    targets: [{ ownerOf: { pod: '{{ labels.pod }}', kind: 'Deployment' } }],
    inhibitedBy: [{ matchers: ['alertname="NodeDown"'], equal: ['node'] }],
    action: { annotate: { preset: 'restart' } },
    budget: { runs: 1, per: '1h' },
  },
  watching: { targets: [release], action: flux, mode: 'observe' },
  asleep: { targets: [release], action: flux, suspend: { reason: 'upgrade' } },
  stormy: {
    targets: [{ apiVersion: cnpg, kind: 'Cluster', selector: { matchLabels: { many: 'yes' } } }],
    action: { condition: { type: 'Calm' } },
  },
};

describe('what is told about triggers of a real cluster', { skip: skipWithoutKube() }, () => {
  const kube = useSharedKubeApiServer();
  let tocsin: TocsinProcess;

  const owned = async (
    kind: string,
    name: string,
    owner: readonly [apiVersion: string, kind: string, name: string],
  ) => {
    const [apiVersion, ownerKind, ownerName] = owner;
    const found = (await kube().get(ownerKind, ownerName, '-n', namespace)) as { metadata: { uid: string } };
    const reference = { apiVersion, kind: ownerKind, name: ownerName, uid: found.metadata.uid, controller: true };
    const metadata = { name, namespace, labels: { app: 'web' }, ownerReferences: [reference] };
    if (kind === 'Pod') return kube().apply({ apiVersion: 'v1', kind, metadata, spec: { containers } });
    return kube().apply({ apiVersion: 'apps/v1', kind, metadata, spec: workload });
  };

  /** The answer of a command, without the breaks of its lines. */
  const told = async (...words: readonly string[]): Promise<string> => {
    const { stdout, stderr } = await runTocsin([...words, `--url=${tocsin.url}`, '-o', 'wide']);
    assert.equal(stderr, '', words.join(' '));
    return stdout.replaceAll(/\s+/g, ' ');
  };
  const fire = async (alertname: string, labels: Readonly<Record<string, string>> = {}): Promise<void> => {
    const all = { alertname, namespace, ...labels };
    const annotations = { summary: `${alertname} is here` };
    await postAlerts(tocsin.url, [{ labels: all, annotations }]);
  };
  /** A run of an object with this result; a run of its start may be under way. */
  const ended = (name: string, result: string, because?: string) =>
    tocsin.log.waitForLine(
      (line) =>
        line.event === 'reconcile.finished' &&
        line['name'] === name &&
        line['result'] === result &&
        (line['triggers'] !== undefined || because !== undefined) &&
        (because === undefined || line['because'] === because),
    );

  before(async () => {
    await kube().apply(clusterCrd, helmReleaseCrd);
    await kube().kubectl(['apply', '--server-side', '-k', 'k8s/crds']);
    await kube().kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
    await kube().apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    await kube().apply(
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } },
      ...['orders', 'm0', 'm1', 'm2', 'm3', 'm4', 'm5'].map((name) => ({
        apiVersion: cnpg,
        kind: 'Cluster',
        metadata: { name, namespace, labels: { many: name === 'orders' ? 'no' : 'yes' } },
        spec: {},
      })),
      { apiVersion: release.apiVersion, kind: 'HelmRelease', metadata: { name: 'web', namespace }, spec: {} },
      { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace }, spec: workload },
    );
    await owned('ReplicaSet', 'web-1', ['apps/v1', 'Deployment', 'web']);
    await owned('Pod', 'web-1-a', ['apps/v1', 'ReplicaSet', 'web-1']);
    await kube().apply(
      ...Object.entries(triggers).map(([name, spec]) => ({
        apiVersion: 'tocsin.dev/v1alpha1',
        kind: 'AlertTrigger',
        metadata: { name, namespace },
        spec: { matchers: [`alertname="${name}"`], ...spec },
      })),
    );
    const kubeconfig = await kubeconfigWith(kube(), account, shipped);
    await kube().apply(...(targetRole(kinds, { name: account, namespace: 'default' }) as object[]));
    tocsin = await startTocsin({ config, args: [`--kubeconfig=${kubeconfig}`] });
    for (const type of ['Quiet', 'Calm'])
      await tocsin.log.waitForLine((line) => line.event === 'condition.changed' && line['type'] === type);
  });
  after(async () => {
    await tocsin?.stop();
    await kube().kubectl(['delete', 'alerttriggers', '--all', '-n', namespace]);
  });

  it('a condition: which trigger chose the object, and which alert decided', async () => {
    await fire('db');
    await ended('orders', 'changed');
    const why = await told('why', `cluster/${namespace}/orders`);
    assert.match(why, /woken by db firing \{namespace="telling"\} chosen by alerttrigger\/telling\/db/);
    assert.match(why, /decided by db \{namespace="telling"\} \(alerttrigger\/telling\/db\)/);
    assert.match(why, /condition True NoAlerts → False db message db is here/);
    assert.match(why, /woken by (?:the start of Tocsin|a trigger that was|a change of the object itself)/);
    const what = await told('what', 'db');
    assert.match(
      what,
      /woke request \S+, event \S+ (?:\S+ had done enough to \S+ the run waited until \S+ )?woke alerttrigger\/telling\/db .*Cluster\S+\/orders run \S+ changed: True NoAlerts → False db/,
    );
  });

  it('an annotation: what was set, that an object is not there, and a template that gives no name', async () => {
    await fire('release', { release: 'web' });
    await ended('web', 'changed');
    await fire('release', { release: 'absent' });
    await ended('absent', 'gone', 'pipeline_gone');
    await fire('release');
    await tocsin.log.waitForLine(({ event }) => event === 'trigger.target_unresolved');
    const set = String.raw`set the annotation reconcile\.fluxcd\.io/requestedAt: \S+`;
    assert.match(await told('why', `helmrelease/${namespace}/web`), new RegExp(`did ${set} \\(${key('release')}\\)`));
    const absent = await told('why', `helmrelease/${namespace}/absent`);
    assert.match(absent, /gone HelmRelease\S+absent .* no change there is no such object \(pipeline_gone\)/);
    const what = await told('what', 'release');
    assert.match(what, new RegExp(`HelmRelease\\S+/web run \\S+ changed: ${set}`));
    assert.match(what, /absent run \S+ gone \(there is no such object\)/);
    const explained = await told('explain', 'release', `namespace=${namespace}`);
    assert.match(explained, /alerttrigger\/telling\/release matches, but its targets lead to no object/);
    assert.match(explained, /HelmRelease \{\{ labels\.release \}\} \(\S+\): "\{\{ labels\.release \}\}" gives nothing/);
    assert.doesNotMatch(explained, /nothing: "/);
  });

  it('the owner of a pod that is restarted, until the budget is used up, and what waits', async () => {
    const labels = { pod: 'web-1-a', node: 'n1' };
    await fire('restart', labels);
    await ended('web', 'changed');
    await tocsin.log.waitForLine(({ event, kind }) => event === 'object.annotated' && kind === 'Deployment');
    await fire('restart', { ...labels, again: 'yes' });
    await ended('web', 'unchanged', 'throttled');
    const why = await told('why', `deployment/${namespace}/web`);
    assert.match(
      why,
      /did set the annotation kubectl\.kubernetes\.io\/restartedAt: \S+ \(alerttrigger\/telling\/restart\)/,
    );
    assert.match(why, /throttled alerttrigger\/telling\/restart had done enough; waits until \d{4}-/);
    const what = await told('what', 'again=yes');
    assert.match(
      what,
      /throttled .*alerttrigger\/telling\/restart had done enough to the object; the run waits until \d{4}-/,
    );
    const explained = await told('explain', 'restart', `namespace=${namespace}`, 'pod=web-1-a');
    assert.match(
      explained,
      /Deployment owner of pod web-1-a in namespace telling: Deployment\.apps\/telling\/web; 1 wait/,
    );
    await fire('NodeDown', { node: 'n1' });
    await fire('restart', { ...labels, third: 'yes' });
    await tocsin.log.waitForLine(({ event }) => event === 'trigger.inhibited');
    assert.match(await told('what', 'third=yes'), /NodeDown fired, and inhibited alerttrigger\/telling\/restart/);
  });

  it('a trigger that observes and one that sleeps, in one request: each alert has what is its own', async () => {
    const labelled = ['watching', 'asleep'].map((alertname) => ({ labels: { alertname, namespace } }));
    await postAlerts(tocsin.url, labelled);
    await tocsin.log.waitForLine(({ event }) => event === 'trigger.observed');
    await ended('web', 'unchanged', 'unchanged');
    const why = await told('why', `helmrelease/${namespace}/web`);
    assert.match(
      why,
      /would set the annotation \S+ \S+ \(alerttrigger\/telling\/watching\) no change its triggers only observe/,
    );
    const watching = await told('what', 'watching');
    assert.match(watching, /alerttrigger\/telling\/watching only observes/);
    assert.match(watching, /HelmRelease\S+\/web run \S+ unchanged: would set the annotation/);
    const asleep = await told('what', 'asleep');
    assert.match(asleep, /suspended: alerttrigger\/telling\/asleep/);
    assert.doesNotMatch(asleep, /HelmRelease/);
  });

  it('a storm, while it goes on and when somebody ends it', async () => {
    await fire('stormy');
    await tocsin.log.waitForLine(({ event }) => event === 'trigger.storm');
    const status = (await (await fetch(`${tocsin.url}/api/tocsin/v1/status`)).json()) as {
      storm?: { waiting: number };
    };
    assert.ok(status.storm !== undefined && status.storm.waiting > 0);
    assert.match(await told('what', 'stormy'), /runs go out one after the other \(storm\.rate\); tocsin resume/);
    await told('resume');
    await tocsin.log.waitForLine(({ event }) => event === 'trigger.storm_ended');
    await ended('m5', 'changed');
    assert.match(await told('why', `cluster/${namespace}/m5`), /condition True NoAlerts → False stormy/);
  });

  it('a namespace that opts out: what its alerts do not do any more', async () => {
    const inForce = tocsin.log.all.findLast(({ event }) => event === 'triggers.changed')?.['namespaced'];
    // Other suites leave triggers behind.
    const others = Number(inForce) - Object.keys(triggers).length;
    await kube().kubectl(['label', 'namespace', namespace, 'openshift.io/user-monitoring=false']);
    await tocsin.log.waitForLine(({ event }) => event === 'trigger.rejected');
    await tocsin.log.waitForLine(({ event, namespaced }) => event === 'triggers.changed' && namespaced === others);
    await fire('db', { fourth: 'yes' });
    const what = await eventually(
      () => told('what', 'fourth=yes'),
      (found) => found.includes('opted out') && !found.includes('it waits for'),
    );
    assert.match(what, /the namespace of alerttrigger\/telling\/db has opted out of triggers/);
    assert.match(
      await told('explain', 'db', `namespace=${namespace}`),
      /alerttrigger\/telling\/db: matches, and would write the condition Quiet, but the namespace telling has opted out/,
    );
    await kube().kubectl(['label', 'namespace', namespace, 'openshift.io/user-monitoring-']);
  });
});
