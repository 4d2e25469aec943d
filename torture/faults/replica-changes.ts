import { setTimeout } from 'node:timers/promises';
import { systemClock } from '../../src/runtime/clock.ts';
import type { LogLine } from '../../test/support/log-lines.ts';
import type { Fault } from '../fault.ts';
import { pipelines, type WorldReplica } from '../replica-world.ts';
import { allRight, rounds, type Scene } from './replicas.ts';

/** What the documentation promises with the default timings, milliseconds: duration plus 2 s, and a second. */
const leadsAfterKillMs = 17_000;
const leadsAfterEndMs = 1000;

const defaultLease = 'duration: 15s, renew_deadline: 10s, retry_period: 2s';

/** Another replica takes over, in order or not. */
export const replicaChangeRows: readonly Fault[] = [
  {
    name: 'replicas: rolling update under load',
    // Whoever does not know yet that a replica goes is refused.
    guard: { file: 'app/shutdown.ts', from: 'const lingerMs = 3000;', to: 'const lingerMs = 0;' },
    run: (options) => {
      const load = new Load();
      return rounds(options, { pushTo: 'all', places: 4, started: 3 }, 24, (scene) => updateOne(scene, load));
    },
  },
  {
    name: 'replicas: default timings, SIGKILL of the leader',
    guard: {
      file: 'replica/election.ts',
      from: 'return this.#changedAt + Math.max(claimedMs, this.#timings.durationMs);',
      to: 'return this.#changedAt + 2 * Math.max(claimedMs, this.#timings.durationMs);',
    },
    run: (options) =>
      rounds(options, { pushTo: 'all', lease: defaultLease }, 20, (scene) =>
        handOver(scene, leadsAfterKillMs, (leader) => leader.kill()),
      ),
  },
  {
    name: 'replicas: default timings, SIGTERM of the leader',
    guard: {
      file: 'replica/election.ts',
      from: "if (this.#seen?.holder !== this.#me) return { do: 'end' };",
      to: "return { do: 'end' };",
    },
    run: (options) =>
      rounds(options, { pushTo: 'all', lease: defaultLease }, 20, (scene) =>
        handOver(scene, leadsAfterEndMs, (leader) => leader.terminate()),
      ),
  },
];

/** Resolves to the time from the signal to the first reconcile of another one. */
async function handOver(scene: Scene, withinMs: number, end: (leader: WorldReplica) => Promise<void>): Promise<number> {
  const { world, random } = scene;
  const leader = await world.leader();
  const others = world.running.filter((replica) => replica !== leader);
  await setTimeout(random.between(0, 2000));
  const next = Promise.any(
    others.map(({ process: { log } = neverRuns() }) => log.waitForLine(isReconcile, 60_000, log.all.length)),
  );
  world.flip(random.pick(pipelines));
  const startedAt = systemClock.monotonic();
  const ended = end(leader);
  await next;
  const tookMs = systemClock.monotonic() - startedAt;
  await ended;
  await leader.start();
  await allRight(scene, 'after another one leads');
  if (tookMs > withinMs) throw new Error(`the next reconcile came after ${tookMs.toFixed()} ms`);
  return tookMs;
}

/** The one that takes over looks at everything; a run that changes nothing has no line of its own. */
function isReconcile({ event, causes }: LogLine): boolean {
  return event === 'reconcile.started' || (event === 'sweep.finished' && String(causes).includes('takeover'));
}

/** A new process gets ready, then an old one is told to end; the next time another one. Resolves to the time until all was right. */
async function updateOne(scene: Scene, load: Load): Promise<number> {
  const { world, random, tally } = scene;
  const fresh = world.replicas.find(({ process: running }) => running === undefined)!;
  const old = random.once(2) ? await world.leader() : random.pick(world.running);
  load.begin(world.running);
  try {
    world.flip(random.pick(pipelines));
    await fresh.start();
    load.targets.add(fresh);
    await setTimeout(random.between(0, 3000));
    const startedAt = systemClock.monotonic();
    const ended = old.terminate();
    await setTimeout(senderLagMs);
    load.targets.delete(old);
    await ended;
    return (await allRight(scene, 'after the update of one')) - startedAt;
  } finally {
    await load.end();
    tally.count('POSTs refused', load.refused.splice(0));
  }
}

/** How long a sender may not know that a replica has been told to end, milliseconds. */
const senderLagMs = 1000;

/** The time between two POSTs to each ready replica, milliseconds. */
const restMs = 20;

/** Posts to every ready replica all the time. */
class Load {
  readonly targets = new Set<WorldReplica>();
  readonly refused: string[] = [];
  #running: Promise<unknown> | undefined;
  #isOver = false;
  #count = 0;

  begin(replicas: readonly WorldReplica[]): void {
    this.targets.clear();
    for (const replica of replicas) this.targets.add(replica);
    this.#isOver = false;
    this.#running = this.#run();
  }

  async end(): Promise<void> {
    this.#isOver = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    const posts = new Set<Promise<void>>();
    while (!this.#isOver) {
      for (const target of this.targets) {
        const post = this.#post(target).finally(() => posts.delete(post));
        posts.add(post);
      }
      await setTimeout(restMs);
    }
    await Promise.all(posts);
  }

  async #post({ name, port }: WorldReplica): Promise<void> {
    try {
      const response = await fetch(`http://127.0.0.1:${port}/api/v2/alerts`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify([{ labels: { alertname: 'Load', number: String(this.#count++ % 100) } }]),
        signal: AbortSignal.timeout(10_000),
      });
      await response.text();
      if (response.status !== 200) this.refused.push(`${name}: ${response.status}`);
    } catch (error) {
      this.refused.push(`${name}: ${String(error instanceof Error ? (error.cause ?? error) : error)}`);
    }
  }
}

function neverRuns(): never {
  throw new Error('a replica that runs has a process');
}
