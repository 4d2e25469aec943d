import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import type { Condition } from '../../src/reconcile/ports.ts';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { freePort } from '../support/free-port.ts';
import type { LogLine } from '../support/log-lines.ts';
import { prometheusPrograms, startPrometheus, type PrometheusVersion } from '../support/prometheus-server.ts';
import { startScrapeTarget, type ScrapeTarget } from '../support/scrape-target.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { skipWithout } from '../support/servers.ts';
import { startTocsin, type TocsinProcess } from '../support/tocsin-process.ts';

/** Two alerts on one broken target: one that concerns no pipeline, one that means total data loss for one of them. */
const rules = `
groups:
  - name: test
    rules:
      - alert: InstanceDown
        expr: up == 0
        labels: {severity: page}
      - alert: MetricGatewayAllDataDropped
        expr: up == 0
        labels: {pipeline_name: backend}
`;

const allDropped =
  'Backend is not reachable or rejecting metrics. All metrics are dropped in OTLP Gateway. See troubleshooting: ' +
  'https://kyma-project.io/external-content/telemetry-manager/docs/user/troubleshooting.html#no-data-arrive-at-the-backend';

const pipelines = ['LogPipeline/fluent-bit', 'LogPipeline/otlp', 'MetricPipeline/backend', 'TracePipeline/backend'];
const patienceMs = 30_000;

// They wait most of the time, and do that side by side.
describe('a push of Prometheus', { concurrency: true }, () => {
  for (const version of ['3.15', '2.42'] as const) {
    const skip = skipWithout(prometheusPrograms[version]);
    describe(`${version}, as far as a condition`, { concurrency: false, skip }, () => scenario(version));
  }
  describe(
    'that was away and knows nothing yet',
    { concurrency: false, skip: skipWithout('prometheus') },
    knowsNothing,
  );
});

function scenario(version: PrometheusVersion): void {
  let target: ScrapeTarget;
  let tocsin: TocsinProcess;
  let prometheus: ServerProcess;

  before(async () => {
    const port = await freePort();
    target = await startScrapeTarget();
    tocsin = await startTocsin({ args: [`--prometheus.url=http://127.0.0.1:${port}`] });
    prometheus = await startPrometheus({
      port,
      version,
      rules,
      scrapeTargets: [target.address],
      alertmanagers: [new URL(tocsin.url).host],
    });
    await tocsin.log.waitForLine((line) => changedTo(line, 'True'), patienceMs);
  });

  after(async () => {
    await Promise.allSettled([prometheus?.stop(), tocsin?.stop(), target?.stop()]);
  });

  it('follows a firing alert and its resolve through every hop by one request id, and writes the one condition', async () => {
    const healthy = await flowHealth(tocsin);
    target.breakDown();
    await followPush(tocsin, 'alert.new', (line) => firingNames(line).includes('InstanceDown'));
    const changed = await tocsin.log.waitForLine((line) => changedTo(line, 'False'), patienceMs);
    assert.equal((changed['decided_by'] as { alertname?: string }).alertname, 'MetricGatewayAllDataDropped');
    const broken = await flowHealth(tocsin);

    assert.deepEqual(
      [broken.status, broken.reason, broken.message],
      ['False', 'GatewayAllTelemetryDataDropped', allDropped],
    );
    assert.ok(broken.lastTransitionTime >= healthy.lastTransitionTime);

    // The time of a transition has whole seconds: two in one second could not be told apart.
    await eventually(Date.now, (now) => now >= Date.parse(broken.lastTransitionTime) + 1000);
    const seen = tocsin.log.all.length;
    target.heal();
    await followPush(tocsin, 'alert.resolved', (line) => firingNames(line).length === 0, seen);
    const better = await tocsin.log.waitForLine((line) => changedTo(line, 'True'), patienceMs, seen);
    assert.deepEqual(better['decided_by'], { because: 'no alert of this pipeline fires' });
    const healed = await flowHealth(tocsin);

    assert.deepEqual([healed.status, healed.reason], ['True', 'FlowHealthy']);
    assert.ok(healed.lastTransitionTime > broken.lastTransitionTime);
  });

  it('changes the condition once each way, and no other pipeline at all', () => {
    const changes = tocsin.log.all.filter(
      (line) => line.event === 'condition.changed' && line['from'] !== '' && line['from'] !== 'Unknown',
    );

    assert.deepEqual(
      changes.map((line) => [line['kind'], line['name'], line['from'], line['to']]),
      [
        ['MetricPipeline', 'backend', 'True', 'False'],
        ['MetricPipeline', 'backend', 'False', 'True'],
      ],
    );
  });
}

