import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { HealthProbe } from '../../test/support/health-probe.ts';
import { peakResidentBytes } from '../../test/support/resident-memory.ts';
import { Tally, type Fault, type FaultOptions, type FaultResult } from '../fault.ts';
import { fillAlerts, fillHistory, fillPayloads, fillSilences, fullAnswer, wide } from '../fill-limits.ts';
import { flood, floodKinds } from '../flood.ts';
import { GoodSender } from '../good-sender.ts';
import { podHeap, startVictim, type Victim } from '../victim.ts';

const MiB = 1024 * 1024;

/** The promises in README: bytes, and milliseconds without the time during which the machine had no CPU. */
const promisedBytes = 512 * MiB;
const healthyWithinMs = 200;
/** The same for a short round, which shares the machine with other tests, in milliseconds. */
const quickHealthyWithinMs = 600;

const maxFiringBytes = 22 * MiB;
const maxHistoryBytes = 64 * MiB;
const bodyBytes = 16 * MiB;
const liveReaders = 64;
const oldestFact = 'Last-Event-ID: 1\r\n';
/** Lists of all alerts, and bodies at the limit, at the same time. */
const lists = 4;
const largeBodies = 4;
/** Enough to reach the limit; connection-floods.ts has more of them. */
const connections = 4000;

/** Every default limit of memory is reached, one after the other, and stays so: history, payloads, silences, alerts, answers, connections. */
export const everyLimit: Fault = {
  name: 'every limit at once',
  guard: { file: 'silence/silence-size.ts', from: 'silencesMemoryBytes = 32 *', to: 'silencesMemoryBytes = 320 *' },
  async run({ quick, main }: FaultOptions): Promise<FaultResult> {
    const tally = new Tally();
    const prometheus = await FullPrometheus.start();
    const storagePath = await mkdtemp(join(tmpdir(), 'torture-'));
    await fillHistory(storagePath, maxHistoryBytes);
    const victim = await startVictim({
      nodeArgs: [podHeap],
      args: [`--prometheus.url=${prometheus.url}`, '--log.level=warn'],
      storagePath,
      ...(main !== undefined && { main }),
    });
    try {
      await tally.try('all limits', () => reachAll(victim, prometheus, quick, tally));
    } finally {
      await Promise.allSettled([victim.stop(), prometheus.stop()]);
      await rm(storagePath, { recursive: true, force: true });
    }
    return tally.result;
  },
};

/** A Prometheus that tells nothing at first, and then as much as is kept, in two answers by turns. */
class FullPrometheus {
  readonly #server = createServer((_, response) => {
    const json = { 'Content-Type': 'application/json' };
    response.writeHead(200, json).end(this.#answers[this.#asked++ % this.#answers.length]);
  });
  #asked = 0;
  #answers: readonly Buffer[] = [Buffer.from('{"status":"success","data":{"alerts":[]}}')];

  static async start(): Promise<FullPrometheus> {
    const prometheus = new FullPrometheus();
    prometheus.#server.listen(0, '127.0.0.1');
    await once(prometheus.#server, 'listening');
    return prometheus;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  fill(): void {
    this.#answers = ['one', 'two'].map((name) => Buffer.from(fullAnswer(maxFiringBytes, name)));
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }
}

async function reachAll(victim: Victim, prometheus: FullPrometheus, quick: boolean, tally: Tally): Promise<void> {
  const probe = new HealthProbe(victim.port, victim.child.pid);
  const good = new GoodSender(victim.port, false);
  const reached = (limit: string): Promise<number> => good.metric(`tocsin_limit_reached_total{limit="${limit}"}`);
  const stages: string[] = [];
  let [failed, slowestMs] = [0, 0];
  const stage = async (name: string, run: () => Promise<unknown>): Promise<void> => {
    await run();
    const health = await probe.take();
    failed += health.failed;
    slowestMs = Math.max(slowestMs, health.slowestByItselfMs);
    const peak = mebibytes(peakResidentBytes(victim.child.pid));
    stages.push(`${name} ${peak} MiB ${health.slowestByItselfMs.toFixed()} ms`);
  };
  try {
    await stage('history', () =>
      eventually(
        () => good.metric('tocsin_history_size_bytes{where="memory"}'),
        (bytes) => bytes > 0.9 * maxHistoryBytes,
      ),
    );
    await stage('payloads', () => fillPayloads(victim.url));
    await stage('silences', () => fillSilences(victim.url));
    await stage('alerts', () => fillAlerts(victim.url, async () => (await reached('max_alerts')) > 0));
    prometheus.fill();
    await stage('answers', () => setTimeout(quick ? 5000 : 15_000));
    const unread = [...Array(liveReaders)].map(() => unreadAnswer(victim.port, '/api/tocsin/v1/live', oldestFact));
    await stage('live readers', () => setTimeout(3000));
    unread.push(...[...Array(lists)].map(() => unreadAnswer(victim.port, '/api/v2/alerts')));
    await stage('lists', () => setTimeout(3000));
    const bodies = [...Array(largeBodies)].map((_, index) => postLarge(victim.url, index % 2 === 0 ? 'b' : wide));
    await stage('bodies', () => Promise.all(bodies));
    await stage('connections', () => floodOnce(victim, () => reached('connection_memory')));
    for (const socket of unread) socket.destroy();
    if ((await reached('silences_memory')) === 0) throw new Error('silences did not reach their limit');
    await eventually(
      () => victim.log.all.filter(({ event }) => event === 'live.ended').length,
      (ended) => ended > 0,
    );
    const peak = peakResidentBytes(victim.child.pid);
    const told = `peak by stage: ${stages.join(', ')}`;
    process.stderr.write(`${told}\n`);
    if (failed > 0) throw new Error(`/-/healthy was not answered ${failed} times; ${told}`);
    if (slowestMs > (quick ? quickHealthyWithinMs : healthyWithinMs)) throw new Error(`/-/healthy was slow; ${told}`);
    if (peak > promisedBytes) throw new Error(`too much memory; ${told}`);
  } finally {
    await probe.stop();
    tally.lost('good POSTs that were not answered 200', await good.stop());
  }
}

async function floodOnce({ port }: Victim, reached: () => Promise<number>): Promise<void> {
  const flooding = await flood(port, floodKinds['half head of short headers'], connections);
  await eventually(reached, (times) => times > 0);
  flooding.stop();
}

function unreadAnswer(port: number, path: string, head = ''): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.pause();
  socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n${head}\r\n`);
  return socket;
}

/** May end with a 408 while memory for connections is short. */
async function postLarge(url: string, value: string): Promise<void> {
  const body = `[${'{"labels":{"a":"b"}},'.repeat(bodyBytes / 21 - 1)}{"labels":{"a":"${value}"}}]`;
  const headers = { 'Content-Type': 'application/json' };
  const sent = fetch(`${url}/api/v2/alerts`, { method: 'POST', headers, body });
  await sent.then((response) => response.arrayBuffer()).catch(() => undefined);
}

function mebibytes(bytes: number): string {
  return (bytes / MiB).toFixed();
}
