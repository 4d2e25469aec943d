import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { Config } from '../config/config.ts';
import type { MetricsPage } from './metrics-page.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import { digestOf, type AccessRules } from '../server/web/web-settings.ts';
import { PasswordCheck } from '../server/web/password-check.ts';
import { createWebMetrics, GateReport } from '../server/web/gate-report.ts';
import { Gate } from '../server/web/gate.ts';
import type { AlertsHandler } from './intake/alerts-handler.ts';
import type { ReadHandler } from './lists/read-handler.ts';
import { metric } from '../runtime/metric.fixture.ts';
import { testMetrics } from './routes.fixture.ts';
import { createRoutes } from './routes.ts';
import { Routes } from '../server/routes.ts';
import { ReceiverServer } from '../server/http-server.ts';
import type { SilencesHandler } from './silences/silences-handler.ts';
import { testDoor } from '../server/kubernetes-door.fixture.ts';
import { testConnections } from '../server/connections.fixture.ts';

const id = '0a1b2c3d-1111-4222-8333-444455556666';
/** Every path with a handler, as a rule names it. */
const paths = [
  '/api/v2/alerts',
  '/api/v2/alerts/groups',
  '/api/v2/receivers',
  '/api/v2/status',
  '/api/v2/silences',
  `/api/v2/silence/${id}`,
  '/webhook',
  '/-/healthy',
  '/-/ready',
  '/-/reload',
  '/metrics',
];

/** A server with users and all routes; each route answers with its name. */
async function start(test: TestContext, routePrefix: string) {
  const { registry, metrics } = testMetrics();
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const webMetrics = createWebMetrics(registry);
  let rules: AccessRules = new Map();
  const reached =
    (path: string) =>
    (_: unknown, response: ServerResponse): void =>
      void response.end(`reached ${path}`);
  const bySilence = (_: unknown, response: ServerResponse, asked: string): void =>
    reached(`/api/v2/silence/${encodeURIComponent(asked)}`)(_, response);
  const list = createRoutes({
    alerts: {
      handle: (request: unknown, response: ServerResponse, format: unknown) =>
        reached(format === undefined ? '/api/v2/alerts' : '/webhook')(request, response),
    } as unknown as AlertsHandler,
    reads: {
      alerts: reached('/api/v2/alerts'),
      groups: reached('/api/v2/alerts/groups'),
      receivers: reached('/api/v2/receivers'),
      status: reached('/api/v2/status'),
      silences: reached('/api/v2/silences'),
    } as unknown as ReadHandler,
    silences: { post: reached('/api/v2/silences'), get: bySilence, delete: bySilence } as unknown as SilencesHandler,
    metrics: { answer: reached('/metrics') } as unknown as MetricsPage,
    notReady: () => 'reached /-/ready',
    reload: () => Promise.resolve({ problems: ['reached /-/reload'] }),
  });
  const routes = new Routes(list);
  const { receiver } = Config.parse({});
  const server = new ReceiverServer({
    clock,
    schedule: new SliceSchedule(clock),
    logger,
    metrics,
    routes,
    routePrefix,
    webMetrics,
    gate: new Gate({
      clock,
      routes,
      settings: () => ({
        tls: undefined,
        headers: [],
        rateLimit: undefined,
        users: new Map(),
        tokenDigests: [digestOf('token')],
        kubernetes: undefined,
        access: rules,
      }),
      passwords: new PasswordCheck(
        { matches: () => assert.fail('no password'), close: () => Promise.resolve() },
        clock,
      ),
      report: new GateReport({ clock, logger, metrics, webMetrics }),
      kubernetes: testDoor(),
      answersPreflights: false,
    }),
    connections: testConnections({ clock, logger, metrics }),
    maxHeaderBytes: receiver.max_header_size,
    maxHeaders: receiver.max_headers,
    headerTimeoutMs: receiver.header_timeout,
    requestTimeoutMs: receiver.request_timeout,
    idleTimeoutMs: receiver.idle_timeout,
    maxConnections: receiver.max_connections,
    tlsHandshakeTimeoutMs: receiver.tls_handshake_timeout,
  });
  const { port } = await server.listen('127.0.0.1', 0);
  test.after(() => server.close(1));
  return {
    port,
    registry,
    use: (next: AccessRules): void => void (rules = next),
  };
}

