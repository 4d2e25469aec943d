import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { createHttpMetrics, limitNames } from '../../server/request/http-metrics.ts';
import { createReceiverMetrics } from './receiver-metrics.ts';

function setUp() {
  const registry = new Registry();
  const gauges = { active: () => 3, resolved: () => 4, bytes: () => 5 };
  const metrics = createReceiverMetrics(registry, createHttpMetrics(registry), gauges);
  for (const path of ['/api/v2/alerts', '/webhook']) metrics.expect(path, 'POST');
  const series = async (prefix: string): Promise<string[]> =>
    (await registry.metrics()).split('\n').filter((line) => line.startsWith(prefix));
  return { metrics, series };
}

describe('createReceiverMetrics', () => {
  it('has every series that is known beforehand at 0', async () => {
    const { series } = setUp();
    assert.deepEqual(await series('tocsin_alerts_received_total'), [
      'tocsin_alerts_received_total{status="firing"} 0',
      'tocsin_alerts_received_total{status="resolved"} 0',
    ]);
    assert.deepEqual(await series('tocsin_alerts_invalid_total'), ['tocsin_alerts_invalid_total 0']);
    assert.deepEqual(await series('tocsin_alerts_limited_total'), ['tocsin_alerts_limited_total 0']);
    assert.deepEqual(
      await series('tocsin_limit_reached_total'),
      limitNames.map((limit) => `tocsin_limit_reached_total{limit="${limit}"} 0`),
    );
    assert.deepEqual(await series('tocsin_http_requests_total'), [
      'tocsin_http_requests_total{path="/api/v2/alerts",method="POST",code="200"} 0',
      'tocsin_http_requests_total{path="/webhook",method="POST",code="200"} 0',
    ]);
  });

  it('reads the store at each scrape', async () => {
    const { series } = setUp();
    assert.deepEqual(await series('tocsin_alerts{'), [
      'tocsin_alerts{state="active"} 3',
      'tocsin_alerts{state="resolved"} 4',
    ]);
    assert.deepEqual(await series('tocsin_alerts_size_bytes'), ['tocsin_alerts_size_bytes 5']);
  });

  it('counts requests by route, method and code, and unknown methods as other', async () => {
    const { metrics, series } = setUp();
    for (let n = 0; n < 2; n++) metrics.answered('/api/v2/alerts', 'POST', 200, 0.1);
    metrics.answered('other', 'GET', 404, 0.1);
    for (const method of ['BREW', 'get', '', 'PROPFIND']) metrics.answered('/-/ready', method, 405, 0.1);
    assert.deepEqual(await series('tocsin_http_requests_total'), [
      'tocsin_http_requests_total{path="/api/v2/alerts",method="POST",code="200"} 2',
      'tocsin_http_requests_total{path="/webhook",method="POST",code="200"} 0',
      'tocsin_http_requests_total{path="other",method="GET",code="404"} 1',
      'tocsin_http_requests_total{path="/-/ready",method="other",code="405"} 4',
    ]);
  });

  it('measures the duration of requests', async () => {
    const { metrics, series } = setUp();
    metrics.answered('/metrics', 'GET', 200, 0.25);
    metrics.answered('/metrics', 'GET', 200, 0.5);
    const labels = 'path="/metrics",method="GET"';
    assert.deepEqual(await series('tocsin_http_request_duration_seconds_sum'), [
      `tocsin_http_request_duration_seconds_sum{${labels}} 0.75`,
    ]);
    assert.deepEqual(await series('tocsin_http_request_duration_seconds_bucket{le="0.25"'), [
      `tocsin_http_request_duration_seconds_bucket{le="0.25",${labels}} 1`,
    ]);
  });

  it('counts the limit that was reached', async () => {
    const { metrics, series } = setUp();
    metrics.limitReached('max_alerts');
    assert.deepEqual(
      (await series('tocsin_limit_reached_total')).filter((line) => !line.endsWith(' 0')),
      ['tocsin_limit_reached_total{limit="max_alerts"} 1'],
    );
  });
});
