import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { RecordingLogger } from '../../runtime/logger.fixture.ts';
import { metricOf, pipelineOf } from '../../controller/controller.fixture.ts';
import type { ConditionTransition } from '../../reconcile/ports.ts';
import { maxEventSeries, EventRecorder } from './event-recorder.ts';
import { maxWaitingEvents, EventReport, EventWriter, createEventMetrics } from './event-writer.ts';
import { FakeApiClient, failure, forbidden, withoutRight } from '../api/fake-api-client.fixture.ts';

interface Event {
  readonly reason: string;
  readonly series?: { readonly count: number; readonly lastObservedTime: string };
}

function bench() {
  const [clock, logger, registry, client] = [
    new FakeClock(),
    new RecordingLogger(),
    new Registry(),
    new FakeApiClient(),
  ];
  const report = new EventReport({ clock, logger, count: createEventMetrics(registry) });
  const writer = new EventWriter({ client, clock, report });
  let ids = 0;
  const newEventId = (): string => String(++ids).padStart(16, '0');
  const recorder = new EventRecorder({ clock, writer, instance: 'tocsin-0', newEventId });
  const record = (name: string, reason: string, uid = 'u1'): void => {
    const pipeline = pipelineOf('TracePipeline', name, { uid });
    recorder.record(pipeline, transitionTo(reason), { by: 'no alert' });
  };
  /** `reason` or `reason ×count` of each Event on the API server. */
  const events = (): readonly string[] =>
    client.paths().map((path) => {
      const { reason, series } = client.get(path) as unknown as Event;
      return series === undefined ? reason : `${reason} ×${series.count}`;
    });
  const count = (result: string) => metricOf(registry, 'tocsin_kubernetes_events_total', { result });
  const counts = () => Promise.all(['created', 'updated', 'failed', 'dropped'].map(count));
  return { clock, logger, client, recorder, record, events, counts };
}

function transitionTo(reason: string): ConditionTransition {
  const type = 'TelemetryFlowHealthy';
  return { type, from: 'True', to: 'False', fromReason: 'FlowHealthy', reason, message: '' };
}

