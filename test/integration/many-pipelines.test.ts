import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { startFakePrometheus, type FakePrometheus } from '../../src/prometheus/fake-prometheus.fixture.ts';
import type { LogLine } from '../support/log-lines.ts';
import { postAlerts } from '../../src/receiver/post-alerts.fixture.ts';
import { startTocsin, type TocsinProcess } from '../support/tocsin-process.ts';

const count = 1000;

describe('a thousand pipelines', () => {
  let folder: string;
  let prometheus: FakePrometheus;
  let tocsin: TocsinProcess;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tocsin-pipelines-'));
    await writeManifests(folder);
    prometheus = await startFakePrometheus();
    tocsin = await startTocsin({ args: [`--prometheus.url=${prometheus.url}`, `--pipelines.folder=${folder}`] });
    await sweepAfter(tocsin, 0);
  });

  after(async () => {
    await Promise.allSettled([tocsin?.stop(), prometheus?.stop()]);
    await rm(folder, { recursive: true, force: true });
  });

  it('are all looked at when Tocsin starts, with one query', () => {
    assert.equal(prometheus.queries(), 1);
    assert.equal(lines(tocsin, 'condition.changed').length, count);
  });

  it('cost one query and no write for an alert that changes nothing', async () => {
    const written = await modificationTimes(tocsin.storagePath);
    const seen = tocsin.log.all.length;
    await postAlerts(tocsin.url, [{ labels: { alertname: 'InstanceDown' } }]);
    const sweep = await sweepAfter(tocsin, seen);

    assert.deepEqual([sweep['requests'], sweep['changed'], sweep['unchanged'], sweep['failed']], [count, 0, count, 0]);
    assert.equal(prometheus.queries(), 2);
    assert.equal(written.size, count);
    assert.deepEqual(await modificationTimes(tocsin.storagePath), written);
  });

  it('are told by the log that the alert is not in Prometheus', () => {
    const finished = lines(tocsin, 'reconcile.finished').filter((line) => line['priority'] === 'alert');
    assert.equal(finished.length, count);
    assert.ok(finished.every((line) => JSON.stringify(line['not_in_prometheus']) === '["InstanceDown"]'));
  });

  it('cost one query and one write each for an alert that concerns them all', async () => {
    prometheus.answer([{ labels: { alertname: 'TraceGatewayThrottling' }, state: 'firing' }]);
    const seen = tocsin.log.all.length;
    await postAlerts(tocsin.url, [{ labels: { alertname: 'TraceGatewayThrottling' } }]);
    const sweep = await sweepAfter(tocsin, seen);

    assert.deepEqual([sweep['changed'], sweep['failed']], [count, 0]);
    assert.equal(prometheus.queries(), 3);
    const text = await readFile(join(tocsin.storagePath, 'status', 'tracepipeline', 'p-0.yaml'), 'utf8');
    assert.match(text, /reason: GatewayThrottling/);
  });
});

async function writeManifests(folder: string): Promise<void> {
  const manifest = (name: string): string =>
    `apiVersion: telemetry.kyma-project.io/v1beta1\nkind: TracePipeline\nmetadata: {name: ${name}}\n`;
  await mkdir(folder, { recursive: true });
  // Several per file, as a user might keep them.
  for (let file = 0; file < count / 50; file++) {
    const documents = Array.from({ length: 50 }, (_, index) => manifest(`p-${file * 50 + index}`));
    await writeFile(join(folder, `${file}.yaml`), documents.join('---\n'));
  }
}

function lines(tocsin: TocsinProcess, event: string): LogLine[] {
  return tocsin.log.all.filter((line) => line.event === event);
}

function sweepAfter(tocsin: TocsinProcess, seen: number): Promise<LogLine> {
  return tocsin.log.waitForLine((line) => line.event === 'sweep.finished', 30_000, seen);
}

/** When each status file was written, and its inode. */
async function modificationTimes(storagePath: string): Promise<Map<string, string>> {
  const folder = join(storagePath, 'status', 'tracepipeline');
  const times = new Map<string, string>();
  for (const name of await readdir(folder)) {
    const { mtimeMs, ino } = await stat(join(folder, name));
    times.set(name, `${mtimeMs} ${ino}`);
  }
  return times;
}
