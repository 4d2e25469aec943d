import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { createApiClient, type ApiClient } from '../../../src/kubernetes/api/api-client.ts';
import { Config } from '../../../src/config/config.ts';
import { readStatus, type TriggerStatus } from '../../../src/kubernetes/trigger-resources/trigger-object.ts';
import {
  TriggerResources,
  triggerSettings,
  type TriggerSettings,
} from '../../../src/kubernetes/trigger-resources/trigger-resources.ts';
import { createReflectorMetrics } from '../../../src/kubernetes/watch/reflector-report.ts';
import { EventRecorder } from '../../../src/kubernetes/write/event-recorder.ts';
import { createEventMetrics, EventReport, EventWriter } from '../../../src/kubernetes/write/event-writer.ts';
import { systemClock } from '../../../src/runtime/clock.ts';
import { eventually } from '../../../src/runtime/eventually.fixture.ts';
import { RecordingLogger } from '../../../src/runtime/logger.fixture.ts';
import { metric } from '../../../src/runtime/metric.fixture.ts';
import { SliceSchedule } from '../../../src/runtime/slices.ts';
import type { Trigger } from '../../../src/trigger/trigger.ts';
import { skipWithoutKube } from '../../support/kube-api-server.ts';
import { kubeconfigWith } from '../../support/service-account.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';

const role = 'components/triggers/cluster-role-triggers.yaml';
const spec = { targets: [{ apiVersion: 'v1', kind: 'Service', name: 'orders' }], action: { log: {} } };
const bad = { ...spec, matchers: ['severity=~"["'] };
const apiVersion = 'tocsin.dev/v1alpha1';

/** Triggers as Tocsin reads them with one ServiceAccount, and those that are in force. */
class Reading {
  readonly logger = new RecordingLogger();
  readonly registry = new Registry();
  readonly inForce = new Map<string, Trigger>();
  settings = triggerSettings(Config.parse({ triggers: { from_namespaces: 'all' } }).triggers, undefined);
  readonly resources: TriggerResources;
  readonly #client: ApiClient;
  readonly #events: EventRecorder;

