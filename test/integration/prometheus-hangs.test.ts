import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { systemClock } from '../../src/runtime/clock.ts';
import { startFakePrometheus } from '../../src/prometheus/fake-prometheus.fixture.ts';
import { postAlerts } from '../../src/receiver/post-alerts.fixture.ts';
import { residentBytes } from '../support/resident-memory.ts';
import { startTocsin } from '../support/tocsin-process.ts';

const posts = 40;
const alertsEach = 250;

describe('while Prometheus hangs', () => {
  it('takes 10,000 alerts in 40 POSTs promptly, and every pipeline ends right once Prometheus is back', async (t) => {
    const prometheus = await startFakePrometheus();
    t.after(() => prometheus.stop());
    const tocsin = await startTocsin({ args: [`--prometheus.url=${prometheus.url}`] });
    t.after(() => tocsin.stop());
    await tocsin.log.waitForLine((line) => line.event === 'sweep.finished');
    prometheus.hang();

    const slowestMs = await postAll(tocsin.url);
    // To wait for Prometheus would take ten seconds.
    assert.ok(slowestMs < 5000, `the slowest POST took ${slowestMs} ms`);
    assert.ok(
      prometheus.queries() <= 3,
      `${prometheus.queries()} queries: one at the start, one that hangs, one that waits`,
    );
    assert.ok(residentBytes(tocsin.child.pid) < 512 * 1024 * 1024);

    const seen = tocsin.log.all.length;
    prometheus.answer([
      { labels: { alertname: 'TraceGatewayAllDataDropped', pipeline_name: 'backend' }, state: 'firing' },
    ]);
    await tocsin.log.waitForLine(
      (line) => line.event === 'condition.changed' && line['kind'] === 'TracePipeline',
      30_000,
      seen,
    );
    await tocsin.log.waitForLine((line) => line.event === 'sweep.finished', 30_000, seen);
    assert.equal(await reasonOf(tocsin.storagePath, 'tracepipeline', 'backend'), 'GatewayAllTelemetryDataDropped');
    assert.equal(await reasonOf(tocsin.storagePath, 'metricpipeline', 'backend'), 'FlowHealthy');
    assert.equal(await reasonOf(tocsin.storagePath, 'logpipeline', 'otlp'), 'FlowHealthy');
  });

  it('is Unknown after the timeout, and heals by its own retry', async (t) => {
    const prometheus = await startFakePrometheus();
    t.after(() => prometheus.stop());
    prometheus.hang();
    const tocsin = await startTocsin({
      args: [`--prometheus.url=${prometheus.url}`],
      config: 'prometheus: {timeout: 300ms}\n',
    });
    t.after(() => tocsin.stop());

    const unknown = await tocsin.log.waitForLine(
      (line) => line.event === 'condition.changed' && line['kind'] === 'TracePipeline',
    );
    assert.deepEqual([unknown['to'], unknown['reason']], ['Unknown', 'GatewayProbingFailed']);
    assert.equal(await reasonOf(tocsin.storagePath, 'logpipeline', 'fluent-bit'), 'AgentProbingFailed');
    prometheus.answer([]);
    const healed = await tocsin.log.waitForLine((line) => line.event === 'condition.changed' && line['to'] === 'True');
    assert.equal(healed['from'], 'Unknown');
  });
});

/** Returns how long the slowest one took, in milliseconds. */
async function postAll(url: string): Promise<number> {
  const durations = await Promise.all(
    Array.from({ length: posts }, async (_, post) => {
      const alerts = Array.from({ length: alertsEach }, (__, index) => ({
        labels: { alertname: 'TraceGatewayAllDataDropped', instance: `${post}-${index}`, pipeline_name: 'backend' },
      }));
      const startedAt = systemClock.now();
      await postAlerts(url, alerts);
      return systemClock.now() - startedAt;
    }),
  );
  return Math.max(...durations);
}

async function reasonOf(storagePath: string, kind: string, name: string): Promise<string | undefined> {
  const text = await readFile(join(storagePath, 'status', kind, `${name}.yaml`), 'utf8');
  return /reason: (\w+)\n\s+status: "?\w+"?\n\s+type: TelemetryFlowHealthy/.exec(text)?.[1];
}
