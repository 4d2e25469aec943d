import type { Clock } from '../runtime/clock.ts';
import { LeaseConflict, type LeaseState, type LeaseTimings, type LeaseWrite, type LossReason } from './election.ts';
import { Elector, type Annotations, type Lease } from './elector.ts';

interface Due {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  /** Whose code this is: it has to wait while that process is stalled. Undefined: the API server's. */
  readonly process: SimulatedReplica | undefined;
}

/** What happens to one call of the API server. */
export interface CallFate {
  /** Until the server has the request, and until the caller has the answer, milliseconds. */
  readonly thereMs: number;
  readonly backMs: number;
  readonly fault: 'none' | 'refused' | 'request lost' | 'answer lost';
}

/** Several candidates, one API server, and one true time that none of them can read. */
export class SimulatedCluster {
  now = 0;
  /** The fate of each next call; after the last one, all goes well. */
  readonly fates: CallFate[] = [];
  isServerDown = false;
  readonly replicas: SimulatedReplica[] = [];
  readonly #timings: LeaseTimings;
  #queue: Due[] = [];
  #order = 0;
  #version = 100;
  #lease: LeaseState | undefined;

  constructor(timings: LeaseTimings) {
    this.#timings = timings;
  }

  get lease(): LeaseState | undefined {
    return this.#lease;
  }

  get leaders(): readonly SimulatedReplica[] {
    return this.replicas.filter(({ mayWrite }) => mayWrite);
  }

  start(name: string, options: { rate?: number; skewMs?: number; random?: () => number } = {}): SimulatedReplica {
    const replica = new SimulatedReplica(this, this.#timings, {
      name,
      rate: 1,
      skewMs: 0,
      random: Math.random,
      ...options,
    });
    this.replicas.push(replica);
    replica.elector.start();
    return replica;
  }

  /** Somebody edits the lease by hand. */
  edit(change: Partial<LeaseState>): void {
    if (this.#lease !== undefined) this.#store({ ...this.#lease, ...change });
  }

  delete(): void {
    this.#version++;
    this.#lease = undefined;
    for (const replica of this.replicas) replica.show(undefined);
  }

  /** Runs what falls due, each at its time; `check` is called after each step. */
  async run(ms: number, check: () => void = () => undefined): Promise<void> {
    const end = this.now + ms;
    await settle();
    let steps = 0;
    for (let due = this.#next(end); due !== undefined; due = this.#next(end)) {
      this.now = Math.max(this.now, due.at);
      if (++steps > 10_000) throw new Error(`at ${this.now}: it goes round and round`);
      if (due.process === undefined || due.process.isAlive) due.run();
      await settle();
      check();
    }
    this.now = end;
    check();
  }

  after(ms: number, run: () => void, process?: SimulatedReplica): () => void {
    const due = { at: this.now + Math.max(0, ms), order: this.#order++, run, process };
    this.#queue.push(due);
    return () => void (this.#queue = this.#queue.filter((each) => each !== due));
  }

  /** The answer of the server to a call of one replica. */
  call<T>(replica: SimulatedReplica, signal: AbortSignal, work: () => T): Promise<T> {
    const fate = this.fates.shift() ?? { thereMs: 5, backMs: 5, fault: 'none' };
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Error('the call took too long')), { once: true });
      if (fate.fault === 'request lost') return;
      const answer = (run: () => void): void => {
        if (fate.fault !== 'answer lost') this.after(fate.backMs, run, replica);
      };
      // Once it is on its way, neither a stall of its sender nor an abort holds a request back.
      this.after(fate.thereMs, () => {
        if (this.isServerDown || fate.fault === 'refused') return answer(() => reject(new Error('refused')));
        try {
          const result = work();
          answer(() => resolve(result));
        } catch (error) {
          answer(() => reject(error));
        }
      });
    });
  }

  write(write: LeaseWrite, over: string | undefined, annotations: Annotations): LeaseState {
    if (this.#lease?.version !== over) throw new LeaseConflict('another version');
    const kept = { ...this.#lease?.annotations, ...annotations };
    const set = Object.entries(kept).filter((entry): entry is [string, string] => entry[1] !== null);
    const { holder, durationSeconds, transitions } = write;
    const stamp = String(this.#version);
    return this.#store({
      holder,
      durationSeconds,
      transitions,
      stamp,
      version: '',
      annotations: Object.fromEntries(set),
    });
  }

  #store(lease: LeaseState): LeaseState {
    this.#lease = { ...lease, version: String(++this.#version) };
    for (const replica of this.replicas) replica.show(this.#lease);
    return this.#lease;
  }

  #next(end: number): Due | undefined {
    let next: Due | undefined;
    const at = (due: Due): number => Math.max(due.at, due.process?.stalledUntil ?? 0);
    for (const due of this.#queue) {
      if (at(due) > end) continue;
      if (next === undefined || at(due) < at(next) || (at(due) === at(next) && due.order < next.order)) next = due;
    }
    if (next === undefined) return undefined;
    this.#queue = this.#queue.filter((each) => each !== next);
    return { ...next, at: at(next) };
  }
}

