import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { Registry } from 'prom-client';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import { requestKey, type PipelineChange } from '../reconcile/ports.ts';
import { ObjectWriter } from './write/object-writer.ts';
import { createReflectorMetrics } from './watch/reflector-report.ts';
import { KubernetesPipelines } from './kubernetes-pipelines.ts';
import { OwnWrites } from './write/own-writes.ts';
import { ModelApiServer, widgets } from './watch/model-api-server.fixture.ts';
import type { CachedPipeline } from './pipeline-object.ts';
import { pipelineOf } from '../controller/controller.fixture.ts';

async function bench(t: TestContext, groups: readonly string[] = [widgets.group]) {
  const [clock, registry, logger, model] = [
    new FakeClock(),
    new Registry(),
    new RecordingLogger(),
    new ModelApiServer(),
  ];
  const changes: PipelineChange[] = [];
  const pipelines = new KubernetesPipelines({
    client: model,
    clock,
    schedule: new SliceSchedule(clock),
    logger,
    registry,
    metrics: createReflectorMetrics(registry),
    writer: new ObjectWriter({ client: model, clock, logger, registry }),
    resources: groups.map((group) => ({ ...widgets, group })),
    onChange: (change) => changes.push(change),
  });
  t.after(() => pipelines.close());
  await pipelines.open();
  await clock.advanceAsync(0);
  await pipelines.synced();
  return { pipelines, clock, logger, model, changes };
}

describe('KubernetesPipelines', () => {
  it('keeps objects of one kind and name in two groups apart', async (t) => {
    const { pipelines, clock, model } = await bench(t, ['example.org', 'example.com']);
    model.put('a', 'spec');
    await clock.advanceAsync(0);
    assert.deepEqual(pipelines.list().map(requestKey), ['Widget.example.com/a', 'Widget.example.org/a']);
    for (const request of pipelines.list()) {
      assert.equal(pipelines.get(request)?.apiVersion, `${request.group}/v1`);
    }
  });

  it('tells once of an object that two entries watch: when the first shows it, and when neither does', async (t) => {
    const { clock, model, changes } = await bench(t, ['example.org', 'example.org']);
    model.put('a', 'spec');
    await clock.advanceAsync(0);
    model.delete('a');
    await clock.advanceAsync(0);
    assert.deepEqual(
      changes.map(({ kind }) => kind),
      ['added', 'removed'],
    );
  });

  it('tells of each pipeline, and of thousands at once only how many there were', async (t) => {
    const { clock, logger, model, changes } = await bench(t);
    for (let index = 0; index < 3000; index++) model.put(`p-${index}`, 'spec');
    await clock.advanceAsync(0);
    assert.equal(changes.length, 3000);
    const levels = logger.linesOf('pipeline.added').map(({ level }) => level);
    assert.deepEqual(
      [levels.length, levels.filter((level) => level === 'info').length, new Set(levels.slice(50))],
      [3000, 50, new Set(['debug'])],
    );
    await clock.advanceAsync(1000);
    assert.deepEqual(logger.valuesOf('pipeline.lines_limited', 'lines', 'per_second'), [[2950, 50]]);
    model.delete('p-0');
    await clock.advanceAsync(0);
    assert.deepEqual(
      logger.linesOf('pipeline.removed').map(({ level }) => level),
      ['info'],
    );
  });
});

function cached(resourceVersion: string, uid = 'u1'): CachedPipeline {
  const request = { kind: 'TracePipeline', name: 'a' };
  return {
    request,
    pipeline: pipelineOf('TracePipeline', 'a'),
    hasAllConditions: true,
    path: '/a',
    uid,
    resourceVersion,
  };
}

describe('OwnWrites', () => {
  it('gives what was written until the cache has it or something newer', () => {
    const [writes, before, written] = [new OwnWrites<CachedPipeline>(), cached('99'), cached('100')];
    assert.equal(writes.latest('a', before), before);
    writes.add('a', written);
    assert.equal(writes.latest('a', before), written);
    assert.equal(writes.latest('b', before), before);
    for (const version of ['100', '101']) {
      writes.add('a', written);
      const now = cached(version);
      assert.equal(writes.latest('a', now), now);
      assert.equal(writes.size, 0);
      assert.equal(writes.latest('a', before), before);
    }
  });

  it('gives the cache the last word on one that is gone, or gone and there again, or whose versions are no numbers', () => {
    for (const now of [undefined, cached('50', 'u2'), cached('abc')]) {
      const writes = new OwnWrites<CachedPipeline>();
      writes.add('a', cached('100'));
      assert.equal(writes.latest('a', now), now);
      assert.equal(writes.size, 0);
    }
  });
});
