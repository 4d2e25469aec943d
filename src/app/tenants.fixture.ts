import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { loadConfig, type LoadedConfig } from '../config/load-config.ts';
import { TenantCompiler } from '../config/tenant-configs.ts';
import { systemClock } from '../runtime/clock.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import type { WebOptions } from '../server/guarded-server.ts';
import { App } from './app.ts';
import { folderHome } from './home.ts';

export interface TenantsBench {
  readonly folder: string;
  readonly url: string;
  readonly logger: RecordingLogger;
  get(
    path: string,
    headers?: Readonly<Record<string, string>>,
  ): Promise<{ readonly status: number; readonly body: string }>;
  send(method: string, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>;
  /** The names of the alerts that a path shows. */
  alerts(path: string, headers?: Readonly<Record<string, string>>): Promise<readonly string[]>;
  metric(series: string): Promise<number>;
  /** Writes another configuration and applies it; returns its problems. */
  reload(text: string): Promise<readonly string[]>;
  /** The status files of a tenant's pipelines, one after the other. */
  statusOf(tenant: string): string;
  writeFile(name: string, text: string): Promise<void>;
}

/**
 * Tocsin with tenants, in this process. Each of `one`, `two` and `three` is a folder with a TracePipeline of that name.
 * @param text of the configuration file
 */
export async function tenantsBench(t: TestContext, text: string, web?: WebOptions): Promise<TenantsBench> {
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-tenants-'));
  for (const name of ['one', 'two', 'three']) {
    await mkdir(join(folder, name));
    const manifest = `apiVersion: telemetry.kyma-project.io/v1beta1\nkind: TracePipeline\nmetadata: {name: ${name}}\n`;
    await writeFile(join(folder, name, 'pipeline.yaml'), manifest);
  }
  const file = join(folder, 'tocsin.yml');
  await writeFile(file, text);
  const logger = new RecordingLogger();
  const compiler = new TenantCompiler();
  const listFolder = (path: string): readonly string[] => readdirSync(path).toSorted();
  const load = (): LoadedConfig =>
    loadConfig({ configFile: file }, (path) => readFileSync(path, 'utf8'), { compiler, listFolder });
  const loaded = load();
  if ('problems' in loaded) throw new Error(loaded.problems.join('\n'));
  const app = new App({
    ...loaded,
    configText: loaded.text,
    loadConfig: load,
    listenAddress: { host: '127.0.0.1', port: 0 },
    createHome: folderHome(join(folder, 'one')),
    tenantHome: ({ home }) => Promise.resolve(folderHome(home.home === 'folder' ? home.folder : join(folder, 'one'))),
    storagePath: join(folder, 'data'),
    version: 'test',
    clock: systemClock,
    logger,
    ...(web !== undefined && { web }),
  });
  const { port } = await app.start();
  t.after(async () => {
    await app.stop();
    await rm(folder, { recursive: true });
  });
  const url = `http://127.0.0.1:${port}`;
  const get: TenantsBench['get'] = async (path, headers = {}) => {
    const response = await fetch(url + path, { headers, redirect: 'manual' });
    return { status: response.status, body: await response.text() };
  };
  return {
    folder,
    url,
    logger,
    get,
    send: (method, path, body, headers = {}) =>
      fetch(url + path, {
        method,
        headers: { ...headers, ...(body !== undefined && { 'Content-Type': 'application/json' }) },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
    async alerts(path, headers) {
      const { status, body } = await get(`${path}/api/v2/alerts`, headers);
      if (status !== 200) throw new Error(`${status} ${body}`);
      const found = JSON.parse(body) as readonly { readonly labels: Readonly<Record<string, string>> }[];
      return found.map(({ labels }) => labels['alertname'] ?? '').toSorted();
    },
    async metric(series) {
      const { body } = await get('/metrics');
      const line = body.split('\n').find((each) => each.startsWith(`${series} `));
      return Number(line?.slice(series.length));
    },
    async reload(next) {
      await writeFile(file, next);
      const outcome = await app.reload('signal');
      return 'problems' in outcome ? outcome.problems : [];
    },
    statusOf(tenant) {
      const status = join(folder, 'data', 'tenants', tenant, 'status', 'tracepipeline');
      const names = existsSync(status) ? readdirSync(status) : [];
      return names.map((name) => readFileSync(join(status, name), 'utf8')).join('');
    },
    writeFile: (name, content) => writeFile(join(folder, name), content),
  };
}

export function alert(alertname: string, labels: Readonly<Record<string, string>> = {}): object {
  return { labels: { alertname, ...labels } };
}

export function silence(alertname: string): object {
  const now = Date.now();
  return {
    matchers: [{ name: 'alertname', value: alertname, isRegex: false, isEqual: true }],
    startsAt: new Date(now).toISOString(),
    endsAt: new Date(now + 3_600_000).toISOString(),
    createdBy: 'test',
    comment: 'test',
  };
}
