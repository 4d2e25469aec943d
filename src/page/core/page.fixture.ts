import type { Alert, Fact, Pipeline, Run } from '../../explain/schema.ts';
import type { Silence } from './state.ts';

/** What a Tocsin with one pipeline in trouble says. Times are seconds after 10:00. */

export const start = Date.parse('2026-01-01T10:00:00.000Z');

export function at(seconds: number): string {
  return new Date(start + seconds * 1000).toISOString();
}

export function fact(id: number, event: string, fields: object = {}): Fact {
  return { id, time: at(id), level: 'info', event, msg: `the ${event}`, ...fields };
}

export const throttling: Alert = {
  fingerprint: '0123456789abcdef',
  alertname: 'TraceGatewayThrottling',
  labels: { alertname: 'TraceGatewayThrottling', severity: 'warning' },
  status: 'firing',
  starts_at: at(1),
  ends_at: at(600),
  silenced_by: [],
};

export const backend: Pipeline = {
  kind: 'TracePipeline',
  name: 'backend',
  condition: { status: 'True', reason: 'FlowHealthy', message: 'No problems', since: at(0) },
  firing: [],
  paused_by: [],
};

export function changed(id: number, from: string, to: string, fields: object = {}): Fact {
  const reason = to === 'True' ? 'FlowHealthy' : 'GatewayThrottling';
  const fromReason = from === 'True' ? 'FlowHealthy' : 'GatewayThrottling';
  const about = { run: `run${id}`, kind: 'TracePipeline', name: 'backend', type: 'TelemetryFlowHealthy' };
  return fact(id, 'condition.changed', {
    ...about,
    from,
    to,
    from_reason: fromReason,
    reason,
    message: 'm',
    ...fields,
  });
}

export function ended(id: number, result = 'unchanged', fields: object = {}): Fact {
  const event = ['error', 'terminal_error', 'cancelled'].includes(result) ? 'reconcile.failed' : 'reconcile.finished';
  return fact(id, event, {
    run: `run${id}`,
    kind: 'TracePipeline',
    name: 'backend',
    priority: 'alert',
    result,
    ...fields,
  });
}

export const changedRun: Run = {
  id: 'run5',
  pipeline: { kind: 'TracePipeline', name: 'backend' },
  at: at(5),
  priority: 'alert',
  triggers: ['alert'],
  causes: [{ ...throttlingName(), status: 'firing', changed_at: at(1), first_seen: at(4), last_seen: at(4), count: 2 }],
  more_causes: 0,
  request_ids: ['my-test'],
  event_ids: ['fe190949'],
  hops: { received: at(4), emitted: at(4), started: at(5), finished: at(6) },
  prometheus: { status: 'success', firing: 3, not_in_prometheus: [] },
  decided_by: [throttlingName()],
  outcome: 'changed',
  transition: {
    type: 'TelemetryFlowHealthy',
    from: 'True',
    to: 'False',
    from_reason: 'FlowHealthy',
    reason: 'GatewayThrottling',
    message: 'OTLP Gateway is unable to receive spans',
  },
  look_again_at: at(306),
};

function throttlingName(): { fingerprint: string; alertname: string; labels: Record<string, string> } {
  return { fingerprint: throttling.fingerprint!, alertname: throttling.alertname, labels: throttling.labels };
}

export const maintenance: Silence = {
  id: 'a9c3b169-d715-4bd2-9a85-621ef05f791c',
  status: { state: 'active' },
  matchers: [{ name: 'severity', value: 'warning', isRegex: false, isEqual: true }],
  startsAt: at(0),
  endsAt: at(3600),
  createdBy: 'ann',
  comment: 'the disk is replaced',
};
