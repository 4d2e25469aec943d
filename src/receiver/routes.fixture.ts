import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { Registry } from 'prom-client';
import type { Reviews } from '../access/reviews.ts';
import { callerOf } from '../access/reviews.fixture.ts';
import type { RightsOf } from '../access/rights.ts';
import { AlertStore } from '../alert/alert-store.ts';
import { Config } from '../config/config.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import type { Causes } from '../cause/causes.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import type { Repeats } from './intake/alert-intake.ts';
import type { HeavyWork } from './intake/alerts-handler.ts';
import { createHttpMetrics } from '../server/request/http-metrics.ts';
import { readTarget } from '../server/request/request-head.ts';
import { createReceiverMetrics, type ReceiverMetrics } from './intake/receiver-metrics.ts';
import { Receiver } from './receiver.ts';
import type { Reload } from './routes.ts';
import { Routes } from '../server/routes.ts';
import { LoggedSilences, type AppendedLog } from '../silence/silence-storage.ts';
import { testDoor } from '../server/kubernetes-door.fixture.ts';
import { testConnections } from '../server/connections.fixture.ts';
import { livePlatformAlerts } from '../cause/platform-alerts.ts';

export interface TestRoutesOptions {
  readonly repeats?: Repeats;
  readonly maxAlerts?: number;
  readonly groupBy?: readonly string[];
  readonly maxBytes?: number;
  readonly maxLabels?: number;
  readonly notReady?: () => string | undefined;
  readonly reload?: Reload;
  /** Called with the causes of a reconcile, and the answers so far. */
  readonly sink?: (causes: Causes, responses: readonly ServerResponse[]) => void;
  readonly heavyWork?: HeavyWork;
  /** Writes changes of silences to the disk. */
  readonly append?: AppendedLog['append'];
  /** Kubernetes, if it judges what the user in the header `user` may do; a request without it may do everything. */
  readonly reviews?: Reviews;
}

export interface TestRoutes {
  readonly url: string;
  readonly port: number;
  readonly clock: FakeClock;
  readonly logger: RecordingLogger;
  readonly registry: Registry;
  readonly store: AlertStore;
  /** The causes that were passed on to wake a reconcile. */
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
  return { registry, metrics: createReceiverMetrics(registry, createHttpMetrics(registry), gauges) };
}

function configOf({ repeats, maxAlerts, maxLabels, maxBytes, groupBy }: TestRoutesOptions): Config {
  const config = Config.parse({});
  const receiver = {
    ...config.receiver,
    max_alerts: maxAlerts ?? 1000,
    max_labels_per_alert: maxLabels ?? 100,
    max_body_size: maxBytes ?? 100_000,
    group_by: groupBy ?? ['alertname'],
  };
  return { ...config, receiver, source: { ...config.source, repeats: repeats ?? 'trigger' } };
}

function rightsByHeader(reviews: Reviews | undefined, given: Parameters<typeof testDoor>[1]): RightsOf {
  const { decisions } = testDoor(reviews, given);
  return (request) => {
    const user = (request as IncomingMessage).headers['user'];
    return typeof user === 'string' ? decisions.of(callerOf(user)) : undefined;
  };
}

/** The routes on a plain Node server, with everything that they use; closed after the test. */
export async function startRoutes(test: TestContext, options: TestRoutesOptions = {}): Promise<TestRoutes> {
  const { append = async () => undefined, heavyWork = (work) => work() } = options;
  const { notReady = () => undefined, reload = async () => ({ needRestart: [] }) } = options;
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const registry = new Registry();
  const metrics = createHttpMetrics(registry);
  const config = configOf(options);
  const store = new AlertStore(() => ({
    maxAlerts: config.receiver.max_alerts,
    maxBytes: 10_000_000,
    resolveTimeoutMs: config.receiver.resolve_timeout,
  }));
  const sunk: Causes[] = [];
  const responses: ServerResponse[] = [];
  const receiver = new Receiver({
    config: () => config,
    clock,
    schedule: new SliceSchedule(clock),
    logger,
    registry,
    metrics,
    memory: testConnections({ clock, logger, metrics }),
    store,
    silenceStorage: new LoggedSilences({ append, noteLogged: async () => undefined }),
    version: '1.2.3',
    heavyWork,
    platform: livePlatformAlerts(() => config),
    sink(causes) {
      options.sink?.(causes, responses);
      sunk.push(causes);
    },
    notReady,
    reload,
    rightsOf: rightsByHeader(options.reviews, { clock, logger }),
  });
  const routes = new Routes(receiver.routes);
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
    receiver.close();
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
