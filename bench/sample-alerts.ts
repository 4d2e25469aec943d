/** What Prometheus reports in a POST about an alert: it fires for the first time, it still fires, or it has ended. */
export type IngestMode = 'new' | 're-sent' | 'resolved';

/** The alerts of a rule are together in a POST, and share name and URL. */
const alertsPerRule = 500;

const startsAt = '2026-11-21T03:08:54.829Z';

/** An alert as Prometheus 3 writes it, with eight labels: 573 bytes of JSON, whatever the index. */
export function sampleAlert(index: number, endsAt: string): string {
  const id = String(index).padStart(6, '0');
  const rule = String(Math.floor(index / alertsPerRule) % 20).padStart(2, '0');
  const annotations = {
    description: 'The p99 has been over 500 ms for 10 minutes now.',
    summary: `Requests to 10.1.${id} are slow`,
  };
  const labels = {
    alertname: `TargetLatencyHigh${rule}`,
    cluster: 'production-eu-central-1',
    container: 'application',
    instance: `10.1.${id}:8080`,
    job: 'kubernetes-pods',
    namespace: `team-${String(index % 50).padStart(2, '0')}`,
    pod: `application-${id}-7d9f8b6c5-x2x7q`,
    severity: 'warning',
  };
  const generatorURL = `http://prometheus.monitoring:9090/graph?g0.expr=latency_seconds%7Brule%3D%22${rule}%22%7D+%3E+0.5&g0.tab=1`;
  // Go escapes the characters that have a meaning in HTML.
  return JSON.stringify({ annotations, endsAt, startsAt, generatorURL, labels }).replaceAll('&', String.raw`\u0026`);
}

/**
 * The bodies of one pass over alerts. A re-send has a different order within each rule, and a later end, as from a real Prometheus:
 * it keeps the active alerts of a rule in a Go map, whose order is random, and moves the announced end on.
 */
export function sampleBodies(options: {
  readonly mode: IngestMode;
  readonly from: number;
  readonly count: number;
  readonly batch: number;
  /** The number of the pass, which decides order and end. */
  readonly pass: number;
  /** When the alerts end; default: just now if resolved, otherwise in an hour. */
  readonly endsAt?: string;
}): string[] {
  const { mode, from, count, batch, pass } = options;
  const endsAt = options.endsAt ?? new Date(Date.now() + (mode === 'resolved' ? 0 : 3_600_000 + pass)).toISOString();
  const bodies: string[] = [];
  for (let at = 0; at < count; at += batch) {
    const alerts: string[] = [];
    for (let next = at; next < Math.min(at + batch, count); next++) {
      alerts.push(sampleAlert(from + shuffled(next, count, pass), endsAt));
    }
    bodies.push(`[${alerts.join(',')}]`);
  }
  return bodies;
}

/** Shuffles the alerts of each rule with steps of a prime, which reach all of them. */
function shuffled(index: number, count: number, pass: number): number {
  const from = index - (index % alertsPerRule);
  const size = Math.min(alertsPerRule, count - from);
  return pass === 0 ? index : from + ((index * 7919 + pass * 101) % size);
}
