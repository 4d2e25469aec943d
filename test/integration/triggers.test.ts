import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { postAlerts } from '../../src/receiver/post-alerts.fixture.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { startTocsin, type TocsinProcess } from '../support/tocsin-process.ts';

const manifests = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: orders, namespace: shop, labels: {app: orders}}
---
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {name: orders, namespace: shop}
---
apiVersion: telemetry.kyma-project.io/v1beta1
kind: TracePipeline
metadata: {name: backend}
`;

const config = `
source: {debounce: {wait: 0s, max_wait: 1ms}}
triggers:
  list:
    - name: db
      namespace: shop
      matchers: ['alertname=~"Postgres.*"']
      targets:
        - {apiVersion: postgresql.cnpg.io/v1, kind: Cluster, name: '{{ labels.cluster }}'}
        - {apiVersion: apps/v1, kind: Deployment, selector: {matchLabels: {app: orders}}}
      action: {condition: {type: AlertsQuiet}}
`;

const alert = {
  labels: { alertname: 'PostgresDown', namespace: 'shop', cluster: 'orders' },
  annotations: { summary: 'the database of the orders is down' },
};

interface Status {
  readonly status: { readonly conditions: readonly Readonly<Record<string, string>>[] };
}

describe('a trigger of the file, on manifests of any kind', () => {
  let tocsin: TocsinProcess;
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tocsin-manifests-'));
    await writeFile(join(folder, 'shop.yaml'), manifests);
    tocsin = await startTocsin({ config, args: [`--pipelines.folder=${folder}`] });
  });

  after(async () => {
    await tocsin?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** The condition in the status file of an object; undefined while there is none. */
  const conditionOf = (kind: string): Promise<string | undefined> =>
    readFile(join(tocsin.storagePath, 'status', kind, 'shop/orders.yaml'), 'utf8').then(
      (text) => {
        const [first] = (parse(text) as Status).status.conditions;
        return first && `${first['type']} ${first['status']} ${first['reason']}: ${first['message']}`;
      },
      () => undefined,
    );
  const becomes = (kind: string, wanted: RegExp): Promise<unknown> =>
    eventually(
      () => conditionOf(kind),
      (found) => wanted.test(found ?? 'none'),
    );

  it('is True at once on what is selected, and nothing on what only an alert can name', async () => {
    await becomes('deployment.apps', /^AlertsQuiet True NoAlerts: /);
    assert.equal(await conditionOf('cluster.postgresql.cnpg.io'), undefined);
  });

  it('is False with the name and the summary of the alert, until it ends', async () => {
    await postAlerts(tocsin.url, [
      alert,
      { labels: { alertname: 'PostgresDown', namespace: 'other', cluster: 'orders' } },
    ]);
    const said = /^AlertsQuiet False PostgresDown: the database of the orders is down$/;
    await Promise.all(['deployment.apps', 'cluster.postgresql.cnpg.io'].map((kind) => becomes(kind, said)));
    await postAlerts(tocsin.url, [{ ...alert, endsAt: new Date(systemClock.now() - 1).toISOString() }]);
    await Promise.all(
      ['deployment.apps', 'cluster.postgresql.cnpg.io'].map((kind) => becomes(kind, /^AlertsQuiet True NoAlerts: /)),
    );
  });

  it('leaves pipelines alone, since the admin has declared a trigger', () => {
    const changed = tocsin.log.all.filter(
      ({ event, kind }) => event === 'condition.changed' && kind === 'TracePipeline',
    );
    assert.deepEqual(changed, []);
  });

  it('reads a new object of a kind that it names', async () => {
    const other = manifests.replaceAll('name: orders,', 'name: carts,').replaceAll('app: orders', 'app: carts');
    await writeFile(join(folder, 'more.yaml'), `${other}---${manifests.split('---')[0]}`);
    await tocsin.log.waitForLine(({ event, name }) => event === 'target.added' && name === 'carts', 30_000);
  });
});
