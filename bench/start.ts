import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { startChild } from '../test/support/child-process.ts';
import { freePort } from '../test/support/free-port.ts';
import { residentBytes } from '../test/support/resident-memory.ts';
import { requireServer } from '../test/support/servers.ts';
import { bundle, startPeer } from './peers.ts';
import type { Section } from './section.ts';
import { spread, type Spread } from './statistics.ts';
import { mebibytes } from './table.ts';

/** From the start of the process to the first 200 of /-/ready, asked every two milliseconds. */
export const start: Section = {
  name: 'start',
  title: 'Start and rest',
  async run({ quick }) {
    const rounds = quick ? 2 : 11;
    const own: number[] = [];
    const others: number[] = [];
    for (let round = 0; round < rounds; round++) {
      own.push(await startOnce(process.execPath, (port) => [bundle, `--web.listen-address=127.0.0.1:${port}`]));
      others.push(await startOnce(requireServer('alertmanager'), alertmanagerArgs));
    }
    const [ownIdle, otherIdle] = [await idleBytes('tocsin'), await idleBytes('alertmanager')];
    const rows = [
      { what: 'process start → ready, ms', tocsin: ms(spread(own)), alertmanager: ms(spread(others)), target: '≤ 300' },
      { what: 'resident memory at rest', tocsin: mebibytes(ownIdle), alertmanager: mebibytes(otherIdle), target: '' },
      {
        what: 'program',
        tocsin: size(...programFiles()),
        alertmanager: size(requireServer('alertmanager')),
        target: '',
      },
    ];
    return { rows, raw: { own, others, ownIdle, otherIdle } };
  },
};

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

async function idleBytes(peer: 'tocsin' | 'alertmanager'): Promise<number> {
  const server = await startPeer(peer);
  await setTimeout(2000);
  const bytes = residentBytes(server.child.pid);
  await server.stop();
  return bytes;
}

function ms({ median, min, max }: Spread): string {
  return `${median.toFixed()} (${min.toFixed()}–${max.toFixed()})`;
}

/** What only a cluster needs is in files of its own, which are not read here. */
function programFiles(): string[] {
  const folder = dirname(bundle);
  return readdirSync(folder).map((name) => join(folder, name));
}

function size(...files: readonly string[]): string {
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}
