import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { eventually } from '../../../src/runtime/eventually.fixture.ts';
import { postAlerts } from '../../../src/receiver/post-alerts.fixture.ts';
import { freePort } from '../../support/free-port.ts';
import { skipWithoutKube, type KubeApiServer } from '../../support/kube-api-server.ts';
import { requireServer } from '../../support/servers.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';
import { startTocsin, type TocsinProcess } from '../../support/tocsin-process.ts';

const budget = { runs: 3, perMs: 5000 };
const minIntervalMs = 1000;

/** A run is counted a little before its time is written, milliseconds. */
const toleranceMs = 400;

const key = 'orders.example/reconcile-at';
const namespace = 'looping';

const crd = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'databases.orders.example' },
  spec: {
    group: 'orders.example',
    scope: 'Namespaced',
    names: { kind: 'Database', plural: 'databases', singular: 'database', listKind: 'DatabaseList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
        subresources: { status: {} },
      },
    ],
  },
};

const config = `
source: {debounce: {wait: 0s, max_wait: 1ms}}
triggers:
  default: never
  list:
    - name: loop
      matchers: ['alertname=~"Orders.*"']
      targets: [{apiVersion: orders.example/v1, kind: Database, namespace: ${namespace}, name: orders}]
      action: {annotate: {key: ${key}, value: '{{ now }}'}}
      minInterval: ${minIntervalMs}ms
      budget: {runs: ${budget.runs}, per: ${budget.perMs}ms}
`;

/** An operator whose every reconcile raises the alert again. */
function startOperator(kube: KubeApiServer, onReconcile: () => void) {
  const template = `-o=jsonpath={.metadata.annotations.orders\\.example/reconcile-at}{"\\n"}`;
  const args = ['get', 'databases.orders.example', 'orders', `--namespace=${namespace}`, '--watch', template];
  const child = spawn(requireServer('kubectl'), args, {
    env: { ...process.env, KUBECONFIG: kube.kubeconfig },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  /** The times that were written: the watch may hear of a write late, and of the next one soon after it. */
  const reconciles: string[] = [];
  createInterface(child.stdout).on('line', (value) => {
    if (value === '' || value === reconciles.at(-1)) return;
    reconciles.push(value);
    onReconcile();
  });
  const stop = async (): Promise<void> => {
    child.kill();
    await once(child, 'exit');
  };
  return { reconciles, stop };
}

describe('a trigger that wakes an operator that raises the alert again', { skip: skipWithoutKube() }, () => {
  const kube = useSharedKubeApiServer();

  it('stays within its budget, whether the process is restarted or killed, and loses no run', async (t) => {
    await kube().apply(crd, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
    await kube().kubectl(['wait', '--for=condition=Established', 'crd/databases.orders.example']);
    await kube().apply({ apiVersion: 'orders.example/v1', kind: 'Database', metadata: { name: 'orders', namespace } });
    const storagePath = await mkdtemp(join(tmpdir(), 'tocsin-loop-'));
    const port = await freePort();
    const start = (): Promise<TocsinProcess> =>
      startTocsin({ config, port, storagePath, args: [`--kubeconfig=${kube().kubeconfig}`] });
    let alerts = 0;
    let tocsin = await start();
    const raise = async (): Promise<void> => {
      // While Tocsin is down, Prometheus would send it again.
      await postAlerts(tocsin.url, [{ labels: { alertname: `Orders${alerts++}` } }]).catch(() => undefined);
    };
    const operator = startOperator(kube(), () => void raise());
    const throttled: unknown[] = [];
    try {
      for (const end of ['SIGKILL', 'SIGTERM', 'SIGKILL', undefined] as const) {
        // Several at once, and one for as long as it lives.
        for (let times = 0; times < 8; times++) {
          await raise();
          await setTimeout(400);
        }
        throttled.push(...tocsin.log.all.filter(({ event }) => event === 'trigger.throttled'));
        if (end === undefined) break;
        tocsin.child.kill(end);
        await tocsin.child.exited;
        await tocsin.stop();
        tocsin = await start();
      }
      // What waits is made, for the last alert too.
      const last = `Orders${alerts - 1} firing`;
      await eventually(
        () => tocsin.log.all.filter(({ event }) => event === 'object.annotated'),
        (lines) => lines.some(({ causes }) => (causes as readonly string[]).includes(last)),
      );
    } finally {
      await operator.stop();
      await tocsin.stop();
      await rm(storagePath, { recursive: true, force: true });
    }
    const times = operator.reconciles.map((value) => Date.parse(value));
    t.diagnostic(`${alerts} alerts, ${times.length} reconciles, ${throttled.length} lines trigger.throttled`);
    assert.ok(times.length >= 5, `${times.length} reconciles`);
    assert.ok(throttled.length >= 5, `${throttled.length} runs waited`);
    for (const [index, time] of times.entries()) {
      const previous = times[index - 1];
      if (previous !== undefined)
        assert.ok(time - previous >= minIntervalMs - toleranceMs, `${time - previous} ms apart`);
      const before = times[index - budget.runs];
      if (before !== undefined)
        assert.ok(time - before >= budget.perMs - toleranceMs, `${time - before} ms for the budget`);
    }
  });
});
