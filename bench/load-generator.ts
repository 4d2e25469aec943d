import { connect, type Socket } from 'node:net';
import { latencies, type Latencies } from './statistics.ts';
import { sampleBodies, type IngestMode } from './sample-alerts.ts';

/** The instructions for the load generator. */
export interface Load {
  readonly port: number;
  /** Before `/api/v2/alerts`. Default: nothing. */
  readonly prefix?: string;
  readonly connections: number;
  readonly mode: IngestMode;
  /** Alerts by index: `count` of them from `from` on, `passes` times, `batch` per POST. */
  readonly from: number;
  readonly count: number;
  readonly passes: number;
  readonly batch: number;
  /** POSTs per second, sent on time whether or not the earlier ones are answered; undefined: as fast as they are answered. */
  readonly rate?: number;
  /** When the alerts end; see sampleBodies. */
  readonly endsAt?: string;
}

export interface LoadResult {
  readonly alerts: number;
  readonly requests: number;
  readonly seconds: number;
  /** The latency of a POST in milliseconds; with a rate, counted from the time at which the POST was due. */
  readonly latency: Latencies;
  /** The number of answers other than 200. */
  readonly refused: number;
  /** The CPU time of the generator itself. */
  readonly ownCpuSeconds: number;
}

const okStatus = Buffer.from('HTTP/1.1 200');

/** Sends everything over keep-alive connections, each of which has at most one running request. */
export async function generate(load: Load): Promise<LoadResult> {
  const requests = prepare(load);
  const sockets = await Promise.all(Array.from({ length: load.connections }, () => open(load.port)));
  if (process.send !== undefined) await new Promise((resolve) => process.once('message', resolve).send!('prepared'));
  const times: number[] = [];
  let refused = 0;
  let next = 0;
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  const dueAt = (index: number): number => startedAt + (load.rate === undefined ? 0 : (index * 1000) / load.rate);
  await Promise.all(
    sockets.map(async (socket) => {
      for (let index = next++; index < requests.length; index = next++) {
        await untilTime(dueAt(index));
        const sentAt = load.rate === undefined ? performance.now() : dueAt(index);
        if (!(await exchange(socket, requests[index]!))) refused++;
        times.push(performance.now() - sentAt);
      }
      socket.destroy();
    }),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  const alerts = load.count * load.passes;
  return {
    alerts,
    requests: requests.length,
    seconds,
    latency: latencies(times),
    refused,
    ownCpuSeconds: (user + system) / 1e6,
  };
}

/** Does everything that can be done before the clock runs: creates the bytes of every request. */
function prepare(load: Load): Buffer[] {
  const bodies = Array.from({ length: load.passes }, (_, pass) =>
    sampleBodies({ ...load, pass: load.mode === 'new' ? pass : pass + 1 }),
  );
  return bodies.flat().map((body) => {
    const head = `POST ${load.prefix ?? ''}/api/v2/alerts HTTP/1.1\r\nHost: 127.0.0.1:${load.port}\r\nUser-Agent: Prometheus/3.15.0\r\nContent-Length: ${Buffer.byteLength(body)}\r\nContent-Type: application/json\r\n\r\n`;
    return Buffer.from(head + body);
  });
}

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket));
    socket.once('error', reject);
  });
}

/** True if the answer is a 200. The head ends the answer: a 200 has no body here, and other answers are counted, not read. */
function exchange(socket: Socket, request: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    socket.once('data', (answer) => resolve(okStatus.equals(answer.subarray(0, okStatus.length))));
    socket.write(request);
  });
}

function untilTime(at: number): Promise<void> | undefined {
  const ms = at - performance.now();
  // A timer fires up to a millisecond late, so what is due within a millisecond is sent now.
  return ms < 1 ? undefined : new Promise((resolve) => setTimeout(resolve, ms));
}

if (process.send !== undefined) {
  process.on('message', (load: Load | 'go') => {
    if (load !== 'go') void generate(load).then((result) => process.send!(result));
  });
}
