import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { HealthProbe } from '../test/support/health-probe.ts';
import { peakResidentBytes } from '../test/support/resident-memory.ts';
import { addressAttacks } from './address-attacks.ts';
import { bodyAttacks } from './body-attacks.ts';
import { attack, type Outcome } from './connection.ts';
import { fillHistory, fillPayloads } from './fill-limits.ts';
import { hostileRequest, type Attack, type HostileRequest } from './hostile-request.ts';
import { httpAttacks } from './http-attacks.ts';
import { LogWatch } from './log-watch.ts';
import { Random } from './random.ts';
import { podHeap, startVictim, type Victim } from './victim.ts';
import { Violations } from './violations.ts';

export interface HostileOptions {
  readonly seed: number;
  /** It ends after this many requests … */
  readonly requests: number;
  /** … or after this long, in milliseconds. */
  readonly timeMs: number;
  /** Connections that stay silent the whole time. */
  readonly idleConnections: number;
  /** The slowest acceptable answer of `/-/healthy`, in milliseconds, without waiting for a CPU that others used. */
  readonly healthyWithinMs: number;
  /** Only this request, to reproduce a failure. */
  readonly only?: number;
  readonly main?: string;
}

export interface HostileResult {
  readonly requests: number;
  readonly connections: number;
  readonly seconds: number;
  readonly answers: Readonly<Record<string, number>>;
  readonly goodPosts: number;
  readonly probes: number;
  readonly slowestHealthyMs: number;
  /** The same without the time during which there was no CPU. */
  readonly slowestByItselfMs: number;
  readonly peakMiB: number;
  readonly logLines: number;
  readonly violations: readonly string[];
}

const attacks: readonly Attack[] = [...httpAttacks, ...bodyAttacks, ...addressAttacks];
const totalWeight = attacks.reduce((sum, { weight }) => sum + weight, 0);

/** The number of simultaneous attacking connections. */
const attackers = 24;
/** After this many attacking connections comes one good POST. */
const goodPostEvery = 200;
const memoryLimitMiB = 512;

/** Attacks a Tocsin with its default limits, a full history and the heap of the pod, and checks its health the whole time. */
export async function hostileInput(options: HostileOptions): Promise<HostileResult> {
  const violations = new Violations();
  const watch = new LogWatch(violations);
  const storagePath = await mkdtemp(join(tmpdir(), 'torture-'));
  await fillHistory(storagePath);
  const victim = await startVictim({
    nodeArgs: [podHeap],
    storagePath,
    onLine: (line) => watch.add(line),
    ...(options.main !== undefined && { main: options.main }),
  });
  const run = new HostileRun(options, victim, violations);
  try {
    await fillPayloads(victim.url);
    return { ...(await run.finish()), logLines: watch.lines, violations: violations.all };
  } finally {
    await victim.stop();
    await rm(storagePath, { recursive: true, force: true });
  }
}

class HostileRun {
  readonly #options: HostileOptions;
  readonly #victim: Victim;
  readonly #violations: Violations;
  readonly #answers: Record<string, number> = {};
  #connections = 0;
  #requests = 0;
  #goodPosts = 0;

  constructor(options: HostileOptions, victim: Victim, violations: Violations) {
    this.#options = options;
    this.#victim = victim;
    this.#violations = violations;
  }

