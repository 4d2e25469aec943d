import { LoadProcess, type MeasuredLoad } from './load-process.ts';
import type { Load } from './load-generator.ts';
import { peerNames, startPeer, type PeerName } from './peers.ts';
import type { IngestMode } from './sample-alerts.ts';
import type { Plot } from './plot.ts';
import type { Section } from './section.ts';
import { spread } from './statistics.ts';
import { milliseconds, ratio, thousands, type Row } from './table.ts';

const modes: readonly IngestMode[] = ['new', 're-sent', 'resolved'];

interface WarmUp {
  readonly rounds: number;
  readonly alerts: number;
  readonly passes: number;
}

/** Measures a server as it is after a day: V8 goes on compiling for thousands of POSTs. Go has compiled everything before. */
const longWarmUp: WarmUp = { rounds: 3, alerts: 15_000, passes: 8 };
const warmUps: Readonly<Record<PeerName, WarmUp>> = {
  tocsin: longWarmUp,
  bare: longWarmUp,
  alertmanager: { rounds: 1, alerts: 5000, passes: 1 },
};

interface IngestMeasurement {
  readonly batch: number;
  readonly mode: IngestMode;
  readonly peer: PeerName;
  readonly result: MeasuredLoad;
}

/** Ingest: the cost of a POST by size and content, for each peer in turn, in several rounds. */
export const ingest: Section = {
  name: 'ingest',
  title: 'Ingest: alerts per CPU-second of the server, and milliseconds of a POST',
  async run({ quick }) {
    const rounds = quick ? 1 : 5;
    const measurements: IngestMeasurement[] = [];
    for (const batch of quick ? [1, 64] : [1, 64, 256, 512]) {
      // With fewer single alerts, one collection of the whole heap, which may or may not fall into the run, is a third of the figure.
      const count = quick && batch > 1 ? 10_000 : 40_000;
      for (let round = 0; round < rounds; round++)
        for (const peer of peerNames) measurements.push(...(await measure(peer, batch, count)));
    }
    return { rows: rows(measurements), raw: measurements, plots: ingestPlots(measurements) };
  },
};

/** A fresh server, warmed up with other alerts. */
async function measure(peer: PeerName, batch: number, count: number): Promise<IngestMeasurement[]> {
  const server = await startPeer(peer);
  const generator = new LoadProcess();
  try {
    const load = (mode: IngestMode, from: number, alerts: number, passes: number): Load => {
      return { port: server.port, connections: 4, batch, mode, from, count: alerts, passes };
    };
    const { rounds, alerts: most, passes } = warmUps[peer];
    const alerts = Math.min(most, 2000 * batch);
    for (let round = 0; round < rounds; round++)
      for (const mode of modes)
        await generator.warmUp(load(mode, 500_000 + round * alerts, alerts, mode === 're-sent' ? passes : 1));
    const measured: IngestMeasurement[] = [];
    for (const mode of modes) {
      const result = await generator.run(load(mode, 0, count, mode === 're-sent' ? 2 : 1), server.child.pid);
      if (result.refused > 0) throw new Error(`${peer} refused ${result.refused} of ${result.requests} requests`);
      measured.push({ batch, mode, peer, result });
    }
    return measured;
  } finally {
    generator.stop();
    await server.stop();
  }
}

function rows(measurements: readonly IngestMeasurement[]): Row[] {
  const groups = Map.groupBy(measurements, ({ batch, mode }) => `${batch} ${mode}`);
  return [...groups.values()].map((group) => {
    const of = (peer: PeerName): readonly MeasuredLoad[] =>
      group.filter((measurement) => measurement.peer === peer).map(({ result }) => result);
    const [tocsin, alertmanager, bare] = peerNames.map((peer) => of(peer).map(alertsPerCpuSecond)) as [
      number[],
      number[],
      number[],
    ];
    const against = (others: readonly number[]): string =>
      ratio(spread(tocsin.map((own, round) => own / others[round]!)));
    const last = of('tocsin').toSorted((a, b) => a.latency.p99 - b.latency.p99)[Math.floor(tocsin.length / 2)]!;
    return {
      'alerts per POST': group[0]!.batch,
      alerts: group[0]!.mode,
      tocsin: thousands(spread(tocsin)),
      alertmanager: thousands(spread(alertmanager)),
      'bare server': thousands(spread(bare)),
      '× alertmanager': against(alertmanager),
      '× bare': against(bare),
      'POSTs/s': Math.round(last.requests / last.seconds),
      'p50 / p99 / p99.9 / max': milliseconds(last.latency, true),
      'generator CPU ÷ server CPU': (last.ownCpuSeconds / last.cpuSeconds).toFixed(2),
    };
  });
}

/** One plot per kind of alerts: alerts per CPU-second by the size of a POST, for every peer. */
function ingestPlots(measurements: readonly IngestMeasurement[]): Plot[] {
  const batches = [...new Set(measurements.map(({ batch }) => batch))];
  return [...Map.groupBy(measurements, ({ mode }) => mode)].map(([mode, ofMode]) => ({
    name: `ingest-${mode}`,
    title: `Ingest, alerts that are ${mode}: median of the rounds`,
    kind: 'bar',
    x: { name: 'alerts per POST', values: batches },
    y: { name: 'alerts per CPU-second of the server', scale: 'linear' },
    series: peerNames.map((peer) => ({
      name: peer,
      values: batches.map((batch) => {
        const rounds = ofMode.filter((measurement) => measurement.peer === peer && measurement.batch === batch);
        return Math.round(spread(rounds.map(({ result }) => alertsPerCpuSecond(result))).median);
      }),
    })),
  }));
}

function alertsPerCpuSecond({ alerts, cpuSeconds }: MeasuredLoad): number {
  return alerts / cpuSeconds;
}
