import assert from 'node:assert/strict';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { explainBench } from './explain.fixture.ts';
import { temporaryFolder } from '../runtime/temporary-folder.fixture.ts';

const watchdog = { receiver: { watchdog: { matcher: 'alertname="Watchdog"', after: '2m' } } };

describe('GET /status', () => {
  it('tells the process, its configuration, storage and queue', async (t) => {
    const bench = await explainBench(t, { prometheus: { url: 'http://me:secret@127.0.0.1:2/prom/' } });
    const status = await bench.ask('Status', '/status');
    const now = new Date(bench.clock.now()).toISOString();
    assert.equal(status.version, 'test');
    assert.match(status.instance, /^[0-9a-f]{16}$/);
    assert.equal(status.time, now);
    assert.equal(status.not_ready, undefined);
    assert.equal(status.addresses.host, '127.0.0.1');
    assert.equal(`http://127.0.0.1:${status.addresses.port}`, bench.url);
    assert.deepEqual(status.prometheus, ['http://127.0.0.1:2/prom']);
    assert.equal(status.configuration.file, undefined);
    assert.equal(status.configuration.refused, false);
    assert.equal(status.storage.error, undefined);
    assert.deepEqual(status.history, { retention_seconds: 86_400, lost: 0 });
    assert.deepEqual(status.received, {});
    assert.equal(status.queue.waiting, 0);
    assert.deepEqual(status.limits, []);
    assert.equal(status.watchdog, undefined);
  });

  it('is another instance after a restart', async (t) => {
    const bench = await explainBench(t);
    const { instance } = await bench.ask('Status', '/status');
    await bench.restart();
    assert.notEqual((await bench.ask('Status', '/status')).instance, instance);
  });

  it('tells when alerts were received, by whom, and the watchdog', async (t) => {
    const bench = await explainBench(t, watchdog);
    const first = new Date(bench.clock.now()).toISOString();
    const endsAt = new Date(bench.clock.now() + 600_000).toISOString();
    await bench.post([{ labels: { alertname: 'Watchdog' }, endsAt }], 'r1');
    await bench.settle(1000);
    const second = new Date(bench.clock.now()).toISOString();
    await bench.post([{ labels: { alertname: 'FromAPerson' } }], 'r2');
    const { received, watchdog: told } = await bench.ask('Status', '/status');
    assert.deepEqual(received, { at: second, from_prometheus_at: first });
    assert.deepEqual(told, { matcher: 'alertname="Watchdog"', after_seconds: 120, received_at: first });
  });

  it('counts the limits that are reached, with the last time', async (t) => {
    const bench = await explainBench(t, { receiver: { max_alerts: 1 } });
    for (const id of ['r1', 'r2']) {
      await bench.post([{ labels: { alertname: 'One' } }, { labels: { alertname: 'Two', id } }], id);
      await bench.settle(1000);
    }
    const [limit] = (await bench.ask('Status', '/status')).limits;
    assert.deepEqual([limit?.limit, limit?.count], ['max_alerts', 2]);
    const agoMs = bench.clock.now() - Date.parse(limit!.last_reached_at);
    assert.ok(agoMs >= 1000 && agoMs < 10_000, `${agoMs} ms ago`);
  });

  it('tells why the storage cannot be written, and that it can again', async (t) => {
    const folder = await temporaryFolder(t, 'tocsin-status');
    const storage = join(folder, 'data');
    const bench = await explainBench(t, {}, storage);
    // A folder at its place keeps even root from writing the probe.
    await mkdir(join(storage, 'tocsin.probe'));
    await writeFile(join(storage, 'tocsin.probe', 'x'), '');
    const { path, error } = (await bench.ask('Status', '/status')).storage;
    assert.equal(path, storage);
    assert.match(error ?? '', /^ERR_FS_EISDIR|^EISDIR|^EEXIST/);
    await rm(join(storage, 'tocsin.probe'), { recursive: true });
    await bench.settle(1000);
    assert.equal((await bench.ask('Status', '/status')).storage.error, undefined);
  });

  it('refuses parameters', async (t) => {
    const bench = await explainBench(t);
    assert.equal((await fetch(`${bench.url}/api/tocsin/v1/status?x=1`)).status, 400);
  });
});
