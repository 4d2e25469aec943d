import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Registry } from 'prom-client';
import { SliceSchedule } from '../runtime/slices.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { setCondition } from '../health/flow-health.ts';
import type { ConditionChange } from '../reconcile/ports.ts';
import { TerminalError } from '../reconcile/errors.ts';
import type { ApiCall } from './api/api-transport.ts';
import { EventRecorder } from './write/event-recorder.ts';
import { FakeApiClient } from './api/fake-api-client.fixture.ts';
import { ObjectWriter } from './write/object-writer.ts';
import { createReflectorMetrics } from './watch/reflector-report.ts';
import { KubernetesPipelines } from './kubernetes-pipelines.ts';
import { collectionPath, ModelApiServer, widgets } from './watch/model-api-server.fixture.ts';

const widget = { kind: 'Widget', group: 'example.org', name: 'a' };
const never = new AbortController().signal;

function toReason(reason: string): ConditionChange {
  const desired = { type: 'T', status: 'True', reason, message: '', observedGeneration: 1 } as const;
  return (current) => setCondition(current, desired, 0)?.conditions;
}

/**
 * A home whose watch never reports what is written.
 * @param status of the only object, whose version is then the listed one; default: no status, and a later version
 */
async function bench(t: TestContext, status?: Record<string, unknown>) {
  const [clock, registry, logger] = [new FakeClock(), new Registry(), new RecordingLogger()];
  const [model, writes] = [new ModelApiServer(), new FakeApiClient()];
  model.put('a', 'spec');
  if (status !== undefined) model.objects.set('a', { ...model.objects.get('a')!, status });
  writes.put(`${collectionPath}/a`, structuredClone(model.objects.get('a')) as object as Record<string, unknown>);
  const last = status === undefined ? 20 : Number(model.objects.get('a')!.metadata.resourceVersion);
  for (let version = 2; version < last; version++)
    writes.put(`${collectionPath}/a`, writes.get(`${collectionPath}/a`)!);
  const call = <T>(given: ApiCall): Promise<T> =>
    given.path.startsWith(`${collectionPath}/`) ? writes.call<T>(given) : model.call<T>(given);
  const client = { call, open: model.open, close: model.close };
  const closedWithin: number[] = [];
  const writer = { add: () => undefined, close: async (timeoutMs: number) => void closedWithin.push(timeoutMs) };
  const pipelines = new KubernetesPipelines({
    client,
    clock,
    schedule: new SliceSchedule(clock),
    logger,
    registry,
    metrics: createReflectorMetrics(registry),
    writer: new ObjectWriter({ client, clock, logger, registry }),
    resources: [widgets],
    transitions: new EventRecorder({ clock, writer, instance: 'tocsin-0' }),
  });
  t.after(() => pipelines.close());
  await pipelines.open();
  await pipelines.synced();
  return { pipelines, writes, closedWithin };
}

describe('KubernetesPipelines, writing', () => {
  it('shows what it has written before the watch tells of it', async (t) => {
    const { pipelines, writes } = await bench(t);
    const reason = (): string | undefined => pipelines.get(widget)?.conditions[0]?.reason;
    assert.equal(reason(), undefined);
    assert.equal(await pipelines.updateConditions(widget, toReason('One'), never), true);
    assert.equal(reason(), 'One');
    assert.equal(await pipelines.updateConditions(widget, toReason('Two'), never), true);
    assert.equal(reason(), 'Two');
    // The first write meets a version of the object that was not in the list; the second needs no read.
    assert.deepEqual(writes.verbs().slice(-1), ['PATCH /status']);
    assert.equal(await pipelines.updateConditions(widget, toReason('Two'), never), false);
  });

  it('keeps entries of others that are no conditions, and what is no list', async (t) => {
    const lone = { type: 'NoStatus' };
    const entries = await bench(t, { conditions: [lone] });
    assert.equal(await entries.pipelines.updateConditions(widget, toReason('One'), never), true);
    const { conditions } = entries.writes.get(`${collectionPath}/a`)!['status'] as { readonly conditions: unknown[] };
    assert.deepEqual([conditions.length, conditions[0]], [2, lone]);

    const map = await bench(t, { conditions: { a: 1 } });
    await assert.rejects(map.pipelines.updateConditions(widget, toReason('One'), never), TerminalError);
    assert.deepEqual(map.writes.get(`${collectionPath}/a`)!['status'], { conditions: { a: 1 } });
  });

  it('writes nothing to one that it does not know, and says so', async (t) => {
    const { pipelines, writes } = await bench(t);
    const stranger = { kind: 'Widget', group: 'example.org', name: 'stranger' };
    assert.equal(await pipelines.updateConditions(stranger, () => assert.fail('asked'), never), false);
    assert.equal(await pipelines.annotate(stranger, { a: 'b' }, never), false);
    assert.deepEqual(writes.calls, []);
  });

  it('gives the last Events two seconds when it is closed, and no more than there is', async (t) => {
    const { pipelines, closedWithin } = await bench(t);
    await pipelines.close(20_000);
    await pipelines.close(300);
    assert.deepEqual(closedWithin, [2000, 300]);
  });

  it('annotates the object itself', async (t) => {
    const { pipelines, writes } = await bench(t);
    assert.equal(await pipelines.annotate(widget, { a: 'b' }, never), true);
    const { annotations } = writes.get(`${collectionPath}/a`)!['metadata'] as { readonly annotations: object };
    assert.deepEqual([annotations, writes.verbs()], [{ a: 'b' }, ['PATCH']]);
  });
});
