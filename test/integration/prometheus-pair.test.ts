import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { systemClock } from '../../src/runtime/clock.ts';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import type { LogLine } from '../support/log-lines.ts';
import { postAlerts } from '../../src/receiver/post-alerts.fixture.ts';
import { prometheusPrograms, startPrometheus, type PrometheusVersion } from '../support/prometheus-server.ts';
import { startRoundRobin, type RoundRobin } from '../support/round-robin.ts';
import { startScrapeTarget, type ScrapeTarget } from '../support/scrape-target.ts';
import type { ServerProcess } from '../support/server-process.ts';
import { skipWithout } from '../support/servers.ts';
import { startTocsin, type TocsinProcess } from '../support/tocsin-process.ts';

/** How long an alert is pending; in production this is a minute or more. */
const pendingFor = process.env['PAIR_FOR'] ?? '5s';
const pendingMs = Number.parseInt(pendingFor, 10) * 1000;
/** An alert counts as firing for four times as long after its last push: longer than it is pending on a replaced replica. */
const resendDelay = pendingMs > 8000 ? '1m' : '10s';
const patienceMs = pendingMs + 30_000;

/** One alert of the MetricPipeline, and two of the TracePipeline, of which the more severe has a separate cause. */
function rulesOf(target: ScrapeTarget, severe: ScrapeTarget): string {
  const broken = (alert: string, { address }: ScrapeTarget) => ({
    alert,
    expr: `up{instance="${address}"} == 0`,
    for: pendingFor,
    labels: { pipeline_name: 'backend' },
  });
  const rules = [
    broken('MetricGatewayAllDataDropped', target),
    broken('TraceGatewayAllDataDropped', severe),
    broken('TraceGatewaySomeDataDropped', target),
  ];
  return JSON.stringify({ groups: [{ name: 'test', rules }] });
}

const kinds = ['MetricPipeline', 'TracePipeline'] as const;
type Kind = (typeof kinds)[number];

const twoAddresses = new URL('../support/two-addresses.ts', import.meta.url).href;

