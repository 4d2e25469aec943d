import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { eventually } from '../runtime/eventually.fixture.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { postAlerts } from '../receiver/post-alerts.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { App } from './app.ts';
import { Config } from '../config/config.ts';
import { folderHome } from './home.ts';

const throttling = [{ labels: { alertname: 'TraceGatewayThrottling' } }];
const hour = 3_600_000;

describe('App, for the alerts of a silence', () => {
  it('can be followed by one id from the request that ends the silence to the condition', async (t) => {
    const { clock, start } = await prepare(t);
    const app = await start();
    const first = await app.silence({});
    await postAlerts(app.url, throttling);
    const removal = await fetch(`${app.url}/api/v2/silence/${first.id}`, { method: 'DELETE' });
    assert.deepEqual(await app.hopsOf(removal.headers.get('x-request-id')!), hops);

    const second = await app.silence({});
    await clock.advanceAsync(10_000);
    const replacement = await app.silence({ id: second.id, matchers: [matcher('Other')] });
    assert.deepEqual(
      await app.hopsOf(replacement.requestId),
      // The condition was False all the time: a silence does not change what fires.
      hops.filter((event) => event !== 'condition.changed'),
    );
  });

  it('reports at the start, once, what ended while it was away, and wakes a reconcile for the silenced alerts', async (t) => {
    const { clock, start } = await prepare(t);
    const first = await start();
    const window = await first.silence({});
    const removed = await first.silence({ matchers: [matcher('Other')] });
    await fetch(`${first.url}/api/v2/silence/${removed.id}`, { method: 'DELETE' });
    const later = await first.silence({
      matchers: [matcher('Later')],
      startsAt: new Date(clock.now() + hour).toISOString(),
      endsAt: new Date(clock.now() + 3 * hour).toISOString(),
    });
    await postAlerts(first.url, throttling);
    assert.equal(first.logger.linesOf('event.emitted').length, 0);
    await first.app.stop();
    clock.advance(2 * hour);

    const second = await start();
    const ended = second.logger.valuesOf('silence.ended', 'silence', 'created_by', 'comment', 'ends_at', 'request_id');
    const end = new Date(clock.now() - hour).toISOString();
    assert.deepEqual(ended, [[window.id, 'me', 'window', end, undefined]]);
    assert.deepEqual(second.logger.valuesOf('silence.started', 'silence'), [[later.id]]);
    const loaded = second.logger.valuesOf('silences.loaded', 'expired', 'started_meanwhile', 'ended_meanwhile');
    assert.deepEqual(loaded, [[2, 1, 1]]);
    await eventually(
      () => second.logger.linesOf('sweep.finished'),
      (sweeps) => sweeps.length > 0,
    );
    const sent = await postAlerts(second.url, throttling);
    assert.deepEqual(await second.hopsOf(sent), hops.slice(1));
    await second.app.stop();

    const third = await start();
    assert.equal(third.logger.linesOf('silence.ended').length + third.logger.linesOf('silence.started').length, 0);
  });

  it('leaves no timer behind when it cannot start', async (t) => {
    const { clock, start } = await prepare(t);
    const first = await start();
    await first.silence({});
    await first.app.stop();
    const busy = createServer().listen(0, '127.0.0.1');
    t.after(() => busy.close());
    await once(busy, 'listening');
    await assert.rejects(start((busy.address() as AddressInfo).port), { code: 'EADDRINUSE' });
    assert.equal(clock.pending(), 0);
  });
});

/** In the order of the data flow. */
const hops = ['silence.ended', 'event.emitted', 'requests.enqueued', 'condition.changed', 'reconcile.finished'];

interface Running {
  readonly app: App;
  readonly url: string;
  readonly logger: RecordingLogger;
  silence(change: object): Promise<{ id: string; requestId: string }>;
  /** The {@link hops} that name a request, once a reconcile that names it has finished. */
  hopsOf(requestId: string): Promise<string[]>;
}

interface Prepared {
  readonly clock: FakeClock;
  /** Starts an app on the same folder and clock. */
  readonly start: (port?: number) => Promise<Running>;
}

async function prepare(t: TestContext): Promise<Prepared> {
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-app-'));
  const apps: App[] = [];
  t.after(async () => {
    // First the apps: what one still writes would bring the folder back.
    for (const app of apps) await app.stop();
    await rm(folder, { recursive: true });
  });
  const manifest = 'apiVersion: telemetry.kyma-project.io/v1beta1\nkind: TracePipeline\nmetadata: {name: backend}\n';
  await writeFile(join(folder, 'pipeline.yaml'), manifest);
  const clock = new FakeClock();
  return { clock, start: (port = 0) => startApp(apps, clock, folder, port) };
}

async function startApp(apps: App[], clock: FakeClock, folder: string, listenPort: number): Promise<Running> {
  const logger = new RecordingLogger();
  const app = new App({
    config: Config.parse({}),
    listenAddress: { host: '127.0.0.1', port: listenPort },
    createHome: folderHome(folder),
    storagePath: join(folder, 'data'),
    version: 'test',
    clock,
    logger,
  });
  apps.push(app);
  const { port } = await app.start();
  const url = `http://127.0.0.1:${port}`;
  return {
    app,
    url,
    logger,
    silence: (change) => postSilence(url, clock, change),
    hopsOf: (requestId) =>
      eventually(
        () => hopsOf(logger, requestId),
        (events) => events.includes('reconcile.finished'),
      ),
  };
}

async function postSilence(url: string, clock: FakeClock, change: object): Promise<{ id: string; requestId: string }> {
  const response = await fetch(`${url}/api/v2/silences`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      matchers: [matcher('TraceGatewayThrottling')],
      startsAt: new Date(clock.now()).toISOString(),
      endsAt: new Date(clock.now() + hour).toISOString(),
      createdBy: 'me',
      comment: 'window',
      ...change,
    }),
  });
  assert.equal(response.status, 200);
  const { silenceID: id } = (await response.json()) as { silenceID: string };
  return { id, requestId: response.headers.get('x-request-id')! };
}

function matcher(value: string): object {
  return { name: 'alertname', value, isRegex: false };
}

function hopsOf({ lines }: RecordingLogger, id: string): string[] {
  const mine = lines.filter(
    ({ fields }) => fields['request_id'] === id || (fields['request_ids'] as string[] | undefined)?.includes(id),
  );
  return hops.filter((hop) => mine.some(({ event }) => event === hop));
}
