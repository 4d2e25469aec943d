import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App } from '../../src/app/app.ts';
import { systemClock } from '../../src/runtime/clock.ts';
import { folderHome } from '../../src/app/home.ts';
import type { CreateClusterSilences } from '../../src/app/stored-silences.ts';
import { loadConfig } from '../../src/config/load-config.ts';
import { RecordingLogger } from '../../src/runtime/logger.fixture.ts';

/** Tocsin in this process. */
export interface TocsinApp {
  readonly url: string;
  readonly logger: RecordingLogger;
  stop(): Promise<void>;
}

const manifest = `
apiVersion: telemetry.kyma-project.io/v1alpha1
kind: TracePipeline
metadata: { name: backend }
spec: { output: { otlp: { endpoint: { value: 'http://backend:4317' } } } }
`;

/**
 * @param configText the configuration file; default: nothing is configured
 * @param storagePath default: a folder that is removed with the app
 * @param createSilences connects silences of a cluster; default: they are in the storage folder
 */
export async function startTocsinApp(
  configText = '',
  storagePath?: string,
  createSilences?: CreateClusterSilences,
): Promise<TocsinApp> {
  const folder = await mkdtemp(join(tmpdir(), 'tocsin-contract-'));
  await writeFile(join(folder, 'trace.yaml'), manifest);
  const loaded = loadConfig({ configFile: 'tocsin.yml' }, () => configText);
  assert.ok('config' in loaded);
  const logger = new RecordingLogger();
  const app = new App({
    config: loaded.config,
    listenAddress: { host: '127.0.0.1', port: 0 },
    createHome: folderHome(folder),
    createSilences,
    tenants: loaded.tenants,
    storagePath: storagePath ?? join(folder, 'data'),
    version: 'test',
    clock: systemClock,
    logger,
  });
  const { port } = await app.start();
  return {
    url: `http://127.0.0.1:${port}`,
    logger,
    async stop() {
      await app.stop();
      await rm(folder, { recursive: true });
    },
  };
}
