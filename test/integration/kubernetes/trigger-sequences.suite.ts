import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { readConditions } from '../../../src/kubernetes/pipeline-object.ts';
import { postAlerts } from '../../../src/receiver/post-alerts.fixture.ts';
import { eventually } from '../../../src/runtime/eventually.fixture.ts';
import { startFaultProxy, type Fault, type FaultProxy } from '../../support/fault-proxy.ts';
import { freePort } from '../../support/free-port.ts';
import { skipWithoutKube } from '../../support/kube-api-server.ts';
import type { LogLine } from '../../support/log-lines.ts';
import { clusterCrd } from '../../support/operator-crds.ts';
import { kubeconfigWith } from '../../support/service-account.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';
import { startTocsin, type TocsinProcess } from '../../support/tocsin-process.ts';
import { targetRole } from '../../../src/trigger/target-rights.ts';

/** For how long, milliseconds; longer to look for faults that nobody knows. */
const lengthMs = Number(process.env['TRIGGER_SEQUENCES_MS'] ?? 12_000);
const skip = skipWithoutKube();
/** The same sequence each time, unless another one is asked for; what the API server and the clock make of it differs. */
const seed = Number(process.env['TRIGGER_SEQUENCES_SEED'] ?? 746_972);
/** How long it may take until everything is quiet, milliseconds. */
const quietMs = 60_000;
/** How many lines of the log a failure tells. */
const linesTold = 150;
const namespace = 'sequences';
const account = 'tocsin-of-sequences';
const apps = ['orders', 'carts', 'bills'];
const alertNames = ['A', 'B'];
const severities = ['critical', 'warning'];
const types = ['X', 'Y'];
const budget = { runs: 3, perMs: 4000 };
const cnpg = 'postgresql.cnpg.io/v1';
const config = `
source: {debounce: {wait: 0s, max_wait: 1ms}}
triggers: {default: never, from_namespaces: all}
`;
const shipped = [
  'base/cluster-role-reader.yaml',
  'base/cluster-role-writer.yaml',
  'components/triggers/cluster-role-triggers.yaml',
];

interface Spec {
  readonly by: 'name' | 'selector';
  readonly app: string;
  readonly alertname: string | undefined;
  /** The type of the condition; undefined: it annotates. */
  readonly type: string | undefined;
  readonly suspended: boolean;
}

type Labels = Readonly<Record<string, string>>;

/** What there has to be after quiet, from the words of the documentation. */
class Model {
  readonly triggers = new Map<string, Spec>();
  readonly firing = new Map<string, Labels>();
  /** The label `app` of each object. */
  readonly objects = new Map<string, string>(apps.map((app) => [app, app]));

  /** The conditions of an object; a suspended trigger leaves what is there, so its type is not judged. */
  conditionsOf(object: string): ReadonlyMap<string, string | undefined> {
    const found = new Map<string, string | undefined>();
    for (const type of types) {
      const naming = [...this.triggers.values()].filter((spec) => spec.type === type && this.#names(spec, object));
      const active = naming.filter(({ suspended }) => !suspended);
      const alerts = active.flatMap(({ alertname }) =>
        [...this.firing.values()].filter((alert) => alertname === undefined || alert['alertname'] === alertname),
      );
      const [worst] = alerts.toSorted((a, b) => (rank(a) < rank(b) ? -1 : 1));
      if (active.length > 0) found.set(type, worst === undefined ? 'True NoAlerts' : `False ${worst['alertname']}`);
      else if (naming.length > 0) found.set(type, undefined);
    }
    return found;
  }

  #names({ by, app }: Spec, object: string): boolean {
    return by === 'name' ? app === object : this.objects.get(object) === app;
  }
}

function rank(alert: Labels): string {
  return `${severities.indexOf(alert['severity']!)} ${alert['alertname']}`;
}

/** The time in the annotation: the line of the log comes when the API server has answered, which may take long. */
function writtenAt(line: LogLine): number {
  const [value] = Object.values(line['annotations'] as Readonly<Record<string, string>>);
  return Date.parse(value!.split(' ').at(-1)!);
}

