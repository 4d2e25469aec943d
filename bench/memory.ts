import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { residentBytes } from '../test/support/resident-memory.ts';
import { fillHistory, fillPayloads } from '../torture/fill-limits.ts';
import { LoadProcess } from './load-process.ts';
import { startBundle, startPeer } from './peers.ts';
import type { Section } from './section.ts';
import { spread, type Spread } from './statistics.ts';
import { ratio, type Row } from './table.ts';

const active = 50_000;
const MiB = 2 ** 20;
const maxHistoryBytes = 64 * MiB;

/** In this order in even rounds, backwards in odd ones. */
const servers = ['without history', 'history of these alerts', 'full history', 'alertmanager'] as const;
type Measured = Readonly<Record<(typeof servers)[number], number>>;

/** The memory of Tocsin with a full history and its payloads, of Tocsin without any, and of Alertmanager. */
export const memory: Section = {
  name: 'memory',
  title: 'Memory: 50,000 active alerts, with a full history and without it',
  async run({ quick }) {
    const raw: Measured[] = [];
    for (let round = 0; round < (quick ? 1 : 3); round++) raw.push(await measure(round));
    return { rows: rows(raw), raw };
  },
};

async function measure(round: number): Promise<Measured> {
  const measured: Record<string, number> = {};
  for (const server of round % 2 === 0 ? servers : servers.toReversed()) measured[server] = await residentOf(server);
  return measured as Measured;
}

/** Bytes. */
async function residentOf(name: (typeof servers)[number]): Promise<number> {
  const storagePath = await mkdtemp(join(tmpdir(), 'bench-'));
  const isFull = name === 'full history';
  if (isFull) await fillHistory(storagePath, maxHistoryBytes);
  const config = name === 'without history' ? 'history: {retention: 0s}\n' : 'log: {}\n';
  const server = await (name === 'alertmanager' ? startPeer(name) : startBundle({ storagePath, config }));
  const generator = new LoadProcess();
  const { port, child, url } = server;
  try {
    if (isFull) await fillPayloads(url);
    const load = { port, connections: 4, batch: 64, from: 0, count: active, passes: 1 };
    await generator.run({ ...load, mode: 'new' }, child.pid);
    // Garbage may stay or be collected, as for a user. The collection after the start is over by then.
    await setTimeout(15_000);
    return residentBytes(child.pid);
  } finally {
    generator.stop();
    await server.stop();
    await rm(storagePath, { recursive: true });
  }
}

function rows(raw: readonly Measured[]): Row[] {
  const of = (value: (measured: Measured) => number): Spread => spread(raw.map(value));
  const more = of((each) => (each['full history'] - each['without history']) / maxHistoryBytes);
  const row = (what: (typeof servers)[number], target: string): Row => ({
    what,
    'resident, MiB': ratio(of((each) => each[what] / MiB)),
    '× alertmanager': what === 'alertmanager' ? '' : ratio(of((each) => each[what] / each.alertmanager)),
    'more than without ÷ history.max_size': what === 'full history' ? ratio(more) : '',
    target,
  });
  return [
    row('without history', '≤ 0.8 × alertmanager'),
    row('history of these alerts', '≤ 0.8 × alertmanager'),
    row('full history', '≤ 1.2 × history.max_size more'),
    row('alertmanager', ''),
  ];
}
