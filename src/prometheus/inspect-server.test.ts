import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { Config } from '../config/config.ts';
import { systemClock } from '../runtime/clock.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import { ServerInspection } from './inspect-server.ts';
import { createPrometheusClient } from './prometheus-client.ts';

const { signal } = new AbortController();

/** Asks a server that answers with these `data`, or with this text, or with a 404. */
async function inspect(t: TestContext, answers: Readonly<Record<string, unknown>>): Promise<ServerInspection> {
  const server = createServer((request, response) => {
    const data = answers[request.url ?? ''];
    if (data === undefined) return response.writeHead(404).end();
    if (typeof data === 'string') return response.end(data);
    response.writeHead(200, { 'Content-Type': 'application/json' });
    return response.end(JSON.stringify({ status: 'success', data }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = createPrometheusClient({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/prom`,
    timeoutMs: 5000,
    maxResponseBytes: 1_000_000,
    maxFiringBytes: 1_000_000,
    httpConfig: Config.parse({}).prometheus.http_config,
    version: 'test',
    clock: systemClock,
    schedule: new SliceSchedule(systemClock),
  });
  t.after(() => {
    client.close();
    server.closeAllConnections();
    server.close();
  });
  return new ServerInspection(client);
}

describe('ServerInspection', () => {
  it('reads version, time, flags, reload and configuration', async (t) => {
    const server = await inspect(t, {
      '/prom/api/v1/status/buildinfo': { version: '3.15.0' },
      '/prom/api/v1/query?query=time%28%29': { resultType: 'scalar', result: [1_796_046_580.25, '1796046580.25'] },
      '/prom/api/v1/status/flags': { 'config.file': '/p.yml', 'web.console.templates': 'x', agent: 'false' },
      '/prom/api/v1/status/runtimeinfo': { reloadConfigSuccess: false, lastConfigTime: '2026-11-30T00:00:00Z' },
      '/prom/api/v1/status/config': { yaml: 'global: {}\nscrape_configs:\n- x\nrule_files:\n- a.yml\nother: 1\n' },
    });
    assert.equal(await server.version(signal), '3.15.0');
    assert.equal(await server.time(signal), 1_796_046_580_250);
    assert.deepEqual(await server.flags(signal), { 'config.file': '/p.yml', agent: 'false' });
    assert.deepEqual(await server.reload(signal), { succeeded: false, at: '2026-11-30T00:00:00Z' });
    assert.equal(await server.configuration(signal), 'global: {}\nrule_files:\n- a.yml\n');
  });

  it('reads the groups of rules, alerting and recording', async (t) => {
    const labels = { pipeline_name: 'p' };
    const alerts = [{ state: 'pending', activeAt: '2026-11-30T00:00:00.5Z', labels: { huge: 'x' } }];
    const alerting = { type: 'alerting', name: 'A', duration: 300, health: 'ok', labels, alerts };
    const recording = { type: 'recording', name: 'r', health: 'err', lastError: 'no' };
    const groups = [{ name: 'g', file: 'a.yml', interval: 0.5, rules: [alerting, recording] }];
    const server = await inspect(t, { '/prom/api/v1/rules': { groups } });
    const usual = { intervalMs: 500, alerts: [], labels: {}, lastError: '', forMs: 0 };
    const active = [{ state: 'pending', activeAt: Date.parse('2026-11-30T00:00:00.500Z') }];
    const rules = [
      { ...usual, type: 'alerting', name: 'A', health: 'ok', forMs: 300_000, labels, alerts: active },
      { ...usual, type: 'recording', name: 'r', health: 'err', lastError: 'no' },
    ];
    assert.deepEqual(await server.groups(signal), [{ name: 'g', file: 'a.yml', rules }]);
  });

  it('reads the Alertmanagers, those that were dropped too', async (t) => {
    const data = { activeAlertmanagers: [{ url: 'http://a' }], droppedAlertmanagers: [{ url: 'http://b' }, {}] };
    const server = await inspect(t, { '/prom/api/v1/alertmanagers': data });
    assert.deepEqual(await server.alertmanagers(signal), { active: ['http://a'], dropped: ['http://b'] });
  });

  it('reads the metrics as they are, and the samples of a query', async (t) => {
    const result = [{ metric: { a: 'b' }, value: [1, '2.5'] }];
    const server = await inspect(t, {
      '/prom/metrics': 'up 1\n',
      '/prom/api/v1/query?query=up': { resultType: 'vector', result },
    });
    assert.equal(await server.metrics(signal), 'up 1\n');
    assert.deepEqual(await server.query('up', signal), [{ labels: { a: 'b' }, value: 2.5 }]);
  });

  it('rejects with what was wrong, and where', async (t) => {
    const server = await inspect(t, { '/prom/api/v1/rules': { groups: 'none' }, '/prom/api/v1/status/buildinfo': {} });
    await assert.rejects(server.version(signal), /data\.version/);
    await assert.rejects(server.groups(signal), /data\.groups/);
    await assert.rejects(server.metrics(signal), /has no \/metrics, it answered 404/);
  });
});
