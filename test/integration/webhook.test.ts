import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { alertmanagerPrograms, startAlertmanager, type AlertmanagerVersion } from '../support/alertmanager-server.ts';
import type { LogLine } from '../support/log-lines.ts';
import { postAlerts, type PostedAlert } from '../../src/receiver/post-alerts.fixture.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { skipWithout } from '../support/servers.ts';
import { startTocsin, type TocsinProcess } from '../support/tocsin-process.ts';

const patienceMs = 30_000;

for (const version of ['0.34', '0.25'] as const) {
  describe(`the webhook of Alertmanager ${version}`, { skip: skipWithout(alertmanagerPrograms[version]) }, () =>
    scenario(version),
  );
}

function scenario(version: AlertmanagerVersion): void {
  let tocsin: TocsinProcess;
  let alertmanager: ServerProcess;

  before(async () => {
    tocsin = await startTocsin({ config: 'receiver: { resolve_timeout: 1s }\nsource: { select: labels }\n' });
    alertmanager = await startAlertmanager({ version, config: forwardTo(`${tocsin.url}/webhook`) });
  });

  after(async () => {
    await Promise.allSettled([alertmanager?.stop(), tocsin?.stop()]);
  });

  it('brings an alert that fires, which outlives resolve_timeout, and its end', async () => {
    const alert = { labels: { alertname: 'MetricGatewayAllDataDropped', pipeline_name: 'backend' } };
    await postAlerts(alertmanager.url, [lasting(alert)]);
    const received = await tocsin.log.waitForLine(isGroup('MetricGatewayAllDataDropped'), patienceMs);
    assert.match(received['user_agent'] as string, new RegExp(`^Alertmanager/${version}\\.`));
    assert.deepEqual([received['alerts'], received['firing'], received['new']], [1, 1, 1]);
    const enqueued = await hop(tocsin, 'requests.enqueued', received['request_id'] as string);
    assert.equal(enqueued['requests'], 1);
    const broken = await tocsin.log.waitForLine(changedTo('False'), patienceMs);
    assert.equal(broken['reason'], 'GatewayAllTelemetryDataDropped');
    // Two resolve_timeouts later, Tocsin still believes what Alertmanager said once.
    await new Promise((resolve) => setTimeout(resolve, 2000));
    assert.deepEqual(
      tocsin.log.all.filter(({ event }) => event === 'alert.expired'),
      [],
    );

    await postAlerts(alertmanager.url, [{ ...alert, endsAt: new Date(Date.now() - 1).toISOString() }]);
    const seen = tocsin.log.all.length;
    const resolved = await tocsin.log.waitForLine(({ event }) => event === 'alert.resolved', patienceMs);
    assert.equal(resolved['alertname'], 'MetricGatewayAllDataDropped');
    await tocsin.log.waitForLine(changedTo('True'), patienceMs, seen);
  });

  it('brings a group of alerts as one event', async () => {
    const alerts = ['a', 'b', 'c'].map((instance) => lasting({ labels: { alertname: 'Grouped', instance } }));
    await postAlerts(alertmanager.url, alerts);
    const received = await tocsin.log.waitForLine(isGroup('Grouped'), patienceMs);
    assert.deepEqual([received['alerts'], received['new'], received['invalid']], [3, 3, 0]);
    const emitted = await hop(tocsin, 'event.emitted', received['request_id'] as string);
    assert.deepEqual(emitted['causes'], ['Grouped firing ×3']);
  });

  it('says how many alerts max_alerts cut off, and has every pipeline looked at', async () => {
    const labels = { alertname: 'MetricGatewayThrottling', pipeline_name: 'nobody' };
    const alerts = Array.from({ length: 8 }, (_, n) => lasting({ labels: { ...labels, instance: String(n) } }));
    await postAlerts(alertmanager.url, alerts);
    const truncated = await tocsin.log.waitForLine(({ event }) => event === 'alerts.truncated', patienceMs);
    assert.deepEqual([truncated['truncated_alerts'], truncated['receiver']], [3, 'tocsin']);
    const enqueued = await hop(tocsin, 'requests.enqueued', truncated['request_id'] as string);
    assert.equal(enqueued['requests'], 4);
    assert.deepEqual(enqueued['causes'], ['MetricGatewayThrottling firing ×5', 'truncated']);
  });

  it('brings the alert that Tocsin knows from Prometheus: it stays one', async () => {
    const alert = lasting({ labels: { alertname: 'Both' }, startsAt: new Date().toISOString() });
    await postAlerts(tocsin.url, [alert]);
    await postAlerts(alertmanager.url, [alert]);
    const received = await tocsin.log.waitForLine(isGroup('Both'), patienceMs);
    assert.deepEqual([received['alerts'], received['firing'], received['new']], [1, 1, 0]);
  });

  it('is never refused', () => {
    assert.deepEqual(
      tocsin.log.all.filter(({ event }) => event === 'alerts.rejected' || event === 'alerts.invalid'),
      [],
    );
  });
}

function forwardTo(url: string): string {
  return `
route: { receiver: tocsin, group_by: [alertname], group_wait: 100ms, group_interval: 1s, repeat_interval: 4h }
receivers: [{ name: tocsin, webhook_configs: [{ url: '${url}', max_alerts: 5 }] }]
`;
}

/** The alert lasts longer than the test, whatever `resolve_timeout` is. */
function lasting(alert: PostedAlert): PostedAlert {
  return { ...alert, endsAt: new Date(Date.now() + 3_600_000).toISOString() };
}

function isGroup(alertname: string): (line: LogLine) => boolean {
  return ({ event, door, group_key: key }) =>
    event === 'alerts.received' && door === 'webhook' && key === `{}:{alertname="${alertname}"}`;
}

function changedTo(status: string): (line: LogLine) => boolean {
  return ({ event, kind, to }) => event === 'condition.changed' && kind === 'MetricPipeline' && to === status;
}

function hop(tocsin: TocsinProcess, name: string, requestId: string): Promise<LogLine> {
  const mine = ({ event, request_ids: ids }: LogLine): boolean =>
    event === name && ((ids as string[] | undefined)?.includes(requestId) ?? false);
  return tocsin.log.waitForLine(mine, patienceMs);
}
