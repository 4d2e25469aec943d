import { setTimeout } from 'node:timers/promises';
import { HealthProbe } from '../test/support/health-probe.ts';
import { residentBytes } from '../test/support/resident-memory.ts';
import type { ServerProcess } from '../test/support/server-process.ts';
import { LoadProcess } from './load-process.ts';
import { startPeer } from './peers.ts';
import type { Plot } from './plot.ts';
import { cpuSeconds } from './process-usage.ts';
import type { Section } from './section.ts';
import { mebibytes, type Row } from './table.ts';

interface Rung {
  readonly peer: string;
  readonly active: number;
  readonly residentBytes: number;
  /** For one more POST of 64 alerts that are already stored. */
  readonly postP50Ms: number;
  readonly postCpuMicroseconds: number;
  /** For GET /api/v2/alerts with all alerts. */
  readonly getMs: number;
  readonly getCpuMs: number;
  /** The longest answer of /-/healthy while all alerts expired within a second; Alertmanager has no such expiry, a quick run skips it. */
  readonly expiryPauseMs: number | undefined;
}

/** How the cost grows with the number of active alerts. */
export const ladder: Section = {
  name: 'ladder',
  title: 'Active alerts: resident memory, one more POST of 64, one GET of all, all of them expiring at once',
  async run({ quick }) {
    const rungs: Rung[] = [];
    for (const active of quick ? [10_000] : [1000, 10_000, 50_000, 100_000]) {
      for (const peer of ['tocsin', 'alertmanager'] as const) rungs.push(await climb(peer, active, !quick));
    }
    return { rows: rungs.map(row), raw: rungs, plots: [memoryPlot(rungs)] };
  },
};

async function climb(peer: 'tocsin' | 'alertmanager', active: number, expires: boolean): Promise<Rung> {
  const server = await startPeer(peer);
  const generator = new LoadProcess();
  const { port, child } = server;
  const load = { port, connections: 4, batch: 64, from: 0, count: active, passes: 1 };
  try {
    await generator.run({ ...load, mode: 'new' }, child.pid);
    // Garbage may stay or be collected, as for a user.
    await setTimeout(2000);
    const resident = residentBytes(child.pid);
    const posts = await generator.run(
      { ...load, connections: 1, count: Math.min(active, 6400), mode: 're-sent' },
      child.pid,
    );
    const get = await getAll(server);
    return {
      peer,
      active,
      residentBytes: resident,
      postP50Ms: posts.latency.p50,
      postCpuMicroseconds: (posts.cpuSeconds / posts.requests) * 1e6,
      ...get,
      expiryPauseMs: peer === 'tocsin' && expires ? await expireAll(server, generator, active) : undefined,
    };
  } finally {
    generator.stop();
    await server.stop();
  }
}

async function getAll({ url, child }: ServerProcess): Promise<Pick<Rung, 'getMs' | 'getCpuMs'>> {
  const cpuBefore = cpuSeconds(child.pid);
  const startedAt = performance.now();
  const response = await fetch(`${url}/api/v2/alerts`);
  await response.arrayBuffer();
  if (!response.ok) return { getMs: Number.NaN, getCpuMs: Number.NaN };
  return { getMs: performance.now() - startedAt, getCpuMs: (cpuSeconds(child.pid) - cpuBefore) * 1000 };
}

/** Sends all alerts again with one end in the near future, and watches while that end passes. */
async function expireAll(server: ServerProcess, generator: LoadProcess, active: number): Promise<number> {
  const probe = new HealthProbe(server.port);
  const endsAt = Date.now() + 4000 + active / 10;
  const load = {
    port: server.port,
    connections: 4,
    batch: 64,
    from: 0,
    count: active,
    passes: 1,
    mode: 're-sent',
  } as const;
  await generator.run({ ...load, endsAt: new Date(endsAt).toISOString() }, server.child.pid);
  if (Date.now() > endsAt) throw new Error('the alerts came too slowly: they expired before all were there');
  await setTimeout(endsAt - Date.now() - 200);
  await probe.take();
  await setTimeout(2000);
  const { slowestMs } = await probe.take();
  await probe.stop();
  return slowestMs;
}

function memoryPlot(rungs: readonly Rung[]): Plot {
  return {
    name: 'memory',
    title: 'Resident memory by active alerts',
    kind: 'line',
    x: { name: 'active alerts', values: [...new Set(rungs.map(({ active }) => active))] },
    y: { name: 'MiB', scale: 'linear' },
    series: [...Map.groupBy(rungs, ({ peer }) => peer)].map(([name, ofPeer]) => ({
      name,
      values: ofPeer.map((rung) => Math.round(rung.residentBytes / 2 ** 20)),
    })),
  };
}

function row(rung: Rung): Row {
  return {
    'active alerts': rung.active,
    server: rung.peer,
    'resident memory': mebibytes(rung.residentBytes),
    'POST p50, ms': rung.postP50Ms.toFixed(2),
    'POST CPU, µs': rung.postCpuMicroseconds.toFixed(),
    'GET, ms': rung.getMs.toFixed(),
    'GET CPU, ms': rung.getCpuMs.toFixed(),
    'longest pause at expiry, ms': rung.expiryPauseMs?.toFixed(1) ?? '',
  };
}
