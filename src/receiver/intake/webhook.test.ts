import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { firingAt } from '../../alert/alert-store.fixture.ts';
import { slicedBodyBytes } from '../../text/json-stream.ts';
import { requestMappers } from '../../source/request-mapper.ts';
import { describeCauses } from '../../cause/causes.ts';
import { metric } from '../../runtime/metric.fixture.ts';
import { startRoutes, type TestRoutes } from '../routes.fixture.ts';

const hour = 3_600_000;
const zero = '0001-01-01T00:00:00Z';
const startsAt = '2026-11-21T02:59:00.123456789Z';
const firing = {
  status: 'firing',
  labels: { alertname: 'A' },
  startsAt,
  endsAt: zero,
  fingerprint: 'd240efc3896bf266',
};

function payload(alerts: unknown, more: object = {}): string {
  return JSON.stringify({
    receiver: 'tocsin',
    status: 'firing',
    alerts,
    groupLabels: {},
    groupKey: '{}:{}',
    version: '4',
    truncatedAlerts: 0,
    ...more,
  });
}

function send({ url }: TestRoutes, body: string): Promise<Response> {
  return fetch(`${url}/webhook`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body });
}

describe('POST /webhook', () => {
  it('answers 200, stores the alerts, wakes a reconcile, and logs their origin', async (test) => {
    const routes = await startRoutes(test);
    const response = await send(routes, payload([firing]));
    assert.deepEqual([response.status, await response.text()], [200, '']);
    assert.deepEqual(
      firingAt(routes.store, routes.clock.now()).map(({ labels }) => labels),
      [{ alertname: 'A' }],
    );
    assert.deepEqual(
      routes.sunk.map(({ alertCount, requestIds }) => [alertCount, ...requestIds]),
      [[1, response.headers.get('x-request-id')]],
    );
    assert.deepEqual(routes.logger.valuesOf('alerts.received', 'door', 'group_key', 'receiver', 'alerts'), [
      ['webhook', '{}:{}', 'tocsin', 1],
    ]);
  });

  it('treats an alert as firing for webhook_resolve_timeout, not for resolve_timeout', async (test) => {
    const routes = await startRoutes(test);
    await send(routes, payload([firing]));
    routes.clock.advance(25 * hour - 1);
    assert.equal(firingAt(routes.store, routes.clock.now()).length, 1);
    routes.clock.advance(1);
    assert.equal(firingAt(routes.store, routes.clock.now()).length, 0);
  });

  it('resolves an alert, even if the clock of the sender is ahead', async (test) => {
    const routes = await startRoutes(test);
    await send(routes, payload([firing]));
    await send(routes, payload([{ ...firing, status: 'resolved', endsAt: '2026-11-21T03:04:00Z' }]));
    assert.equal(firingAt(routes.store, routes.clock.now()).length, 0);
    assert.deepEqual(routes.logger.valuesOf('alert.resolved', 'alertname'), [['A']]);
  });

  it('treats an alert that arrives in both formats as one', async (test) => {
    const routes = await startRoutes(test, { repeats: 'ignore' });
    const endsAt = '2026-11-21T03:04:00Z';
    await routes.post(JSON.stringify([{ labels: { alertname: 'A', empty: '' }, startsAt, endsAt }]));
    await send(routes, payload([firing]));
    await routes.post(JSON.stringify([{ labels: { alertname: 'A' }, startsAt, endsAt }]));
    assert.deepEqual([routes.store.size, routes.sunk.length], [1, 1]);
    assert.equal(routes.logger.linesOf('alert.new').length, 1);
    await routes.post(JSON.stringify([{ labels: { alertname: 'A' }, startsAt, endsAt: '2026-11-21T02:59:59Z' }]));
    assert.deepEqual(firingAt(routes.store, routes.clock.now()), []);
  });

  it('assumes that alerts that were cut off concern every pipeline, even if nothing else is new, and logs that', async (test) => {
    const routes = await startRoutes(test, { repeats: 'ignore' });
    await send(routes, payload([firing]));
    await send(routes, payload([firing], { truncatedAlerts: 7 }));
    const causes = routes.sunk[1]!;
    assert.deepEqual(describeCauses(causes), {
      causes: ['truncated'],
      alerts: 0,
      truncated_alerts: 7,
      request_ids: [...causes.requestIds],
    });
    assert.equal(causes.requestIds.size, 1);
    const pipelines = [{ kind: 'LogPipeline', name: 'a' }];
    assert.deepEqual(requestMappers.labels(causes, pipelines), pipelines);
    assert.deepEqual(routes.logger.valuesOf('alerts.truncated', 'truncated_alerts', 'group_key'), [[7, '{}:{}']]);
    assert.equal(await metric(routes.registry, 'tocsin_alerts_truncated_total'), 7);
  });

  it('answers 400 for an alert that cannot be stored, with its path, and stores the others', async (test) => {
    const routes = await startRoutes(test);
    const response = await send(routes, payload([firing, { ...firing, labels: { '': 'x' } }]));
    assert.equal(response.status, 400);
    assert.equal(await response.json(), 'alerts[1]: invalid label set: invalid name ""');
    assert.equal(routes.store.size, 1);
  });

  for (const [what, body, message] of [
    [
      'another version',
      payload([firing], { version: '5' }),
      'version is "5", expected "4", which every Alertmanager sends, or "1", which Grafana sends',
    ],
    [
      'a wrong field',
      payload([firing, { ...firing, startsAt: 'x' }]),
      'alerts[1].startsAt is no date-time: "x", expected RFC 3339',
    ],
    ['nothing', '', 'the body is empty'],
  ] as const) {
    it(`answers 400 for ${what}, stores nothing, and logs it`, async (test) => {
      const routes = await startRoutes(test);
      const response = await send(routes, body);
      const expected = `the webhook payload cannot be read: ${message}`;
      assert.deepEqual([response.status, await response.json()], [400, { code: 400, message: expected }]);
      assert.deepEqual([routes.store.size, routes.sunk.length], [0, 0]);
      assert.deepEqual(routes.logger.valuesOf('alerts.rejected', 'reason'), [[expected]]);
    });
  }

  it('reads a large payload in slices', async (test) => {
    const routes = await startRoutes(test, { maxBytes: 2 * slicedBodyBytes });
    const annotations = { text: 'x'.repeat(1000) };
    const alerts = Array.from({ length: 400 }, (_, n) => ({ ...firing, labels: { n: String(n) }, annotations }));
    const body = payload(alerts);
    assert.ok(body.length > slicedBodyBytes);
    assert.equal((await send(routes, body)).status, 200);
    assert.equal(routes.store.size, 400);
  });

  it('obeys the limits of the other format', async (test) => {
    const routes = await startRoutes(test, { maxBytes: 1000, maxLabels: 1 });
    assert.equal((await send(routes, payload([{ ...firing, annotations: { a: 'x'.repeat(1000) } }]))).status, 413);
    assert.equal((await send(routes, payload([{ ...firing, labels: { a: '1', b: '2' } }]))).status, 400);
    const text = await fetch(`${routes.url}/webhook`, { method: 'POST', body: payload([firing]) });
    assert.equal(text.status, 415);
  });

  it('accepts POST only', async (test) => {
    const { url } = await startRoutes(test);
    const response = await fetch(`${url}/webhook`);
    assert.deepEqual([response.status, response.headers.get('allow')], [405, 'POST, OPTIONS']);
  });
});
