import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A target that Prometheus scrapes, and that a test breaks and heals: `up` is 1 while it works, 0 while it is broken. */
export interface ScrapeTarget {
  /** `127.0.0.1:<port>`: Prometheus's `instance`. */
  readonly address: string;
  /** From now on every scrape is answered with 500. */
  breakDown(): void;
  heal(): void;
  /** How many scrapes it has received. */
  scrapes(): number;
  stop(): Promise<void>;
}

/**
 * Starts a working target.
 * @param metrics what it serves, in Prometheus's text format, or what gives it for each scrape; never `up` itself, which is Prometheus's own series
 */
export async function startScrapeTarget(metrics: string | (() => string) = 'target_info 1\n'): Promise<ScrapeTarget> {
  let broken = false;
  let scrapes = 0;
  const server = createServer((_, response) => {
    scrapes++;
    // Prometheus 3 rejects an answer whose Content-Type does not name a format.
    response.writeHead(broken ? 500 : 200, { 'Content-Type': 'text/plain; version=0.0.4' });
    response.end(broken ? 'broken by the test\n' : typeof metrics === 'string' ? metrics : metrics());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    breakDown: () => void (broken = true),
    heal: () => void (broken = false),
    scrapes: () => scrapes,
    stop: () => stop(server),
  };
}

async function stop(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
}