/** Two real Prometheus, one an older version, and four Tocsins that ask them in different ways. One of those is the control. */
describe('a pair of Prometheus', { skip: skipWithout(prometheusPrograms['2.42']) || skipWithout('prometheus') }, () => {
  const versions = ['3.15', '2.42'] as const satisfies readonly PrometheusVersion[];
  const pair: ServerProcess[] = [];
  const proxies: RoundRobin[] = [];
  const tocsins = new Map<string, TocsinProcess>();
  /** The present port of each replica; the proxy in front of it keeps its address. */
  const ports = [0, 0];
  /** The replicas behind the single address, in turn. */
  let behindService: readonly number[] = [0, 1];
  let target: ScrapeTarget;
  let severe: ScrapeTarget;
  let stopWaking = (): void => undefined;

  before(async () => {
    target = await startScrapeTarget();
    severe = await startScrapeTarget();
    const service = await startRoundRobin(() => behindService.map((index) => ports[index]!), { idleMs: 20 });
    const fronts = [await startRoundRobin(() => ports.slice(0, 1)), await startRoundRobin(() => ports.slice(1))];
    const { port } = fronts[0]!;
    proxies.push(service, ...fronts, await startRoundRobin(() => ports.slice(1), { host: '127.0.0.2', port }));
    const roundRobin = `url: http://127.0.0.1:${service.port}`;
    const environment = { NODE_OPTIONS: `--import=${twoAddresses}` };
    await start('behind one address', roundRobin);
    await start('as two addresses', `url: [${fronts.map((front) => `http://127.0.0.1:${front.port}`).join(', ')}]`);
    await start('as one name with two addresses', `url: http://prometheus.test:${port}, resolve: all`, environment);
    await start('behind one address, no grace', `${roundRobin}, heal_grace: 0s, unknown_after: 0s`);
    for (const index of [0, 1]) await replace(index);
    await haveAll('True');
    stopWaking = keepWaking([...tocsins.values()].map(({ url }) => url));
  });

  after(async () => {
    stopWaking();
    await Promise.allSettled([...tocsins.values(), ...pair, ...proxies, target, severe].map((each) => each?.stop()));
  });

  async function start(name: string, prometheus: string, environment = {}): Promise<void> {
    const config = `prometheus: {${prometheus}, timeout: 2s}\n`;
    tocsins.set(name, await startTocsin({ config, environment }));
  }

  /** Replaces a replica with one that knows nothing, like a pod that was moved and has no volume. */
  async function replace(index: number): Promise<void> {
    await pair[index]?.stop();
    pair[index] = await startPrometheus({
      version: versions[index]!,
      rules: rulesOf(target, severe),
      resendDelay,
      scrapeTargets: [target.address, severe.address],
      alertmanagers: [...tocsins.values()].map(({ url }) => new URL(url).host),
    });
    ports[index] = pair[index].port;
  }

  /** Waits until every alert fires whose cause lasts. */
  async function fires(index: number, count: number): Promise<void> {
    await eventually(
      async () => await (await fetch(`http://127.0.0.1:${ports[index]}/api/v1/alerts`)).text(),
      (text) => text.split('"firing"').length - 1 === count,
      patienceMs,
    );
  }

  /** Waits until every Tocsin has logged every condition, after the lines seen so far. */
  async function haveAll(status: string, seen: readonly number[] = []): Promise<void> {
    for (const [index, { log }] of [...tocsins.values()].entries())
      for (const kind of kinds) await log.waitForLine(changedTo(kind, { to: status }), patienceMs, seen[index]);
  }

  it('makes every condition False once its alert fires', async () => {
    target.breakDown();
    severe.breakDown();
    await haveAll('False');
    for (const index of [0, 1]) await fires(index, 3);
  });

  it('has one replaced while the alert fires', async () => {
    await replace(0);
    await fires(0, 3);
  });

  it('has both replaced in turn, so that for a while the alert is pending in each', async () => {
    await replace(0);
    await replace(1);
    for (const index of [0, 1]) await fires(index, 3);
  });

  it('has the more severe of two alerts end while a replica that was just replaced knows neither', async () => {
    behindService = [1, 1];
    await replace(0);
    behindService = [0, 0];
    severe.heal();
    await fires(0, 2);
    behindService = [0, 1];
    await fires(1, 2);
  });

  it('has one of them hang', async () => {
    pair[0]!.child.kill('SIGSTOP');
    await pause(8000);
    pair[0]!.child.kill('SIGCONT');
    await pause(2000);
  });

  it('makes every condition True once the alert has ended', async () => {
    const seen = [...tocsins.values()].map(({ log }) => log.all.length);
    target.heal();
    await haveAll('True', seen);
    await pause(3000);
  });

  for (const name of ['behind one address', 'as two addresses', 'as one name with two addresses']) {
    it(`changed each condition once each way, ${name}, and was never Unknown after its start`, () => {
      for (const kind of kinds)
        assert.deepEqual(statusesOf(changesOf(tocsins.get(name)!, kind)), ['True to False', 'False to True'], kind);
    });

    it(`got from the more severe alert to the lesser one, and then well, ${name}`, () => {
      const reasons = changesOf(tocsins.get(name)!, 'TracePipeline').map((line) => line['reason']);
      // Which of the two fires first is random.
      const fromSevere = reasons.slice(reasons.indexOf('GatewayAllTelemetryDataDropped'));
      const lesser = 'GatewaySomeTelemetryDataDropped';
      assert.deepEqual(fromSevere, ['GatewayAllTelemetryDataDropped', lesser, 'FlowHealthy']);
    });
  }

  it('went to and fro without the grace: the faults were real', () => {
    const changes = statusesOf(changesOf(tocsins.get('behind one address, no grace')!, 'MetricPipeline'));
    assert.ok(changes.length >= 4, changes.join('; '));
    const held = tocsins.get('behind one address')!.log.all.filter(({ event }) => event === 'condition.held');
    assert.notEqual(held.length, 0);
  });

  it('was asked at both addresses, and told of each fault once where both are asked', () => {
    assert.ok(
      proxies[0]!.counts().every((count) => count > 5),
      proxies[0]!.counts().join(),
    );
    for (const name of ['as two addresses', 'as one name with two addresses']) {
      const lines = tocsins.get(name)!.log.all;
      const failed = lines.filter(({ event }) => event === 'prometheus.replica_failed').length;
      const back = lines.filter(({ event }) => event === 'prometheus.replica_back').length;
      assert.ok(failed >= 3 && failed <= 8, `${name}: ${failed} times`);
      assert.ok(back >= 3 && back <= failed, `${name}: ${back} times back`);
    }
  });
});

/** The changes of the kind's pipeline after it first became True: earlier ones belong to the start of two servers. */
function changesOf({ log }: TocsinProcess, kind: Kind): readonly LogLine[] {
  const first = log.all.findIndex(changedTo(kind, { to: 'True' }));
  return log.all.slice(first + 1).filter(changedTo(kind));
}

function statusesOf(changes: readonly LogLine[]): readonly string[] {
  const ofStatus = changes.filter((line) => line['from'] !== line['to']);
  return ofStatus.map((line) => `${String(line['from'])} to ${String(line['to'])}`);
}

/** Sends other alerts all the time, each of which causes a look at everything. */
function keepWaking(urls: readonly string[]): () => void {
  let cancel = (): void => undefined;
  const wake = (): void => {
    for (const url of urls) postAlerts(url, [{ labels: { alertname: 'Other' } }]).catch(() => undefined);
    cancel = systemClock.setTimeout(wake, 700);
  };
  wake();
  return () => cancel();
}

function changedTo(kind: Kind, { to }: { readonly to?: string } = {}): (line: LogLine) => boolean {
  return (line) =>
    line.event === 'condition.changed' &&
    line['kind'] === kind &&
    line['name'] === 'backend' &&
    (to === undefined || line['to'] === to);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => systemClock.setTimeout(resolve, ms));
}