  async finish(): Promise<Omit<HostileResult, 'logLines' | 'violations'>> {
    const { timeMs, idleConnections, only } = this.#options;
    const probe = new HealthProbe(this.#victim.port, this.#victim.child.pid);
    const startedAt = performance.now();
    const idle = await openIdle(this.#victim.port, idleConnections);
    if (only !== undefined) await this.#attack(only);
    else await Promise.all(Array.from({ length: attackers }, () => this.#attackUntil(startedAt + timeMs)));
    if (only === undefined && this.#connections === 0)
      this.#violations.add('nothing was tried', 'the time was too short');
    await this.#goodPost();
    const { probes, failed, slowestMs, slowestByItselfMs } = await probe.take();
    await probe.stop();
    for (const socket of idle) socket.destroy();
    this.#checkHealth(failed, slowestByItselfMs);
    const peakMiB = Math.round(peakResidentBytes(this.#victim.child.pid) / 2 ** 20);
    if (peakMiB >= memoryLimitMiB) this.#violations.add('memory over its limit', `${peakMiB} MiB`);
    return {
      requests: this.#requests,
      connections: this.#connections,
      seconds: (performance.now() - startedAt) / 1000,
      answers: this.#answers,
      goodPosts: this.#goodPosts,
      probes,
      slowestHealthyMs: Math.round(slowestMs),
      slowestByItselfMs: Math.round(slowestByItselfMs),
      peakMiB,
    };
  }

  async #attackUntil(end: number): Promise<void> {
    while (
      this.#requests < this.#options.requests &&
      performance.now() < end &&
      this.#victim.child.exit() === undefined
    ) {
      const index = this.#connections++;
      await this.#attack(index);
      if (index % goodPostEvery === 0) await this.#goodPost();
    }
  }

  async #attack(index: number): Promise<void> {
    const request = createRequest(this.#options.seed, index);
    this.#requests += request.requests;
    const outcome = await attack(this.#victim.port, request, index);
    for (const status of outcome.statuses) this.#answers[status] = (this.#answers[status] ?? 0) + 1;
    this.#check(request, outcome, index);
  }

  #check(request: HostileRequest, { statuses, ended }: Outcome, index: number): void {
    const where = `request ${index} of seed ${this.#options.seed} (${request.name}): answers ${statuses.join() || 'none'}; ${excerpt(request)}`;
    const exit = this.#victim.child.exit();
    if (exit !== undefined) this.#violations.add(`it ended (${exit.code ?? exit.signal})`, where);
    // 501 and 505 say what of HTTP is not spoken here, as Go's server does.
    if (statuses.some((status) => status >= 500 && status !== 501 && status !== 505))
      this.#violations.add('a 5xx', where);
    if (statuses.length > request.maxAnswers) this.#violations.add('an answer to what was no request', where);
    if (request.answered && statuses.length < request.requests) this.#violations.add('no answer', where);
    if (request.answered && !ended) this.#violations.add('a connection without an end', where);
  }

  async #goodPost(): Promise<void> {
    this.#goodPosts++;
    try {
      const response = await fetch(`${this.#victim.url}/api/v2/alerts`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify([{ labels: { alertname: 'Good', number: String(this.#goodPosts % 100) } }]),
        signal: AbortSignal.timeout(10_000),
      });
      await response.arrayBuffer();
      if (response.status !== 200) this.#violations.add('a good POST was refused', String(response.status));
    } catch (error) {
      this.#violations.add('a good POST was not answered', String(error));
    }
  }

  #checkHealth(failed: number, slowestMs: number): void {
    const { healthyWithinMs } = this.#options;
    if (failed > 0) this.#violations.add('/-/healthy did not answer 200', `${failed} times`);
    if (slowestMs > healthyWithinMs)
      this.#violations.add('/-/healthy was slow', `${slowestMs.toFixed()} ms, over ${healthyWithinMs} ms`);
  }
}

/** Always returns the same request for the same seed and index. */
export function createRequest(seed: number, index: number): HostileRequest {
  const random = new Random(seed, index);
  let at = (random.below(1_000_000) / 1_000_000) * totalWeight;
  const chosen = attacks.find(({ weight }) => (at -= weight) < 0) ?? attacks[0]!;
  return hostileRequest(chosen, random);
}

async function openIdle(port: number, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  for (let index = 0; index < count; index++) {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => undefined);
    sockets.push(socket);
    if (index % 200 === 199) await setTimeout(20);
  }
  return sockets;
}

function excerpt({ chunks }: HostileRequest): string {
  const pieces = chunks.map((chunk) => (typeof chunk === 'number' ? `<${chunk} ms>` : chunk.toString('latin1')));
  return JSON.stringify(pieces.join('').slice(0, 800));
}
