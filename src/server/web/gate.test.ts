import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import fc from 'fast-check';
import { FakeReviews } from '../../access/reviews.fixture.ts';
import { FakeClock } from '../../runtime/clock.fixture.ts';
import { RecordingLogger } from '../../runtime/logger.fixture.ts';
import { PasswordCheck } from './password-check.ts';
import { createWebMetrics, GateReport } from './gate-report.ts';
import { digestOf, type WebSettings } from './web-settings.ts';
import { parseAuthorization } from './authorization.ts';
import { Gate } from './gate.ts';
import { rawConnection } from '../raw-connection.fixture.ts';
import { testDoor } from '../kubernetes-door.fixture.ts';
import { routesTo } from '../routes.fixture.ts';
import { metric } from '../../runtime/metric.fixture.ts';
import { testHttpMetrics } from '../http-metrics.fixture.ts';

const open: WebSettings = {
  tls: undefined,
  headers: [],
  rateLimit: undefined,
  users: new Map(),
  tokenDigests: [],
  kubernetes: undefined,
  access: new Map(),
};
const locked: WebSettings = {
  ...open,
  users: new Map([['alice', `$2y$04$${'x'.repeat(53)}`]]),
  tokenDigests: [digestOf('first-token'), digestOf('second-token')],
};

async function start(test: TestContext, given: Partial<WebSettings>, answersPreflights = false) {
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const { registry, metrics } = testHttpMetrics();
  const webMetrics = createWebMetrics(registry);
  const report = new GateReport({ clock, logger, metrics, webMetrics });
  let whileHashing = (): void => undefined;
  const hasher = {
    matches: (password: string) => {
      whileHashing();
      return Promise.resolve(password === 'good');
    },
    close: () => Promise.resolve(),
  };
  let settings = { ...locked, ...given };
  const passwords = new PasswordCheck(hasher, clock);
  const routes = routesTo(() => undefined);
  const reviews = new FakeReviews();
  const kubernetes = testDoor(reviews, { clock, logger, registry });
  const gate = new Gate({ clock, settings: () => settings, passwords, kubernetes, report, routes, answersPreflights });
  const server = createServer((request, response) =>
    gate.admit(request.url ?? '', request, response, () => {
      request.resume();
      response.end(kubernetes.rightsOf(request) === undefined ? 'in' : 'in with rights');
    }),
  ).listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const get = (authorization?: string, path = '/metrics', init: RequestInit = {}) =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      headers: authorization === undefined ? {} : { authorization },
      ...init,
    });
  const failures = (reason: string) => metric(registry, `tocsin_http_auth_failures_total{reason="${reason}"}`);
  const use = (next: Partial<WebSettings>): void => void (settings = { ...locked, ...next });
  const onHashing = (work: () => void): void => void (whileHashing = work);
  return { port, clock, logger, registry, get, failures, use, onHashing, reviews };
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

