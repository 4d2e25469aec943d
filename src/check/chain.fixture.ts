import type { Pipeline } from '../explain/schema.ts';
import type { Problem, Status } from '../explain/schema-status.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import type { InspectedServer, LoadedRule } from '../reconcile/server-inspection.ts';
import { Chain, type TocsinApi } from './chain.ts';
import type { Category, CheckResult } from './check.ts';
import type { Probe } from './probe.ts';
import { runChecks } from './run-checks.ts';

const now = new FakeClock().now();

/** The time, so long ago. */
export function ago(ms: number): string {
  return new Date(now - ms).toISOString();
}

/** A Tocsin that is well, and to which a Prometheus sends. */
export const healthyStatus: Status = {
  version: '1.2.3',
  instance: 'aaaa',
  started_at: ago(3_600_000),
  time: ago(0),
  addresses: { host: '127.0.0.1', port: 9093, route_prefix: '', advertised_urls: [], machine: ['pod-1'] },
  configuration: { sha256: 'c0ffee', loaded_at: ago(3_600_000), refused: false },
  prometheus: ['http://127.0.0.1:9090'],
  action: 'condition',
  select: 'all',
  storage: { path: '/data' },
  history: { retention_seconds: 86_400, lost: 0 },
  received: { at: ago(1000), from_prometheus_at: ago(1000) },
  queue: { waiting: 0, running: 0 },
  limits: [],
  watchdog: { matcher: 'alertname="Watchdog"', after_seconds: 300, received_at: ago(1000) },
};

/** An alerting rule. */
export function ruleOf(name: string, rest: Partial<LoadedRule> = {}): LoadedRule {
  const usual = { health: 'ok', lastError: '', forMs: 0, intervalMs: 15_000, alerts: [], labels: {} };
  return { type: 'alerting', name, ...usual, ...rest };
}

export const tocsinTarget = 'http://127.0.0.1:9093/api/v2/alerts';

/** A Prometheus that is well, and sends to Tocsin. */
export const healthyServer: InspectedServer = {
  address: 'http://127.0.0.1:9090',
  version: () => Promise.resolve('3.15.0'),
  time: () => Promise.resolve(now),
  flags: () =>
    Promise.resolve({
      'config.file': '/etc/prometheus/prometheus.yml',
      'storage.tsdb.path': '/prometheus',
      'rules.alert.resend-delay': '1m',
    }),
  reload: () => Promise.resolve({ succeeded: true, at: '2026-11-21T03:00:00Z' }),
  configuration: () => Promise.resolve('global: {}\nrule_files:\n- /rules/*.yml\n'),
  groups: () => Promise.resolve([{ name: 'trace', file: '/rules/a.yml', rules: [ruleOf('TraceGatewayThrottling')] }]),
  alertmanagers: () => Promise.resolve({ active: [tocsinTarget], dropped: [] }),
  metrics: () => Promise.resolve(`prometheus_notifications_errors_total{alertmanager="${tocsinTarget}"} 0\n`),
  query: () => Promise.resolve([]),
};

export interface FakeChain {
  /** Null: no Tocsin is asked. */
  readonly status?: Partial<Status> | Error | null;
  readonly servers?: readonly Partial<InspectedServer>[];
  readonly probes?: Readonly<Record<string, Probe>>;
  readonly pages?: Readonly<Record<string, string>>;
  readonly pipelines?: readonly Pipeline[];
  readonly problems?: readonly Problem[];
  readonly silences?: readonly object[];
}

const pipeline: Pipeline = { kind: 'TracePipeline', name: 'backend', firing: [], paused_by: [] };

/** The parts of a way that is whole, but for what is given. */
export function chainOf(given: FakeChain): Chain {
  const { status, servers = [{}], probes = {}, pages = {}, pipelines = [pipeline] } = given;
  const answers: Readonly<Record<string, unknown>> = {
    '/status': { ...healthyStatus, ...status },
    '/problems': { items: given.problems ?? [] },
    '/pipelines': { items: pipelines },
  };
  const tocsin: TocsinApi = {
    shownUrl: 'http://127.0.0.1:9093',
    get: (shape, path) =>
      status instanceof Error ? Promise.reject(status) : Promise.resolve(shape.parse(answers[path])),
    send: (_, path) => {
      if (status instanceof Error) return Promise.reject(status);
      const body = path.endsWith('/silences') ? JSON.stringify(given.silences ?? []) : '';
      return Promise.resolve({ status: 200, body: Buffer.from(body) });
    },
  };
  return new Chain({
    tocsin: status === null ? undefined : tocsin,
    tocsinUrl: 'http://127.0.0.1:9093',
    config: undefined,
    inspect: () => Promise.resolve(servers.map((server) => ({ ...healthyServer, ...server }))),
    probe: (url) => Promise.resolve(probes[url] ?? { is: 'tocsin', instance: 'aaaa' }),
    page: (url) => Promise.resolve(pages[url]),
    version: '1.2.3',
  });
}

export async function resultsOf(...categories: readonly Category[]): Promise<readonly CheckResult[]> {
  const results: CheckResult[] = [];
  for await (const event of runChecks(categories, { clock: new FakeClock(), waitMs: 0 }))
    if (event.event === 'result') results.push(event);
  return results;
}

/** The results of the categories that are not good, as `id: text`. */
export async function troubles(...categories: readonly Category[]): Promise<readonly string[]> {
  return (await resultsOf(...categories))
    .filter(({ result }) => result === 'error' || result === 'warning')
    .map(({ check, result, text }) => `${result} ${check.id}: ${text}`);
}
