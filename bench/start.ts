import { readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startChild } from '../test/support/child-process.ts';
import { freePort } from '../test/support/free-port.ts';
import { requireServer } from '../test/support/servers.ts';
import { bundle, compileBundle } from './peers.ts';
import { cpuSeconds } from './process-usage.ts';
import type { Section } from './section.ts';
import { spread, type Spread } from './statistics.ts';
import type { Row } from './table.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
/** V8's compile cache of Tocsin, see `src/main.ts`. */
const compiled = join(root, '.compile-cache');
const source = [
  '--require',
  join(root, 'src/cli/require-node.cjs'),
  '--max-semi-space-size=16',
  join(root, 'src/main.ts'),
];
const image = ['--max-semi-space-size=16', bundle];

/**
 * From the start of the process to the first 200 of /-/ready, which is asked every two milliseconds. Other work on the machine
 * changes the CPU time of all threads until then far less than the time of the wall clock.
 */
export const start: Section = {
  name: 'start',
  title: 'Start: from the start of the process to ready, ms',
  async run({ quick }) {
    const rounds = quick ? 5 : 11;
    const others: Started[] = [];
    const ofImage: Record<Warmth, Started[]> = { cold: [], warm: [] };
    const fromSource: Record<Warmth, Started[]> = { cold: [], warm: [] };
    for (let round = 0; round < rounds; round++) {
      await compileBundle();
      for (const warmth of ['warm', 'cold'] as const) ofImage[warmth].push(await startTocsin(image, warmth));
      for (const warmth of ['cold', 'warm'] as const) fromSource[warmth].push(await startTocsin(source, warmth));
      others.push(await startOnce(requireServer('alertmanager'), alertmanagerArgs));
    }
    const rows = [
      { what: 'bundle, as the image starts it', ...figures(ofImage), target: '≤ 150 warm' },
      { what: 'source, as npm start starts it', ...figures(fromSource), target: '' },
      { what: 'alertmanager', ...figures({ cold: [], warm: others }), target: '' },
      { what: 'bundle, size', cold: '', warm: size(...programFiles()), target: '' },
      { what: 'alertmanager, size', cold: '', warm: size(requireServer('alertmanager')), target: '' },
    ];
    return { rows, raw: { image: ofImage, fromSource, others } };
  },
};

/** Cold: V8 compiles everything, as after an update. Warm: it finds its compile cache, as in the image. */
type Warmth = 'cold' | 'warm';

/** Milliseconds. */
interface Started {
  readonly wall: number;
  readonly cpu: number;
}

function figures({ cold, warm }: Record<Warmth, readonly Started[]>): Row {
  const column = (starts: readonly Started[], time: keyof Started): string =>
    starts.length === 0 ? '' : ms(spread(starts.map((started) => started[time])));
  return {
    cold: column(cold, 'wall'),
    warm: column(warm, 'wall'),
    'cold, CPU': column(cold, 'cpu'),
    'warm, CPU': column(warm, 'cpu'),
  };
}

function startTocsin(program: readonly string[], warmth: Warmth): Promise<Started> {
  if (warmth === 'cold') rmSync(compiled, { recursive: true, force: true });
  return startOnce(process.execPath, (port) => [...program, `--web.listen-address=127.0.0.1:${port}`]);
}

function alertmanagerArgs(port: number): readonly string[] {
  return [
    '--config.file=bench/alertmanager.yml',
    '--storage.path=bench/results/alertmanager',
    `--web.listen-address=127.0.0.1:${port}`,
    '--cluster.listen-address=',
  ];
}

async function startOnce(command: string, args: (port: number) => readonly string[]): Promise<Started> {
  const port = await freePort();
  const startedAt = performance.now();
  const child = await startChild({ name: 'started', command, args: args(port) });
  try {
    while (!(await isReady(port))) await setTimeout(2);
    return { wall: performance.now() - startedAt, cpu: cpuSeconds(child.pid) * 1000 };
  } finally {
    await child.stop();
  }
}

async function isReady(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/-/ready`)).ok;
  } catch {
    return false;
  }
}

function ms({ median, min, max }: Spread): string {
  return `${median.toFixed()} (${min.toFixed()}–${max.toFixed()})`;
}

/** Code that only a cluster needs is in separate files, which are not read here. */
function programFiles(): string[] {
  const folder = dirname(bundle);
  return readdirSync(folder).map((name) => join(folder, name));
}

function size(...files: readonly string[]): string {
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