function knowsNothing(): void {
  const ended: (() => Promise<unknown>)[] = [];
  const statuses = (changes: readonly LogLine[]) => changes.map((line) => [line['from'], line['to']]);
  const decidedBy = (line: LogLine | undefined) =>
    line?.['decided_by'] as { readonly alertname?: string; readonly because?: string };

  after(async () => {
    await Promise.allSettled(ended.map((end) => end()));
  });

  it('makes a condition what it was before it was Unknown, at once, and True only after the grace', async () => {
    const port = await freePort();
    const target = await startScrapeTarget();
    const config = `prometheus: {url: 'http://127.0.0.1:${port}', heal_grace: 8s}\ncontroller: {requeue_after: 1s}\n`;
    const tocsin = await startTocsin({ config });
    // What the first Prometheus has pushed counts as firing for a minute.
    const pushes = { alertmanagers: [new URL(tocsin.url).host], resendDelay: '15s' };
    const place = { port, scrapeTargets: [target.address], ...pushes };
    const prometheus = await startPrometheus({ ...place, rules });
    ended.push(
      () => prometheus.stop(),
      () => tocsin.stop(),
      () => target.stop(),
    );
    target.breakDown();
    await tocsin.log.waitForLine((line) => changedTo(line, 'False'), patienceMs);
    // The condition may be older than the push, as it is looked at each second.
    await tocsin.log.waitForLine(
      ({ event, alertname }) => event === 'alert.new' && alertname === 'MetricGatewayAllDataDropped',
      patienceMs,
    );
    const seen = tocsin.log.all.length;
    await prometheus.stop();
    await tocsin.log.waitForLine((line) => changedTo(line, 'Unknown'), patienceMs, seen);
    // Its alert is pending for longer than the test lasts.
    const fresh = await startPrometheus({ ...place, rules: rules.replaceAll('== 0', '== 0\n        for: 10m') });
    ended.push(() => fresh.stop());
    await tocsin.log.waitForLine((line) => changedTo(line, 'True'), patienceMs, seen);
    const changes = tocsin.log.all.slice(seen).filter(isChange);
    assert.deepEqual(statuses(changes), [
      ['False', 'Unknown'],
      ['Unknown', 'False'],
      ['False', 'True'],
    ]);
    const [, broken, healthy] = changes.map(decidedBy);
    assert.deepEqual(broken, {
      ...broken,
      alertname: 'MetricGatewayAllDataDropped',
      because: 'still pushed as firing',
    });
    assert.equal(healthy?.alertname, 'MetricGatewayAllDataDropped');
    assert.match(healthy.because ?? '', /^still pushed as firing, but Prometheus has not reported it/);
  });
}

/** From the first push of a kind on: one query with the expected result, and a reconcile of every pipeline, by its request id. */
async function followPush(
  tocsin: TocsinProcess,
  event: string,
  tells: (queried: LogLine) => boolean,
  from = 0,
): Promise<void> {
  const { log } = tocsin;
  const pushed = await log.waitForLine(
    (line) => line.event === event && line['alertname'] === 'InstanceDown',
    patienceMs,
    from,
  );
  const id = pushed['request_id'] as string;
  const mine = (line: LogLine): boolean => (line['request_ids'] as string[] | undefined)?.includes(id) ?? false;
  const hop = (name: string): Promise<LogLine> =>
    log.waitForLine((line) => line.event === name && mine(line), patienceMs);

  await hop('event.emitted');
  assert.equal((await hop('requests.enqueued'))['requests'], pipelines.length);
  assert.ok(tells(await hop('prometheus.queried')), 'the query tells what fires');
  const sweep = await hop('sweep.finished');
  assert.equal(sweep['failed'], 0);
  const ends = log.all.filter((line) => line.event === 'reconcile.finished' && mine(line));
  assert.deepEqual(ends.map((line) => `${line['kind'] as string}/${line['name'] as string}`).toSorted(), pipelines);
  assert.equal(log.all.filter((line) => line.event === 'prometheus.queried' && mine(line)).length, 1);
}

function changedTo(line: LogLine, status: string): boolean {
  return isChange(line) && line['to'] === status;
}

function isChange(line: LogLine): boolean {
  return line.event === 'condition.changed' && line['kind'] === 'MetricPipeline';
}

function firingNames(queried: LogLine): string[] {
  return ((queried['firing_alerts'] ?? []) as { alertname: string }[]).map(({ alertname }) => alertname);
}

/** As a user reads it: from the status file. */
async function flowHealth(tocsin: TocsinProcess): Promise<Condition> {
  const text = await readFile(join(tocsin.storagePath, 'status', 'metricpipeline', 'backend.yaml'), 'utf8');
  const { status } = parse(text) as { status: { conditions: Condition[] } };
  const condition = status.conditions.find(({ type }) => type === 'TelemetryFlowHealthy');
  assert.ok(condition);
  return condition;
}