interface ReplicaOptions {
  readonly name: string;
  /** How fast its clock runs. */
  readonly rate: number;
  /** By how much its wall clock is wrong. */
  readonly skewMs: number;
  readonly random: () => number;
}

/** A process with a clock of its own; it can be stalled, as by SIGSTOP, and killed. */
export class SimulatedReplica {
  readonly name: string;
  readonly elector: Elector;
  readonly told: string[] = [];
  annotations: Annotations = {};
  isAlive = true;
  stalledUntil = 0;
  /** Its watch shows nothing until then. */
  deafUntil = 0;
  readonly #cluster: SimulatedCluster;
  #onLease: (lease: LeaseState | undefined) => void = () => undefined;

  constructor(cluster: SimulatedCluster, timings: LeaseTimings, options: ReplicaOptions) {
    const { name, rate, skewMs, random } = options;
    this.#cluster = cluster;
    this.name = name;
    const monotonic = (): number => 1e6 + cluster.now * rate;
    const clock: Clock = {
      now: () => cluster.now + skewMs,
      monotonic,
      setTimeout: (callback, delayMs) => cluster.after(delayMs / rate, callback, this),
    };
    const lease: Lease = {
      read: (signal) => cluster.call(this, signal, () => cluster.lease),
      create: (write, annotations, signal) =>
        cluster.call(this, signal, () => cluster.write(write, undefined, annotations)),
      update: (write, version, annotations, signal) =>
        cluster.call(this, signal, () => cluster.write(write, version, annotations)),
      watch: (onLease) => void (this.#onLease = onLease),
      close: () => Promise.resolve(),
    };
    const tell = (text: string): void => void this.told.push(text);
    const observer = {
      elected: (term: number, former: string) => tell(`elected ${term} after '${former}'`),
      lost: (term: number, reason: LossReason) => tell(`lost ${term}: ${reason}`),
      leads: (leader: string, term: number) => tell(`'${leader}' leads ${term}`),
      renewed: () => undefined,
      failed: (what: string, error: Error) => tell(`${what} failed: ${error.message}`),
    };
    const me = name;
    this.elector = new Elector({ clock, lease, me, timings, observer, random, annotations: () => this.annotations });
  }

  /** What its code would read if it ran now. */
  get mayWrite(): boolean {
    return this.isAlive && this.elector.isLeading;
  }

  stall(ms: number): void {
    this.stalledUntil = Math.max(this.stalledUntil, this.#cluster.now + ms);
  }

  kill(): void {
    this.isAlive = false;
  }

  show(lease: LeaseState | undefined): void {
    if (this.#cluster.now >= this.deafUntil) this.#cluster.after(10, () => this.#onLease(lease), this);
  }
}

/** Everything that is ready runs: all of it is promises, none of it waits for anything real. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
