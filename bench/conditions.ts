import { apiCalls } from '../test/support/api-calls.ts';
import { startFakePrometheus } from '../src/prometheus/fake-prometheus.fixture.ts';
import { KubeAdmin } from '../test/support/kube-admin.ts';
import { skipWithoutKube, startKubeApiServer, type KubeApiServer } from '../test/support/kube-api-server.ts';
import { postAlerts } from '../src/receiver/post-alerts.fixture.ts';
import { peakResidentBytes, residentBytes } from '../test/support/resident-memory.ts';
import { sweepOf } from '../test/support/sweep-lines.ts';
import { startBundle } from './peers.ts';
import { cpuSeconds } from './process-usage.ts';
import type { Section } from './section.ts';
import { mebibytes, type Row } from './table.ts';

const throttling = { labels: { alertname: 'TraceGatewayThrottling' } };

/** A gateway fails, and every pipeline's condition changes at once. */
export const conditions: Section = {
  name: 'conditions',
  title: 'Every condition changes at once, on a real API server, with the defaults',
  async run({ quick }) {
    const missing = skipWithoutKube();
    if (missing !== false) return { rows: [{ 'left out': missing }], raw: [] };
    const pipelines = quick ? 100 : 1000;
    const kube = await startKubeApiServer();
    const admin = new KubeAdmin(kube);
    try {
      await admin.create(
        'TracePipeline',
        Array.from({ length: pipelines }, (_, index) => `p-${index}`),
      );
      const rows: Row[] = [];
      for (const reconciles of ['default', 4, 16] as const) rows.push(await changeAll(kube, reconciles));
      return { rows, raw: rows };
    } finally {
      await admin.close();
      await kube.stop();
    }
  },
};

async function changeAll(kube: KubeApiServer, reconciles: number | 'default'): Promise<Row> {
  const prometheus = await startFakePrometheus();
  const tocsin = await startBundle({
    ...(typeof reconciles === 'number' && { config: `controller: { max_concurrent_reconciles: ${reconciles} }` }),
    args: [`--kubeconfig=${kube.kubeconfig}`, `--prometheus.url=${prometheus.url}`],
  });
  try {
    // The sweep at the start brings all pipelines to the state in which nothing fires.
    await tocsin.log.waitForLine(({ event }) => event === 'sweep.finished', 120_000);
    const atRest = residentBytes(tocsin.child.pid);
    prometheus.answer([{ ...throttling, state: 'firing' }]);
    const [before, cpuBefore, startedAt] = [await apiCalls(tocsin), cpuSeconds(tocsin.child.pid), performance.now()];
    await tocsin.log.waitForLine(sweepOf(await postAlerts(tocsin.url, [throttling])), 120_000);
    const seconds = (performance.now() - startedAt) / 1000;
    const [written, cpu] = [await apiCalls(tocsin), cpuSeconds(tocsin.child.pid) - cpuBefore];
    const [peak, rate] = [
      peakResidentBytes(tocsin.child.pid),
      tocsin.log.all.find(({ event }) => event === 'api.rate'),
    ];
    return {
      max_concurrent_reconciles: String(reconciles),
      'limited by': String(rate?.['by']),
      conditions: String(written.PATCH - before.PATCH),
      'written after, s': seconds.toFixed(1),
      'Events written by then': String(written.POST - before.POST),
      'CPU, s': cpu.toFixed(1),
      'resident before → most': `${mebibytes(atRest)} → ${mebibytes(peak)}`,
      target: '≤ 5 s',
    };
  } finally {
    await Promise.allSettled([tocsin.stop(), prometheus.stop()]);
  }
}
