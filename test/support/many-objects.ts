import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const group = 'telemetry.kyma-project.io';
const apiVersion = `${group}/v1beta1`;
const root = `/apis/${apiVersion}`;
const kinds: Readonly<Record<string, string>> = {
  metricpipelines: 'MetricPipeline',
  tracepipelines: 'TracePipeline',
  logpipelines: 'LogPipeline',
};

/** An API server with very many TracePipelines, which are all listed on one page, and change when the test says so. */
export interface ManyObjects {
  readonly kubeconfig: string;
  /** Changes the spec of each object: one watch event for each, all at once. */
  changeAll(): void;
  /** The same while nobody watches: the watch ends with a 410, and a list follows. */
  changeUnseen(): void;
  stop(): Promise<void>;
}

export async function startManyObjects(count: number): Promise<ManyObjects> {
  let version = 1;
  const watches = new Set<ServerResponse>();
  const objects = (): object[] => Array.from({ length: count }, (_, n) => objectOf(n, version));
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://api');
    response.setHeader('Content-Type', 'application/json');
    const plural = pathname.slice(root.length + 1);
    if (pathname === root) return void response.end(JSON.stringify(discovery()));
    if (kinds[plural] === undefined) return void response.writeHead(404).end('{"kind":"Status","code":404}');
    if (!searchParams.has('watch')) return void response.end(JSON.stringify(listOf(plural, version, objects())));
    response.flushHeaders();
    if (plural !== 'tracepipelines') return;
    watches.add(response);
    response.on('close', () => watches.delete(response));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    kubeconfig: kubeconfigOf(`http://127.0.0.1:${port}`),
    changeAll() {
      version++;
      const events = objects().map((object) => `${JSON.stringify({ type: 'MODIFIED', object })}\n`);
      for (const watch of watches) watch.write(events.join(''));
    },
    changeUnseen() {
      version++;
      const gone = { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } };
      for (const watch of watches) watch.end(`${JSON.stringify(gone)}\n`);
    },
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function discovery(): object {
  const resources = Object.entries(kinds).map(([name, kind]) => ({ name, kind, namespaced: false }));
  return { kind: 'APIResourceList', groupVersion: apiVersion, resources };
}

function listOf(plural: string, version: number, items: readonly object[]): object {
  const metadata = { resourceVersion: String(version) };
  return { kind: `${kinds[plural]}List`, apiVersion, metadata, items: plural === 'tracepipelines' ? items : [] };
}

function objectOf(n: number, version: number): object {
  return {
    apiVersion,
    kind: 'TracePipeline',
    metadata: { name: `p-${n}`, uid: `uid-${n}`, generation: version, resourceVersion: String(version) },
    spec: { output: { otlp: { endpoint: { value: `http://backend-${version}:4317` } } } },
    status: { conditions: [] },
  };
}

function kubeconfigOf(server: string): string {
  return JSON.stringify({
    'current-context': 'one',
    clusters: [{ name: 'c', cluster: { server } }],
    users: [{ name: 'u', user: { token: 'token' } }],
    contexts: [{ name: 'one', context: { cluster: 'c', user: 'u' } }],
  });
}
