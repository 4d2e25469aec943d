import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { startFakePrometheus } from '../src/prometheus/fake-prometheus.fixture.ts';
import { postAlerts } from '../src/receiver/post-alerts.fixture.ts';
import { greedyAlerts, shops, twoTeams } from '../test/support/greedy-team.ts';
import { holdsMeasured, longestHold } from '../test/support/loop-holds.ts';
import { startManyObjects } from '../test/support/many-objects.ts';
import type { TocsinProcess } from '../test/support/tocsin-process.ts';
import { LoadProcess } from './load-process.ts';
import { writeManifests } from './manifests.ts';
import { startBundle } from './peers.ts';
import type { Section } from './section.ts';
import { latencies } from './statistics.ts';
import { milliseconds } from './table.ts';

const pipelines = 50;
const alertsPerSecond = 10_000;
const batch = 64;
/** Longer than the debouncer waits, so that each alert is the first after quiet. */
const gapMs = 70;
const debounce = { wait: '50ms', max_wait: '100ms' };

/** What one tenant does while another one is measured; resolves to what ends it. */
type Disturb = (scene: Scene) => Promise<() => unknown>;

/** One process with all tenants, and what they talk to. */
interface Scene {
  readonly tocsin: TocsinProcess;
  readonly seconds: number;
  readonly prometheus: Awaited<ReturnType<typeof startFakePrometheus>>;
  readonly apiServer: HangingApiServer;
  /** Gives the longest turn of the event loop since it was asked last, milliseconds of CPU. */
  readonly holdMs: () => Promise<number>;
  stop(): Promise<unknown>;
}

const flood: Disturb = async ({ tocsin, seconds }) => {
  const generator = new LoadProcess();
  const load = { connections: 16, mode: 're-sent', from: 0, batch, count: alertsPerSecond, prefix: '/other' } as const;
  const paced = { ...load, port: tocsin.port, passes: seconds, rate: alertsPerSecond / batch };
  void generator.run(paced, tocsin.child.pid).catch(() => undefined);
  await setTimeout(2000);
  return () => generator.stop();
};

/** Alerts of a tenant whose reconciles then wait for what does not answer. */
async function wake(tocsin: TocsinProcess, tenant: string): Promise<void> {
  for (let index = 0; index < 20; index++) {
    const labels = { alertname: 'TraceGatewayThrottling', index: `${index}` };
    await postAlerts(`${tocsin.url}/${tenant}`, [{ labels }]);
  }
}

const hangingPrometheus: Disturb = async ({ tocsin, prometheus }) => {
  prometheus.hang();
  await wake(tocsin, 'hanging');
  return () => prometheus.answer([]);
};

const hangingApiServer: Disturb = async ({ tocsin, apiServer }) => {
  apiServer.hang();
  await wake(tocsin, 'cluster');
  return () => undefined;
};

const expressions: Disturb = async ({ tocsin }) => {
  for (let from = 0; from < 5000; from += 100) await postAlerts(`${tocsin.url}/greedy`, greedyAlerts(100, from));
  return () => undefined;
};

const scenes: Readonly<Record<string, Disturb>> = {
  [`sends ${alertsPerSecond} alerts a second`]: flood,
  'has a Prometheus that hangs': hangingPrometheus,
  'has an API server that hangs': hangingApiServer,
  'has 50 triggers of the largest expressions, and 5000 alerts for them': expressions,
};

/** An alert of one tenant to its condition, alone and while another tenant does its worst. */
export const tenants: Section = {
  name: 'tenants',
  title: `An alert of one of ${pipelines} pipelines of a tenant, to its condition, while another tenant does its worst`,
  async run({ quick }) {
    const rows = [];
    const raw: Record<string, readonly number[]> = {};
    for (const [what, disturb] of Object.entries(scenes)) {
      const { alone, beside, holdMs } = await measure(quick ? 100 : 300, disturb);
      raw[what] = beside;
      raw[`${what}, alone`] = alone;
      rows.push({
        'another tenant': what,
        'alone, ms: p50 / p99 / max': milliseconds(latencies(alone)),
        'beside it, ms: p50 / p99 / max': milliseconds(latencies(beside)),
        'added at p50, ms': (latencies(beside).p50 - latencies(alone).p50).toFixed(0),
        'added at p99, ms': (latencies(beside).p99 - latencies(alone).p99).toFixed(0),
        target: '≤ 20',
        'longest hold beside it, ms of CPU': holdMs.toFixed(0),
      });
    }
    return { rows, raw };
  },
};

interface Measured {
  readonly alone: readonly number[];
  readonly beside: readonly number[];
  readonly holdMs: number;
}

