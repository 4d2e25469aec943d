import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import type { LogLine } from '../support/log-lines.ts';
import { answers } from '../../src/explain/schema-requests.ts';
import { freePort } from '../support/free-port.ts';
import { startPrometheus } from '../support/prometheus-server.ts';
import { runTocsin, type Run as Told } from '../support/run-tocsin.ts';
import { startScrapeTarget, type ScrapeTarget } from '../support/scrape-target.ts';
import type { ServerProcess } from '../support/server-process.ts';
import type { TocsinProcess } from '../support/tocsin-process.ts';

/** The rule of the Prometheus documentation, without the wait; it concerns no pipeline, and wakes all of them. */
const instanceDown = 'alert: InstanceDown\n        expr: up == 0\n        labels: {severity: page}';
/**
 * The same, as it changes the condition of one pipeline. Prometheus has evaluated it when it pushes InstanceDown, and does not push
 * it itself, so the run that changes the condition is always that of InstanceDown.
 */
const allDropped =
  'alert: MetricGatewayAllDataDropped\n        expr: up == 0\n        labels: {pipeline_name: backend}';
const rules = `groups:\n  - name: test\n    rules:\n      - ${allDropped}\n      - ${instanceDown}\n`;
const alertRelabelConfigs = [{ source_labels: ['alertname'], regex: 'Metric.*', action: 'drop' }];

const patienceMs = 30_000;

export interface InstanceDownPlace {
  /** Starts a Tocsin with a MetricPipeline `backend` that asks this Prometheus. */
  readonly start: (prometheusUrl: string) => Promise<TocsinProcess>;
  /** All pipelines that it has. */
  readonly pipelines: readonly string[];
}

/** A target that Prometheus scrapes goes away. To be called in the body of a `describe`. */
export function instanceDownCases({ start, pipelines }: InstanceDownPlace): void {
  let target: ScrapeTarget;
  let tocsin: TocsinProcess;
  let prometheus: ServerProcess;
  let received: LogLine;
  const ask = (...args: readonly string[]): Promise<Told> => runTocsin([...args, '--url', tocsin.url]);

  before(async () => {
    const port = await freePort();
    target = await startScrapeTarget();
    tocsin = await start(`http://127.0.0.1:${port}`);
    const alertmanagers = [new URL(tocsin.url).host];
    const scrapeTargets = [target.address];
    prometheus = await startPrometheus({ port, rules, alertRelabelConfigs, scrapeTargets, alertmanagers });
    await tocsin.log.waitForLine((line) => isChange(line, 'True'), patienceMs);
    await target.stop();
    received = await tocsin.log.waitForLine(
      ({ event, alertname }) => event === 'alert.new' && alertname === 'InstanceDown',
      patienceMs,
    );
    const requestId = received['request_id'] as string;
    await tocsin.log.waitForLine((line) => isChange(line, 'False'), patienceMs);
    await tocsin.log.waitForLine(
      (line) => line.event === 'sweep.finished' && String(line['request_ids']).includes(requestId),
      patienceMs,
    );
  });

  after(async () => {
    await Promise.allSettled([prometheus?.stop(), tocsin?.stop(), target?.stop()]);
  });

  it('why names InstanceDown, its request, its way from Prometheus, and the way from there to the condition', async () => {
    const { code, stdout, stderr } = await ask('why', 'metricpipeline/backend');
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^MetricPipeline\/backend {2}False GatewayAllTelemetryDataDropped since /);
    const story = stdout.split('\n\n').find((each) => each.includes('True FlowHealthy → False')) ?? '';
    // The line may go on below.
    const text = story.replaceAll(/\n {15}/g, ' ');
    const way = String.raw`received \d+ ms after it began`;
    const labels = String.raw`\{instance="${target.address}", job="target", severity="page"\}`;
    assert.match(text, new RegExp(`(?:woken by|^ +) +InstanceDown firing ${labels}, ${way}$`, 'm'), stdout);
    assert.match(text, new RegExp(`^  requests     .*\\b${received['request_id'] as string}\\b`, 'm'));
    const hops = 'event \\+\\d+, queued \\+\\d+, started \\+\\d+, asked \\+\\d+, answered \\+\\d+, written \\+\\d+';
    assert.match(text, new RegExp(`^  took         \\d+ ms from received: ${hops}, finished \\+\\d+$`, 'm'));
    assert.match(text, /^ {2}decided by {3}MetricGatewayAllDataDropped \{/m);
  });

  it('its hops are in order, and those that the log tells of are at the time of the log', async () => {
    const { stdout } = await ask('why', 'metricpipeline/backend', '-o', 'json');
    const { items } = answers.Runs.parse(JSON.parse(stdout));
    const run = items.find(({ transition }) => transition?.to === 'False');
    assert.ok(run !== undefined, stdout);
    const cause = run.causes.find(({ alertname }) => alertname === 'InstanceDown');
    const { received: first, emitted, enqueued, started, queried, answered, written, finished } = run.hops;
    const times = [cause?.changed_at, first, emitted, enqueued, started, queried, answered, written, finished];
    assert.ok(times.every((time) => time !== undefined));
    // A query of a sweep, and its answer, may be older than the start of a run that shares them.
    assert.deepEqual(times.toSpliced(5, 2), times.toSpliced(5, 2).toSorted());
    assert.deepEqual(times.toSpliced(2, 3), times.toSpliced(2, 3).toSorted());
    const [change] = tocsin.log.all.filter((line) => isChange(line, 'False'));
    assert.equal(written, change?.time);
    assert.ok(run.request_ids.includes(received['request_id'] as string));
  });

  it('what names every pipeline that InstanceDown woke', async () => {
    const { code, stdout } = await ask('what', 'InstanceDown');
    assert.equal(code, 0);
    const [effect = ''] = stdout
      .split(/^(?= {2}\d{4}-)/m)
      .filter((each) => each.includes(String(received['request_id'])));
    assert.match(effect, /^.* (?:woke|merged) {2}request /);
    const woken = [...effect.matchAll(/^ {6}(\S+) +run [0-9a-f]{8} /gm)].map(([, pipeline]) => pipeline!);
    assert.deepEqual(woken, pipelines.toSorted(), stdout);
  });
}

function isChange(line: LogLine, to: string): boolean {
  return line.event === 'condition.changed' && line['kind'] === 'MetricPipeline' && line['to'] === to;
}
