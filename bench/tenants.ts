import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { startFakePrometheus } from '../src/prometheus/fake-prometheus.fixture.ts';
import { postAlerts } from '../src/receiver/post-alerts.fixture.ts';
import { greedyAlerts, shops, twoTeams } from '../test/support/greedy-team.ts';
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
const gapMs = 550;

/** What one tenant does while another one is measured; resolves to what ends it. */
type Disturb = (scene: Scene) => Promise<() => unknown>;

interface Scene {
  readonly tocsin: TocsinProcess;
  readonly samples: number;
  readonly prometheus: Awaited<ReturnType<typeof startFakePrometheus>>;
}

const flood: Disturb = async ({ tocsin, samples }) => {
  const generator = new LoadProcess();
  const passes = Math.ceil((samples * (gapMs + 200)) / 1000) + 4;
  const load = { connections: 16, mode: 're-sent', from: 0, batch, count: alertsPerSecond, prefix: '/other' } as const;
  void generator.run({ ...load, port: tocsin.port, passes, rate: alertsPerSecond / batch }, tocsin.child.pid);
  await setTimeout(2000);
  return () => generator.stop();
};

const hang: Disturb = async ({ tocsin, prometheus }) => {
  prometheus.hang();
  for (let index = 0; index < 20; index++)
    await postAlerts(`${tocsin.url}/hanging`, [{ labels: { alertname: 'TraceGatewayThrottling', index: `${index}` } }]);
  return () => prometheus.answer([]);
};

const expressions: Disturb = async ({ tocsin }) => {
  for (let from = 0; from < 5000; from += 100) await postAlerts(`${tocsin.url}/greedy`, greedyAlerts(100, from));
  return () => undefined;
};

const scenes: Readonly<Record<string, Disturb>> = {
  [`sends ${alertsPerSecond} alerts a second`]: flood,
  'has a Prometheus that hangs': hang,
  'has 50 triggers of the largest expressions, and 5000 alerts for them': expressions,
};

/** An alert of one tenant to its condition, alone and while another tenant does its worst. */
export const tenants: Section = {
  name: 'tenants',
  title: `An alert of one of 50 pipelines of a tenant, to its condition, while another tenant does its worst`,
  async run({ quick }) {
    const samples = quick ? 20 : 60;
    const rows = [];
    const raw: Record<string, readonly number[]> = {};
    for (const [what, disturb] of Object.entries(scenes)) {
      const { alone, beside } = await measure(samples, disturb);
      raw[what] = beside;
      raw[`${what}, alone`] = alone;
      rows.push({
        'another tenant': what,
        'alone, ms: p50 / p99 / max': milliseconds(latencies(alone)),
        'beside it, ms: p50 / p99 / max': milliseconds(latencies(beside)),
        'added at p99, ms': (latencies(beside).p99 - latencies(alone).p99).toFixed(0),
        target: '≤ 20',
      });
    }
    return { rows, raw };
  },
};

async function measure(samples: number, disturb: Disturb): Promise<Record<'alone' | 'beside', readonly number[]>> {
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-bench-'));
  const manifests = await writeManifests(pipelines);
  const prometheus = await startFakePrometheus();
  await writeFile(join(folder, 'shops.yaml'), shops(100));
  const { triggers } = parse(twoTeams('condition')) as { readonly triggers: object };
  const list = [
    { name: 'victim' },
    { name: 'other' },
    { name: 'hanging', prometheus: { url: prometheus.url } },
    { name: 'greedy', pipelines: { folder }, triggers },
  ];
  const tocsin = await startBundle({
    config: stringify({ tenants: { by: 'path', list } }),
    args: [`--pipelines.folder=${manifests.folder}`],
  });
  try {
    // The first look at all pipelines of each is over.
    for (const { name } of list.filter((each) => each.name !== 'greedy'))
      await tocsin.log.waitForLine((line) => line.event === 'sweep.finished' && line['tenant'] === name);
    await react(tocsin, 5, 'warm');
    const alone = await react(tocsin, samples, 'alone');
    const end = await disturb({ tocsin, samples, prometheus });
    const beside = await react(tocsin, samples, 'beside');
    await end();
    return { alone, beside };
  } finally {
    await Promise.allSettled([tocsin.stop(), prometheus.stop(), manifests.remove(), rm(folder, { recursive: true })]);
  }
}

/** Milliseconds from sending an alert to its condition. Each alert is about another pipeline, and ends before the next. */
async function react(tocsin: TocsinProcess, count: number, round: string): Promise<readonly number[]> {
  const times: number[] = [];
  for (let index = 0; index < count; index++) {
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
