import type { IngestMeasurement } from './ingest.ts';
import { peerNames } from './peers.ts';
import type { Plot } from './plot.ts';
import { spread } from './statistics.ts';

/** One for each kind of alerts: how many a CPU-second takes, by the size of a POST, for every peer. */
export function ingestPlots(measurements: readonly IngestMeasurement[]): Plot[] {
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
        return Math.round(spread(rounds.map(({ result }) => result.alerts / result.cpuSeconds)).median);
      }),
    })),
  }));
}