describe('Gate', () => {
  const rows: readonly (readonly [string, string | undefined, string | undefined])[] = [
    ['a good password', basic('alice', 'good'), undefined],
    ['the first token', 'Bearer first-token', undefined],
    ['the second token', 'bearer second-token', undefined],
    ['nothing', undefined, 'missing'],
    ['a wrong password', basic('alice', 'bad'), 'password'],
    ['an unknown user', basic('bob', 'good'), 'password'],
    ['a wrong token', 'Bearer first-toke', 'token'],
    ['nonsense', 'nonsense', 'malformed'],
  ];
  for (const [what, authorization, reason] of rows) {
    it(`${reason === undefined ? 'lets in' : 'turns away'} ${what}`, async (test) => {
      const { get, failures, logger } = await start(test, {});
      const response = await get(authorization);
      assert.equal(response.status, reason === undefined ? 200 : 401);
      if (reason === undefined) return assert.equal(logger.valuesOf('request.unauthorized', 'reason').length, 0);
      assert.match(
        response.headers.get('www-authenticate') ?? '',
        /^Basic realm="Tocsin", charset="UTF-8", Bearer realm="Tocsin"$/,
      );
      assert.match(await response.text(), /^Unauthorized: send a user and password .* or a bearer token/);
      assert.deepEqual([logger.valuesOf('request.unauthorized', 'reason'), await failures(reason)], [[[reason]], 1]);
    });
  }

  const meanwhile: readonly (readonly [string, string, Partial<WebSettings>, number])[] = [
    ['a good password of a user who goes', 'good', { users: new Map() }, 401],
    ['a good password of a user who stays', 'good', { access: new Map() }, 200],
    ['a good password when all passwords go', 'good', open, 200],
    ['a wrong password when all passwords go', 'bad', open, 401],
  ];
  for (const [what, password, next, status] of meanwhile) {
    it(`judges by the configurations before and after a change that comes while it waits: ${what}`, async (test) => {
      const { get, use, onHashing } = await start(test, {});
      onHashing(() => use(next));
      assert.equal((await get(basic('alice', password))).status, status);
    });
  }

  it('never logs credentials, or an unknown name', async (test) => {
    const { get, logger } = await start(test, {});
    for (const header of [
      basic('pass-word', 'pass-word'),
      'Bearer pass-word',
      'pass-word',
      basic('alice', 'pass-word'),
    ])
      await get(header);
    assert.deepEqual(logger.valuesOf('request.unauthorized', 'user'), [
      [undefined],
      [undefined],
      [undefined],
      ['alice'],
    ]);
    assert.doesNotMatch(JSON.stringify(logger.lines), /pass-word|cGFzcy13b3Jk/);
  });

  it('leaves open the health, and what the rules open', async (test) => {
    const { get } = await start(test, { access: new Map([['/metrics', 'open']]) });
    const statuses = await Promise.all(
      ['/-/healthy', '/-/ready', '/metrics', '/api'].map(async (path) => (await get(undefined, path)).status),
    );
    assert.deepEqual(statuses, [200, 200, 200, 401]);
  });

  it('writes a limited number of lines a second, and then how many more there were', async (test) => {
    const { get, clock, logger } = await start(test, {});
    for (let n = 0; n < 13; n++) await get();
    assert.equal(logger.valuesOf('request.unauthorized', 'reason').length, 10);
    clock.advance(1000);
    assert.deepEqual(logger.valuesOf('requests.unauthorized_limited', 'lines'), [[3]]);
  });

  it('limits the rate of all requests but those for the health', async (test) => {
    const { get, clock, registry } = await start(test, { ...open, rateLimit: { intervalMs: 1000, burst: 2 } });
    const statuses = [];
    for (const path of ['/a', '/b', '/c', '/-/healthy']) statuses.push((await get(undefined, path)).status);
    clock.advance(1000);
    statuses.push((await get()).status);
    assert.deepEqual(statuses, [200, 200, 429, 200, 200]);
    assert.equal(await metric(registry, 'tocsin_limit_reached_total{limit="rate_limit"}'), 1);
  });

  it('lets a preflight pass only if preflights are answered', async (test) => {
    const init = { method: 'OPTIONS', headers: { 'access-control-request-method': 'GET' } };
    assert.equal((await (await start(test, {}, true)).get(undefined, '/api', init)).status, 200);
    assert.equal((await (await start(test, {})).get(undefined, '/api', init)).status, 401);
  });

  it('keeps the connection of a short unread body', async (test) => {
    const { port } = await start(test, {});
    const connection = await rawConnection(test, port);
    const head = 'POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n';
    connection.send(`${head}12345`);
    await connection.received(/401[^]*configuration of Tocsin\n$/);
    connection.send(`${head}12345`);
    await connection.received(/401[^]*401[^]*configuration of Tocsin\n$/);
  });

  it('answers a long body at once, and ends the connection after a second', async (test) => {
    const { port, clock } = await start(test, {});
    const connection = await rawConnection(test, port);
    connection.send('POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n1');
    await connection.received(/401[^]*Connection: close[^]*configuration of Tocsin\n$/);
    clock.advance(1000);
    await connection.closed;
  });
});

