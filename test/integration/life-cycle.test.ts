import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { eventually } from '../../src/runtime/eventually.fixture.ts';
import { startFakePrometheus } from '../../src/prometheus/fake-prometheus.fixture.ts';
import { postAlerts } from '../../src/receiver/post-alerts.fixture.ts';
import { runTocsin } from '../support/run-tocsin.ts';
import { startTocsin } from '../support/tocsin-process.ts';

const throttling = [{ labels: { alertname: 'TraceGatewayThrottling' } }];

describe('the life of the process', () => {
  it('flushes the debouncer, drains the queue and exits 0 on SIGTERM', async (t) => {
    const tocsin = await startTocsin();
    t.after(() => tocsin.stop());
    const first = await postAlerts(tocsin.url, [{ labels: { alertname: 'First' } }]);
    // A late reconcile for the first alert would see the second one, too.
    await tocsin.log.waitForLine(
      (line) => line.event === 'sweep.finished' && ((line['request_ids'] ?? []) as string[]).includes(first),
    );
    // The second one waits in the debouncer when the signal arrives.
    const id = await postAlerts(tocsin.url, throttling);
    process.kill(tocsin.child.pid, 'SIGTERM');

    assert.deepEqual(await tocsin.child.exited, { code: 0, signal: null });
    const changed = tocsin.log.all.find((line) => line.event === 'condition.changed' && line['to'] === 'False');
    assert.ok(changed);
    assert.ok((changed['request_ids'] as string[]).includes(id));
    assert.equal(tocsin.log.all.at(-1)?.event, 'app.stopped');
    assert.ok(!tocsin.log.all.some((line) => line.event === 'app.drain_incomplete'));
  });

  it('opens no debugger at SIGUSR1', async (t) => {
    const tocsin = await startTocsin();
    t.after(() => tocsin.stop());
    process.kill(tocsin.child.pid, 'SIGUSR1');
    // A debugger would be announced at once; the reload comes after it.
    process.kill(tocsin.child.pid, 'SIGHUP');
    await tocsin.log.waitForLine((line) => line.event === 'config.reloaded');
    process.kill(tocsin.child.pid, 'SIGTERM');
    assert.deepEqual(await tocsin.child.exited, { code: 0, signal: null });
    assert.doesNotMatch(tocsin.child.recentOutput(), /[Dd]ebugger/);
  });

  it('gives up what hangs when the drain timeout is over, says so, and still exits 0', async (t) => {
    const prometheus = await startFakePrometheus();
    t.after(() => prometheus.stop());
    const tocsin = await startTocsin({
      args: [`--prometheus.url=${prometheus.url}`],
      config: 'controller: {drain_timeout: 1s}\n',
    });
    t.after(() => tocsin.stop());
    await tocsin.log.waitForLine((line) => line.event === 'sweep.finished');
    prometheus.hang();
    await postAlerts(tocsin.url, throttling);
    await eventually(
      () => prometheus.queries(),
      (queries) => queries === 2,
    );
    process.kill(tocsin.child.pid, 'SIGTERM');

    assert.deepEqual(await tocsin.child.exited, { code: 0, signal: null });
    const incomplete = tocsin.log.all.find((line) => line.event === 'app.drain_incomplete');
    assert.equal(incomplete?.['requests'], 4);
  });

  it('ends at once at a second signal', async (t) => {
    const prometheus = await startFakePrometheus();
    t.after(() => prometheus.stop());
    const tocsin = await startTocsin({ args: [`--prometheus.url=${prometheus.url}`] });
    t.after(() => tocsin.stop());
    await tocsin.log.waitForLine((line) => line.event === 'sweep.finished');
    prometheus.hang();
    await postAlerts(tocsin.url, throttling);
    await eventually(
      () => prometheus.queries(),
      (queries) => queries === 2,
    );
    process.kill(tocsin.child.pid, 'SIGTERM');
    await tocsin.log.waitForLine((line) => line.event === 'app.stopping');
    process.kill(tocsin.child.pid, 'SIGTERM');

    assert.deepEqual(await tocsin.child.exited, { code: 143, signal: null });
  });

  it('leaves only whole status files when it is killed in the middle of writing', async (t) => {
    for (let round = 0; round < 5; round++) {
      const tocsin = await startTocsin();
      t.after(() => tocsin.stop());
      const posts = Array.from({ length: 20 }, (_, index) =>
        postAlerts(tocsin.url, index % 2 === 0 ? throttling : [{ ...throttling[0]!, endsAt: '2026-01-01T00:00:00Z' }]),
      );
      await posts[round * 4];
      process.kill(tocsin.child.pid, 'SIGKILL');
      await Promise.allSettled(posts);
      await tocsin.child.exited;
      for (const file of await statusFiles(tocsin.storagePath)) {
        const status = parse(await readFile(file, 'utf8')) as { kind?: string; status?: { conditions: unknown[] } };
        assert.equal(status.status?.conditions.length, 2, file);
      }
    }
  });

  it('is not ready, and takes nothing new, while it shuts down', async (t) => {
    const prometheus = await startFakePrometheus();
    t.after(() => prometheus.stop());
    const tocsin = await startTocsin({ args: [`--prometheus.url=${prometheus.url}`] });
    t.after(() => tocsin.stop());
    await tocsin.log.waitForLine((line) => line.event === 'sweep.finished');
    prometheus.hang();
    await postAlerts(tocsin.url, throttling);
    process.kill(tocsin.child.pid, 'SIGTERM');
    await tocsin.log.waitForLine((line) => line.event === 'app.stopping');

    await assert.rejects(fetch(`${tocsin.url}/-/ready`));
    prometheus.answer([]);
    assert.deepEqual(await tocsin.child.exited, { code: 0, signal: null });
  });
});

describe('what keeps it from starting', () => {
  it('is told in one line with its remedy: a port in use', async (t) => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    t.after(() => other.close());
    const { port } = other.address() as AddressInfo;
    const { code, stderr } = await runTocsin([`--web.listen-address=127.0.0.1:${port}`]);

    assert.equal(code, 1);
    assert.match(
      stderr,
      new RegExp(`^tocsin: cannot listen on 127\\.0\\.0\\.1:${port}: the port is in use; .*--web\\.listen-address\\n$`),
    );
  });

  it('is told in one line with its remedy: a folder that is missing', async () => {
    const { code, stderr } = await runTocsin(['--web.listen-address=127.0.0.1:0', '--pipelines.folder=no/such/folder']);

    assert.equal(code, 1);
    assert.match(stderr, /^tocsin: .*no\/such\/folder.*\n$/);
  });

  it('is told in one line with its remedy: an address that this machine does not have', async () => {
    const { code, stderr } = await runTocsin(['--web.listen-address=192.0.2.1:9093']);

    assert.equal(code, 1);
    assert.match(stderr, /^tocsin: cannot listen on 192\.0\.2\.1:9093: this machine has no such address; .*\n$/);
  });
});

async function statusFiles(storagePath: string): Promise<string[]> {
  const entries = await readdir(join(storagePath, 'status'), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.yaml'))
    .map((entry) => join(entry.parentPath, entry.name));
}
