import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { startFakePrometheus, type FakePrometheus } from '../../src/prometheus/fake-prometheus.fixture.ts';
import type { LogLine } from '../support/log-lines.ts';
import { postAlerts } from '../../src/receiver/post-alerts.fixture.ts';
import { startTocsin, type TocsinProcess } from '../support/tocsin-process.ts';

describe('a reload of the configuration', () => {
  let tocsin: TocsinProcess;
  let prometheus: FakePrometheus;

  before(async () => {
    prometheus = await startFakePrometheus();
    tocsin = await startTocsin({ config: 'receiver: { max_alerts: 10 }\n' });
  });

  after(async () => {
    await Promise.allSettled([tocsin?.stop(), prometheus?.stop()]);
  });

  const write = (text: string): Promise<void> => writeFile(join(tocsin.folder, 'tocsin.yml'), text);
  const post = (): Promise<Response> => fetch(`${tocsin.url}/-/reload`, { method: 'POST' });
  const value = async (name: string): Promise<number> => {
    const page = await (await fetch(`${tocsin.url}/metrics`)).text();
    return Number(new RegExp(`^${name} (.*)$`, 'm').exec(page)?.[1]);
  };
  const next = (event: string): Promise<LogLine> =>
    tocsin.log.waitForLine((line) => line.event === event, 20_000, tocsin.log.all.length);

  it('applies what it can, and says what needs a restart, and keeps what is stored', async () => {
    await postAlerts(tocsin.url, [{ labels: { alertname: 'A' } }]);
    await write(`
      receiver: { max_alerts: 1, max_header_size: 32KiB, max_labels_per_alert: 2, max_body_size: 1KiB, idle_timeout: 3m }
      log: { alert_lines_per_second: 1 }
    `);
    const response = await post();
    assert.deepEqual(
      [response.status, await response.text()],
      [200, 'receiver.max_header_size needs a restart: the running value stays\n'],
    );
    assert.equal((await fetch(`${tocsin.url}/-/healthy`)).headers.get('keep-alive'), 'timeout=180');
    const limited = next('alert.lines_limited');
    await postAlerts(tocsin.url, [{ labels: { alertname: 'B' } }, { labels: { alertname: 'C' } }]);
    assert.equal((await limited)['per_second'], 1);
    assert.equal(await value('tocsin_alerts_limited_total'), 2);
    assert.equal(await value('tocsin_alerts{state="active"}'), 1);
    await assert.rejects(postAlerts(tocsin.url, [{ labels: { a: '1', b: '2', c: '3' } }]), /max_labels_per_alert/);
    await assert.rejects(postAlerts(tocsin.url, [{ labels: { a: 'x'.repeat(2000) } }]), /max_body_size \(1024 bytes\)/);
  });

  it('says that another home of the pipelines needs a restart', async () => {
    await write('receiver: { max_alerts: 1 }\npipelines: { kubernetes: {} }\n');
    assert.equal(await (await post()).text(), 'pipelines.kubernetes needs a restart: the running value stays\n');
  });

  it('changes nothing for a configuration that is wrong, and tells every problem', async () => {
    const [hash, at] = [
      await value('tocsin_config_hash'),
      await value('tocsin_config_last_reload_success_timestamp_seconds'),
    ];
    await write('receiver: { max_alerts: 0, max_alert: 5 }\nsource: { debounce: { wait: 10s } }\n');
    const response = await post();
    const text = await response.text();
    assert.equal(response.status, 500);
    assert.match(response.headers.get('content-type')!, /^text\/plain/);
    assert.match(text, /^failed to reload config: .*tocsin\.yml:1:\d+: receiver\.max_alerts: found 0/);
    assert.match(text, /\n.*tocsin\.yml:1:\d+: receiver\.max_alert: unknown key.*\n.*source\.debounce\.max_wait.*\n$/);
    const failed = tocsin.log.all.findLast(({ event }) => event === 'config.reload_failed')!;
    assert.equal((failed['problems'] as string[]).length, 3);
    assert.equal(await value('tocsin_config_last_reload_successful'), 0);
    assert.equal(await value('tocsin_config_hash'), hash);
    assert.equal(await value('tocsin_config_last_reload_success_timestamp_seconds'), at);
  });

  it('refuses an action that the home of the pipelines cannot do', async () => {
    await write('controller: { action: annotate }\n');
    const response = await post();
    assert.equal(response.status, 500);
    assert.match(await response.text(), /^failed to reload config: controller\.action is annotate, which needs/);
  });

  it('takes a signal for a request, and another Prometheus for the truth', async () => {
    prometheus.answer([{ labels: { alertname: 'TraceGatewayThrottling' }, state: 'firing' }]);
    await write(`prometheus: { url: '${prometheus.url}' }\n`);
    const changed = next('condition.changed');
    tocsin.child.kill('SIGHUP');
    const { reason, causes } = await changed;
    assert.deepEqual([reason, causes], ['GatewayThrottling', ['reload']]);
    assert.equal(await value('tocsin_config_last_reload_successful'), 1);
    await write('{}\n');
    const healed = next('condition.changed');
    assert.equal((await post()).status, 200);
    assert.equal((await healed)['reason'], 'FlowHealthy');
  });

  it('lets reconciles that have asked the earlier Prometheus come to their end', async () => {
    await write(`prometheus: { url: '${prometheus.url}' }\n`);
    prometheus.hang();
    const asked = prometheus.queries();
    assert.equal((await post()).status, 200);
    while (prometheus.queries() === asked) await new Promise((resolve) => setTimeout(resolve, 10));
    const seen = tocsin.log.all.length;
    await write('{}\n');
    assert.equal((await post()).status, 200);
    prometheus.answer([]);
    const sweep = await tocsin.log.waitForLine(({ event }) => event === 'prometheus.queried', 30_000, seen);
    assert.equal(sweep['status'], 'success');
    assert.deepEqual(
      tocsin.log.all.slice(seen).filter(({ event }) => event === 'reconcile.failed'),
      [],
    );
  });

  it('ends connections at once when they hold more memory than they may now', async () => {
    const { hostname, port } = new URL(tocsin.url);
    const connections = await Promise.all(
      Array.from({ length: 600 }, async () => {
        const socket = connect(Number(port), hostname);
        await once(socket, 'connect');
        return socket.on('error', () => undefined).resume();
      }),
    );
    try {
      await eventually(
        () => value('tocsin_connections'),
        (open) => open >= 600,
      );
      const evicted = next('connections.evicted');
      await write('receiver: { max_connection_memory: 4MiB }\n');
      assert.equal((await post()).status, 200);
      assert.equal((await evicted)['max_bytes'], 4 * 1024 * 1024);
      await eventually(
        () => value('tocsin_connection_memory_bytes'),
        (bytes) => bytes < 4.1 * 1024 * 1024, // with the connection that asks
      );
      const open = await value('tocsin_connections');
      assert.ok(open >= 200 && open < 400, `${open} connections are left`);
      assert.equal(connections.filter(({ destroyed }) => !destroyed).length <= open, true);
    } finally {
      for (const socket of connections) socket.destroy();
    }
    const budget = next('limits.budget');
    await write('{}\n');
    assert.equal((await post()).status, 200);
    const atStart = tocsin.log.all.find(({ event }) => event === 'limits.budget')!;
    assert.equal((await budget)['connection_memory_bytes'], atStart['connection_memory_bytes']);
  });

  it('bears a hundred signals a second while alerts come, and loses none', async () => {
    await write('source: { debounce: { wait: 10ms } }\n');
    const seen = tocsin.log.all.length;
    const received = await value('tocsin_alerts_received_total{status="firing"}');
    const startedAt = performance.now();
    for (let n = 0; n < 100; n++) {
      tocsin.child.kill('SIGHUP');
      await postAlerts(tocsin.url, [{ labels: { alertname: 'Storm', n: String(n) } }]);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.equal((await post()).status, 200);
    assert.equal((await value('tocsin_alerts_received_total{status="firing"}')) - received, 100);
    assert.equal(await value('tocsin_alerts{state="active"}'), 101);
    const reloads = tocsin.log.all.slice(seen).filter(({ event }) => event === 'config.reloaded').length;
    // One every 200 ms; on a slow machine the hundred signals take longer.
    const most = (performance.now() - startedAt) / 200 + 5;
    assert.ok(reloads >= 2 && reloads <= most, `${reloads} reloads, at most ${most}`);
  });
});
