import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Flavour } from '../../../src/health/health-rules.ts';
import { healthRules } from '../../../src/health/health-rules.ts';
import type { Condition } from '../../../src/reconcile/ports.ts';
import { condition } from '../../contract/condition-writer.cases.ts';
import { eventually } from '../../../src/runtime/eventually.fixture.ts';
import { startFakePrometheus, type FakePrometheus } from '../../../src/prometheus/fake-prometheus.fixture.ts';
import type { LogLine } from '../../support/log-lines.ts';
import { KubeAdmin } from '../../support/kube-admin.ts';
import { skipWithoutKube } from '../../support/kube-api-server.ts';
import { pipelineCrdKinds, type PipelineCrdKind } from '../../support/pipeline-crds.ts';
import { postAlerts, type PostedAlert } from '../../../src/receiver/post-alerts.fixture.ts';
import { kubeconfigWith } from '../../support/service-account.ts';
import { useSharedKubeApiServer } from '../../support/shared-kube-api-server.ts';
import { sweepOf } from '../../support/sweep-lines.ts';
import { startTocsin, type TocsinProcess } from '../../support/tocsin-process.ts';

/** One pipeline of each flavour, named after it. */
const pipelines: Readonly<Record<Flavour, readonly [kind: PipelineCrdKind, output: object]>> = {
  trace: ['TracePipeline', { otlp: {} }],
  metric: ['MetricPipeline', { otlp: {} }],
  'log-otlp': ['LogPipeline', { otlp: {} }],
  'log-fluent-bit': ['LogPipeline', { http: {} }],
};
const flavours = Object.keys(pipelines) as Flavour[];
const foreign = condition('GatewayHealthy');
const files = ['base/cluster-role-reader.yaml', 'base/cluster-role-writer.yaml'];