describe('Gate with Kubernetes', () => {
  const kubernetes = { kubernetes: { audiences: [] } };

  const rows: readonly (readonly [string, string | undefined, number, string])[] = [
    ['nobody', undefined, 401, 'missing'],
    ['an unknown token', 'Bearer unknown', 401, 'token'],
    ['a known token without rights', 'Bearer token-of-guest', 403, 'forbidden'],
    ['a known token with a right', 'Bearer token-of-admin', 200, 'in with rights'],
    ['a token of the configuration', 'Bearer first-token', 200, 'in'],
    ['a user of the configuration', basic('alice', 'good'), 200, 'in'],
  ];
  for (const [who, authorization, status, what] of rows)
    it(`answers ${status} to ${who}`, async (test) => {
      const { get, failures, reviews } = await start(test, kubernetes);
      reviews.let('guest');
      reviews.let('admin', 'get alerts *');
      const response = await get(authorization);
      assert.equal(response.status, status);
      if (status === 200) return assert.equal(await response.text(), what);
      assert.equal(await failures(what), 1);
      assert.match(await response.text(), status === 401 ? /kubectl create token/ : /get .* alerts.tocsin.dev/);
    });

  it('lets everybody whom Kubernetes knows use a path that serves teams', async (test) => {
    const { get, reviews } = await start(test, kubernetes);
    reviews.let('guest');
    assert.equal(await (await get('Bearer token-of-guest', '/no-route')).text(), 'in with rights');
  });

  it('asks Kubernetes about nobody if the configuration does not say so', async (test) => {
    const { get, reviews } = await start(test, {});
    const token = reviews.let('admin', 'get alerts *');
    assert.equal((await get(`Bearer ${token}`)).status, 401);
    assert.deepEqual(reviews.tokenQuestions, []);
  });

  it('turns everybody away while the API server is away, and reads no body', async (test) => {
    const { get, failures, reviews, port } = await start(test, kubernetes);
    const token = reviews.let('admin', 'get alerts *');
    reviews.isAway = true;
    const response = await get(`Bearer ${token}`);
    assert.deepEqual([response.status, response.headers.get('retry-after')], [503, '1']);
    assert.match(await response.text(), /API server cannot be asked/);
    assert.equal(await failures('unavailable'), 1);
    const connection = await rawConnection(test, port);
    const head = `POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n`;
    connection.send(`${head}Authorization: Bearer ${token}\r\n\r\n`);
    await connection.received(/503[^]*Connection: close[^]*try again\n$/);
  });

  for (const [what, next, status] of [
    ['goes', { kubernetes: undefined }, 401],
    ['stays', { access: new Map() }, 200],
    ['goes with every other lock', open, 200],
  ] as const)
    it(`judges by the configurations before and after a change that comes while it waits: it ${what}`, async (test) => {
      const { get, use, reviews } = await start(test, kubernetes);
      const token = reviews.let('admin', 'get alerts *');
      reviews.before = () => Promise.resolve(use({ ...kubernetes, ...next }));
      assert.equal((await get(`Bearer ${token}`)).status, status);
    });

  it('never logs a token', async (test) => {
    const { get, logger, reviews } = await start(test, kubernetes);
    reviews.let('guest');
    for (const token of ['stolen', 'token-of-guest']) await get(`Bearer ${token}`);
    reviews.isAway = true;
    await get('Bearer stolen-too');
    assert.doesNotMatch(JSON.stringify(logger.lines), /stolen|token-of-guest/);
  });
});

describe('parseAuthorization', () => {
  it('reads what a client makes of any user without a colon and any password', () => {
    const user = fc.string({ unit: 'grapheme' }).filter((name) => !name.includes(':'));
    fc.assert(
      fc.property(
        user,
        fc.string({ unit: 'grapheme' }),
        fc.constantFrom('Basic', 'basic', 'BASIC'),
        (name, password, scheme) => {
          const header = `${scheme} ${Buffer.from(`${name}:${password}`).toString('base64')}`;
          assert.deepEqual(parseAuthorization(header), { scheme: 'basic', user: name, password });
        },
      ),
    );
  });

  it('reads any bearer token', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[\x21-\x7e]+$/), (token) =>
        assert.deepEqual(parseAuthorization(`Bearer ${token}`), { scheme: 'bearer', token }),
      ),
    );
  });

  const refused = [
    '',
    'Basic',
    'Basic ',
    'Basic !',
    'Basic YWJj',
    'Bearer',
    'Bearer a b',
    'Digest x',
    'YTpi',
    'Basic YTpi YTpi',
  ];
  for (const header of refused) {
    it(`refuses ${JSON.stringify(header)}`, () => assert.equal(parseAuthorization(header), undefined));
  }

  it('never throws', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (header) => void parseAuthorization(`Basic ${header}`)));
  });
});
