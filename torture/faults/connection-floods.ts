import { createAuthority, type Authority } from '../../src/server/certificates.fixture.ts';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { HealthProbe } from '../../test/support/health-probe.ts';
import { peakResidentBytes } from '../../test/support/resident-memory.ts';
import { startTocsin, type TocsinProcess } from '../../test/support/tocsin-process.ts';
import { GoodSender } from '../good-sender.ts';
import { Tally, type Fault, type FaultOptions, type FaultResult, type Guard } from '../fault.ts';
import { flood, floodKinds, type FloodName } from '../flood.ts';
import { podHeap } from '../victim.ts';

/** The promises in README: bytes, and milliseconds without the time during which the machine had no CPU. */
const promisedBytes = 512 * 1024 * 1024;
const healthyWithinMs = 200;
/** The same for a short round, which shares the machine with other tests, in milliseconds. */
const quickHealthyWithinMs = 600;

interface FloodRow {
  readonly kind: FloodName;
  readonly connections: number;
  /** Just enough to reach the limit. */
  readonly quickConnections: number;
  /** The limit, as in the label `limit` of `tocsin_limit_reached_total`, and the event that logs it. */
  readonly limit: string;
  readonly event: string;
  readonly guard: Guard;
}

const noBudget: Guard = {
  file: 'server/request/memory-budget.ts',
  from: 'this.#bytes > this.#maxBytes() && !this.#isRelieving',
  to: 'this.#bytes < 0',
};
const inBudget = { connections: 16_000, limit: 'connection_memory', event: 'connections.evicted', guard: noBudget };

const rows: readonly FloodRow[] = [
  {
    kind: 'no body, 800 short headers',
    connections: 4300,
    quickConnections: 1000,
    limit: 'max_headers',
    event: 'request.broken',
    guard: {
      file: 'config/config.ts',
      from: 'max_headers: setting(readCount, 100)',
      to: 'max_headers: setting(readCount, 10_000)',
    },
  },
  { ...inBudget, kind: 'no body, 90 long headers', quickConnections: 3000 },
  { ...inBudget, kind: 'idle', quickConnections: 7000 },
  { ...inBudget, kind: 'half head', quickConnections: 4000 },
  { ...inBudget, kind: 'half head of short headers', quickConnections: 4000 },
  { ...inBudget, kind: 'TLS idle', quickConnections: 1200 },
  { ...inBudget, kind: 'TLS half head', quickConnections: 1200 },
];

/** Thousands of connections from one machine, each of which costs memory, with the heap of the pod. */
export const connectionFloods: readonly Fault[] = rows.map((row) => ({
  name: `${row.connections} connections: ${row.kind}`,
  guard: row.guard,
  run: (options) => run(row, options),
}));

async function run(row: FloodRow, { quick, main }: FaultOptions): Promise<FaultResult> {
  const tally = new Tally();
  const authority = floodKinds[row.kind].tls ? await createAuthority() : undefined;
  const tocsin = await startTocsin({
    environment: { NODE_OPTIONS: podHeap },
    ...(authority !== undefined && { scheme: 'https' as const, webConfig: await tlsConfig(authority) }),
    ...(main !== undefined && { main }),
  });
  try {
    await tally.try('flooded', () => floodOnce(row, tocsin, quick, tally));
  } finally {
    await tocsin.stop();
    await authority?.remove();
  }
  return tally.result;
}

async function tlsConfig(authority: Authority): Promise<string> {
  const { certFile, keyFile } = await authority.issue('server');
  return `tls_server_config:\n  cert_file: ${certFile}\n  key_file: ${keyFile}\n`;
}

async function floodOnce(row: FloodRow, victim: TocsinProcess, quick: boolean, tally: Tally): Promise<void> {
  const kind = floodKinds[row.kind];
  const probe = new HealthProbe(victim.port, victim.child.pid, kind.tls);
  const good = new GoodSender(victim.port, kind.tls);
  const count = quick ? row.quickConnections : row.connections;
  try {
    const flooding = await flood(victim.port, kind, count);
    // Waits until everything that was sent has been taken in.
    const reached = await eventually(
      () => good.metric(`tocsin_limit_reached_total{limit="${row.limit}"}`),
      (times) => times > 0 && times >= flooding.ended(),
    );
    flooding.stop();
    if (flooding.made < count) throw new Error(`only ${flooding.made} connections could be made`);
    if (reached === 0) throw new Error(`the limit ${row.limit} was never reached`);
    if (!victim.log.all.some(({ event }) => event === row.event)) throw new Error(`no line ${row.event}`);
    const { failed, slowestByItselfMs } = await probe.take();
    const withinMs = quick ? quickHealthyWithinMs : healthyWithinMs;
    if (failed > 0) throw new Error(`/-/healthy was not answered ${failed} times`);
    if (slowestByItselfMs > withinMs) throw new Error(`/-/healthy took ${slowestByItselfMs.toFixed()} ms`);
    const peak = peakResidentBytes(victim.child.pid);
    if (peak > promisedBytes) throw new Error(`it took ${(peak / 1024 / 1024).toFixed()} MiB`);
  } finally {
    await probe.stop();
    tally.lost('good POSTs that were not answered 200', await good.stop());
  }
}
