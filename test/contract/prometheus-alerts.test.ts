import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../../src/runtime/clock.ts';
import { HttpConfig } from '../../src/config/http-config.ts';
import { createPrometheusClient, type PrometheusClient } from '../../src/prometheus/prometheus-client.ts';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { startFakePrometheus } from '../../src/prometheus/fake-prometheus.fixture.ts';
import { prometheusPrograms, startPrometheus } from '../support/prometheus-server.ts';
import { skipWithout } from '../support/servers.ts';
import { SliceSchedule } from '../../src/runtime/slices.ts';

/** The same two alerts, one firing and one pending, as rules and as the input of the fake. */
const rules = `
groups:
  - name: test
    rules:
      - {alert: Fires, expr: vector(1), labels: {severity: page}, annotations: {summary: 'it "fires"'}}
      - {alert: Waits, expr: vector(1), for: 1h}
`;
const alerts = [
  { labels: { alertname: 'Fires', severity: 'page' }, state: 'firing' },
  { labels: { alertname: 'Waits' }, state: 'pending' },
] as const;

const expected = { alerts: 2, firing: [{ alertname: 'Fires', severity: 'page' }] };

describe('the alerts API of Prometheus', () => {
  it('is what the fake makes of it', async (t) => {
    const fake = await startFakePrometheus();
    t.after(() => fake.stop());
    fake.answer(alerts);

    assert.deepEqual(await clientOf(fake.url).query(new AbortController().signal), expected);
  });

  for (const version of ['3.15', '2.42'] as const) {
    it(
      `is so in the real Prometheus ${version}, field by field`,
      { skip: skipWithout(prometheusPrograms[version]) },
      async (t) => {
        const prometheus = await startPrometheus({ version, rules });
        t.after(() => prometheus.stop());
        const fake = await startFakePrometheus();
        t.after(() => fake.stop());
        fake.answer(alerts);
        const client = clientOf(prometheus.url);
        const query = (): ReturnType<PrometheusClient['query']> => client.query(new AbortController().signal);

        assert.deepEqual(await eventually(query, (answer) => answer.alerts === 2), expected);
        assert.deepEqual(await shapeOf(prometheus.url), await shapeOf(fake.url));
      },
    );
  }
});

function clientOf(url: string): PrometheusClient {
  return createPrometheusClient({
    url,
    timeoutMs: 10_000,
    maxResponseBytes: 1_000_000,
    maxFiringBytes: 1_000_000,
    version: 'test',
    clock: systemClock,
    schedule: new SliceSchedule(systemClock),
    httpConfig: HttpConfig.parse({}),
  });
}

/** The content type, the envelope, and the names and types of an alert's fields. */
async function shapeOf(url: string): Promise<unknown> {
  const response = await fetch(`${url}/api/v1/alerts`);
  const { data, ...envelope } = (await response.json()) as { data: { alerts: Record<string, unknown>[] } };
  const fields = data.alerts.map((alert) =>
    Object.fromEntries(
      Object.entries(alert)
        .map(([name, value]) => [name, typeof value])
        .toSorted(),
    ),
  );
  return { type: response.headers.get('content-type'), envelope, data: Object.keys(data), fields };
}
