import { setTimeout } from 'node:timers/promises';
import { startFakePrometheus } from '../src/prometheus/fake-prometheus.fixture.ts';
import { freePort } from '../test/support/free-port.ts';
import { residentBytes } from '../test/support/resident-memory.ts';
import { positiveNumber, runTool } from '../test/support/run-tool.ts';
import { Inspector, type Holdings } from '../test/support/inspector.ts';
import { writeManifests } from './manifests.ts';
import { startBundle } from './peers.ts';
import { mixedLoad } from './mixed-load.ts';
import { slopePerHour, type Sample } from './statistics.ts';
import { mebibytes, table } from './table.ts';

interface SoakSample extends Holdings {
  readonly atMs: number;
  readonly residentBytes: number;
}

const usage = `npm run soak -- [--minutes N]

  --minutes  for so long all doors are in use, default 60

Does anything grow that should not?`;

async function soak(minutes: number): Promise<void> {
  const [manifests, prometheus, port] = [await writeManifests(100), await startFakePrometheus(), await freePort()];
  const tocsin = await startBundle({
    config: 'receiver: { silence_retention: 5s }',
    args: [`--pipelines.folder=${manifests.folder}`, `--prometheus.url=${prometheus.url}`],
    environment: { NODE_OPTIONS: `--inspect=127.0.0.1:${port}` },
  });
  const inspector = await Inspector.attach(port);
  try {
    const samples: SoakSample[] = [];
    // The first rounds fill the store and warm up; they are left out.
    for (let round = 0; round < 2; round++) await mixedLoad(tocsin, prometheus);
    const endsAt = performance.now() + minutes * 60_000;
    while (samples.length < 2 || performance.now() < endsAt) {
      samples.push(await look(inspector, tocsin.child.pid));
      await mixedLoad(tocsin, prometheus);
      // Nobody needs the earlier lines, and this process's memory is not what is measured.
      tocsin.log.all.length = 0;
    }
    samples.push(await look(inspector, tocsin.child.pid));
    process.stdout.write(`${report(samples)}\n`);
  } finally {
    inspector.close();
    await Promise.allSettled([tocsin.stop(), prometheus.stop(), manifests.remove()]);
  }
}

/** At rest: the load's connections are closed, the debouncer and the queue are empty, and silences have ended and are forgotten. */
async function look(inspector: Inspector, pid: number): Promise<SoakSample> {
  await setTimeout(8000);
  return { ...(await inspector.holdings()), residentBytes: residentBytes(pid), atMs: performance.now() };
}

function report(samples: readonly SoakSample[]): string {
  const [start, end] = [samples[0]!, samples.at(-1)!];
  const line = (
    what: string,
    value: (sample: SoakSample) => number,
    show: (value: number) => string,
    rate = show,
  ): object => {
    const series: Sample[] = samples.map((sample) => [sample.atMs, value(sample)]);
    return { what, start: show(value(start)), end: show(value(end)), 'slope per hour': rate(slopePerHour(series)) };
  };
  const kinds = [...new Set(samples.flatMap(({ resources }) => Object.keys(resources)))].toSorted();
  const rows = [
    line('heap after a forced collection', ({ heapBytes }) => heapBytes, mebibytes),
    line('resident memory', (sample) => sample.residentBytes, mebibytes),
    ...kinds.map((kind) =>
      line(
        kind,
        ({ resources }) => resources[kind] ?? 0,
        String,
        (value) => value.toFixed(1),
      ),
    ),
  ] as Record<string, string>[];
  const minutes = (end.atMs - start.atMs) / 60_000;
  return `\n${table(rows)}\n\n${samples.length} samples in ${minutes.toFixed(1)} minutes`;
}

process.exitCode = await runTool({
  usage,
  flags: { minutes: { type: 'string', default: '60' } },
  choices: [],
  run: ({ minutes }) => soak(positiveNumber('minutes', minutes)),
});
