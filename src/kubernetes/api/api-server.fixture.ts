import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { Registry } from 'prom-client';
import { systemClock } from '../../runtime/clock.ts';
import { createApiClient, type ApiClient, type CreateApiClientOptions } from './api-client.ts';

export interface SeenRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface FakeApiServer {
  readonly url: string;
  readonly seen: readonly SeenRequest[];
  connections(): number;
}

/** A server that stands in for the API server and answers what the test wants. It is closed when the test ends. */
export async function startFakeApiServer(
  t: TestContext,
  answer: (request: SeenRequest, response: ServerResponse) => void,
): Promise<FakeApiServer> {
  const seen: SeenRequest[] = [];
  let connections = 0;
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request);
    const entry = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body };
    seen.push(entry);
    answer(entry, response);
  };
  const server = createServer((request, response) => void take(request, response));
  server.on('connection', () => connections++);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, seen, connections: () => connections };
}

/** A kubeconfig of one cluster and one user, which is removed when the test ends. */
export function writeKubeConfig(t: TestContext, server: string, user: object): string {
  const folder = mkdtempSync(join(tmpdir(), 'tocsin-kubeconfig-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'kubeconfig');
  writeFileSync(
    file,
    JSON.stringify({
      'current-context': 'one',
      clusters: [{ name: 'c', cluster: { server } }],
      users: [{ name: 'u', user }],
      contexts: [{ name: 'one', context: { cluster: 'c', user: 'u' } }],
    }),
  );
  return file;
}

/** A client of that server, closed when the test ends. */
export function clientOf(
  t: TestContext,
  { url }: { readonly url: string },
  options: Partial<CreateApiClientOptions> & { readonly user?: object } = {},
): ApiClient {
  const access = { kubeconfigs: [writeKubeConfig(t, url, options.user ?? { token: 'secret-token' })] };
  const client = createApiClient({ clock: systemClock, registry: new Registry(), access, version: 'test', ...options });
  t.after(() => client.close());
  return client;
}

export function answerJson(response: ServerResponse, status: number, body: unknown, headers: object = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** The object that the API server sends when it refuses. */
export function statusObject(code: number, reason: string, message: string): object {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message };
}
