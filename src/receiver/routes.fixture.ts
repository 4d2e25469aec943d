import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { Registry } from 'prom-client';
import { AlertStore } from '../alert/alert-store.ts';
import { Silences } from '../silence/silences.ts';
import { Config } from '../config/config.ts';
import { SliceSchedule } from '../runtime/slice-schedule.ts';
import type { Causes } from '../cause/causes.ts';
import { FakeClock } from '../../test/support/fake-clock.ts';
import { RecordingLogger } from '../../test/support/recording-logger.ts';
import type { Repeats } from './intake/alert-intake.ts';
import { AlertLines } from './intake/alert-lines.ts';
import { AlertLists, type SilencedBy } from './lists/alert-lists.ts';
import { AlertsHandler, type HeavyWork } from './intake/alerts-handler.ts';
import { BodyReader } from '../server/request/body-reader.ts';
import { readTarget } from '../server/request/request-target.ts';
import { IntakeReport } from './intake/intake-report.ts';
import { ReadHandler } from './lists/read-handler.ts';
import { createReceiverMetrics, type ReceiverMetrics } from './intake/receiver-metrics.ts';
import { createRoutes, type Reload } from './routes.ts';
import { Routes } from '../server/routes.ts';
import { MetricsPage } from './metrics-page.ts';
import type { SilenceStorage } from '../silence/silence-keeper.ts';
import { SilenceStage } from './silences/silence-stage.ts';
import { testConnections } from '../server/connections.fixture.ts';
import { UndecidedMatches } from './undecided-matches.ts';

export interface TestRoutesOptions {
  readonly repeats?: Repeats;
  readonly maxAlerts?: number;
  readonly silencedBy?: SilencedBy;
  readonly groupBy?: readonly string[];
  readonly maxBytes?: number;
  readonly maxLabels?: number;
  readonly notReady?: () => string | undefined;
  readonly reload?: Reload;
  /** Called with what wakes a reconcile, and the answers so far. */
  readonly sink?: (causes: Causes, responses: readonly ServerResponse[]) => void;
  readonly expireDue?: () => void;
  readonly heavyWork?: HeavyWork;
  /** Writes changes of silences to the disk. */
  readonly append?: SilenceStorage['append'];
}

export interface TestRoutes {
  readonly url: string;
  readonly port: number;
  readonly clock: FakeClock;
  readonly logger: RecordingLogger;
  readonly registry: Registry;
  readonly store: AlertStore;
  /** What was handed over to wake a reconcile. */
  readonly sunk: readonly Causes[];
  post(body: string | Buffer, headers?: Readonly<Record<string, string>>): Promise<Response>;
}

export interface TestMetrics {
  readonly registry: Registry;
  readonly metrics: ReceiverMetrics;
}

export function testMetrics(store?: AlertStore): TestMetrics {
  const registry = new Registry();
  const gauges = { active: () => store?.firing ?? 0, resolved: () => 0, bytes: () => store?.sizeBytes ?? 0 };
  return { registry, metrics: createReceiverMetrics(registry, gauges) };
}

/** The value of one series, such as `name{label="value"}`; undefined if it is not there. */
export async function metric(registry: Registry, series: string): Promise<number | undefined> {
  const line = (await registry.metrics()).split('\n').find((candidate) => candidate.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

/** The routes on a plain server of Node, with all that they use; closed when the test is over. */
export async function startRoutes(test: TestContext, options: TestRoutesOptions = {}): Promise<TestRoutes> {
  const { maxAlerts = 1000, maxLabels = 100, maxBytes = 100_000, repeats = 'trigger' } = options;
  const clock = new FakeClock();
  const schedule = new SliceSchedule(clock);
  const logger = new RecordingLogger();
  const store = new AlertStore({ maxAlerts, maxBytes: 10_000_000, resolveTimeoutMs: 300_000 });
  const { registry, metrics } = testMetrics(store);
  const lines = new AlertLines({ clock, logger, perSecond: 50 });
  const sunk: Causes[] = [];
  const responses: ServerResponse[] = [];
  const sink = (causes: Causes): void => {
    options.sink?.(causes, responses);
    sunk.push(causes);
  };
  const bodies = new BodyReader(maxBytes, testConnections({ clock, logger, metrics }));
  const undecided = new UndecidedMatches({ clock, logger, metrics });
  const silences = new Silences(432_000_000, undecided.ofSilence);
  const silenceStorage = { append: options.append ?? (async () => undefined), tell: async () => undefined };
  const config = Config.parse({});
  const stage = new SilenceStage({
    config,
    clock,
    schedule,
    logger,
    registry,
    metrics,
    store,
    silences,
    silenceStorage,
    current: () => config,
    bodies: () => bodies,
    sink,
  });
  const settings = { bodies, repeats, maxLabels, webhookResolveTimeoutMs: 90_000_000 };
  const alerts = new AlertsHandler({
    clock,
    schedule,
    store,
    silencing: (alert, now) => silences.silencing(alert, now),
    isSilencingSlow: () => silences.holdsAny,
    settings: () => settings,
    report: new IntakeReport({ clock, logger, metrics, lines, perSecond: 50 }),
    heavyWork: options.heavyWork ?? ((work) => work()),
    expireDue: options.expireDue ?? (() => undefined),
    sink,
  });
  const reads = new ReadHandler({
    clock,
    schedule,
    logger,
    metrics,
    silences,
    lists: new AlertLists({
      clock,
      store,
      silencedBy: options.silencedBy ?? ((alert, now) => silences.silencedBy(alert, now)),
      onUndecided: undecided.ofFilter,
      groupBy: options.groupBy ?? ['alertname'],
    }),
    status: { version: '1.2.3', startedAt: clock.now(), resolveTimeoutMs: 300_000, groupBy: ['alertname'] },
  });
  const { notReady = () => undefined, reload = () => Promise.resolve({ needRestart: [] }) } = options;
  const list = createRoutes({
    alerts,
    reads,
    silences: stage.handler,
    metrics: new MetricsPage(registry, schedule),
    notReady,
    reload,
  });
  const routes = new Routes(list);
  const server = createServer((request, response) => {
    responses.push(response);
    request.url = readTarget('', request.url!, routes).url;
    routes.handle(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => {
    server.close();
    server.closeAllConnections();
    stage.close();
  });
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const post: TestRoutes['post'] = (body, headers = { 'Content-Type': 'application/json' }) =>
    fetch(`${url}/api/v2/alerts`, {
      method: 'POST',
      headers,
      body: typeof body === 'string' ? body : Uint8Array.from(body),
    });
  return { url, port, clock, logger, registry, store, sunk, post };
}
