import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { RecordingLogger } from '../../runtime/logger.fixture.ts';
import { Causes, type Trigger } from '../../cause/causes.ts';
import { AnnotateAction, requestAnnotations } from './annotate-action.ts';
import {
  alertCauses,
  annotateDefaults,
  FakePipelines,
  kinds,
  metricOf,
  pipelineOf,
  trace,
} from '../controller.fixture.ts';
import { createControllerMetrics } from '../controller-metrics.ts';
import type { Result } from '../../reconcile/ports.ts';

const at = Date.parse('2026-11-21T03:00:00.125Z');

function bench() {
  const [logger, registry, pipeline] = [new RecordingLogger(), new Registry(), pipelineOf('TracePipeline', 'cls')];
  const pipelines = new FakePipelines(pipeline);
  const metrics = createControllerMetrics(registry, kinds, () => new Map());
  const action = new AnnotateAction({ logger, metrics, annotator: pipelines, config: annotateDefaults });
  const perform = (causes: Causes): Promise<Result> =>
    action.perform({ id: 'run', request: trace('cls'), pipeline, causes, signal: new AbortController().signal });
  return { logger, registry, pipelines, perform };
}

describe('AnnotateAction', () => {
  it('sets the time and the cause, logs it, and counts it', async () => {
    const { perform, pipelines, logger, registry } = bench();
    const annotations = {
      'tocsin.dev/requested-at': '2026-11-21T03:00:00.125Z',
      'tocsin.dev/cause': 'InstanceDown firing',
    };
    assert.deepEqual(await perform(alertCauses(at)), { outcome: 'changed', notInPrometheus: [] });
    assert.deepEqual(pipelines.annotations, [{ name: 'cls', annotations }]);
    assert.deepEqual(logger.lines, [
      {
        level: 'info',
        event: 'object.annotated',
        msg: 'the operator of the object is asked to reconcile it',
        fields: {
          run: 'run',
          ...trace('cls'),
          annotations,
          causes: ['InstanceDown firing'],
          alerts: 1,
          request_ids: ['r1'],
        },
      },
    ]);
    assert.equal(await metricOf(registry, 'tocsin_annotations_total', { kind: 'TracePipeline' }), 1);
  });

  for (const trigger of ['start', 'resync', 'requeue', 'pipeline', 'reload'] as const satisfies readonly Trigger[]) {
    it(`writes nothing for ${trigger} alone, and writes if an alert comes with it`, async () => {
      const { perform, pipelines, logger } = bench();
      assert.deepEqual(await perform(Causes.of(trigger, at)), { outcome: 'unchanged', notInPrometheus: [] });
      assert.deepEqual([pipelines.annotations, logger.lines], [[], []]);
      await perform(Causes.union(alertCauses(at), Causes.of(trigger, at + 1)));
      assert.equal(pipelines.annotations[0]?.annotations['tocsin.dev/cause'], `InstanceDown firing, ${trigger}`);
    });
  }

  it('logs nothing about an object that was deleted meanwhile', async () => {
    const { perform, pipelines, logger } = bench();
    pipelines.remove(trace('cls'));
    assert.deepEqual(await perform(alertCauses(at)), { outcome: 'gone', notInPrometheus: [] });
    assert.deepEqual(logger.lines, []);
  });

  it('rejects if it cannot write', async () => {
    const { perform, pipelines, logger } = bench();
    pipelines.beforeWrite = () => Promise.reject(new Error('403'));
    await assert.rejects(perform(alertCauses(at)), /403/);
    assert.deepEqual(logger.lines, []);
  });
});

function causesOf(...alertnames: readonly string[]): Causes {
  const causes = new Causes();
  for (const [index, alertname] of alertnames.entries()) {
    causes.addAlert(String(index), { labels: { alertname, token: 'hunter2' } }, 'firing', 1000 + index);
  }
  return causes;
}

describe('requestAnnotations', () => {
  it('gives the time of the newest cause, the same for a retry, and the newest alert first', () => {
    const expected = {
      'tocsin.dev/requested-at': '1970-01-01T00:00:01.001Z',
      'tocsin.dev/cause': 'B firing, A firing',
    };
    assert.deepEqual(requestAnnotations(causesOf('A', 'B'), annotateDefaults), expected);
    assert.deepEqual(requestAnnotations(causesOf('A', 'B'), annotateDefaults), expected);
  });

  it('accepts other keys, a word instead of the time, and no cause', () => {
    const config = {
      requested_at_key: 'argocd.argoproj.io/refresh',
      requested_at_value: 'normal',
      cause_key: null,
    };
    assert.deepEqual(requestAnnotations(causesOf('A'), config), { 'argocd.argoproj.io/refresh': 'normal' });
  });

  it('contains nothing of an alert but its name', () => {
    assert.ok(!JSON.stringify(requestAnnotations(causesOf('A'), annotateDefaults)).includes('hunter2'));
  });
});