/** Two processes alike, of which one is disturbed, take turns: what else the machine does favours neither. */
async function measure(samples: number, disturb: Disturb): Promise<Measured> {
  const seconds = Math.ceil((samples * 2 * 2 * (gapMs + 60)) / 1000) + 10;
  const both = [await startScene(seconds), await startScene(seconds)] as const;
  const [quiet, disturbed] = both;
  try {
    for (const { tocsin } of both) await react(tocsin, 20, 'warm');
    const end = await disturb(disturbed);
    await disturbed.holdMs();
    const [alone, beside]: [number[], number[]] = [[], []];
    for (let index = 0; index < samples; index++)
      for (const [{ tocsin }, times] of [[quiet, alone] as const, [disturbed, beside] as const])
        times.push(...(await react(tocsin, 1, 'measured', index)));
    const holdMs = await disturbed.holdMs();
    await end();
    return { alone, beside, holdMs };
  } finally {
    await Promise.allSettled(both.map((scene) => scene.stop()));
  }
}

async function startScene(seconds: number): Promise<Scene> {
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-bench-'));
  const manifests = await writeManifests(pipelines);
  const prometheus = await startFakePrometheus();
  const apiServer = await startHangingApiServer(folder);
  await writeFile(join(folder, 'shops.yaml'), shops(100));
  const { triggers } = parse(twoTeams('condition')) as { readonly triggers: object };
  const list = [
    { name: 'victim' },
    { name: 'other' },
    { name: 'hanging', prometheus: { url: prometheus.url } },
    { name: 'cluster', pipelines: { kubernetes: { kubeconfig: apiServer.kubeconfig } } },
    { name: 'greedy', pipelines: { folder }, triggers },
  ];
  const socket = join(folder, 'holds.sock');
  const tocsin = await startBundle({
    config: stringify({ source: { debounce }, tenants: { by: 'path', list } }),
    args: [`--pipelines.folder=${manifests.folder}`],
    environment: holdsMeasured(socket),
  });
  // The first look at all pipelines of each is over.
  for (const name of ['victim', 'other', 'hanging'])
    await tocsin.log.waitForLine((line) => line.event === 'sweep.finished' && line['tenant'] === name);
  const ends = [prometheus.stop, apiServer.stop, manifests.remove];
  return {
    tocsin,
    seconds,
    prometheus,
    apiServer,
    holdMs: () => longestHold(socket),
    stop: async () => {
      await tocsin.stop();
      await Promise.allSettled([...ends.map((end) => end()), rm(folder, { recursive: true })]);
    },
  };
}

interface HangingApiServer {
  readonly kubeconfig: string;
  /** From now on it takes connections and requests, and answers nothing. */
  hang(): void;
  stop(): Promise<unknown>;
}

async function startHangingApiServer(folder: string): Promise<HangingApiServer> {
  const objects = await startManyObjects(pipelines);
  const { port } = new URL(/http:[^"]+/.exec(objects.kubeconfig)![0]);
  const sockets = new Set<Socket>();
  let isHanging = false;
  const relay = createServer((client) => {
    const server = connect(Number(port), '127.0.0.1');
    for (const socket of [client, server]) {
      sockets.add(socket.on('error', () => undefined).on('close', () => sockets.delete(socket)));
      const other = socket === client ? server : client;
      socket.on('data', (bytes) => isHanging || other.write(bytes)).on('end', () => other.end());
    }
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  const kubeconfig = join(folder, 'kubeconfig');
  const own = String((relay.address() as AddressInfo).port);
  await writeFile(kubeconfig, objects.kubeconfig.replace(port, own));
  return {
    kubeconfig,
    hang: () => (isHanging = true),
    stop: async () => {
      relay.close();
      for (const socket of sockets) socket.destroy();
      await objects.stop();
    },
  };
}

/** Milliseconds from sending an alert to its condition. Each alert is about another pipeline, and ends before the next. */
async function react(tocsin: TocsinProcess, count: number, round: string, from = 0): Promise<readonly number[]> {
  const times: number[] = [];
  for (let index = from; index < from + count; index++) {
    const labels = { alertname: 'TraceGatewayThrottling', round, pipeline_name: `p-${index % pipelines}` };
    const written = changed(tocsin, labels.pipeline_name);
    const sentAt = Date.now();
    await postAlerts(`${tocsin.url}/victim`, [{ labels }]);
    times.push(Date.parse((await written).time) - sentAt);
    await setTimeout(gapMs);
    const healed = changed(tocsin, labels.pipeline_name);
    await postAlerts(`${tocsin.url}/victim`, [{ labels, endsAt: new Date().toISOString() }]);
    await healed;
    await setTimeout(gapMs);
  }
  return times;
}

function changed(tocsin: TocsinProcess, name: string): ReturnType<TocsinProcess['log']['waitForLine']> {
  const isIt = (line: { readonly event: string; readonly [field: string]: unknown }): boolean =>
    line.event === 'condition.changed' && line['tenant'] === 'victim' && line['name'] === name;
  return tocsin.log.waitForLine(isIt, 30_000, tocsin.log.all.length);
}
