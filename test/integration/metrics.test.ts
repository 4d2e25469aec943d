import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { postAlerts } from '../../src/receiver/post-alerts.fixture.ts';
import { prometheusPrograms, startPrometheus } from '../support/prometheus-server.ts';
import { requireServer, skipWithout } from '../support/servers.ts';
import { startTocsin, type TocsinProcess } from '../support/tocsin-process.ts';

/** Every metric that users rely on; docs/metrics.md explains them. */
const names = [
  'tocsin_alerts_received_total',
  'tocsin_alerts_invalid_total',
  'tocsin_alerts',
  'tocsin_alerts_limited_total',
  'tocsin_alerts_size_bytes',
  'tocsin_limit_reached_total',
  'tocsin_http_requests_total',
  'tocsin_http_request_duration_seconds',
  'tocsin_events_emitted_total',
  'tocsin_channel_depth',
  'tocsin_channel_capacity',
  'tocsin_channel_merged_total',
  'tocsin_prometheus_queries_total',
  'tocsin_prometheus_query_duration_seconds',
  'tocsin_condition_changes_total',
  'tocsin_pipelines',
  'tocsin_alert_to_reconcile_seconds',
  'tocsin_build_info',
  'tocsin_ready',
  'alertmanager_build_info',
  'workqueue_depth',
  'workqueue_adds_total',
  'workqueue_queue_duration_seconds',
  'workqueue_work_duration_seconds',
  'workqueue_retries_total',
  'controller_runtime_reconcile_total',
  'controller_runtime_reconcile_errors_total',
  'controller_runtime_reconcile_time_seconds',
  'process_resident_memory_bytes',
];

describe('the metrics page', () => {
  let tocsin: TocsinProcess;

  before(async () => {
    // No Prometheus is configured, but the metrics of its queries must exist.
    tocsin = await startTocsin();
  });

  after(() => tocsin?.stop());

  it('has every metric from the start, each counter at 0 for every label value', async () => {
    const page = await metrics(tocsin);

    for (const name of names) assert.match(page, new RegExp(`^# TYPE ${name} `, 'm'), name);
    for (const series of [
      'tocsin_alerts_received_total{status="firing"} 0',
      'tocsin_alerts_received_total{status="resolved"} 0',
      'tocsin_events_emitted_total{lane="user",edge="max_wait"} 0',
      'tocsin_prometheus_queries_total{result="success"} 0',
      'tocsin_condition_changes_total{kind="LogPipeline",status="False"} 0',
      'tocsin_limit_reached_total{limit="max_connections"} 0',
    ]) {
      assert.ok(page.includes(`${series}\n`), series);
    }
  });

  it('counts what happened', async () => {
    await postAlerts(tocsin.url, [
      { labels: { alertname: 'A' } },
      { labels: { alertname: 'B' }, endsAt: '2026-01-01T00:00:00Z' },
    ]);
    const page = await eventually(
      () => metrics(tocsin),
      (text) => text.includes('tocsin_http_requests_total{path="/api/v2/alerts",method="POST",code="200"} 1\n'),
    );

    assert.ok(page.includes('tocsin_alerts_received_total{status="firing"} 1\n'));
    assert.ok(page.includes('tocsin_alerts_received_total{status="resolved"} 1\n'));
    assert.ok(page.includes('tocsin_alerts{state="active"} 1\n'));
    assert.ok(page.includes('tocsin_pipelines{kind="LogPipeline"} 2\n'));
    assert.ok(page.includes('tocsin_events_emitted_total{lane="user",edge="leading"} 1\n'));
  });

  it('satisfies promtool', { skip: skipWithout('promtool') }, async () => {
    const { status, stdout, stderr } = spawnSync(requireServer('promtool'), ['check', 'metrics'], {
      input: await metrics(tocsin),
      encoding: 'utf8',
    });

    assert.deepEqual([status, stdout, stderr], [0, '', '']);
  });

  for (const version of ['3.15', '2.42'] as const)
    it(
      `is scraped by Prometheus ${version}, which prefers OpenMetrics`,
      { skip: skipWithout(prometheusPrograms[version]) },
      async (t) => {
        const prometheus = await startPrometheus({ version, scrapeTargets: [tocsin.address] });
        t.after(() => prometheus.stop());
        const ask = (query: string): Promise<readonly string[]> => values(prometheus.url, query);
        await eventually(
          () => ask('up'),
          ([up]) => up === '1',
        );
        assert.deepEqual(await ask('tocsin_alerts_received_total{status="firing"}'), ['1']);
        assert.ok((await ask('workqueue_queue_duration_seconds_bucket{le=~"1(.0)?"}')).length > 0);
      },
    );

  it('is OpenMetrics for whoever asks for it, with the same series as the text', async () => {
    const accept = 'application/openmetrics-text;version=1.0.0';
    const response = await fetch(`${tocsin.url}/metrics`, { headers: { accept } });
    assert.equal(response.headers.get('content-type'), 'application/openmetrics-text; version=1.0.0; charset=utf-8');
    const open = await response.text();
    assert.ok(open.endsWith('\n# EOF\n'));
    const text = await metrics(tocsin);
    assert.deepEqual(seriesOf(open), seriesOf(text));
  });
});

/** The names of all series, without their values; the bounds of buckets as plain numbers. */
function seriesOf(page: string): readonly string[] {
  const lines = page.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => line.replace(/ [^ ]+$/, '').replace(/le="(\d+)\.0"/, 'le="$1"')).toSorted();
}

async function values(url: string, query: string): Promise<readonly string[]> {
  const response = await fetch(`${url}/api/v1/query?query=${encodeURIComponent(query)}`);
  const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } };
  return data.result.map(({ value }) => value[1]);
}

async function metrics({ url }: TocsinProcess): Promise<string> {
  return (await fetch(`${url}/metrics`)).text();
}
