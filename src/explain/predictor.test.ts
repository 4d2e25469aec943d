import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AlertStore } from '../alert/alert-store.ts';
import { posted } from '../alert/alert-store.fixture.ts';
import { FiringAlerts } from '../alert/firing-alerts.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import { Predictor } from './predictor.ts';
import type { LiveTriggers } from './trigger-predictions.ts';

const kind = 'TracePipeline';
const noTriggers: LiveTriggers = {
  isDefault: true,
  matching: () => Promise.resolve([]),
  optedOutFor: () => [],
  kept: [],
  explain: () => Promise.resolve({ items: [], more: 0 }),
};

function predictorOf(pipelines: number): Predictor {
  const clock = new FakeClock();
  const requests = Array.from({ length: pipelines }, (_, n) => ({ kind, name: `p-${n}` }));
  return new Predictor({
    clock,
    schedule: new SliceSchedule(clock),
    store: new AlertStore(() => ({ maxAlerts: 10, maxBytes: 100_000, resolveTimeoutMs: 300_000 })),
    silences: () => [],
    pipelines: {
      list: () => requests,
      get: ({ name }) => ({
        apiVersion: 'telemetry.kyma-project.io/v1beta1',
        kind,
        name,
        generation: 1,
        spec: {},
        conditions: [],
      }),
    },
    asksPrometheus: () => true,
    firingNow: () => Promise.resolve(FiringAlerts.of([])),
    settings: () => ({ select: 'all', repeats: 'trigger', resolveTimeoutMs: 300_000 }),
    select: (_labels, names) => names,
    triggers: noTriggers,
  });
}

describe('Predictor', () => {
  it('shows every pipeline of a single alert', async () => {
    const [prediction] = await predictorOf(150).predict([posted({})]);
    assert.deepEqual([prediction?.requests.length, prediction?.more_requests], [150, 0]);
    assert.deepEqual([prediction?.pipelines.length, prediction?.more_pipelines], [150, 0]);
  });

  it('gives each of many alerts the same share of what an answer may hold, and counts the rest', async () => {
    const predictions = await predictorOf(150).predict(Array.from({ length: 100 }, () => posted({})));
    for (const { because, ...prediction } of predictions) {
      assert.match(because, /150 pipelines/);
      assert.deepEqual([prediction.requests.length, prediction.more_requests], [100, 50]);
      assert.deepEqual([prediction.pipelines.length, prediction.more_pipelines], [10, 140]);
    }
  });
});
