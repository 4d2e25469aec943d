import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { throttling } from './effects.ts';

export const prometheusFaults = [
  'refusing',
  'resetting',
  'hanging',
  'dripping',
  'huge',
  'empty lists',
  'garbage',
  'redirecting',
  'wrong tenant',
] as const;
export type PrometheusMode = 'well' | (typeof prometheusFaults)[number];

/** A Prometheus that breaks in every way, always at the same address. */
export class BrokenPrometheus {
  readonly #server: Server;
  #mode: PrometheusMode = 'well';
  /** Whether the alert fires. */
  firing = false;
  /** The number of requests received, including redirected ones. */
  requests = 0;
  port = 0;

  private constructor() {
    this.#server = createServer((_, response) => {
      this.requests++;
      void this.#answer(response);
    });
  }

  static async start(): Promise<BrokenPrometheus> {
    const started = new BrokenPrometheus();
    await started.#listen();
    return started;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async become(mode: PrometheusMode): Promise<void> {
    const wasRefusing = this.#mode === 'refusing';
    this.#mode = mode;
    if (mode === 'refusing') await this.stop();
    else if (wasRefusing) await this.#listen();
    else this.#server.closeAllConnections();
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #listen(): Promise<void> {
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as AddressInfo).port;
  }

  async #answer(response: ServerResponse): Promise<void> {
    const json = { 'Content-Type': 'application/json' };
    switch (this.#mode) {
      case 'well':
        return void response.writeHead(200, json).end(alerts(this.firing));
      case 'refusing':
      case 'resetting':
        return void response.socket?.resetAndDestroy();
      case 'hanging':
        return;
      case 'dripping':
        return drip(response.writeHead(200, json));
      case 'huge':
        return pour(response.writeHead(200, json));
      case 'empty lists':
        return void response.writeHead(200, { ...json, 'Content-Encoding': 'gzip' }).end(emptyLists());
      case 'garbage':
        // A lenient reader would conclude that nothing fires.
        return void response.writeHead(200, json).end('{"status":"success","data":{"alerts":{}}}');
      case 'redirecting':
        return void response.writeHead(302, { Location: `${this.url}/api/v1/alerts` }).end();
      case 'wrong tenant':
        return void response.writeHead(403, json).end(alerts(false));
    }
  }
}

function alerts(firing: boolean): string {
  const alert = {
    labels: throttling,
    annotations: {},
    state: 'firing',
    activeAt: '2026-11-21T03:00:00Z',
    value: '1e+00',
  };
  return JSON.stringify({ status: 'success', data: { alerts: firing ? [alert] : [] } });
}

/** Sends a byte every tenth of a second, for as long as the client reads. */
async function drip(response: ServerResponse): Promise<void> {
  response.write('{"status":"success",');
  while (!response.destroyed) {
    response.write(' ');
    await setTimeout(100);
  }
}

/** 60 MiB of empty lists in a member that nobody reads, 60 KiB on the wire, and no list of alerts. */
function emptyLists(): Buffer {
  const lists = '[],'.repeat(20 * 1024 * 1024);
  return gzipSync(`{"status":"success","nobody-reads-this":[${lists}[]],"data":{"alerts":{}}}`);
}

/** Sends endless blanks, as fast as they are read. */
function pour(response: ServerResponse): void {
  const blanks = Buffer.alloc(1024 * 1024, 0x20);
  const write = (): void => {
    while (!response.destroyed && response.write(blanks));
  };
  response.write('{"status":"success",');
  response.on('drain', write);
  write();
}