/** mulberry32: the same sequence for the same seed. */
function randomOf(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

describe('triggers in random sequences on a real API server', { skip }, () => {
  const kube = useSharedKubeApiServer();
  const random = randomOf(seed);
  const pick = <T>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!;
  const model = new Model();
  let proxy: FaultProxy;
  let tocsin: TocsinProcess;
  let start: () => Promise<TocsinProcess>;
  let storagePath: string;
  /** The lines of the processes that have ended. */
  const earlier: TocsinProcess['log']['all'][number][] = [];
  const lines = (event: string) => [...earlier, ...tocsin.log.all].filter((line) => line.event === event);

  before(async () => {
    proxy = await startFaultProxy(kube());
    await kube().apply(clusterCrd, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    await kube().kubectl(['apply', '--server-side', '-k', 'k8s/crds']);
    await kube().kubectl(['wait', '--for=condition=Established', 'crd', '--all']);
    for (const app of apps) await putObject(app);
    const kubeconfig = await kubeconfigWith(kube(), account, shipped, proxy.url);
    const uses = ['condition', 'annotate', 'select'] as const;
    const kinds = [{ group: 'postgresql.cnpg.io', resource: 'clusters', uses }];
    await kube().apply(...targetRole(kinds, { name: account, namespace: 'default' }));
    storagePath = await mkdtemp(join(tmpdir(), 'tocsin-sequences-'));
    const port = await freePort();
    start = () => startTocsin({ config, port, storagePath, args: [`--kubeconfig=${kubeconfig}`] });
    tocsin = await start();
  });
  after(async () => {
    await tocsin?.stop();
    await proxy?.close();
    await kube().kubectl(['delete', 'alerttriggers', '--all', '-n', namespace]);
    await rm(storagePath, { recursive: true, force: true });
  });

  const putObject = (name: string): Promise<void> =>
    kube().apply({
      apiVersion: cnpg,
      kind: 'Cluster',
      metadata: { name, namespace, labels: { app: model.objects.get(name)! } },
      spec: {},
    });

  async function putTrigger(name: string): Promise<void> {
    const spec: Spec = {
      by: pick(['name', 'selector']),
      app: pick(apps),
      alertname: pick([...alertNames, undefined]),
      type: pick([...types, ...types, undefined]),
      suspended: random() < 0.15,
    };
    model.triggers.set(name, spec);
    const kind = { apiVersion: cnpg, kind: 'Cluster' };
    const { app, type } = spec;
    await kube().apply({
      apiVersion: 'tocsin.dev/v1alpha1',
      kind: 'AlertTrigger',
      metadata: { name, namespace },
      spec: {
        ...(spec.alertname !== undefined && { matchers: [`alertname="${spec.alertname}"`] }),
        targets: [spec.by === 'name' ? { ...kind, name: app } : { ...kind, selector: { matchLabels: { app } } }],
        action:
          type === undefined
            ? { annotate: { key: `example.com/${name}`, value: '{{ alertname }} {{ now }}' } }
            : { condition: { type } },
        budget: { runs: budget.runs, per: `${budget.perMs}ms` },
        ...(spec.suspended && { suspend: { reason: 'the test says so' } }),
      },
    });
  }

  async function fire(): Promise<void> {
    const labels = { alertname: pick(alertNames), severity: pick(severities), namespace };
    const key = JSON.stringify(labels);
    const isEnd = random() < 0.4;
    if (isEnd) model.firing.delete(key);
    else model.firing.set(key, labels);
    // It is sent for as long as a Prometheus would: a killed process may not have kept it.
    await sendAll(isEnd ? [labels] : []);
  }

  const ended = new Set<string>();
  async function sendAll(resolved: readonly Labels[] = []): Promise<void> {
    for (const labels of resolved) ended.add(JSON.stringify(labels));
    for (const key of model.firing.keys()) ended.delete(key);
    const now = Date.now();
    await postAlerts(tocsin.url, [
      ...[...model.firing.values()].map((labels) => ({ labels, endsAt: new Date(now + 600_000).toISOString() })),
      ...[...ended].map((key) => ({ labels: JSON.parse(key) as Labels, endsAt: new Date(now - 1).toISOString() })),
    ]);
  }

  async function restart(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    tocsin.child.kill(signal);
    await tocsin.child.exited;
    earlier.push(...tocsin.log.all);
    await tocsin.stop();
    proxy.fault = () => undefined;
    tocsin = await start();
    await sendAll();
  }

  function breakApi(): void {
    const fault: Fault = pick<Fault>([
      { kind: 'status', status: 500 },
      { kind: 'status', status: 429, retryAfterSeconds: 1 },
      { kind: 'delay', delayMs: 300 },
      { kind: 'cut', bytes: 100, how: 'reset' },
    ]);
    const share = pick([0.2, 0.5]);
    proxy.fault = ({ watch, url }) =>
      url.includes('clusters') && !(watch && fault.kind === 'delay') && random() < share ? fault : undefined;
    if (random() < 0.3) proxy.breakWatches('');
  }

  async function step(): Promise<void> {
    const turn = random();
    if (turn < 0.3) return putTrigger(pick(['t0', 't1', 't2', 't3']));
    if (turn < 0.38 && model.triggers.size > 0) {
      const name = pick([...model.triggers.keys()]);
      model.triggers.delete(name);
      await kube().kubectl(['delete', 'alerttrigger', name, '-n', namespace]);
    } else if (turn < 0.75) await fire();
    else if (turn < 0.85) {
      const name = pick(apps);
      model.objects.set(name, pick(apps));
      await putObject(name);
    } else if (turn < 0.93) breakApi();
    else await restart(pick(['SIGKILL', 'SIGTERM']));
  }

  async function differences(): Promise<readonly string[]> {
    const objects = (await kube().get('clusters.postgresql.cnpg.io', '-n', namespace)) as readonly {
      metadata: { name: string };
      status?: { conditions?: unknown };
    }[];
    return objects.flatMap(({ metadata: { name }, status }) => {
      const found = new Map(
        readConditions(status?.conditions).map(({ type, status: is, reason }) => [type, `${is} ${reason}`]),
      );
      const wanted = model.conditionsOf(name);
      return types
        .filter((type) => !(wanted.has(type) && wanted.get(type) === undefined) && found.get(type) !== wanted.get(type))
        .map((type) => `${name} ${type}: ${found.get(type)}, the model: ${wanted.get(type)}`);
    });
  }

  /** The last lines of all processes about the objects that differ, and about the triggers. */
  async function toldOfDiffering(): Promise<string> {
    const differing = (await differences()).map((line) => line.split(' ')[0]);
    const names = new Set(differing.length > 0 ? differing : apps);
    return [...earlier, ...tocsin.log.all]
      .filter(({ event, name }) => names.has(String(name)) || /^(app\.ready|trigger)/.test(event))
      .slice(-linesTold)
      .map((line) => JSON.stringify(line))
      .join('\n');
  }

  it('leave the conditions as the naive model has them, within every budget, and nothing is lost', async (t) => {
    t.diagnostic(`TRIGGER_SEQUENCES_SEED=${seed}`);
    const until = Date.now() + lengthMs;
    let [steps, rounds] = [0, 0];
    const told: string[] = [];
    while (Date.now() < until) {
      for (let times = 0; times < 8; times++) {
        const known = JSON.stringify([[...model.triggers], [...model.firing], [...model.objects]]);
        await step();
        steps++;
        told.push(known);
        await setTimeout(random() * 150);
      }
      proxy.fault = () => undefined;
      rounds++;
      const why = (): string =>
        `seed ${seed}, round ${rounds}, step ${steps}: ${JSON.stringify([[...model.triggers], [...model.firing.values()], [...model.objects]])}`;
      await eventually(differences, (found) => found.length === 0, quietMs, 100).catch(async (error: unknown) => {
        throw new Error(`${why()}\n${await toldOfDiffering()}`, { cause: error });
      });
      await eventually(waiting, (count) => count === 0, quietMs, 100).catch(async (error: unknown) => {
        throw new Error(`${why()}\n${await toldOfDiffering()}`, { cause: error });
      });
    }
    const annotated = lines('object.annotated');
    t.diagnostic(
      `${steps} steps in ${rounds} rounds, ${annotated.length} annotations, ${lines('condition.changed').length} conditions, ${lines('trigger.throttled').length} runs waited`,
    );
    for (const line of annotated) assert.ok((line['causes'] as readonly string[]).length > 0, 'a run has a cause');
    const byPlace = Map.groupBy(annotated, ({ trigger, name }) => `${String(trigger)} ${String(name)}`);
    for (const [place, all] of byPlace)
      for (const [index, line] of all.entries()) {
        const first = all[index - budget.runs];
        const apart = first === undefined ? Number.POSITIVE_INFINITY : writtenAt(line) - writtenAt(first);
        assert.ok(apart >= budget.perMs - 1000, `${place}: ${budget.runs + 1} runs within ${apart} ms (seed ${seed})`);
      }
  });

  /** What is parked, and what waits for a worker. */
  async function waiting(): Promise<number> {
    const text = await (await fetch(`${tocsin.url}/metrics`)).text();
    return ['tocsin_trigger_parked_runs', 'tocsin_workqueue_depth', 'workqueue_depth']
      .flatMap((name) => [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\d+)$`, 'gm'))])
      .reduce((sum, [, count]) => sum + Number(count), 0);
  }
});