/** The answer to a request with exactly this target and without credentials. */
async function ask(port: number, method: string, target: string): Promise<string> {
  const socket: Socket = connect(port, '127.0.0.1').setEncoding('latin1');
  let answer = '';
  socket.on('data', (text) => (answer += String(text)));
  socket.write(`${method} ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, 'latin1');
  await once(socket, 'close');
  return answer;
}

/** The path of the handler that answered; undefined if none did. */
function reachedPath(answer: string): string | undefined {
  if (/^HTTP\/1.1 200 [^]*\nOK$/.test(answer)) return '/-/healthy';
  return /reached (\S+)/.exec(answer)?.[1];
}

const access = fc.constantFrom('open', 'protected');
const anyRules = fc
  .tuple(
    fc.dictionary(fc.constantFrom(...paths), access, { minKeys: 1 }),
    fc.dictionary(fc.constantFrom('/*', '/api/*', '/api/v2/*', '/api/v2/silence/*', '/-/*'), access),
  )
  .map(([exact, folders]): AccessRules => new Map(Object.entries({ '/*': 'open', ...folders, ...exact })));

const strange = fc.constantFrom(
  ...'# #x ? ?a ?# / // /. /.. ; ;x \\ % %23 %2f %2F %3f %00 %20 %e9 . : @ * \t \f \xa0 \x85 \0 " | & = + ~'.split(' '),
);

type Change = 'none' | 'escape' | 'case' | 'insert';

/** One of many spellings of a path. */
const anySpelling = fc
  .tuple(
    fc.constantFrom(...paths),
    fc.nat(),
    fc.constantFrom<Change>('none', 'none', 'none', 'escape', 'case', 'insert'),
    strange,
    fc.oneof(fc.constant(''), strange),
    fc.constantFrom(
      '',
      '',
      '',
      'http://host',
      'HTTP://h:1',
      'http://u:p@h',
      'ftp://h',
      'http://[::1',
      '//h',
      '/./',
      '/x/..',
    ),
  )
  .map(([path, at, how, inserted, behind, before]) => {
    const place = at % path.length;
    const [left, character, right] = [path.slice(0, place), path[place]!, path.slice(place + 1)];
    const spellings: Readonly<Record<Change, string>> = {
      none: path,
      escape: `${left}%${character.charCodeAt(0).toString(16)}${right}`,
      case: `${left}${character.toUpperCase()}${right}`,
      insert: `${left}${inserted}${character}${right}`,
    };
    return { before, path: spellings[how], behind };
  });

const method = fc.constantFrom('GET', 'POST', 'DELETE');

describe('the routes that accept alerts', () => {
  it('are counted from 0 on', async (test) => {
    const { registry } = await start(test, '');
    for (const path of ['/api/v2/alerts', '/webhook'])
      assert.equal(await metric(registry, `tocsin_http_requests_total{path="${path}",method="POST",code="200"}`), 0);
  });
});

describe('the access rules', () => {
  for (const routePrefix of ['', '/am']) {
    it(`hold for every spelling of a path below ${routePrefix || '/'}`, async (test) => {
      const { port, use } = await start(test, routePrefix);
      let count = 0;
      await fc.assert(
        fc.asyncProperty(anyRules, anySpelling, method, async (rules, { before, path, behind }, verb) => {
          use(rules);
          const reached = reachedPath(await ask(port, verb, `${before}${routePrefix}${path}${behind}`));
          if (reached === undefined) return;
          count++;
          const nearest = [reached, ...foldersOf(reached)]
            .map((key) => rules.get(key))
            .find((rule) => rule !== undefined);
          const isHealth = reached === '/-/healthy' || reached === '/-/ready';
          assert.equal(nearest ?? (isHealth ? 'open' : 'protected'), 'open');
        }),
        { numRuns: 2500 },
      );
      assert.ok(count > 50, `only ${count} were let in`);
    });
  }
});

/** The documentation's definition of the nearest rule, written down independently. */
function foldersOf(path: string): readonly string[] {
  const names = path.split('/').slice(1, -1);
  return names.map((_, n) => `/${names.slice(0, names.length - n).join('/')}/*`).concat('/*');
}