describe('EventRecorder', () => {
  it('writes one Event for each pipeline and reason', async () => {
    const { clock, record, client, events, counts } = bench();
    record('a', 'Throttling');
    record('b', 'Throttling');
    record('a', 'FlowHealthy');
    assert.deepEqual(client.calls.length, 1, 'one after the other');
    await clock.advanceAsync(0);
    assert.deepEqual(events(), ['Throttling', 'Throttling', 'FlowHealthy']);
    assert.deepEqual(await counts(), [3, 0, 0, 0]);
    assert.equal(clock.pending(), 0);
  });

  it('writes one that comes in the moment in which the last one before it is done', async () => {
    for (let turns = 0; turns < 20; turns++) {
      const { clock, record, events } = bench();
      record('a', 'Throttling');
      for (let turn = 0; turn < turns; turn++) await Promise.resolve();
      record('b', 'FlowHealthy');
      await clock.advanceAsync(0);
      assert.deepEqual(events(), ['Throttling', 'FlowHealthy'], `after ${turns} turns`);
    }
  });

  it('counts repeats, and writes them as a series once a minute at most', async () => {
    const { clock, record, client, events, counts } = bench();
    record('a', 'Throttling');
    for (let time = 0; time < 29; time++) {
      await clock.advanceAsync(2000);
      record('a', 'Throttling');
    }
    assert.deepEqual([client.calls.length, clock.pending()], [1, 1]);
    await clock.advanceAsync(2000);
    assert.deepEqual([events(), client.verbs()], [['Throttling ×30'], ['POST', 'PATCH']]);
    assert.deepEqual(client.calls[1]?.body, { series: { count: 30, lastObservedTime: '2026-11-21T03:00:58.000000Z' } });
    await clock.advanceAsync(90_000);
    record('a', 'Throttling');
    await clock.advanceAsync(0);
    assert.deepEqual([events(), await counts()], [['Throttling ×31'], [1, 2, 0, 0]]);
  });

  it('begins another Event after six quiet minutes, and for another object of the same name', async () => {
    const { clock, record, events, recorder } = bench();
    record('a', 'Throttling');
    await clock.advanceAsync(360_000);
    record('a', 'Throttling');
    await clock.advanceAsync(360_001);
    record('a', 'Throttling');
    record('a', 'Throttling', 'u2');
    await clock.advanceAsync(0);
    assert.deepEqual(events(), ['Throttling ×2', 'Throttling', 'Throttling']);
    assert.equal(recorder.size, 2);
  });

  it('creates it again where the API server has forgotten it', async () => {
    const { clock, record, client, events } = bench();
    record('a', 'Throttling');
    await clock.advanceAsync(60_000);
    client.delete(client.paths()[0]!);
    record('a', 'Throttling');
    await clock.advanceAsync(0);
    assert.deepEqual([events(), client.verbs()], [['Throttling ×2'], ['POST', 'PATCH', 'POST']]);
  });

  it('takes one that is there already for written: the answer of an earlier try was lost', async () => {
    const { clock, record, client, counts } = bench();
    client.before = (call) => {
      if (call.method === 'POST') throw failure(call, 409, 'AlreadyExists');
    };
    record('a', 'Throttling');
    await clock.advanceAsync(0);
    assert.deepEqual(await counts(), [1, 0, 0, 0]);
  });

  it('names no right, and quotes the server, where a namespace is going away', async () => {
    const { clock, record, client, logger } = bench();
    const sentence = 'unable to create new content in namespace shop because it is being terminated';
    client.before = (call) => {
      throw forbidden(call, `events.events.k8s.io "cls.1" is forbidden: ${sentence}`);
    };
    record('a', 'Throttling');
    await clock.advanceAsync(0);
    const [line] = logger.fieldsOf('events.lost');
    assert.deepEqual([line?.['manifest'], String(line?.['error']).includes(sentence)], [undefined, true]);
  });

  it('tells of failures in one line a minute, with the right that is missing, and goes on', async () => {
    const { clock, record, client, logger, events, counts } = bench();
    client.before = (call) => {
      throw withoutRight(call, 'create', 'events', 'events.k8s.io');
    };
    for (let index = 0; index < 50; index++) record(`p${index}`, 'Throttling');
    await clock.advanceAsync(59_000);
    assert.deepEqual(logger.valuesOf('events.lost', 'failed', 'dropped', 'namespace', 'manifest'), [
      [1, 0, 'default', 'k8s/base/cluster-role-writer.yaml'],
    ]);
    await clock.advanceAsync(1000);
    record('p0', 'Throttling');
    await clock.advanceAsync(0);
    assert.deepEqual(logger.valuesOf('events.lost', 'failed'), [[1], [50]]);
    client.before = () => undefined;
    await clock.advanceAsync(60_000);
    record('p0', 'Throttling');
    await clock.advanceAsync(0);
    assert.deepEqual([events(), await counts()], [['Throttling ×3'], [1, 0, 51, 0]]);
  });

  it('never lets a reconcile wait, and drops what is too much', async () => {
    const { clock, record, client, counts, logger } = bench();
    const gate = Promise.withResolvers<undefined>();
    const call = client.call.bind(client);
    client.call = async (request) => {
      await gate.promise;
      return call(request);
    };
    for (let index = 0; index < maxWaitingEvents + 11; index++) record(`p${index}`, 'Throttling');
    gate.resolve(undefined);
    await clock.advanceAsync(0);
    while (client.calls.length <= maxWaitingEvents) await clock.advanceAsync(0);
    assert.deepEqual(await counts(), [maxWaitingEvents + 1, 0, 0, 10]);
    assert.deepEqual(logger.valuesOf('events.lost', 'dropped'), [[1]]);
  });

  it('remembers so many and no more, and writes what it forgets', async () => {
    const { clock, record, recorder, events } = bench();
    record('first', 'Throttling');
    await clock.advanceAsync(0);
    record('first', 'Throttling');
    for (let index = 0; index < maxEventSeries; index++) {
      record(`p${index}`, 'Throttling');
      if (index % 500 === 0) await clock.advanceAsync(0);
    }
    await clock.advanceAsync(0);
    assert.equal(recorder.size, maxEventSeries);
    assert.equal(clock.pending(), 0);
    assert.deepEqual([events().length, events()[0]], [maxEventSeries + 1, 'Throttling ×2']);
  });

  it('writes what it has counted when it is closed, and drops what comes later', async () => {
    const { clock, record, recorder, events, counts } = bench();
    record('a', 'Throttling');
    await clock.advanceAsync(0);
    record('a', 'Throttling');
    await recorder.close(1000);
    assert.deepEqual(events(), ['Throttling ×2']);
    record('b', 'Throttling');
    assert.deepEqual([await counts(), clock.pending()], [[1, 1, 0, 1], 0]);
  });

  it('does not wait longer than it is given when it is closed', async () => {
    const { clock, record, recorder, client, counts, logger } = bench();
    client.call = ({ signal }) =>
      new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('aborted'))));
    record('a', 'Throttling');
    record('b', 'Throttling');
    const closed = recorder.close(1000);
    await clock.advanceAsync(1000);
    await closed;
    assert.deepEqual(await counts(), [0, 0, 1, 1]);
    const told = logger.fieldsOf('events.lost').map(({ failed, dropped }) => [failed, dropped]);
    assert.deepEqual(told, [
      [1, 0],
      [0, 1],
    ]);
  });
});
