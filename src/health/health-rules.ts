/** Kinds of pipeline that can fail in different ways: each has its own alerts, reasons and messages. */
export type Flavour = 'trace' | 'metric' | 'log-otlp' | 'log-fluent-bit';

/** The part of the data path that is checked. Fluent Bit counts as an agent. */
export type Component = 'gateway' | 'agent';

/** How bad a problem is, the worst first. Of all firing problems, the worst is reported. */
export const severities = [
  'all dropped',
  'some dropped',
  'no logs delivered',
  'buffer filling up',
  'throttling',
] as const;

/** The meaning of an alert for the pipelines of one flavour. */
export interface AlertRule {
  readonly flavour: Flavour;
  readonly component: Component;
  /** The alert's name without the prefix of the flavour. */
  readonly rule: string;
  readonly severity: (typeof severities)[number];
  readonly reason: string;
  readonly message: string;
}

export interface Finding {
  readonly reason: string;
  readonly message: string;
}

export interface HealthRules {
  /** The beginning of the name of every alert of a flavour. */
  readonly alertnamePrefix: Readonly<Record<Flavour, 'Trace' | 'Metric' | 'Log'>>;
  /** The problems, status False. */
  readonly alerts: readonly AlertRule[];
  /** None of the alerts fires: status True. */
  readonly healthy: Finding;
  /** The configuration was never applied, so no alert can decide: status False. */
  readonly notGenerated: Readonly<Record<Flavour, Finding>>;
  /** Prometheus has no alert for the pipeline that could fire: status Unknown. */
  readonly noRule: Finding;
  /** It is unknown which alerts could fire: status Unknown. */
  readonly rulesUnknown: Finding;
  /** It is unknown which alerts fire: status Unknown, by the component that is probed first. */
  readonly probingFailed: Readonly<Record<Component, Finding>>;
}

const troubleshooting = 'https://kyma-project.io/external-content/telemetry-manager/docs/user/troubleshooting.html';
const logsTroubleshooting = 'https://kyma-project.io/#/telemetry-manager/user/02-logs?id=';

/**
 * The meaning of the alerts of Kyma's self-monitor for the condition `TelemetryFlowHealthy`. Reasons and messages are those of
 * kyma-project/telemetry-manager (internal/conditions), word for word, because dashboards and people search for them.
 */
