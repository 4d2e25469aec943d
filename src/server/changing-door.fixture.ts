import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { request as httpRequest, type IncomingMessage, type RequestListener } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Reviews } from '../access/reviews.ts';
import { createAuthority } from './certificates.fixture.ts';
import { eventually } from '../runtime/eventually.fixture.ts';
import { FakeClock } from '../runtime/clock.fixture.ts';
import { RecordingLogger } from '../runtime/logger.fixture.ts';
import { Config } from '../config/config.ts';
import { webConfigCheckMs } from './web/live-web-config.ts';
import { SliceSchedule } from '../runtime/slices.ts';
import { loadWebConfig } from './web/load-web-config.ts';
import { metric } from '../runtime/metric.fixture.ts';
import { testHttpMetrics } from './http-metrics.fixture.ts';
import { testDoor } from './kubernetes-door.fixture.ts';
import { testConnections } from './connections.fixture.ts';
import { routesTo } from './routes.fixture.ts';
import { GuardedServer } from './guarded-server.ts';
import { temporaryFolder } from '../runtime/temporary-folder.fixture.ts';

/** Files by name, including `web.yml`. */
export type Files = Readonly<Record<string, string>>;

/** The certificates of one authority: its own, a server's and a client's. */
export interface Certificates {
  readonly ca: string;
  readonly server: { readonly cert: string; readonly key: string };
  readonly client: { readonly cert: string; readonly key: string };
}

export async function createCertificates(): Promise<Certificates> {
  const authority = await createAuthority();
  const issue = async (name: string, names: string) => {
    const { certFile, keyFile } = await authority.issue(name, { names });
    return { cert: await authority.read(certFile), key: await authority.read(keyFile) };
  };
  const server = await issue('server', 'DNS:localhost,IP:127.0.0.1');
  const client = await issue('client', 'DNS:client');
  const ca = await authority.read(authority.caFile);
  await authority.remove();
  return { ca, server, client };
}

export interface ChangingDoor {
  readonly port: number;
  readonly server: GuardedServer;
  readonly logger: RecordingLogger;
  write(files: Files): void;
  /** Advances until the files have been read again, successfully or not. */
  untilRead(): Promise<void>;
  /** The number of configurations that came into use since the start. */
  swaps(): number;
  /** Whether the configuration in the files is in use. */
  isGood(): Promise<number | undefined>;
}

/** A server whose web configuration is in separate files. */
export async function startChangingDoor(
  test: TestContext,
  files: Files,
  routes: RequestListener = (_, response) => void response.end('in'),
  reviews?: Reviews,
): Promise<ChangingDoor> {
  const folder = await temporaryFolder(test, 'changing-door');
  const write = (some: Files): void => {
    for (const [name, text] of Object.entries(some)) writeFileSync(join(folder, name), text);
  };
  write(files);
  const file = join(folder, 'web.yml');
  const readFile = (path: string): string => readFileSync(path, 'utf8');
  const loaded = loadWebConfig(file, readFile);
  assert.ok('settings' in loaded, JSON.stringify(loaded));
  const clock = new FakeClock();
  const logger = new RecordingLogger();
  const { receiver } = Config.parse({});
  const metrics = testHttpMetrics();
  const server = new GuardedServer({
    ...metrics,
    clock,
    schedule: new SliceSchedule(clock),
    logger,
    routes: routesTo(routes),
    web: { routePrefix: '', configSource: { file, ...loaded, readFile, load: loadWebConfig } },
    kubernetes: testDoor(reviews, { clock, logger }),
    connections: testConnections({ clock, logger, metrics: metrics.metrics }),
    maxHeaderBytes: receiver.max_header_size,
    maxHeaders: receiver.max_headers,
    headerTimeoutMs: receiver.header_timeout,
    requestTimeoutMs: receiver.request_timeout,
    idleTimeoutMs: receiver.idle_timeout,
    maxConnections: receiver.max_connections,
    tlsHandshakeTimeoutMs: receiver.tls_handshake_timeout,
  });
  const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
  test.after(async () => {
    const closed = server.close(1);
    clock.advance(1);
    await closed;
  });
  const reads = (): number =>
    logger.linesOf('web_config.reloaded').length + logger.linesOf('web_config.reload_failed').length;
  return {
    port,
    server,
    logger,
    write,
    async untilRead() {
      const before = reads();
      const look = (): number => {
        clock.advance(webConfigCheckMs);
        return reads();
      };
      await eventually(look, (now) => now > before);
    },
    swaps: () => logger.linesOf('web_config.reloaded').length,
    isGood: () => metric(metrics.registry, 'tocsin_web_config_last_reload_successful'),
  };
}

export type Visitor = RequestOptions & { readonly scheme: 'http' | 'https' };

/** True if a visitor on a new connection is let in. */
export async function isLetIn(port: number, { scheme, ...options }: Visitor): Promise<boolean> {
  const send = scheme === 'http' ? httpRequest : httpsRequest;
  const request = send({ host: '127.0.0.1', port, agent: false, rejectUnauthorized: false, ...options }).end();
  try {
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    response.resume();
    return response.statusCode === 200;
  } catch {
    return false;
  }
}
