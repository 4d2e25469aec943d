import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { MetricsForm } from '../../src/routes/route-queries.ts';
import { freePort } from '../support/free-port.ts';
import type { LogLine } from '../support/log-lines.ts';
import { prometheusPrograms, startPrometheus, type PrometheusVersion } from '../support/prometheus-server.ts';
import { runTocsin } from '../support/run-tocsin.ts';
import { startScrapeTarget, type ScrapeTarget } from '../support/scrape-target.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { skipWithout } from '../support/servers.ts';
import { startTocsin, type TocsinProcess } from '../support/tocsin-process.ts';

const patienceMs = 60_000;

/** Those of examples/pipelines. */
const pipelines = [
  ['LogPipeline', 'fluent-bit'],
  ['LogPipeline', 'otlp'],
  ['MetricPipeline', 'backend'],
  ['TracePipeline', 'backend'],
] as const;

/** The routes of an OTLP gateway: rpcs of one name in three services. */
const command = [
  'rules',
  'generate',
  ...['trace', 'metrics', 'logs'].map((signal) => `--proto=examples/routes/otlp-${signal}.proto`),
  '--service=otlp-gateway',
  '--namespace=kyma-system',
  '--success-alert=GatewaySomeDataDropped',
  '--window=10s',
  '--for=1s',
];

// They wait most of the time, and do that side by side.
describe('a route that fails', { concurrency: true }, () => {
  for (const [version, form] of [
    ['3.15', 'linkerd'],
    ['2.42', 'gateway'],
  ] as const) {
    const skip = skipWithout(prometheusPrograms[version]);
    describe(`from the metrics of ${form} in Prometheus ${version}`, { concurrency: false, skip }, () => {
      scenario(version, form);
    });
  }
});

function scenario(version: PrometheusVersion, form: MetricsForm): void {
  let target: ScrapeTarget;
  let tocsin: TocsinProcess;
  let prometheus: ServerProcess;
  let isFailing = false;

  before(async () => {
    const { code, stdout: rules, stderr } = await runTocsin([...command, `--metrics=${form}`]);
    assert.equal(code, 0, stderr);
    const port = await freePort();
    const proxy = new Proxy(form);
    target = await startScrapeTarget(() => proxy.scrape(isFailing));
    tocsin = await startTocsin({
      args: [`--prometheus.url=http://127.0.0.1:${port}`],
      config: 'source: {select: labels}\n',
    });
    const alertmanagers = [new URL(tocsin.url).host];
    prometheus = await startPrometheus({ port, version, rules, scrapeTargets: [target.address], alertmanagers });
    for (const [kind, name] of pipelines)
      await tocsin.log.waitForLine((line) => isChange(line, kind, 'True') && line['name'] === name, patienceMs);
  });

  after(async () => {
    await Promise.allSettled([prometheus?.stop(), tocsin?.stop(), target?.stop()]);
  });

  it('makes the condition of the pipelines of its signal False, and of no other, until it works again', async () => {
    const seen = tocsin.log.all.length;
    isFailing = true;
    const broken = await tocsin.log.waitForLine((line) => isChange(line, 'MetricPipeline', 'False'), patienceMs, seen);
    assert.equal((broken['decided_by'] as { alertname?: string }).alertname, 'MetricGatewaySomeDataDropped');
    isFailing = false;
    await tocsin.log.waitForLine((line) => isChange(line, 'MetricPipeline', 'True'), patienceMs, seen);

    const lines = tocsin.log.all.slice(seen);
    assert.deepEqual(
      // Without the first condition of a pipeline.
      lines
        .filter((line) => line.event === 'condition.changed' && line['from'] !== '')
        .map((line) => [line['kind'], line['to']]),
      [
        ['MetricPipeline', 'False'],
        ['MetricPipeline', 'True'],
      ],
    );
    const pushed = lines.find((line) => line.event === 'alert.new');
    const woken = lines.filter(
      (line) =>
        line.event === 'reconcile.finished' &&
        ((line['request_ids'] as string[] | undefined) ?? []).includes(pushed?.['request_id'] as string),
    );
    assert.deepEqual(
      woken.map((line) => line['kind']),
      ['MetricPipeline'],
    );
  });
}

function isChange(line: LogLine, kind: string, status: string): boolean {
  return line.event === 'condition.changed' && line['kind'] === kind && line['to'] === status;
}

const services = ['TraceService', 'MetricsService', 'LogsService'];

/** What Linkerd's proxies tell: at each scrape of one second, ten more requests for each route. */
class Proxy {
  readonly #form: MetricsForm;
  readonly #requests = new Map<string, number>();

  constructor(form: MetricsForm) {
    this.#form = form;
  }

  scrape(isFailing: boolean): string {
    for (const service of services) {
      const series = this.#series(service, isFailing && service === 'MetricsService');
      this.#requests.set(series, (this.#requests.get(series) ?? 0) + 10);
    }
    return [...this.#requests].map(([series, count]) => `${series} ${count}\n`).join('');
  }

  #series(service: string, isFailing: boolean): string {
    if (this.#form === 'linkerd')
      return `route_response_total{direction="inbound",namespace="kyma-system",dst="otlp-gateway.kyma-system.svc.cluster.local:4317",rt_route="${service}/Export",classification="${isFailing ? 'failure' : 'success'}"}`;
    const name = `${service.replace('Service', '-service').toLowerCase()}-export`;
    return `outbound_grpc_route_request_statuses_total{parent_kind="Service",parent_namespace="kyma-system",parent_name="otlp-gateway",route_kind="GRPCRoute",route_namespace="kyma-system",route_name="${name}",grpc_status="${isFailing ? 'UNAVAILABLE' : 'OK'}",error=""}`;
  }
}
