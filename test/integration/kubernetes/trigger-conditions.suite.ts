import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { ApiObject } from '../../../src/kubernetes/api-object.ts';
import { readConditions } from '../../../src/kubernetes/pipeline-object.ts';
import { postAlerts } from '../../../src/receiver/post-alerts.fixture.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { eventually } from '../../../src/runtime/eventually.fixture.ts';
import { skipWithoutKube } from '../../support/kube-api-server.ts';
import { clusterCrd } from '../../support/operator-crds.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';
import { startTocsin, type TocsinProcess } from '../../support/tocsin-process.ts';

const config = `
source: {debounce: {wait: 0s, max_wait: 1ms}}
triggers: {from_namespaces: all}
`;
const cnpg = 'postgresql.cnpg.io/v1';
const named = (name: string): object => ({ name, namespace: 'trigger-shop' });

/** What a trigger of the team says. */
function trigger(name: string, spec: object): object {
  return { apiVersion: 'tocsin.dev/v1alpha1', kind: 'AlertTrigger', metadata: named(name), spec };
}

const quiet = trigger('quiet', {
  matchers: ['alertname=~"Postgres.*"'],
  targets: [{ apiVersion: cnpg, kind: 'Cluster', name: 'orders' }],
  action: { condition: { type: 'AlertsQuiet' } },
});
const nudge = trigger('nudge', {
  matchers: ['alertname="PostgresDown"'],
  targets: [{ apiVersion: 'apps/v1', kind: 'Deployment', selector: { matchLabels: { app: 'orders' } } }],
  action: { annotate: { key: 'example.com/woken-by', value: '{{ alertname }} {{ labels.cluster }}' } },
});
const firing = {
  labels: { alertname: 'PostgresDown', namespace: 'trigger-shop', cluster: 'orders', severity: 'critical' },
  annotations: { summary: 'orders is down' },
};

describe('AlertTriggers on a real API server', { skip: skipWithoutKube() }, () => {
  const kube = useSharedKubeApiServer();
  let tocsin: TocsinProcess;
  let storagePath: string;

  const start = (): Promise<TocsinProcess> =>
    startTocsin({ config, storagePath, args: [`--kubeconfig=${kube().kubeconfig}`] });

  before(async () => {
    await kube().apply(clusterCrd, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'trigger-shop' } });
    await kube().kubectl(['apply', '--server-side', '-k', 'k8s/crds']);
    await kube().kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
    const labels = { app: 'orders' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'a', image: 'a' }] } };
    await kube().apply(
      { apiVersion: cnpg, kind: 'Cluster', metadata: named('orders') },
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { ...named('orders'), labels },
        spec: { selector: { matchLabels: labels }, template },
      },
    );
    storagePath = await mkdtemp(join(tmpdir(), 'tocsin-triggers-'));
    tocsin = await start();
  });

  after(async () => {
    await tocsin?.stop();
    await rm(storagePath, { recursive: true, force: true });
    await kube().kubectl(['delete', 'alerttriggers', '--all', '-n', 'trigger-shop']);
  });

  const get = async (kind: string): Promise<ApiObject> =>
    JSON.parse(await kube().kubectl(['get', kind, 'orders', '-n', 'trigger-shop', '-o', 'json'])) as ApiObject;
  const condition = async (): Promise<string> =>
    readConditions((await get('clusters.postgresql.cnpg.io')).status?.conditions)
      .map(({ type, status, reason, message }) => `${type} ${status} ${reason}: ${message}`)
      .join();
  const becomes = (wanted: RegExp): Promise<string> => eventually(condition, (found) => wanted.test(found));

  it('write a condition into a kind that Tocsin has never heard of, and wake the operator of another', async () => {
    await kube().apply(quiet, nudge);
    await becomes(/^AlertsQuiet True NoAlerts: /);
    await postAlerts(tocsin.url, [firing, { labels: { ...firing.labels, namespace: 'other', severity: 'page' } }]);
    await becomes(/^AlertsQuiet False PostgresDown: orders is down$/);
    const woken = await eventually(
      async () => annotationsOf(await get('deployments.apps'))['example.com/woken-by'],
      (found) => found !== undefined,
    );
    assert.equal(woken, 'PostgresDown orders');
    await postAlerts(tocsin.url, [{ ...firing, endsAt: new Date(systemClock.now() - 1).toISOString() }]);
    await becomes(/^AlertsQuiet True NoAlerts: /);
  });

  it('know their condition after the storage was lost, and take no other one for it', async () => {
    const status = [
      {
        type: 'Theirs',
        status: 'False',
        reason: 'PostgresDown',
        message: 'm',
        lastTransitionTime: '2026-11-21T03:00:00Z',
      },
    ];
    const patch = ['patch', 'deployment', 'orders', '-n', 'trigger-shop', '--subresource=status', '--type=merge', '-p'];
    await kube().kubectl([...patch, JSON.stringify({ status: { conditions: status } })]);
    const of = (type: string): object =>
      trigger(`any-${type.toLowerCase()}`, {
        matchers: ['alertname=~".+"'],
        targets: [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'orders' }],
        action: { condition: { type } },
      });
    await kube().apply(of('Ours'), of('Theirs'));
    const both = async (): Promise<string> =>
      readConditions((await get('deployments.apps')).status?.conditions)
        .map((entry) => `${entry.type} ${entry.status} ${entry.reason}`)
        .toSorted()
        .join();
    await eventually(both, (found) => found === 'Ours True NoAlerts,Theirs False PostgresDown');
    await postAlerts(tocsin.url, [firing]);
    await eventually(both, (found) => found === 'Ours False PostgresDown,Theirs False PostgresDown');
    await tocsin.stop();
    await rm(storagePath, { recursive: true, force: true });
    tocsin = await start();
    await eventually(both, (found) => found === 'Ours True NoAlerts,Theirs False PostgresDown');
    await kube().kubectl(['delete', 'alerttriggers', 'any-ours', 'any-theirs', '-n', 'trigger-shop']);
    await eventually(both, (found) => found === 'Theirs False PostgresDown');
  });

  it('take their condition with them when they are deleted, even while Tocsin is away', async () => {
    await kube().apply(
      trigger('other', { ...(quiet as { spec: object }).spec, action: { condition: { type: 'Other' } } }),
    );
    await becomes(/Other True/);
    await kube().kubectl(['delete', 'alerttrigger', 'other', '-n', 'trigger-shop']);
    await becomes(/^AlertsQuiet True NoAlerts: [^,]*$/);
    await tocsin.stop();
    await kube().kubectl(['delete', 'alerttrigger', 'quiet', '-n', 'trigger-shop']);
    tocsin = await start();
    await becomes(/^$/);
  });
});

function annotationsOf({ metadata }: ApiObject): Readonly<Record<string, string>> {
  return (metadata as { readonly annotations?: Readonly<Record<string, string>> }).annotations ?? {};
}
