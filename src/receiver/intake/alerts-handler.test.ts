import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { firingAt } from '../../alert/alert-store.fixture.ts';
import { longBodyBytes } from './alerts-handler.ts';
import { slicedBodyBytes } from '../../text/json-stream.ts';
import { rawConnection, requestHead } from '../../server/raw-connection.fixture.ts';
import { AlertExpiry } from './alert-expiry.ts';
import { metric } from '../../runtime/metric.fixture.ts';
import { startRoutes } from '../routes.fixture.ts';

const one = '[{"labels":{"alertname":"A"}}]';
const json = { 'Content-Type': 'application/json' };

describe('AlertsHandler', () => {
  it('answers 200 with an empty body, and stores the alerts', async (test) => {
    const { post, store, clock, sunk } = await startRoutes(test);
    const response = await post(one);
    assert.deepEqual([response.status, await response.text()], [200, '']);
    assert.equal(response.headers.get('content-length'), '0');
    assert.deepEqual(
      firingAt(store, clock.now()).map(({ labels }) => labels),
      [{ alertname: 'A' }],
    );
    assert.deepEqual(
      sunk.map(({ alertCount, alerts }) => [alertCount, [...alerts.values()].map(({ labels }) => labels)]),
      [[1, [{ alertname: 'A' }]]],
    );
  });

  it('takes the id of a request, or makes one, and passes it on', async (test) => {
    const { post, sunk, logger } = await startRoutes(test);
    const given = await post(one, { ...json, 'X-Request-Id': 'my-id_1' });
    assert.equal(given.headers.get('x-request-id'), 'my-id_1');
    const bad = await post(one, { ...json, 'X-Request-Id': 'no spaces' });
    const none = await post(one);
    const made = [bad, none].map(({ headers }) => headers.get('x-request-id') ?? '');
    for (const id of made) assert.match(id, /^[0-9a-f]{16}$/);
    assert.notEqual(made[0], made[1]);
    const ids = ['my-id_1', ...made];
    assert.deepEqual(
      sunk.flatMap(({ requestIds }) => [...requestIds]),
      ids,
    );
    assert.deepEqual(
      logger.fieldsOf('alerts.received').map((fields) => fields['request_id']),
      ids,
    );
  });

  it('answers and logs before it wakes a reconcile', async (test) => {
    const order: unknown[] = [];
    const { post, logger } = await startRoutes(test, {
      sink: (_, responses) => order.push(responses[0]?.writableEnded, logger.linesOf('alerts.received').length),
    });
    await post(one);
    assert.deepEqual(order, [true, 1]);
  });

  it('works on one large body at a time, and on a small one meanwhile', async (test) => {
    let [running, most] = [0, 0];
    const { promise: small, resolve: smallIsDone } = Promise.withResolvers<void>();
    const { post, store } = await startRoutes(test, {
      maxBytes: 1_000_000,
      async heavyWork(work) {
        most = Math.max(most, ++running);
        await small;
        return work().finally(() => running--);
      },
    });
    const large = Array.from({ length: 3 }, (_, n) => post(`[{"labels":{"a":"${n}"}}]`.padEnd(slicedBodyBytes + 1)));
    assert.equal((await post(one)).status, 200);
    smallIsDone();
    assert.deepEqual(
      (await Promise.all(large)).map(({ status }) => status),
      [200, 200, 200],
    );
    assert.deepEqual([most, store.size], [1, 4]);
  });

  it('lets alerts expire before and after it stores a batch', async (test) => {
    const sizes: number[] = [];
    const { post, store } = await startRoutes(test);
    test.mock.method(AlertExpiry.prototype, 'run', () => sizes.push(store.size));
    await post(one);
    assert.deepEqual(sizes, [0, 1]);
  });

  it('answers 400 for invalid alerts, as a JSON string, and stores the others', async (test) => {
    const { post, store, sunk } = await startRoutes(test);
    const response = await post('[{"labels":{"alertname":"A"}},{"labels":{}},{"labels":{"":"x"}}]');
    assert.equal(response.status, 400);
    assert.equal(response.headers.get('content-type'), 'application/json');
    const text = 'alert 1: at least one label pair required\nalert 2: invalid label set: invalid name ""';
    assert.equal(await response.text(), `${JSON.stringify(text)}\n`);
    assert.deepEqual([store.size, sunk.length, sunk[0]?.alertCount], [1, 1, 1]);
  });

  it('refuses an alert with too many labels, and names the limit', async (test) => {
    const { post } = await startRoutes(test, { maxLabels: 1 });
    assert.equal((await post('[{"labels":{"a":"1"}}]')).status, 200);
    assert.match(await (await post('[{"labels":{"a":"1","b":"2"}}]')).text(), /more than 1 labels/);
  });

  for (const [what, body, headers, status, answer] of [
    ['a body that is empty', '', json, 422, { code: 602, message: 'alerts in body is required' }],
    ['labels that are missing', '[{}]', json, 422, { code: 602, message: '0.labels in body is required' }],
    [
      'a generatorURL that is none',
      '[{"labels":{"a":"b"},"generatorURL":"foo"}]',
      json,
      422,
      { code: 601, message: '0.generatorURL in body must be of type uri: "foo"' },
    ],
    ['another media type', one, { 'Content-Type': 'text/plain' }, 415, { code: 415, message: /"text\/plain"/ }],
    ['no media type', Buffer.from(one), {}, 415, { code: 415, message: /"application\/octet-stream"/ }],
    ['a media type that is none', one, { 'Content-Type': 'json' }, 400, { code: 400, message: /parsing Content-Type/ }],
    ['what is no JSON', '[', json, 400, { code: 400, message: /^parsing alerts body from "" failed, because / }],
    ['what is no list', '{}', json, 400, { code: 400, message: /^parsing alerts body from "" failed, because / }],
    ['a body over the limit', ' '.repeat(100_001), json, 413, { code: 413, message: /receiver\.max_body_size/ }],
  ] as const) {
    it(`answers ${status} for ${what}, as an object, and stores nothing`, async (test) => {
      const { post, store, sunk, logger } = await startRoutes(test);
      const response = await post(body, headers);
      const text = await response.text();
      const { code, message } = JSON.parse(text) as { readonly code: number; readonly message: string };
      assert.deepEqual([response.status, code], [status, answer.code]);
      if (typeof answer.message === 'string') assert.equal(message, answer.message);
      else assert.match(message, answer.message);
      assert.equal(response.headers.get('content-type'), 'application/json');
      assert.equal(text.endsWith('}'), true);
      assert.deepEqual([store.size, sunk.length], [0, 0]);
      const requestId = response.headers.get('x-request-id');
      assert.deepEqual(logger.valuesOf('alerts.rejected', 'request_id', 'status', 'reason'), [
        [requestId, status, message],
      ]);
    });
  }

  it('counts refusals by a limit, and no others', async (test) => {
    const { post, url, registry } = await startRoutes(test);
    await post(' '.repeat(100_001));
    await post('[');
    await fetch(`${url}/api/v2/silences`, { method: 'POST', headers: json, body: ' '.repeat(100_001) });
    assert.equal(await metric(registry, 'tocsin_limit_reached_total{limit="max_body_size"}'), 2);
  });

  it('wakes nothing if no alert does', async (test) => {
    const { post, sunk, logger } = await startRoutes(test, { repeats: 'ignore' });
    await post(one);
    assert.equal(sunk.length, 1);
    for (const body of ['[]', 'null', one]) assert.equal((await post(body)).status, 200, body);
    assert.equal((await post('[{"labels":{}}]')).status, 400);
    assert.equal(sunk.length, 1);
    assert.equal(logger.linesOf('alerts.received').length, 5);
  });

  it('answers 200 for an alert that the store has no room for, and wakes a reconcile', async (test) => {
    const { post, sunk, store } = await startRoutes(test, { maxAlerts: 1 });
    assert.equal((await post('[{"labels":{"a":"1"}},{"labels":{"a":"2"}}]')).status, 200);
    assert.deepEqual([store.size, sunk[0]?.alertCount], [1, 2]);
  });

  it('stores batches that need a turn of their own, even after one that is refused', async (test) => {
    const { post, store } = await startRoutes(test);
    const padding = ' '.repeat(longBodyBytes);
    const answers = await Promise.all([`[${padding}`, `${one}${padding}`].map((body) => post(body)));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [400, 200],
    );
    assert.equal(store.size, 1);
  });

  it('answers 500 for a defect, without details, and logs it', async (test) => {
    const { post, logger } = await startRoutes(test);
    test.mock.method(AlertExpiry.prototype, 'run', () => {
      throw new Error('secret');
    });
    const response = await post(one);
    assert.deepEqual([response.status, await response.text()], [500, '"internal error: see the log of Tocsin"\n']);
    assert.deepEqual(logger.valuesOf('alerts.failed', 'reason'), [['secret']]);
  });

  it('logs an upload that was cut off', async (test) => {
    const { port, logger, url, registry } = await startRoutes(test);
    const connection = await rawConnection(test, port);
    connection.send(`${requestHead('POST', '/api/v2/alerts', 'Content-Length: 100')}[`);
    connection.socket.end();
    await connection.closed;
    await fetch(`${url}/-/healthy`);
    assert.deepEqual(logger.valuesOf('alerts.rejected', 'status', 'reason'), [
      [400, 'the connection was closed before the body was whole'],
    ]);
    assert.equal(await metric(registry, 'tocsin_limit_reached_total{limit="max_body_size"}'), 0);
  });
});
