import { readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startChild } from '../test/support/child-process.ts';
import { freePort } from '../test/support/free-port.ts';
import { requireServer } from '../test/support/servers.ts';
import { bundle } from './peers.ts';
import type { Section } from './section.ts';
import { spread, type Spread } from './statistics.ts';

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

/** From the start of the process to the first 200 of /-/ready, which is asked every two milliseconds. */
export const start: Section = {
  name: 'start',
  title: 'Start: from the start of the process to ready, ms',
  async run({ quick }) {
    const rounds = quick ? 2 : 11;
    const others: number[] = [];
    const ofImage: Record<Warmth, number[]> = { cold: [], warm: [] };
    const fromSource: Record<Warmth, number[]> = { cold: [], warm: [] };
    for (let round = 0; round < rounds; round++) {
      for (const warmth of ['cold', 'warm'] as const) ofImage[warmth].push(await startTocsin(image, warmth));
      for (const warmth of ['cold', 'warm'] as const) fromSource[warmth].push(await startTocsin(source, warmth));
      others.push(await startOnce(requireServer('alertmanager'), alertmanagerArgs));
    }
    const rows = [
      { what: 'bundle, as the image starts it', ...figures(ofImage), target: '≤ 150 warm' },
      { what: 'source, as npm start starts it', ...figures(fromSource), target: '' },
      { what: 'alertmanager', cold: '', warm: ms(spread(others)), target: '' },
      { what: 'bundle, size', cold: '', warm: size(...programFiles()), target: '' },
      { what: 'alertmanager, size', cold: '', warm: size(requireServer('alertmanager')), target: '' },
    ];
    return { rows, raw: { image: ofImage, fromSource, others } };
  },
};

/** Cold: V8 compiles everything, as after an update. Warm: it finds its compile cache, as in the image. */
type Warmth = 'cold' | 'warm';

function figures(times: Record<Warmth, readonly number[]>): Record<Warmth, string> {
  return { cold: ms(spread(times.cold)), warm: ms(spread(times.warm)) };
}

function startTocsin(program: readonly string[], warmth: Warmth): Promise<number> {
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

async function startOnce(command: string, args: (port: number) => readonly string[]): Promise<number> {
  const port = await freePort();
  const startedAt = performance.now();
  const child = await startChild({ name: 'started', command, args: args(port) });
  try {
    while (!(await isReady(port))) await setTimeout(2);
    return performance.now() - startedAt;
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
