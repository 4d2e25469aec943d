import { setTimeout } from 'node:timers/promises';
import { HealthProbe } from '../../test/support/health-probe.ts';
import { startTocsin, type TocsinProcess } from '../../test/support/tocsin-process.ts';
import { Tally, type Fault, type FaultOptions, type FaultResult } from '../fault.ts';
import { podHeap } from '../victim.ts';

/** The promise in README, without the time during which the machine had no CPU, in milliseconds. */
const healthyWithinMs = 200;

type Labels = Readonly<Record<string, string>>;

interface PostedAlert {
  readonly labels: Labels;
  readonly annotations?: Labels;
  readonly startsAt?: string;
  readonly endsAt?: string;
}

/** Each way in, with a lot of work. The order matters, since what was posted is what is listed. */
const entryPoints: readonly (readonly [name: string, use: (url: string) => Promise<unknown>])[] = [
  ['POST alerts with thousands of new label names each', (url) => post(url, '/api/v2/alerts', newNames('a', 25, 3999))],
  ['POST many alerts with hundreds of new label names', (url) => post(url, '/api/v2/alerts', newNames('b', 250, 399))],
  [
    'POST a webhook with thousands of new label names',
    (url) => post(url, '/webhook', { version: '4', alerts: newNames('c', 25, 3999) }),
  ],
  ['GET the list of all those', (url) => get(url, '/api/v2/alerts')],
  ['GET the groups of all those', (url) => get(url, '/api/v2/alerts/groups')],
  ['POST large annotations', (url) => largeAnnotations(url)],
  ['GET 60 MiB of large annotations', (url) => get(url, '/api/v2/alerts')],
  [
    'GET with an expression on each of them',
    (url) => get(url, `/api/v2/alerts?filter=${encodeURIComponent('index=~".*(a|b|c){1,20}.*"')}`),
  ],
  ['30,000 alerts that end at once', (url) => endingTogether(url)],
  ['a silence of them all, and its end', (url) => silenceAndWait(url)],
  [
    'GET the metrics, a thousand times at once',
    (url) => Promise.all(Array.from({ length: 1000 }, () => get(url, '/metrics'))),
  ],
  ['a reload', (url) => post(url, '/-/reload', {})],
];

/** No work escapes the schedule: whatever comes in, the process answers for its health in time. */
export const longWork: Fault = {
  name: 'long work by every way in',
  guard: {
    file: 'runtime/slices.ts',
    from: 'return Math.abs(this.#schedule.clock.now() - this.#startedAt) >= sliceMs;',
    to: 'return false;',
  },
  async run({ main }: FaultOptions): Promise<FaultResult> {
    const tally = new Tally();
    const tocsin = await startTocsin({
      environment: { NODE_OPTIONS: podHeap },
      args: ['--log.level=warn'],
      ...(main !== undefined && { main }),
    });
    try {
      for (const [name, use] of entryPoints) await tally.try(name, () => isHealthyMeanwhile(tocsin, use));
    } finally {
      await tocsin.stop();
    }
    return tally.result;
  },
};

/** Returns the slowest answer of `/-/healthy`, in milliseconds. */
async function isHealthyMeanwhile(
  { port, url, child }: TocsinProcess,
  use: (url: string) => Promise<unknown>,
): Promise<number> {
  const probe = new HealthProbe(port, child.pid);
  try {
    await use(url);
    await setTimeout(500);
    const { failed, slowestByItselfMs } = await probe.take();
    if (failed > 0) throw new Error(`/-/healthy was not answered ${failed} times`);
    if (slowestByItselfMs > healthyWithinMs) throw new Error(`/-/healthy took ${slowestByItselfMs.toFixed()} ms`);
    return slowestByItselfMs;
  } finally {
    await probe.stop();
  }
}

function newNames(prefix: string, alerts: number, names: number): PostedAlert[] {
  return Array.from({ length: alerts }, (_, alert) => ({
    labels: {
      alertname: 'New',
      ...Object.fromEntries(Array.from({ length: names }, (_name, name) => [`${prefix}${alert}_${name}`, 'v'])),
    },
  }));
}

async function largeAnnotations(url: string): Promise<void> {
  for (let round = 0; round < 5; round++)
    await post(
      url,
      '/api/v2/alerts',
      Array.from({ length: 12 }, (_, index) => ({
        labels: { alertname: 'Large', index: `${round}-${index}` },
        annotations: { text: 'x'.repeat(1024 * 1024) },
      })),
    );
}

async function endingTogether(url: string): Promise<void> {
  const startsAt = new Date(Date.now() - 60_000).toISOString();
  const endsAt = new Date(Date.now() + 4000).toISOString();
  for (let batch = 0; batch < 30; batch++)
    await post(
      url,
      '/api/v2/alerts',
      Array.from({ length: 1000 }, (_, n) => ({
        labels: { alertname: 'Ends', n: `${batch * 1000 + n}` },
        startsAt,
        endsAt,
      })),
    );
  await setTimeout(5000);
}

async function silenceAndWait(url: string): Promise<void> {
  const endsAt = new Date(Date.now() + 240_000).toISOString();
  for (let batch = 0; batch < 20; batch++)
    await post(
      url,
      '/api/v2/alerts',
      Array.from({ length: 1000 }, (_, n) => ({ labels: { alertname: 'Silenced', n: `${batch * 1000 + n}` }, endsAt })),
    );
  await post(url, '/api/v2/silences', {
    matchers: [{ name: 'alertname', value: '.+', isRegex: true }],
    startsAt: new Date().toISOString(),
    endsAt: new Date(Date.now() + 2000).toISOString(),
    createdBy: 'torture',
    comment: 'ends soon',
  });
  await setTimeout(3500);
}

async function post(url: string, path: string, body: unknown): Promise<void> {
  const headers = { 'Content-Type': 'application/json' };
  const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${path} was answered ${response.status}: ${text.slice(0, 200)}`);
}

async function get(url: string, path: string): Promise<void> {
  const response = await fetch(url + path);
  await response.arrayBuffer();
  if (response.status !== 200) throw new Error(`${path} was answered ${response.status}`);
}
