import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { eventually } from '../runtime/eventually.fixture.ts';
import { postAlerts } from '../receiver/post-alerts.fixture.ts';
import { startRawServer } from '../prometheus/raw-server.fixture.ts';
import { App } from './app.ts';
import { systemClock, type Clock } from '../runtime/clock.ts';
import { Config } from '../config/config.ts';
import { folderHome } from './home.ts';
import type { Logger } from '../runtime/logger.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';

const log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const silent: Logger = { ...log, enables: () => false, atEnd: new Set() };

describe('App', () => {
  it('can exist twice in one process: the two are independent', async (t) => {
    const one = await startApp(t, 'one');
    const two = await startApp(t, 'two');
    await postAlerts(one.url, [{ labels: { alertname: 'TraceGatewayThrottling' } }]);

    assert.match(
      await eventually(
        () => status(one),
        (text) => text.includes('GatewayThrottling'),
      ),
      /status: "False"/,
    );
    assert.match(
      await eventually(
        () => status(two),
        (text) => text !== '',
      ),
      /reason: FlowHealthy/,
    );
    assert.match(await metrics(one), /^tocsin_alerts\{state="active"\} 1$/m);
    assert.match(await metrics(two), /^tocsin_alerts\{state="active"\} 0$/m);
  });

  it('closes what is open when it cannot start', async (t) => {
    const one = await startApp(t, 'one');
    const { port } = new URL(one.url);
    const storagePath = join(one.storagePath, 'other');
    const app = new App({ ...one.options, storagePath, listenAddress: { host: '127.0.0.1', port: Number(port) } });

    await assert.rejects(app.start(), { code: 'EADDRINUSE' });
  });

  it('writes how many lines were left out in its last second, to the log and to the history', async (t) => {
    const logger = new RecordingLogger();
    const config = Config.parse({ log: { alert_lines_per_second: 1 } });
    const { app, url, storagePath } = await startApp(t, 'one', { config, logger });
    await postAlerts(url, [{ labels: { alertname: 'A' } }, { labels: { alertname: 'B' } }]);
    await app.stop();
    assert.deepEqual(logger.valuesOf('alert.lines_limited', 'lines'), [[1]]);
    const folder = join(storagePath, 'history');
    const segments = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8')));
    assert.match(segments.join(''), /"alert\.lines_limited"/);
  });

  it('stops within its drain timeout when the clock is set back meanwhile', async (t) => {
    const prometheus = await startRawServer(() => undefined);
    let offsetMs = 0;
    const config = Config.parse({
      controller: { drain_timeout: '400ms' },
      prometheus: { url: prometheus.url, timeout: '8s' },
    });
    const clock: Clock = { ...systemClock, now: () => systemClock.now() + offsetMs };
    const info: Logger['info'] = (event) => {
      if (event === 'app.stopping') offsetMs = -24 * 3_600_000;
    };
    const { app } = await startApp(t, 'one', { config, clock, logger: { ...silent, info } });
    await prometheus.requested();

    const startedAt = performance.now();
    await app.stop();
    await prometheus.close();
    assert.ok(performance.now() - startedAt < 5000, `it took ${performance.now() - startedAt} ms`);
  });
});

interface Started {
  readonly app: App;
  readonly url: string;
  readonly name: string;
  readonly storagePath: string;
  readonly options: ConstructorParameters<typeof App>[0];
}

async function startApp(t: TestContext, name: string, others: Partial<Started['options']> = {}): Promise<Started> {
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-app-'));
  const manifest = `apiVersion: telemetry.kyma-project.io/v1beta1\nkind: TracePipeline\nmetadata: {name: ${name}}\n`;
  await writeFile(join(folder, 'pipeline.yaml'), manifest);
  const storagePath = join(folder, 'data');
  const options = {
    config: Config.parse({}),
    listenAddress: { host: '127.0.0.1', port: 0 },
    createHome: folderHome(folder),
    storagePath,
    version: 'test',
    clock: systemClock,
    logger: silent,
    ...others,
  };
  const app = new App(options);
  const { port } = await app.start();
  t.after(async () => {
    await app.stop();
    await rm(folder, { recursive: true });
  });
  return { app, url: `http://127.0.0.1:${port}`, name, storagePath, options };
}

function status({ storagePath, name }: Started): Promise<string> {
  return readFile(join(storagePath, 'status', 'tracepipeline', `${name}.yaml`), 'utf8').catch(() => '');
}

async function metrics({ url }: Started): Promise<string> {
  return (await fetch(`${url}/metrics`)).text();
}

function nothing(): void {
  // A log that nobody reads.
}