export const healthRules: HealthRules = {
  alertnamePrefix: { trace: 'Trace', metric: 'Metric', 'log-otlp': 'Log', 'log-fluent-bit': 'Log' },
  alerts: [
    {
      flavour: 'trace',
      component: 'gateway',
      rule: 'GatewayAllDataDropped',
      severity: 'all dropped',
      reason: 'GatewayAllTelemetryDataDropped',
      message: `Backend is not reachable or rejecting spans. All spans are dropped in OTLP Gateway. See troubleshooting: ${troubleshooting}#no-data-arrive-at-the-backend`,
    },
    {
      flavour: 'trace',
      component: 'gateway',
      rule: 'GatewaySomeDataDropped',
      severity: 'some dropped',
      reason: 'GatewaySomeTelemetryDataDropped',
      message: `Backend is reachable, but rejecting spans. Some spans are dropped in OTLP Gateway. See troubleshooting: ${troubleshooting}#not-all-data-arrive-at-the-backend`,
    },
    {
      flavour: 'trace',
      component: 'gateway',
      rule: 'GatewayThrottling',
      severity: 'throttling',
      reason: 'GatewayThrottling',
      message: `OTLP Gateway is unable to receive spans at current rate. See troubleshooting: ${troubleshooting}#gateway-throttling`,
    },
    {
      flavour: 'metric',
      component: 'gateway',
      rule: 'GatewayAllDataDropped',
      severity: 'all dropped',
      reason: 'GatewayAllTelemetryDataDropped',
      message: `Backend is not reachable or rejecting metrics. All metrics are dropped in OTLP Gateway. See troubleshooting: ${troubleshooting}#no-data-arrive-at-the-backend`,
    },
    {
      flavour: 'metric',
      component: 'gateway',
      rule: 'GatewaySomeDataDropped',
      severity: 'some dropped',
      reason: 'GatewaySomeTelemetryDataDropped',
      message: `Backend is reachable, but rejecting metrics. Some metrics are dropped in OTLP Gateway. See troubleshooting: ${troubleshooting}#not-all-data-arrive-at-the-backend`,
    },
    {
      flavour: 'metric',
      component: 'gateway',
      rule: 'GatewayThrottling',
      severity: 'throttling',
      reason: 'GatewayThrottling',
      message: `OTLP Gateway is unable to receive metrics at current rate. See troubleshooting: ${troubleshooting}#gateway-throttling`,
    },
    {
      flavour: 'metric',
      component: 'agent',
      rule: 'AgentAllDataDropped',
      severity: 'all dropped',
      reason: 'AgentAllTelemetryDataDropped',
      message: `Backend is not reachable or rejecting metrics. All metrics are dropped in Metric Agent. See troubleshooting: ${troubleshooting}#no-data-arrive-at-the-backend`,
    },
    {
      flavour: 'metric',
      component: 'agent',
      rule: 'AgentSomeDataDropped',
      severity: 'some dropped',
      reason: 'AgentSomeTelemetryDataDropped',
      message: `Backend is reachable, but rejecting metrics. Some metrics are dropped in Metric Agent. See troubleshooting: ${troubleshooting}#not-all-data-arrive-at-the-backend`,
    },
    {
      flavour: 'log-otlp',
      component: 'gateway',
      rule: 'GatewayAllDataDropped',
      severity: 'all dropped',
      reason: 'GatewayAllTelemetryDataDropped',
      message: `Backend is not reachable or rejecting logs. All logs are dropped in OTLP Gateway. See troubleshooting: ${troubleshooting}#no-data-arrive-at-the-backend`,
    },
    {
      flavour: 'log-otlp',
      component: 'gateway',
      rule: 'GatewaySomeDataDropped',
      severity: 'some dropped',
      reason: 'GatewaySomeTelemetryDataDropped',
      message: `Backend is reachable, but rejecting logs. Some logs are dropped in OTLP Gateway. See troubleshooting: ${troubleshooting}#not-all-data-arrive-at-the-backend`,
    },
    {
      flavour: 'log-otlp',
      component: 'gateway',
      rule: 'GatewayThrottling',
      severity: 'throttling',
      reason: 'GatewayThrottling',
      message: `OTLP Gateway is unable to receive logs at current rate. See troubleshooting: ${troubleshooting}#gateway-throttling`,
    },
    {
      flavour: 'log-otlp',
      component: 'agent',
      rule: 'AgentAllDataDropped',
      severity: 'all dropped',
      reason: 'AgentAllTelemetryDataDropped',
      message: `Backend is not reachable or rejecting logs. All logs are dropped in Log Agent. See troubleshooting: ${troubleshooting}#no-data-arrive-at-the-backend`,
    },
    {
      flavour: 'log-otlp',
      component: 'agent',
      rule: 'AgentSomeDataDropped',
      severity: 'some dropped',
      reason: 'AgentSomeTelemetryDataDropped',
      message: `Backend is reachable, but rejecting logs. Some logs are dropped in Log Agent. See troubleshooting: ${troubleshooting}#not-all-data-arrive-at-the-backend`,
    },
    {
      flavour: 'log-fluent-bit',
      component: 'agent',
      rule: 'FluentBitAllDataDropped',
      severity: 'all dropped',
      reason: 'AgentAllTelemetryDataDropped',
      message: `Backend is not reachable or rejecting logs. All logs are dropped. See troubleshooting: ${logsTroubleshooting}no-logs-arrive-at-the-backend`,
    },
    {
      flavour: 'log-fluent-bit',
      component: 'agent',
      rule: 'FluentBitSomeDataDropped',
      severity: 'some dropped',
      reason: 'AgentSomeTelemetryDataDropped',
      message: `Backend is reachable, but rejecting logs. Some logs are dropped. See troubleshooting: ${logsTroubleshooting}not-all-logs-arrive-at-the-backend`,
    },
    {
      flavour: 'log-fluent-bit',
      component: 'agent',
      rule: 'FluentBitNoLogsDelivered',
      severity: 'no logs delivered',
      reason: 'AgentNoLogsDelivered',
      message: `Backend is not reachable or rejecting logs. Logs are buffered and not yet dropped. See troubleshooting: ${logsTroubleshooting}no-logs-arrive-at-the-backend`,
    },
    {
      flavour: 'log-fluent-bit',
      component: 'agent',
      rule: 'FluentBitBufferInUse',
      severity: 'buffer filling up',
      reason: 'AgentBufferFillingUp',
      message: `Buffer nearing capacity. Incoming log rate exceeds export rate. See troubleshooting: ${logsTroubleshooting}agent-buffer-filling-up`,
    },
  ],
  healthy: { reason: 'FlowHealthy', message: 'No problems detected in the telemetry flow' },
  notGenerated: {
    trace: {
      reason: 'ConfigurationNotGenerated',
      message:
        "No spans delivered to backend because TracePipeline specification is not applied to the configuration of OTLP Gateway. Check the 'ConfigurationGenerated' condition for more details",
    },
    metric: {
      reason: 'ConfigurationNotGenerated',
      message:
        "No metrics delivered to backend because MetricPipeline specification is not applied to the configuration of OTLP Gateway. Check the 'ConfigurationGenerated' condition for more details",
    },
    'log-otlp': {
      reason: 'ConfigurationNotGenerated',
      message:
        "No logs delivered to backend because LogPipeline specification is not applied to the configuration of Log Agent and OTLP Gateway. Check the 'ConfigurationGenerated' condition for more details",
    },
    'log-fluent-bit': {
      reason: 'ConfigurationNotGenerated',
      message:
        "No logs delivered to backend because LogPipeline specification is not applied to the configuration of Log Agent. Check the 'ConfigurationGenerated' condition for more details",
    },
  },
  noRule: {
    reason: 'NoAlertingRule',
    message: 'Could not determine the health of the telemetry flow because Prometheus has no alerting rule for it',
  },
  rulesUnknown: {
    reason: 'AlertingRulesUnknown',
    message:
      'Could not determine the health of the telemetry flow because it is unknown which alerting rules Prometheus has',
  },
  probingFailed: {
    gateway: {
      reason: 'GatewayProbingFailed',
      message:
        'Could not determine the health of the telemetry flow because the self monitor probing of gateway failed',
    },
    agent: {
      reason: 'AgentProbingFailed',
      message: 'Could not determine the health of the telemetry flow because the self monitor probing of agent failed',
    },
  },
};
