import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { startFakePrometheus } from '../../test/support/fake-prometheus.ts';
import { startRawServer } from '../../test/support/raw-server.ts';
import { RecordingLogger } from '../../test/support/recording-logger.ts';
import { systemClock } from '../runtime/clock.ts';
import { Config } from '../config/config.ts';
import { createPrometheusMetrics } from './prometheus-metrics.ts';
import { createSharedSnapshot } from './create-shared-snapshot.ts';
import { prometheusErrorKinds } from './prometheus-error.ts';
import { SliceSchedule } from '../runtime/slice-schedule.ts';

const config = Config.parse({ prometheus: { max_response_size: '1KiB', unknown_after: '0s' } }).prometheus;
const { signal } = new AbortController();
const emptyBody = '{"status":"success","data":{"alerts":[]}}';
const emptyAnswer = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${emptyBody.length}\r\n\r\n${emptyBody}`;

function bench(url: string, changes: Partial<typeof config> = {}, urls: readonly string[] = [url]) {
  const [logger, registry] = [new RecordingLogger(), new Registry()];
  const metrics = createPrometheusMetrics(registry);
  const schedule = new SliceSchedule(systemClock);
  const time = { clock: systemClock, schedule };
  const options = { config: { ...config, ...changes }, urls, ...time, logger, metrics, version: '1.2.3' };
  return { logger, registry, snapshots: createSharedSnapshot(options) };
}

async function queriesOf(registry: Registry, result: string): Promise<number | undefined> {
  const metric = await registry.getSingleMetric('tocsin_prometheus_queries_total')?.get();
  return metric?.values.find(({ labels }) => labels['result'] === result)?.value;
}

describe('createSharedSnapshot', { timeout: 20_000 }, () => {
  it('asks the Prometheus at the address, once for many, and says what fires', async (test) => {
    const prometheus = await startFakePrometheus();
    test.after(() => prometheus.stop());
    prometheus.answer([
      { labels: { alertname: 'InstanceDown' }, state: 'firing' },
      { labels: { alertname: 'Soon' }, state: 'pending' },
    ]);
    const { logger, registry, snapshots } = bench(prometheus.url);
    const asked = Array.from({ length: 1000 }, () => snapshots.snapshot(0, ['r1'], signal));
    const answers = await Promise.all(asked);
    assert.deepEqual(answers[999]?.firing.named('InstanceDown'), [{ alertname: 'InstanceDown' }]);
    assert.equal(answers[999]?.firing.size, 1);
    assert.equal(prometheus.queries(), 1);
    assert.deepEqual(logger.valuesOf('prometheus.queried', 'address', 'request_ids', 'status', 'alerts', 'firing'), [
      [prometheus.url, ['r1'], 'success', 2, 1],
    ]);
    assert.equal(await queriesOf(registry, 'success'), 1);
  });

  it('asks both of two URLs that differ in their credentials alone, as those of two tenants', async (test) => {
    const prometheus = await startFakePrometheus();
    test.after(() => prometheus.stop());
    const address = `127.0.0.1:${prometheus.port}`;
    const urls = ['one', 'two'].map((tenant) => `http://${tenant}:Passw0rd@${address}`);
    const { logger, snapshots } = bench(prometheus.url, {}, urls);
    test.after(() => snapshots.close());
    await snapshots.snapshot(0, [], signal);
    assert.equal(prometheus.queries(), 2);
    assert.deepEqual(logger.valuesOf('prometheus.queried', 'replicas', 'answered'), [[2, 2]]);
    assert.doesNotMatch(JSON.stringify(logger.lines), /Passw0rd/);
  });

  it('says which of two URLs failed that differ in their credentials alone, without a credential', async (test) => {
    const prometheus = await startRawServer((socket, head) => {
      const isLet = head.includes(`Basic ${Buffer.from('two:Passw0rd').toString('base64')}`);
      socket.end(isLet ? emptyAnswer : 'HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n');
    });
    test.after(() => prometheus.close());
    const { host } = new URL(prometheus.url);
    const urls = ['one', 'two'].map((tenant) => `http://${tenant}:Passw0rd@${host}`);
    const { logger, snapshots } = bench(prometheus.url, { max_firing_size: 1 << 20 }, urls);
    test.after(() => snapshots.close());
    await snapshots.snapshot(0, [], signal);
    const [first, second] = [1, 2].map((place) => `http://${host} (URL ${place})`);
    assert.deepEqual(logger.valuesOf('prometheus.queried', 'address'), [[`${first}, ${second}`]]);
    assert.deepEqual(logger.valuesOf('prometheus.replica_failed', 'replica'), [[first]]);
    assert.doesNotMatch(JSON.stringify(logger.lines), /Passw0rd|one:|two:/);
  });

  it('asks every URL with the parameters of the configuration, and says how many answered', async (test) => {
    const servers = await Promise.all([0, 1].map(() => startRawServer((socket) => socket.end(emptyAnswer))));
    test.after(() => Promise.all(servers.map((server) => server.close())));
    const { logger, registry, snapshots } = bench(
      'http://127.0.0.1:1',
      {
        params: new Map([['namespace', ['shop']]]),
        max_firing_size: 1 << 20,
      },
      servers.map(({ url }) => url),
    );
    await snapshots.snapshot(0, [], signal);
    snapshots.close();
    for (const { heads } of servers) assert.match(heads[0] ?? '', /^GET \/api\/v1\/alerts\?namespace=shop HTTP\/1\.1/);
    assert.deepEqual(logger.valuesOf('prometheus.queried', 'address', 'replicas', 'answered'), [
      [servers.map(({ url }) => url).join(', '), 2, 2],
    ]);
    assert.equal(await queriesOf(registry, 'success'), 1);
  });

  it('keeps to the limits of the configuration', async (test) => {
    const prometheus = await startFakePrometheus();
    test.after(() => prometheus.stop());
    prometheus.answer(Array.from({ length: 50 }, () => ({ labels: { alertname: 'InstanceDown' }, state: 'firing' })));
    const large = bench(prometheus.url);
    await assert.rejects(large.snapshots.snapshot(0, [], signal), /larger than 1024 bytes/);
    assert.equal(await queriesOf(large.registry, 'too_large'), 1);
    prometheus.hang();
    await assert.rejects(bench(prometheus.url, { timeout: 20 }).snapshots.snapshot(0, [], signal), /within 0.02 s/);
  });

  it('ends a query that hangs when it is closed', async (test) => {
    const prometheus = await startFakePrometheus();
    test.after(() => prometheus.stop());
    prometheus.hang();
    const { snapshots } = bench(prometheus.url);
    const asked = snapshots.snapshot(0, [], signal);
    snapshots.close();
    await assert.rejects(asked, { name: 'SnapshotError', message: 'Tocsin is shutting down' });
  });

  it('starts every result at 0', async () => {
    const { registry } = bench('http://127.0.0.1:1');
    for (const result of ['success', ...prometheusErrorKinds]) assert.equal(await queriesOf(registry, result), 0);
    assert.match(await registry.metrics(), /^tocsin_prometheus_query_duration_seconds_count 0$/m);
  });
});
