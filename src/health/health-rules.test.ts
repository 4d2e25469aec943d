import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { FiringAlerts } from '../alert/firing-alerts.ts';
import { configurationNotGenerated, flowHealth, probingFailed } from './flow-health.ts';
import { healthRules, type Flavour } from './health-rules.ts';
import type { Pipeline } from '../reconcile/ports.ts';

// Every text that users see, spelled out a second time: changing one changes the contract.
const rows: readonly (readonly [flavour: Flavour, alertname: string, reason: string, message: string])[] = [
  [
    'trace',
    'TraceGatewayAllDataDropped',
    'GatewayAllTelemetryDataDropped',
    'Backend is not reachable or rejecting spans. All spans are dropped in OTLP Gateway. See troubleshooting: https://kyma-project.io/external-content/telemetry-manager/docs/user/troubleshooting.html#no-data-arrive-at-the-backend',
  ],
  [
    'trace',
    'TraceGatewaySomeDataDropped',
    'GatewaySomeTelemetryDataDropped',
    'Backend is reachable, but rejecting spans. Some spans are dropped in OTLP Gateway. See troubleshooting: https://kyma-project.io/external-content/telemetry-manager/docs/user/troubleshooting.html#not-all-data-arrive-at-the-backend',
  ],
  [
    'trace',
    'TraceGatewayThrottling',
    'GatewayThrottling',
    'OTLP Gateway is unable to receive spans at current rate. See troubleshooting: https://kyma-project.io/external-content/telemetry-manager/docs/user/troubleshooting.html#gateway-throttling',
  ],
  [
    'metric',
    'MetricGatewayAllDataDropped',
    'GatewayAllTelemetryDataDropped',
    'Backend is not reachable or rejecting metrics. All metrics are dropped in OTLP Gateway. See troubleshooting: https://kyma-project.io/external-content/telemetry-manager/docs/user/troubleshooting.html#no-data-arrive-at-the-backend',
  ],
  [
    'metric',
    'MetricGatewaySomeDataDropped',
    'GatewaySomeTelemetryDataDropped',
    'Backend is reachable, but rejecting metrics. Some metrics are dropped in OTLP Gateway. See troubleshooting: https://kyma-project.io/external-content/telemetry-manager/docs/user/troubleshooting.html#not-all-data-arrive-at-the-backend',
  ],
  [
    'metric',
    'MetricGatewayThrottling',
    'GatewayThrottling',
    'OTLP Gateway is unable to receive metrics at current rate. See troubleshooting: https://kyma-project.io/external-content/telemetry-manager/docs/user/troubleshooting.html#gateway-throttling',
  ],
  [
    'metric',
    'MetricAgentAllDataDropped',
    'AgentAllTelemetryDataDropped',
    'Backend is not reachable or rejecting metrics. All metrics are dropped in Metric Agent. See troubleshooting: https://kyma-project.io/external-content/telemetry-manager/docs/user/troubleshooting.html#no-data-arrive-at-the-backend',
  ],
  [
    'metric',
    'MetricAgentSomeDataDropped',
    'AgentSomeTelemetryDataDropped',
    'Backend is reachable, but rejecting metrics. Some metrics are dropped in Metric Agent. See troubleshooting: https://kyma-project.io/external-content/telemetry-manager/docs/user/troubleshooting.html#not-all-data-arrive-at-the-backend',
  ],
  [
    'log-otlp',
    'LogAgentAllDataDropped',
    'AgentAllTelemetryDataDropped',
    'Backend is not reachable or rejecting logs. All logs are dropped in Log Agent. See troubleshooting: https://kyma-project.io/external-content/telemetry-manager/docs/user/troubleshooting.html#no-data-arrive-at-the-backend',
  ],
  [
    'log-otlp',
    'LogAgentSomeDataDropped',
    'AgentSomeTelemetryDataDropped',
    'Backend is reachable, but rejecting logs. Some logs are dropped in Log Agent. See troubleshooting: https://kyma-project.io/external-content/telemetry-manager/docs/user/troubleshooting.html#not-all-data-arrive-at-the-backend',
  ],
  [
    'log-otlp',
    'LogGatewayAllDataDropped',
    'GatewayAllTelemetryDataDropped',
    'Backend is not reachable or rejecting logs. All logs are dropped in OTLP Gateway. See troubleshooting: https://kyma-project.io/external-content/telemetry-manager/docs/user/troubleshooting.html#no-data-arrive-at-the-backend',
  ],
  [
    'log-otlp',
    'LogGatewaySomeDataDropped',
    'GatewaySomeTelemetryDataDropped',
    'Backend is reachable, but rejecting logs. Some logs are dropped in OTLP Gateway. See troubleshooting: https://kyma-project.io/external-content/telemetry-manager/docs/user/troubleshooting.html#not-all-data-arrive-at-the-backend',
  ],
  [
    'log-otlp',
    'LogGatewayThrottling',
    'GatewayThrottling',
    'OTLP Gateway is unable to receive logs at current rate. See troubleshooting: https://kyma-project.io/external-content/telemetry-manager/docs/user/troubleshooting.html#gateway-throttling',
  ],
  [
    'log-fluent-bit',
    'LogFluentBitAllDataDropped',
    'AgentAllTelemetryDataDropped',
    'Backend is not reachable or rejecting logs. All logs are dropped. See troubleshooting: https://kyma-project.io/#/telemetry-manager/user/02-logs?id=no-logs-arrive-at-the-backend',
  ],
  [
    'log-fluent-bit',
    'LogFluentBitSomeDataDropped',
    'AgentSomeTelemetryDataDropped',
    'Backend is reachable, but rejecting logs. Some logs are dropped. See troubleshooting: https://kyma-project.io/#/telemetry-manager/user/02-logs?id=not-all-logs-arrive-at-the-backend',
  ],
  [
    'log-fluent-bit',
    'LogFluentBitNoLogsDelivered',
    'AgentNoLogsDelivered',
    'Backend is not reachable or rejecting logs. Logs are buffered and not yet dropped. See troubleshooting: https://kyma-project.io/#/telemetry-manager/user/02-logs?id=no-logs-arrive-at-the-backend',
  ],
  [
    'log-fluent-bit',
    'LogFluentBitBufferInUse',
    'AgentBufferFillingUp',
    'Buffer nearing capacity. Incoming log rate exceeds export rate. See troubleshooting: https://kyma-project.io/#/telemetry-manager/user/02-logs?id=agent-buffer-filling-up',
  ],
];

