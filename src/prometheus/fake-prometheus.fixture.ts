import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface FakeAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly state: 'firing' | 'pending';
}

/** A Prometheus that can be made to hang and to come back, which a real Prometheus does not do on request. */
export interface FakePrometheus {
  readonly url: string;
  readonly port: number;
  /** How many queries it has received. */
  queries(): number;
  /** The Host header of each query. */
  hosts(): readonly string[];
  /** Sets the answer from now on; queries that hang are answered too. */
  answer(alerts: readonly FakeAlert[]): void;
  /** From now on it accepts requests and does not answer them. */
  hang(): void;
  /** From now on it answers 503. */
  fail(): void;
  stop(): Promise<void>;
}

/**
 * Starts a Prometheus without alerts. `test/contract/` compares its answers with those of a real Prometheus.
 * @param answerMs how long an answer takes
 */
export async function startFakePrometheus({ answerMs = 0 } = {}): Promise<FakePrometheus> {
  let alerts: readonly FakeAlert[] | undefined = [];
  let fails = false;
  const hosts: string[] = [];
  const hanging = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    if (request.method !== 'GET' || request.url !== '/api/v1/alerts') return void response.writeHead(404).end();
    hosts.push(request.headers.host ?? '');
    if (fails) response.writeHead(503).end();
    else if (alerts === undefined) hanging.add(response);
    else if (answerMs === 0) respond(response, alerts);
    else setTimeout(respond, answerMs, response, alerts);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    queries: () => hosts.length,
    hosts: () => [...hosts],
    answer(next) {
      alerts = next;
      fails = false;
      for (const response of hanging) respond(response, next);
      hanging.clear();
    },
    hang: () => (alerts = undefined),
    fail: () => (fails = true),
    async stop() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function respond(response: ServerResponse, alerts: readonly FakeAlert[]): void {
  const active = alerts.map((alert) => ({
    ...alert,
    annotations: {},
    activeAt: '2026-11-21T03:00:00.123456789Z',
    value: '1e+00',
  }));
  response.writeHead(200, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify({ status: 'success', data: { alerts: active } }));
}