  constructor(kubeconfig: string, settings: Partial<TriggerSettings> = {}) {
    const { logger, registry } = this;
    this.settings = { ...this.settings, ...settings };
    const [clock, access] = [systemClock, { kubeconfigs: [kubeconfig] }];
    const schedule = new SliceSchedule(clock);
    this.#client = createApiClient({ clock, registry, access, version: 'test', schedule });
    const report = new EventReport({ clock, logger, count: createEventMetrics(registry) });
    const writer = new EventWriter({ client: this.#client, clock, report });
    this.#events = new EventRecorder({ clock, writer, instance: 'test' });
    this.resources = new TriggerResources({
      clock,
      logger,
      registry,
      schedule,
      client: this.#client,
      events: this.#events,
      metrics: createReflectorMetrics(registry),
      settings: () => this.settings,
      sink: {
        setCluster: (key, trigger) => {
          if (trigger === undefined) this.inForce.delete(key);
          else this.inForce.set(key, trigger);
        },
      },
      states: { stateOf: () => ({ unavailable: [], isPending: false, notes: [] }) },
    });
  }

  async open(): Promise<this> {
    this.resources.open();
    await this.resources.synced();
    return this;
  }

  async close(): Promise<void> {
    await this.resources.close();
    await this.#events.close(2000);
    await this.#client.close();
  }

  get keys(): readonly string[] {
    return [...this.inForce.keys()].toSorted();
  }
}

describe('triggers of a real API server', { skip: skipWithoutKube() }, () => {
  const server = useSharedKubeApiServer();
  let reading: Reading;
  let kubeconfig: string;

  const object = (kind: string, name: string, namespace: string | undefined, its: object = spec): object => ({
    apiVersion,
    kind,
    metadata: { name, ...(namespace !== undefined && { namespace }) },
    spec: its,
  });
  const status = async (...args: readonly string[]): Promise<TriggerStatus> =>
    readStatus(((await server().get(...args)) as { status?: unknown }).status);
  const reasons = ({ conditions }: TriggerStatus): readonly string[] =>
    conditions.map(({ type, status: found, reason }) => `${type}=${found} ${reason}`);
  const isSaid = (wanted: string) => (found: TriggerStatus) => reasons(found).includes(wanted);
  const kubectl = (...args: readonly string[]): Promise<string> => server().kubectl(args);

  const install = async (): Promise<void> => {
    await kubectl('apply', '--server-side', '-k', 'k8s/crds');
    await kubectl('wait', '--for=condition=Established', 'crd', '--all');
  };

  before(async () => {
    await install();
    for (const name of ['shop', 'bank', 'quiet'])
      await server().apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    kubeconfig = await kubeconfigWith(server(), 'trigger-reader', [role]);
    reading = await new Reading(kubeconfig).open();
  });
  after(() => reading.close());

  it('are in force within two seconds, and their status says so', async () => {
    const [inForceMs, toldMs]: [number[], number[]] = [[], []];
    for (const [kind, name, namespace, key, told] of [
      ['AlertTrigger', 'orders', 'shop', 'alerttrigger/shop/orders', 'Ready=True Ready'],
      ['ClusterAlertTrigger', 'all', undefined, 'clusteralerttrigger/all', 'Accepted=True Valid'],
    ] as const) {
      await server().apply(object(kind, name, namespace));
      // The time of kubectl is not ours.
      const startedAt = systemClock.now();
      await eventually(
        () => reading.keys,
        (keys) => keys.includes(key),
      );
      inForceMs.push(systemClock.now() - startedAt);
      const where = namespace === undefined ? [] : ['-n', namespace];
      const found = await eventually(() => status(kind.toLowerCase(), name, ...where), isSaid(told));
      toldMs.push(systemClock.now() - startedAt);
      assert.equal(found.observedGeneration, 1);
    }
    assert.deepEqual(reading.keys, ['alerttrigger/shop/orders', 'clusteralerttrigger/all']);
    // The faster of the two: the machine may be busy for a while.
    assert.ok(Math.min(...inForceMs) < 2000, `${inForceMs.join()} ms`);
    assert.ok(Math.min(...toldMs) < 10_000, `${toldMs.join()} ms`);
  });

  it('that are wrong are rejected with a status and an Event, and stop no other', async () => {
    await server().apply(object('AlertTrigger', 'wrong', 'shop', bad), object('AlertTrigger', 'right', 'shop'));
    const found = await eventually(() => status('at', 'wrong', '-n', 'shop'), isSaid('Accepted=False InvalidTrigger'));
    assert.match(found.conditions[0]?.message ?? '', /^spec\.matchers\[0\]: found "severity=~/);
    const events = await eventually(
      () =>
        server().get('events.events.k8s.io', '-n', 'shop') as Promise<
          readonly { reason: string; type: string; note: string; regarding: object }[]
        >,
      (all) => all.some(({ reason }) => reason === 'InvalidTrigger'),
    );
    const event = events.find(({ reason }) => reason === 'InvalidTrigger');
    assert.equal(event?.type, 'Warning');
    assert.match(event?.note ?? '', /it does nothing until it is mended: spec\.matchers\[0\]: found/);
    assert.partialDeepStrictEqual(event?.regarding, {
      apiVersion,
      kind: 'AlertTrigger',
      namespace: 'shop',
      name: 'wrong',
    });
    assert.ok(reading.keys.includes('alerttrigger/shop/right'));
  });

  it('that become wrong end, and come back when they are mended', async () => {
    await server().apply(object('AlertTrigger', 'orders', 'shop', bad));
    await eventually(
      () => reading.keys,
      (keys) => !keys.includes('alerttrigger/shop/orders'),
    );
    await server().apply(object('AlertTrigger', 'orders', 'shop'));
    await eventually(
      () => reading.keys,
      (keys) => keys.includes('alerttrigger/shop/orders'),
    );
    // The status of the first generation says the same, until that of the third one is written.
    const found = await eventually(
      () => status('at', 'orders', '-n', 'shop'),
      ({ observedGeneration }) => observedGeneration === 3,
    );
    assert.ok(isSaid('Accepted=True Valid')(found), reasons(found).join());
  });

  it('of a namespace that opts out end at once, and their status says why', async () => {
    await server().apply(object('AlertTrigger', 'one', 'quiet'), object('AlertTrigger', 'two', 'quiet'));
    await eventually(
      () => reading.keys,
      (keys) => keys.includes('alerttrigger/quiet/two'),
    );
    await kubectl('label', 'namespace', 'quiet', 'openshift.io/user-monitoring=false');
    await eventually(
      () => reading.keys,
      (keys) => !keys.some((key) => key.includes('/quiet/')),
    );
    for (const name of ['one', 'two'])
      await eventually(() => status('at', name, '-n', 'quiet'), isSaid('Ready=False NamespaceOptedOut'));
    await kubectl('label', 'namespace', 'quiet', 'openshift.io/user-monitoring-');
    await eventually(
      () => reading.keys,
      (keys) => keys.filter((key) => key.includes('/quiet/')).length === 2,
    );
  });

  it('are read once for each change of one', async () => {
    const count = (): Promise<number | undefined> => metric(reading.registry, 'tocsin_triggers_compiled_total');
    const readBefore = (await count()) ?? 0;
    await server().apply(object('AlertTrigger', 'right', 'shop', { ...spec, minInterval: '1m' }));
    await eventually(
      () => reading.inForce.get('alerttrigger/shop/right')?.minIntervalMs,
      (ms) => ms === 60_000,
    );
    assert.equal(await count(), readBefore + 1);
    const inForce = 'tocsin_triggers{kind="AlertTrigger",state="accepted"}';
    assert.equal(await metric(reading.registry, inForce), reading.keys.length - 1);
  });

  it('tell what becomes of them in their status', async () => {
    const key = 'alerttrigger/shop/right';
    reading.resources.observer.fired(key, { alert: 'Down', at: systemClock.now(), eventId: 'e1', alerts: 3 });
    reading.resources.observer.ran(key, 'done');
    const found = await eventually(
      () => status('at', 'right', '-n', 'shop'),
      ({ counts }) => counts.runs === 1,
    );
    assert.deepEqual(found.counts, { matched: 3, runs: 1, failed: 0, throttled: 0, suppressed: 0 });
    assert.deepEqual([found.lastFired?.alert, found.lastFired?.eventId], ['Down', 'e1']);
    const managers = await kubectl(
      'get',
      'at',
      'right',
      '-n',
      'shop',
      '--show-managed-fields',
      '-o',
      'jsonpath={.metadata.managedFields[?(@.subresource=="status")].manager}',
    );
    assert.equal(managers, 'tocsin');
  });

  it('end when the configuration takes them from nowhere any more, and their status says so, until it does again', async () => {
    const { settings } = reading;
    reading.settings = { ...settings, from: 'none' };
    await reading.resources.reconfigure();
    assert.deepEqual(reading.keys, ['clusteralerttrigger/all']);
    await eventually(() => status('at', 'right', '-n', 'shop'), isSaid('Accepted=False NamespaceNotSelected'));
    reading.settings = settings;
    await reading.resources.reconfigure();
    assert.ok(reading.keys.includes('alerttrigger/shop/right'));
    await eventually(() => status('at', 'right', '-n', 'shop'), isSaid('Ready=True Ready'));
  });

  it('are not written again by another Tocsin that finds the same', async () => {
    const versions = (): Promise<string> =>
      kubectl('get', 'at,cat', '-A', '-o', 'jsonpath={.items[*].metadata.resourceVersion}');
    const waiting = (): Promise<number | undefined> => metric(reading.registry, 'tocsin_trigger_statuses_waiting');
    await eventually(waiting, (count) => count === 0);
    const versionsBefore = await versions();
    const other = await new Reading(kubeconfig).open();
    await eventually(
      () => other.keys,
      (keys) => keys.length === reading.keys.length,
    );
    await other.close();
    assert.equal(await versions(), versionsBefore);
    assert.equal(await metric(other.registry, 'tocsin_kubernetes_events_total{result="created"}'), 0);
  });

  it('need no right when none are taken from namespaces: AlertTriggers and namespaces are not even listed', async () => {
    const poor = await new Reading(await kubeconfigWith(server(), 'cluster-only', []), { from: 'none' }).open();
    assert.deepEqual(poor.keys, []);
    const resources = poor.logger.lines.map(({ fields }) => fields['resource']);
    assert.deepEqual([...new Set(resources)], ['clusteralerttriggers.tocsin.dev']);
    const told = poor.logger.lines.filter(({ level }) => level !== 'debug');
    assert.deepEqual(
      told.map(({ level, event }) => `${level} ${event}`),
      ['info reflector.failed'],
    );
    await poor.close();
  });

  it('are told that a right is missing when they are to be taken and may not be read, and nothing waits for it', async () => {
    const poor = await new Reading(await kubeconfigWith(server(), 'nobody', [])).open();
    const warned = poor.logger.lines.filter(({ level }) => level === 'warn').map(({ fields }) => fields['resource']);
    assert.deepEqual(warned.toSorted(), ['alerttriggers.tocsin.dev', 'namespaces']);
    await poor.close();
  });

  it('that are not installed are no trouble', async () => {
    await kubectl('delete', 'crd', 'clusteralerttriggers.tocsin.dev', 'alerttriggers.tocsin.dev');
    await eventually(
      () => reading.keys,
      (keys) => keys.length === 0,
    );
    const fresh = await new Reading(kubeconfig, { from: 'none' }).open();
    assert.deepEqual(fresh.keys, []);
    assert.deepEqual(
      fresh.logger.lines.filter(({ level }) => level === 'warn'),
      [],
    );
    await fresh.close();
    await install();
  });
});
