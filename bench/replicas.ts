import { setTimeout } from 'node:timers/promises';
import { startKubeApiServer } from '../test/support/kube-api-server.ts';
import { PeerCluster } from '../test/support/peer-cluster.ts';
import type { TocsinProcess } from '../test/support/tocsin-process.ts';
import { LoadProcess } from './load-process.ts';
import { cpuSeconds } from './process-usage.ts';
import type { IngestMode } from './sample-alerts.ts';
import type { Section } from './section.ts';
import { medianWithin } from './statistics.ts';
import type { Row } from './table.ts';

const modes: readonly IngestMode[] = ['new', 're-sent'];

/** The alerts of one turn by the alerts of a POST. */
const turnAlerts: Readonly<Record<number, number>> = { 1: 4000, 64: 8000, 256: 8000 };

/** Pairs of turns that are not counted: V8 compiles for thousands of POSTs. */
const warmUpPairs = 2;

/** So that few alerts fire at a time: there is room for 100,000. */
const lifeMs = 15_000;

/** Followers tell what a turn has left within this time. */
const restMs = 600;

/** Two turns, one after the other: CPU seconds of a replica for the same alerts, with what it does for the others and without it. */
interface Measurement {
  readonly role: 'leader' | 'follower';
  readonly batch: number;
  readonly mode: IngestMode;
  readonly on: number;
  readonly off: number;
}

/** What replicas cost each other: a Prometheus pushes to a leader and to a follower, which tells the leader what it got. */
export const replicas: Section = {
  name: 'replicas',
  title:
    'Replicas: CPU time of the leader and of a follower for the same alerts, with what they do for each other and without it',
  async run({ quick }) {
    const server = await startKubeApiServer();
    const preload = new URL('replica-switch.ts', import.meta.url).href;
    const environment = { NODE_OPTIONS: `--import=${preload}` };
    const cluster = await PeerCluster.start(server, 'bench', environment);
    const turns = new Turns(cluster, await cluster.leader());
    try {
      const raw: Measurement[] = [];
      for (const batch of [1, 64, 256]) raw.push(...(await turns.measure(batch, quick ? 6 : 40)));
      return { rows: rows(raw), raw };
    } finally {
      turns.stop();
      await cluster.stop();
      await server.stop();
    }
  },
};

class Turns {
  readonly #generators = [new LoadProcess(), new LoadProcess()] as const;
  readonly #replicas: readonly [leader: TocsinProcess, follower: TocsinProcess];
  #isOn = true;
  /** Alerts are new in each pair of turns. */
  #from = 0;

  constructor({ replicas: all }: PeerCluster, leader: number) {
    this.#replicas = [all[leader]!, all[(leader + 1) % all.length]!];
  }

  stop(): void {
    for (const generator of this.#generators) generator.stop();
  }

  async measure(batch: number, pairs: number): Promise<readonly Measurement[]> {
    const measured: Measurement[] = [];
    for (let pair = 0; pair < warmUpPairs + pairs; pair++)
      for (const mode of modes) {
        // What comes second may be slower.
        const isOnFirst = pair % 2 === 0;
        const first = await this.#turn(batch, mode, isOnFirst, 2 * pair);
        const second = await this.#turn(batch, mode, !isOnFirst, 2 * pair + 1);
        if (pair < warmUpPairs) continue;
        const [on, off] = isOnFirst ? [first, second] : [second, first];
        measured.push({ role: 'leader', batch, mode, on: on[0], off: off[0] });
        measured.push({ role: 'follower', batch, mode, on: on[1], off: off[1] });
      }
    return measured;
  }

  /** CPU seconds of the leader and of the follower. */
  async #turn(batch: number, mode: IngestMode, isOn: boolean, pass: number): Promise<readonly [number, number]> {
    await this.#switch(isOn);
    const count = turnAlerts[batch]!;
    if (mode === 'new') this.#from += count;
    const endsAt = new Date(Date.now() + lifeMs + pass).toISOString();
    const load = { connections: 4, batch, mode, from: this.#from, count, passes: 1, endsAt };
    const sends = await Promise.all(
      this.#replicas.map((replica, index) => this.#generators[index]!.prepare({ ...load, port: replica.port })),
    );
    const before = this.#replicas.map(({ child }) => cpuSeconds(child.pid));
    await Promise.all(sends.map((send) => send()));
    await setTimeout(restMs);
    const [leader, follower] = this.#replicas.map(({ child }, index) => cpuSeconds(child.pid) - before[index]!);
    return [leader!, follower!];
  }

  async #switch(isOn: boolean): Promise<void> {
    if (this.#isOn !== isOn) for (const { child } of this.#replicas) child.kill('SIGUSR2');
    this.#isOn = isOn;
    await setTimeout(100);
  }
}

function rows(raw: readonly Measurement[]): Row[] {
  const groups = Map.groupBy(raw, ({ role, batch, mode }) => `${role} ${batch} ${mode}`);
  return [...groups.values()].map((group) => {
    const { median, low, high } = medianWithin(group.map(({ on, off }) => on / off));
    const { role, batch, mode } = group[0]!;
    return {
      replica: role,
      'alerts a POST': batch,
      alerts: mode,
      'CPU, with ÷ without': median.toFixed(3),
      'with 95 % certainty': `${low.toFixed(3)} to ${high.toFixed(3)}`,
      pairs: group.length,
      target: role === 'leader' ? '1' : '≤ 1.05',
    };
  });
}
