import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { Config } from '../config/config.ts';
import type { ServerFacts } from '../reconcile/server-facts.ts';
import { systemClock } from '../runtime/clock.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import { createPrometheusClient } from './prometheus-client.ts';
import { askServerFacts, maxRulesBytes } from './server-facts.ts';

const yaml = `global:
  external_labels:
    cluster: eu
rule_files:
- rules.yml
alerting:
  alert_relabel_configs:
  - regex: replica
    action: labeldrop
  alertmanagers:
  - scheme: http
scrape_configs:
- job_name: alerting
  global: 5
`;

const usual: Readonly<Record<string, unknown>> = {
  '/api/v1/rules?type=alert&exclude_alerts=true': {
    groups: [
      {
        interval: 0.5,
        rules: [
          { type: 'alerting', name: 'A', labels: { team: 'x', pipeline_name: 'p' }, alerts: [{ labels: { a: 'b' } }] },
          { type: 'recording', name: 'r', labels: {} },
        ],
      },
      { interval: 60, rules: null },
      {
        interval: 60,
        rules: [
          { type: 'alerting', name: 'B' },
          { type: 'alerting', name: 'B' },
        ],
      },
    ],
  },
  '/api/v1/alertmanagers': {
    activeAlertmanagers: [{ url: 'http://a:9093/api/v2/alerts' }, { url: 'http://b/x/api/v2/alerts' }],
    droppedAlertmanagers: [{ url: 'http://c' }],
  },
  '/api/v1/status/config': { yaml },
  '/api/v1/status/flags': { 'rules.alert.resend-delay': '1m30s', 'web.external-url': 'http://p' },
};

/** Asks a server that answers with these `data`, or with a 404. */
async function ask(
  t: TestContext,
  answers: Readonly<Record<string, unknown>>,
): Promise<ServerFacts & { asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url!);
    if (!Object.hasOwn(answers, request.url!)) return void response.writeHead(404).end('404 page not found');
    const data = answers[request.url!];
    if (data === 'hang up') return void response.destroy();
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify({ status: 'success', data }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = createPrometheusClient({
    url: `http://127.0.0.1:${port}`,
    timeoutMs: 5000,
    maxResponseBytes: 64 * 1024 * 1024,
    maxFiringBytes: 1024,
    version: 'test',
    httpConfig: Config.parse({}).prometheus.http_config,
    clock: systemClock,
    schedule: new SliceSchedule(systemClock),
  });
  t.after(() => {
    client.close();
    server.closeAllConnections();
    server.close();
  });
  return { ...(await askServerFacts(client, maxRulesBytes, new AbortController().signal)), asked };
}

function errorOf(answer: ServerFacts['rules' | 'alertmanagers' | 'configuration' | 'resendDelayMs']): unknown[] {
  assert.ok('error' in answer);
  return [answer.isRefused, answer.error.message.replace(/:\d+/, '')];
}

describe('askServerFacts', () => {
  it('gives the alerting rules, the active Alertmanagers, two sections of the configuration, and the resend delay', async (t) => {
    const facts = await ask(t, usual);
    assert.deepEqual(facts.rules, {
      value: [
        { name: 'A', labels: { pipeline_name: 'p' }, intervalMs: 500 },
        { name: 'B', labels: {}, intervalMs: 60_000 },
      ],
    });
    assert.deepEqual(facts.alertmanagers, { value: ['http://a:9093/api/v2/alerts', 'http://b/x/api/v2/alerts'] });
    const [before = '', rest = ''] = yaml.split('rule_files:\n- rules.yml\n');
    assert.deepEqual(facts.configuration, { value: before + rest.split('scrape_configs')[0] });
    assert.deepEqual(facts.resendDelayMs, { value: 90_000 });
  });

  it('takes lists that Go never filled for empty', async (t) => {
    const facts = await ask(t, {
      ...usual,
      '/api/v1/rules?type=alert&exclude_alerts=true': { groups: null },
      '/api/v1/alertmanagers': { activeAlertmanagers: null },
    });
    assert.deepEqual([facts.rules, facts.alertmanagers], [{ value: [] }, { value: [] }]);
  });

  it('says what a server does not tell, and tells the rest', async (t) => {
    const { '/api/v1/status/config': _, '/api/v1/status/flags': __, ...thanos } = usual;
    const facts = await ask(t, thanos);
    assert.ok('value' in facts.rules && 'value' in facts.alertmanagers);
    assert.deepEqual(errorOf(facts.configuration), [
      true,
      'Prometheus at http://127.0.0.1 has no /api/v1/status/config, it answered 404 "404 page not found": is a path prefix missing in prometheus.url, or is that not a Prometheus?',
    ]);
    assert.equal(errorOf(facts.resendDelayMs)[0], true);
  });

  it('asks nothing more after a failure that has nothing to do with the question', async (t) => {
    const facts = await ask(t, { ...usual, '/api/v1/rules?type=alert&exclude_alerts=true': 'hang up' });
    assert.equal(facts.asked.length, 1);
    assert.deepEqual(
      [facts.rules, facts.alertmanagers, facts.configuration, facts.resendDelayMs].map((answer) => errorOf(answer)[0]),
      [false, false, false, false],
    );
  });

  it('refuses answers of another shape, and says so', async (t) => {
    const facts = await ask(t, {
      '/api/v1/rules?type=alert&exclude_alerts=true': { groups: 'none' },
      '/api/v1/alertmanagers': { activeAlertmanagers: 5 },
      '/api/v1/status/config': { yaml: 5 },
      '/api/v1/status/flags': { 'rules.alert.resend-delay': 'soon' },
    });
    for (const answer of [facts.rules, facts.alertmanagers, facts.configuration, facts.resendDelayMs])
      assert.match(String(errorOf(answer)[1]), /JSON of another shape/);
  });

  it('keeps to its limit for rules, and says which', async (t) => {
    const group = (from: number): object => ({
      interval: 1,
      rules: Array.from({ length: 1000 }, (_, index) => ({
        type: 'alerting',
        name: `Alert${from + index}`.padEnd(40),
      })),
    });
    const groupsOf = (count: number): object => ({
      '/api/v1/rules?type=alert&exclude_alerts=true': {
        groups: Array.from({ length: count }, (_, index) => group(index * 1000)),
      },
    });
    const some = await ask(t, { ...usual, ...groupsOf(3) });
    assert.equal('value' in some.rules && some.rules.value.length, 3000);
    const many = await ask(t, { ...usual, ...groupsOf(10) });
    assert.match(String(errorOf(many.rules)[1]), new RegExp(`more than ${maxRulesBytes} bytes`));
  });
});