describe('the health rules, from a POST to the condition on a real API server', { skip: skipWithoutKube() }, () => {
  const kube = useSharedKubeApiServer();
  let admin: KubeAdmin;
  let prometheus: FakePrometheus;
  let tocsin: TocsinProcess;

  before(async () => {
    admin = new KubeAdmin(kube());
    for (const name of flavours) {
      const [kind, output] = pipelines[name];
      await admin.create(kind, [name], { output });
      await admin.setConditions(kind, name, [foreign]);
    }
    prometheus = await startFakePrometheus();
    const kubeconfig = await kubeconfigWith(kube(), 'tocsin', files);
    const config = '{source: {debounce: {wait: 0s, max_wait: 1ms}}}';
    tocsin = await startTocsin({
      config,
      args: [`--kubeconfig=${kubeconfig}`, `--prometheus.url=${prometheus.url}`],
    });
    await tocsin.log.waitForLine(({ event }) => event === 'sweep.finished');
  });

  after(async () => void (await Promise.allSettled([tocsin?.stop(), prometheus?.stop(), admin?.close()])));

  it('write FlowHealthy where nothing fires', async () => {
    for (const flavour of flavours) assert.deepEqual(await flowOf(flavour), healthy);
  });

  // The end of each alert is pushed, as Prometheus does: otherwise its condition would stay for prometheus.heal_grace.
  let earlier: readonly PostedAlert[] = [];
  for (const { flavour, rule, reason, message } of healthRules.alerts) {
    const alertname = healthRules.alertnamePrefix[flavour] + rule;
    it(`write ${reason} for ${alertname} into the ${flavour} pipeline, and nothing into the others`, async () => {
      const alert = { labels: { alertname, pipeline_name: flavour } };
      prometheus.answer([{ ...alert, state: 'firing' }]);
      const swept = await tocsin.log.waitForLine(sweepOf(await postAlerts(tocsin.url, [...earlier, alert])));
      assert.equal(swept['failed'], 0);
      earlier = [{ ...alert, endsAt: '2026-01-01T00:00:00Z' }];

      assert.deepEqual(await flowOf(flavour), { ...healthy, status: 'False', reason, message });
      for (const other of flavours) if (other !== flavour) assert.deepEqual(await flowOf(other), healthy);
    });
  }

  it('write FlowHealthy again when it is resolved', async () => {
    prometheus.answer([]);
    await tocsin.log.waitForLine(sweepOf(await postAlerts(tocsin.url, earlier)));
    for (const flavour of flavours) assert.deepEqual(await flowOf(flavour), healthy);
  });

  it('are shown by kubectl get', async () => {
    prometheus.answer([{ labels: { alertname: 'MetricAgentAllDataDropped' }, state: 'firing' }]);
    await tocsin.log.waitForLine(sweepOf(await postAlerts(tocsin.url, [{ labels: { alertname: 'Any' } }])));
    const names = pipelineCrdKinds.map((kind) => kind.toLowerCase()).join(',');
    const rows = (await kube().kubectl(['get', names, '--no-headers'])).split('\n').filter(Boolean);
    // Name, FlowHealthy, age: nobody has written ConfigurationGenerated.
    assert.deepEqual(rows.map((row) => row.split(/ +/).slice(0, 2).join(' ')).toSorted(), [
      'logpipeline.telemetry.kyma-project.io/log-fluent-bit True',
      'logpipeline.telemetry.kyma-project.io/log-otlp True',
      'metricpipeline.telemetry.kyma-project.io/metric False',
      'tracepipeline.telemetry.kyma-project.io/trace True',
    ]);
  });

  it('write that the probing failed while Prometheus is away', async () => {
    await prometheus.stop();
    const seen = tocsin.log.all.length;
    await postAlerts(tocsin.url, [{ labels: { alertname: 'Any' } }]);
    const isUnknown = (name: string) => (line: LogLine) =>
      line.event === 'condition.changed' && line['name'] === name && line['to'] === 'Unknown';
    for (const flavour of flavours) {
      // It is not Unknown at once, since the failure could be over in a moment.
      await tocsin.log.waitForLine(isUnknown(flavour), 30_000, seen);
      const component = flavour.startsWith('log') ? 'agent' : 'gateway';
      const expected = { ...healthy, status: 'Unknown', ...healthRules.probingFailed[component] };
      assert.deepEqual(await flowOf(flavour), expected);
    }
  });

  it('write, unasked, that a configuration was not generated as soon as its operator says so', async () => {
    for (const flavour of flavours) {
      const [kind] = pipelines[flavour];
      const list = await admin.conditions(kind, flavour);
      await admin.setConditions(kind, flavour, [
        ...list,
        condition('ConfigurationGenerated', 'Bad', { status: 'False' }),
      ]);
      const expected = { ...healthy, status: 'False', ...healthRules.notGenerated[flavour] };
      await eventually(
        () => flowOf(flavour),
        ({ reason }) => reason === expected.reason,
      );
      assert.deepEqual(await flowOf(flavour), expected);
    }
  });

  it('never touched the conditions of others, nor their order', async () => {
    for (const flavour of flavours) {
      const [first, second, third] = await admin.conditions(pipelines[flavour][0], flavour);
      assert.deepEqual(first, foreign);
      assert.deepEqual([second?.type, third?.type], ['TelemetryFlowHealthy', 'ConfigurationGenerated']);
    }
  });

  /** Without its time, which is only checked. */
  async function flowOf(flavour: Flavour): Promise<Omit<Condition, 'lastTransitionTime'>> {
    const found = await admin.conditions(pipelines[flavour][0], flavour);
    const [flow, ...more] = found.filter(({ type }) => type === 'TelemetryFlowHealthy');
    assert.ok(flow !== undefined && more.length === 0, JSON.stringify(found));
    const { lastTransitionTime, ...rest } = flow;
    assert.match(lastTransitionTime, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    return rest;
  }
});

const healthy = {
  type: 'TelemetryFlowHealthy',
  status: 'True',
  ...healthRules.healthy,
  observedGeneration: 1,
} as const;
