import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { healthRules } from '../../src/health/health-rules.ts';
import { apiCalls, type ApiCalls } from '../support/api-calls.ts';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { startFakePrometheus, type FakePrometheus } from '../../src/prometheus/fake-prometheus.fixture.ts';
import { flowHealthOf, KubeAdmin } from '../support/kube-admin.ts';
import { skipWithoutKube, useKubeApiServer } from '../support/kube-api-server.ts';
import type { LogLine } from '../support/log-lines.ts';
import { postAlerts } from '../../src/receiver/post-alerts.fixture.ts';
import { kubeconfigWith } from '../support/service-account.ts';
import { sweepOf } from '../support/sweep-lines.ts';
import { startTocsin, type TocsinProcess } from '../support/tocsin-process.ts';

const count = 1000;
/** Enough for a sweep to have a middle. */
const few = 100;
const names = Array.from({ length: count }, (_, index) => `p-${index}`);
/** Without the name of a pipeline, so that it concerns all of them. */
const throttling = { labels: { alertname: 'TraceGatewayThrottling' } };
const dropping = { labels: { alertname: 'TraceGatewayAllDataDropped' } };
const files = ['base/cluster-role-reader.yaml', 'base/cluster-role-writer.yaml'];

describe('a thousand pipelines on a real API server', { skip: skipWithoutKube() }, () => {
  const kube = useKubeApiServer();
  let admin: KubeAdmin;
  let prometheus: FakePrometheus;
  let kubeconfig: string;
  let tocsin: TocsinProcess;

  before(async () => {
    admin = new KubeAdmin(kube());
    prometheus = await startFakePrometheus();
    kubeconfig = await kubeconfigWith(kube(), 'tocsin', files);
    await admin.create('TracePipeline', names.slice(0, few));
  });

  after(async () => void (await Promise.allSettled([tocsin?.stop(), prometheus?.stop(), admin?.close()])));

  describe('of which there are a hundred so far', () => {
    it('are all written before Tocsin ends, when a SIGTERM comes in the middle of a sweep', async () => {
      tocsin = await start({ qps: 2000 });
      await tocsin.log.waitForLine(isSweep, 60_000);
      prometheus.answer([{ ...throttling, state: 'firing' }]);
      await stopInTheMiddle();
      assert.ok(!tocsin.log.all.some(({ event }) => event === 'app.drain_incomplete'));
      assert.deepEqual(await reasons(), { GatewayThrottling: few });
    });

    it('are each written or as they were, when the drain timeout ends a sweep; the next start writes the rest', async (t) => {
      tocsin = await start({ qps: 20, drainTimeout: '2s' });
      await tocsin.log.waitForLine(isSweep, 60_000);
      prometheus.answer([{ ...dropping, state: 'firing' }]);
      await stopInTheMiddle();
      const given = tocsin.log.all.find(({ event }) => event === 'app.drain_incomplete')?.['requests'] as number;
      const { GatewayThrottling: old = 0, GatewayAllTelemetryDataDropped: written = 0 } = await reasons();
      assert.equal(old + written, few, 'neither the old condition nor the new one');
      assert.ok(old > 0 && written > 0 && given >= old, `${old} old, ${written} written, ${given} given up`);

      tocsin = await start({ qps: 2000 });
      const swept = await tocsin.log.waitForLine(isSweep, 60_000);
      assert.deepEqual(outcomeOf(swept), { requests: few, changed: old, failed: 0 });
      assert.equal((await apiCalls(tocsin)).PATCH, old);
      assert.deepEqual(await reasons(), { GatewayAllTelemetryDataDropped: few });
      await eventsWritten();
      await tocsin.stop();
      t.diagnostic(`written before the drain timeout: ${written}, after the next start: ${old}`);
    });
  });

  it('are listed in two pages, and looked at when Tocsin starts: one query, one write each', async (t) => {
    await admin.create('TracePipeline', names.slice(few));
    prometheus.answer([]);
    const earlier = prometheus.queries();
    tocsin = await start({ qps: 2000 });
    const swept = await tocsin.log.waitForLine(isSweep, 60_000);
    assert.deepEqual(outcomeOf(swept), { requests: count, changed: count, failed: 0 });
    const calls = await apiCalls(tocsin);
    assert.deepEqual([prometheus.queries() - earlier, calls.PATCH], [1, count]);
    const listed = tocsin.log.all.find((line) => line.event === 'reflector.listed' && line['objects'] === count);
    assert.equal(listed?.['pages'], 2);
    t.diagnostic(describeSweep('start', swept, calls));
  });

  it('cost one query, and one write each, for an alert that concerns them all', async (t) => {
    const [earlier, queries] = [await apiCalls(tocsin), prometheus.queries()];
    prometheus.answer([{ ...throttling, state: 'firing' }]);
    const swept = await sweep(throttling);
    const calls = difference(await apiCalls(tocsin), earlier);
    assert.deepEqual(outcomeOf(swept), { requests: count, changed: count, failed: 0 });
    assert.deepEqual([prometheus.queries() - queries, calls.PATCH, calls.GET], [1, count, 0]);
    assert.deepEqual(await reasons(), { GatewayThrottling: count });
    t.diagnostic(describeSweep('all change', swept, calls));
  });

  it('cost one query and no call of the API server for the same alert again, after a restart as well', async (t) => {
    // Their Events take most of a minute; a process that starts now has none to write.
    tocsin.child.kill('SIGKILL');
    await tocsin.stop();
    tocsin = await start({ qps: 2000 });
    const started = await tocsin.log.waitForLine(isSweep, 60_000);
    assert.deepEqual(outcomeOf(started), { requests: count, changed: 0, failed: 0 });
    await sweep(throttling);
    const [earlier, versions, queries] = [await apiCalls(tocsin), await resourceVersions(), prometheus.queries()];
    const swept = await sweep(throttling);
    const calls = difference(await apiCalls(tocsin), earlier);
    assert.deepEqual(outcomeOf(swept), { requests: count, changed: 0, failed: 0 });
    assert.deepEqual([prometheus.queries() - queries, calls], [1, { GET: 0, PATCH: 0, POST: 0 }]);
    assert.deepEqual(await resourceVersions(), versions);
    t.diagnostic(describeSweep('nothing changes', swept, calls));
  });

  function start({ qps, drainTimeout = '20s' }: { qps: number; drainTimeout?: string }): Promise<TocsinProcess> {
    const config = JSON.stringify({
      controller: { drain_timeout: drainTimeout },
      source: { debounce: { wait: '0s', max_wait: '1ms' } },
      pipelines: { kubernetes: { qps, burst: qps } },
    });
    return startTocsin({ config, args: [`--kubeconfig=${kubeconfig}`, `--prometheus.url=${prometheus.url}`] });
  }

  async function sweep(alert: typeof throttling): Promise<LogLine> {
    return tocsin.log.waitForLine(sweepOf(await postAlerts(tocsin.url, [alert])), 60_000);
  }

  /** Tells Tocsin to end when some of the pipelines are written; it has to end with exit code 0. */
  async function stopInTheMiddle(): Promise<void> {
    const seen = tocsin.log.all.length;
    await postAlerts(tocsin.url, [dropping]);
    await eventually(
      () => tocsin.log.all.slice(seen).filter(({ event }) => event === 'condition.changed').length,
      (changed) => changed > 10,
    );
    process.kill(tocsin.child.pid, 'SIGTERM');
    assert.deepEqual(await tocsin.child.exited, { code: 0, signal: null });
    assert.equal(tocsin.log.all.at(-1)?.event, 'app.stopped');
    await tocsin.stop();
  }

  /** Events are written during the sweep and after it, at a limited rate. */
  async function eventsWritten(): Promise<void> {
    const written = async (): Promise<number> => {
      const page = await metricsPage(tocsin);
      return [...page.matchAll(/^tocsin_kubernetes_events_total\{.*\} (\d+)$/gm)].reduce(
        (sum, [, n]) => sum + Number(n),
        0,
      );
    };
    const changed = tocsin.log.all.filter(({ event }) => event === 'condition.changed').length;
    await eventually(written, (events) => events === changed, 60_000);
  }

  async function reasons(): Promise<Readonly<Record<string, number>>> {
    const counted: Record<string, number> = {};
    for (const pipeline of await admin.list('TracePipeline')) {
      const { reason = 'none', message } = flowHealthOf(pipeline) ?? {};
      const finding = [healthRules.healthy, ...healthRules.alerts].find((rule) => rule.message === message);
      assert.equal(finding?.reason, reason, 'half a condition');
      counted[reason] = (counted[reason] ?? 0) + 1;
    }
    return counted;
  }

  async function resourceVersions(): Promise<readonly (string | undefined)[]> {
    return (await admin.list('TracePipeline')).map(({ metadata }) => metadata.resourceVersion);
  }
});

function difference(later: ApiCalls, earlier: ApiCalls): ApiCalls {
  return { GET: later.GET - earlier.GET, PATCH: later.PATCH - earlier.PATCH, POST: later.POST - earlier.POST };
}

async function metricsPage({ url }: TocsinProcess): Promise<string> {
  return (await fetch(`${url}/metrics`)).text();
}

function isSweep({ event }: LogLine): boolean {
  return event === 'sweep.finished';
}

function outcomeOf({ requests, changed, failed }: LogLine): object {
  return { requests, changed, failed };
}

function describeSweep(name: string, { duration_ms: ms }: LogLine, { GET, PATCH, POST }: ApiCalls): string {
  return `${name}: ${String(ms)} ms, calls of the API server: ${GET} GET, ${PATCH} PATCH, ${POST} POST so far (Events)`;
}
