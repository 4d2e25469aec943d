import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Reviews } from '../access/reviews.ts';
import { eventually } from '../runtime/eventually.fixture.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { Config } from '../config/config.ts';
import { answers } from '../explain/schema-requests.ts';
import type { WebOptions } from '../server/guarded-server.ts';
import { loadWebConfig } from '../server/web/load-web-config.ts';
import { App } from './app.ts';
import { folderHome } from './home.ts';

export interface ExplainBench {
  readonly clock: FakeClock;
  readonly logger: RecordingLogger;
  readonly url: string;
  /** Sends a request, and checks the answer against the shape of that name. */
  ask<Name extends keyof typeof answers>(shape: Name, path: string, init?: RequestInit): Promise<Answer<Name>>;
  post(alerts: readonly object[], id: string, path?: string): Promise<number>;
  /** Advances the time, and lets everything that it started finish. */
  settle(ms?: number): Promise<void>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

type Answer<Name extends keyof typeof answers> = ReturnType<(typeof answers)[Name]['parse']>;

const kinds = ['TracePipeline', 'MetricPipeline'];

/**
 * Tocsin with a TracePipeline and a MetricPipeline `backend`, with a clock that stands still.
 * @param storagePath default: a folder that is removed with it
 * @param reviews a cluster that judges who may do what; default: everybody may do everything
 */
export async function explainBench(
  t: TestContext,
  config: object = {},
  storagePath?: string,
  reviews?: Reviews,
): Promise<ExplainBench> {
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-explain-'));
  for (const kind of kinds) {
    const manifest = `apiVersion: telemetry.kyma-project.io/v1beta1\nkind: ${kind}\nmetadata: {name: backend}\n`;
    await writeFile(join(folder, `${kind}.yaml`), manifest);
  }
  const [clock, logger] = [new FakeClock(), new RecordingLogger()];
  let app: App;
  let url: string;
  t.after(async () => {
    await app.stop();
    await rm(folder, { recursive: true });
  });
  const settled = async (): Promise<void> => {
    // A change in the folders begins a sweep at any time.
    const begun = (): number => logger.fieldsOf('requests.enqueued').filter(({ requests }) => requests !== 0).length;
    await eventually(
      () => begun() - logger.linesOf('sweep.finished').length,
      (open) => open === 0,
    );
  };
  const settle = async (ms = 10): Promise<void> => {
    await clock.advanceAsync(ms);
    await settled();
  };
  async function start(): Promise<[App, string]> {
    const created = new App({
      config: Config.parse(config),
      listenAddress: { host: '127.0.0.1', port: 0 },
      createHome: (context) => Object.assign(folderHome(folder)(context), { reviews }),
      ...(reviews !== undefined && { web: kubernetesDoor() }),
      storagePath: storagePath ?? join(folder, 'data'),
      version: 'test',
      clock,
      logger,
    });
    const { port } = await created.start();
    await clock.advanceAsync(10);
    await settled();
    return [created, `http://127.0.0.1:${port}`];
  }
  [app, url] = await start();
  return {
    clock,
    logger,
    get url() {
      return url;
    },
    async ask(shape, path, init) {
      const response = await fetch(`${url}/api/tocsin/v1${path}`, init);
      const answer = await response.json();
      const read = answers[shape].safeParse(answer);
      assert.ok(read.success, `${path} is no ${shape}: ${read.error?.message}\n${JSON.stringify(answer)}`);
      return read.data as Answer<typeof shape>;
    },
    async post(alerts, id, path = '/api/v2/alerts') {
      const headers = { 'Content-Type': 'application/json', 'X-Request-Id': id };
      const response = await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(alerts) });
      await response.arrayBuffer();
      await settle(2000);
      return response.status;
    },
    settle,
    async restart() {
      await app.stop();
      [app, url] = await start();
    },
    stop: () => app.stop(),
  };
}

function kubernetesDoor(): WebOptions {
  const readFile = (): string => 'kubernetes: {enabled: true}';
  const loaded = loadWebConfig('web.yml', readFile);
  assert.ok('settings' in loaded);
  return { routePrefix: '', configSource: { file: 'web.yml', ...loaded, readFile, load: loadWebConfig } };
}

export function json(body: unknown): RequestInit {
  return { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
}
