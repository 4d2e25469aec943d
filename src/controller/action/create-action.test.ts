import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { RecordingLogger } from '../../runtime/logger.fixture.ts';
import { annotateDefaults, FakeAlerts, FakePipelines, kinds } from '../controller.fixture.ts';
import { createControllerMetrics } from '../controller-metrics.ts';
import { createAction } from './create-action.ts';
import { VerdictHolder } from './verdict-holder.ts';

describe('createAction', () => {
  it('says what to do where the pipelines are in a folder, which nobody watches for annotations', () => {
    const metrics = createControllerMetrics(new Registry(), kinds, () => new Map());
    const pipelines = new FakePipelines();
    const common = {
      clock: new FakeClock(),
      logger: new RecordingLogger(),
      metrics,
      alerts: new FakeAlerts(),
      pipelines,
    };
    const config = { action: 'annotate', requeue_after: 1, annotate: annotateDefaults } as const;
    assert.throws(
      () => createAction({ ...common, holder: new VerdictHolder(common), config }),
      /controller\.action is annotate, which needs pipelines in Kubernetes.*--kubeconfig/,
    );
  });
});