const notGenerated: Readonly<Record<Flavour, string>> = {
  trace:
    "No spans delivered to backend because TracePipeline specification is not applied to the configuration of OTLP Gateway. Check the 'ConfigurationGenerated' condition for more details",
  metric:
    "No metrics delivered to backend because MetricPipeline specification is not applied to the configuration of OTLP Gateway. Check the 'ConfigurationGenerated' condition for more details",
  'log-otlp':
    "No logs delivered to backend because LogPipeline specification is not applied to the configuration of Log Agent and OTLP Gateway. Check the 'ConfigurationGenerated' condition for more details",
  'log-fluent-bit':
    "No logs delivered to backend because LogPipeline specification is not applied to the configuration of Log Agent. Check the 'ConfigurationGenerated' condition for more details",
};

const gatewayFailed = [
  'GatewayProbingFailed',
  'Could not determine the health of the telemetry flow because the self monitor probing of gateway failed',
] as const;
const agentFailed = [
  'AgentProbingFailed',
  'Could not determine the health of the telemetry flow because the self monitor probing of agent failed',
] as const;
const failed: Readonly<Record<Flavour, readonly [string, string]>> = {
  trace: gatewayFailed,
  metric: gatewayFailed,
  'log-otlp': agentFailed,
  'log-fluent-bit': agentFailed,
};

const pipelines: Readonly<Record<Flavour, Pipeline>> = {
  trace: pipelineOf('TracePipeline', { output: { otlp: {} } }),
  metric: pipelineOf('MetricPipeline', { output: { otlp: {} } }),
  'log-otlp': pipelineOf('LogPipeline', { output: { otlp: {} } }),
  'log-fluent-bit': pipelineOf('LogPipeline', { output: { http: {} } }),
};

function pipelineOf(kind: string, spec: Pipeline['spec']): Pipeline {
  const apiVersion = 'telemetry.kyma-project.io/v1beta1';
  return { apiVersion, kind, name: 'backend', generation: 7, spec, conditions: [] };
}

function expected(status: string, reason: string, message: string): object {
  return { type: 'TelemetryFlowHealthy', status, reason, message, observedGeneration: 7 };
}

describe('healthRules', () => {
  for (const [flavour, alertname, reason, message] of rows) {
    it(`says ${reason} of a ${flavour} pipeline when ${alertname} fires`, () => {
      const firing = FiringAlerts.of([{ alertname, pipeline_name: 'backend' }]);
      assert.deepEqual(flowHealth(pipelines[flavour], firing).condition, expected('False', reason, message));
    });
  }

  it('have no row that is not listed here', () => {
    const alertnames = healthRules.alerts.map(({ flavour, rule }) => [
      flavour,
      healthRules.alertnamePrefix[flavour] + rule,
    ]);
    assert.deepEqual(alertnames.toSorted(), rows.map(([flavour, alertname]) => [flavour, alertname]).toSorted());
  });

  for (const flavour of ['trace', 'metric', 'log-otlp', 'log-fluent-bit'] as const) {
    it(`says FlowHealthy of a ${flavour} pipeline when nothing fires`, () => {
      const healthy = expected('True', 'FlowHealthy', 'No problems detected in the telemetry flow');
      assert.deepEqual(flowHealth(pipelines[flavour], FiringAlerts.of([])).condition, healthy);
    });

    it(`says ConfigurationNotGenerated of a ${flavour} pipeline whose configuration is not generated`, () => {
      const message = notGenerated[flavour];
      const conditions = [
        {
          type: 'ConfigurationGenerated',
          status: 'False' as const,
          reason: 'EndpointInvalid',
          message: '',
          lastTransitionTime: '2026-11-21T03:00:00Z',
        },
      ];
      assert.deepEqual(
        configurationNotGenerated({ ...pipelines[flavour], conditions })?.condition,
        expected('False', 'ConfigurationNotGenerated', message),
      );
    });

    it(`says ${failed[flavour][0]} of a ${flavour} pipeline when it is unknown what fires`, () => {
      assert.deepEqual(
        probingFailed(pipelines[flavour], new Error()).condition,
        expected('Unknown', ...failed[flavour]),
      );
    });
  }
});
