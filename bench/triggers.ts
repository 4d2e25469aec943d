import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { choose } from '../src/trigger/choose.ts';
import { readTrigger, type TriggerRules } from '../src/trigger/read-trigger.ts';
import { TriggerIndex } from '../src/trigger/trigger-index.ts';
import type { TemplateData, Trigger } from '../src/trigger/trigger.ts';
import type { Section } from './section.ts';
import { spread } from './statistics.ts';
import { ratio, type Row } from './table.ts';

const namespaces = 500;
const perNamespace = 10;
const alertsOfPost = 64;

const rules: TriggerRules = {
  limits: { minIntervalMs: 1000, maxMatchers: 20, maxTargets: 20 },
  namespaceLabel: 'namespace',
  strategy: 'OnNamespace',
  receiverNamespace: undefined,
};

interface Measurement {
  readonly one: number;
  readonly many: number;
  readonly change: number;
}

/** Triggers: what a POST costs with 5,000 of them, what one that changes costs, and how much memory each takes. */
export const triggers: Section = {
  name: 'triggers',
  title: `Triggers: choosing for a POST of ${alertsOfPost}, with one trigger and with ${namespaces * perNamespace}`,
  run({ quick }) {
    const rounds = quick ? 5 : 30;
    const { index: many, compileMs, bytes } = compileAll();
    const one = new TriggerIndex('namespace');
    one.set(triggerOf('database', undefined, { matchers: ['alertname="PostgresDown"', 'severity="critical"'] }));
    const alerts = Array.from({ length: alertsOfPost }, (_, at) => alertOf(at * 7));
    const raw: Measurement[] = [];
    for (let round = -5; round < rounds; round++) {
      const measured = measure(one, many, alerts);
      // The first rounds are a warm-up.
      if (round >= 0) raw.push(measured);
    }
    const filed = many.filedCount - namespaces * perNamespace;
    if (filed !== (rounds + 5) * changesOfRound) throw new Error(`${filed} triggers were filed for the changes`);
    return Promise.resolve({ rows: rows(raw, { compileMs, bytes }), raw: { raw, compileMs, bytes } });
  },
};

/** Each namespace has one trigger that its alert wakes, one whose expression has to be tried, and others for other names. */
function compileAll(): { readonly index: TriggerIndex; readonly compileMs: number; readonly bytes: number } {
  const index = new TriggerIndex('namespace');
  const before = heapUsed();
  const startedAt = performance.now();
  for (let at = 0; at < namespaces; at++) {
    const namespace = `team-${at}`;
    index.set(triggerOf('database', namespace, { matchers: ['alertname="PostgresDown"', 'severity="critical"'] }));
    index.set(triggerOf('pods', namespace, { matchers: ['alertname=~"KubePod.*|KubeContainer.*"'] }));
    for (let other = 2; other < perNamespace; other++)
      index.set(triggerOf(`other-${other}`, namespace, { matchers: [`alertname="Other${other}"`] }));
  }
  const compileMs = performance.now() - startedAt;
  return { index, compileMs, bytes: (heapUsed() - before) / index.size };
}

function triggerOf(
  name: string,
  namespace: string | undefined,
  { matchers }: { matchers: readonly string[] },
): Trigger {
  const spec = {
    matchers,
    targets: [{ apiVersion: 'postgresql.cnpg.io/v1', kind: 'Cluster', name: '{{ labels.cluster }}' }],
    action: { condition: { type: 'AlertsQuiet' } },
    minInterval: '30s',
    budget: { runs: 6, per: '1h' },
  };
  const origin = namespace === undefined ? 'ClusterAlertTrigger' : 'AlertTrigger';
  const identity = { origin, name, ...(namespace !== undefined && { namespace }), generation: 1 } as const;
  const read = readTrigger(identity, spec, rules);
  if ('problems' in read) throw new Error(JSON.stringify(read.problems));
  return read.trigger;
}

function alertOf(at: number): TemplateData {
  const namespace = `team-${at % namespaces}`;
  const labels = {
    alertname: 'PostgresDown',
    cluster: 'orders',
    container: 'postgres',
    instance: `10.0.0.${at % 256}:9187`,
    job: 'postgres',
    namespace,
    pod: `orders-${at}`,
    severity: 'critical',
  };
  return { labels, annotations: { summary: 'The database does not answer.' }, now: 1_764_500_000_000 };
}

/** A POST takes some 50 µs, which is too little for one look at the clock. */
const postsOfRound = 1000;
const changesOfRound = 100;

/** A POST with each of the two, in turn, and one changed trigger. */
function measure(one: TriggerIndex, many: TriggerIndex, alerts: readonly TemplateData[]): Measurement {
  const [ofOne, ofMany] = [() => chooseAll(one, alerts), () => chooseAll(many, alerts)];
  return {
    one: microseconds(ofOne, postsOfRound),
    many: microseconds(ofMany, postsOfRound),
    change: microseconds(
      () => many.set(triggerOf('pods', 'team-7', { matchers: ['alertname="Other"'] })),
      changesOfRound,
    ),
  };
}

function chooseAll(index: TriggerIndex, alerts: readonly TemplateData[]): void {
  let chosen = 0;
  for (const alert of alerts) chosen += choose(index, alert).length;
  if (chosen !== alerts.length) throw new Error(`${chosen} triggers were chosen for ${alerts.length} alerts`);
}

/** CPU time, in microseconds: other work on the machine does not count. */
function microseconds(work: () => void, times: number): number {
  const before = process.cpuUsage();
  for (let at = 0; at < times; at++) work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / times;
}

/** After a collection, so that the difference of two is what is kept. */
function heapUsed(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  return process.memoryUsage().heapUsed;
}

function rows(raw: readonly Measurement[], { compileMs, bytes }: { compileMs: number; bytes: number }): Row[] {
  const row = (what: string, value: string, target = ''): Row => ({ what, value, target });
  const micro = (values: readonly number[]): string => {
    const { median, min, max } = spread(values);
    return `${median.toFixed(1)} µs (${min.toFixed(1)}–${max.toFixed(1)})`;
  };
  return [
    row('a POST, one trigger', micro(raw.map(({ one }) => one))),
    row(`a POST, ${namespaces * perNamespace} triggers`, micro(raw.map(({ many }) => many))),
    row('ratio', ratio(spread(raw.map(({ one, many }) => many / one))), '≤ 2'),
    row('one changed trigger: read, compiled, filed', micro(raw.map(({ change }) => change)), 'one is filed'),
    row(`all ${namespaces * perNamespace} read, compiled and filed`, `${compileMs.toFixed()} ms`),
    row('memory of a trigger', `${(bytes / 1024).toFixed(1)} KiB`),
  ];
}
